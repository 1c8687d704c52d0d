/** Checks of our own, for sessions with STUN or TURN servers: they open the NATs on our side. */
import { SocketAddress } from 'node:net';
import { type CancelTimer, type Clock, fromMs, type Micros, minus, plus } from '../../time.ts';
import type { IceAgent } from './agent.ts';
import type { Path } from './path.ts';
import type { PathTable } from './path-table.ts';
import type { Endpoint } from './stun.ts';

/** One check at most in this time (RFC 8445's Ta is 50 ms for all of an agent's sessions). */
const PACE = fromMs(20);
/** A way that does not answer is asked again after so long, twice as long each time. */
const FIRST_RETRY = fromMs(500);
/** Pairs of addresses, as RFC 8445 section 6.1.2.5 has it. */
const MAX_PAIRS = 100;
const MAX_ROUNDS = 5;

interface Pair {
  readonly path: Path;
  due: Micros;
  round: number;
}

/** Asks at each pair of our sockets and the peer's candidates until it answers. */
export class CheckList {
  readonly #agent: IceAgent;
  readonly #clock: Clock;
  readonly #tables: PathTable[] = [];
  readonly #remotes: Endpoint[] = [];
  readonly #pairs = new Set<Pair>();
  #cancel: CancelTimer | undefined;
  #made = 0;
  #over = false;

  constructor(agent: IceAgent, clock: Clock) {
    this.#agent = agent;
    this.#clock = clock;
  }

  /** Another socket of ours. */
  addSocket(table: PathTable): void {
    this.#tables.push(table);
    for (const remote of this.#remotes) this.#pair(table, remote);
  }

  /** Another address of the peer's: an `a=candidate:` value that was checked. */
  addCandidate(candidate: string): void {
    const [, , , , written = '', port] = candidate.split(' ');
    const address = canonical(written);
    if (address === undefined) return;
    const remote = { address, port: Number(port) };
    this.#remotes.push(remote);
    for (const table of this.#tables) this.#pair(table, remote);
  }

  /** Asks no more. */
  stop(): void {
    this.#over = true;
    this.#cancel?.();
    this.#pairs.clear();
  }

  #pair(table: PathTable, remote: Endpoint): void {
    if (this.#over || this.#made >= MAX_PAIRS || !table.reaches(remote)) return;
    this.#made += 1;
    this.#pairs.add({ path: table.pathTo(this.#agent, remote), due: this.#clock.now(), round: 0 });
    if (!this.#cancel) this.#next(this.#clock.now());
  }

  #next(at: Micros): void {
    this.#cancel = this.#clock.at(at, () => this.#ask());
  }

  #ask(): void {
    this.#cancel = undefined;
    const [pair] = [...this.#pairs].sort((a, b) => a.due - b.due);
    if (!pair) return;
    const now = this.#clock.now();
    if (minus(pair.due, now) > 0) {
      this.#next(pair.due);
      return;
    }
    pair.due = plus(now, fromMs((FIRST_RETRY / 1000) * 2 ** pair.round));
    pair.round += 1;
    if (pair.round >= MAX_ROUNDS) this.#pairs.delete(pair);
    this.#agent.check(pair.path, () => this.#pairs.delete(pair));
    this.#next(plus(now, PACE));
  }
}

/** An address as sockets write it, so that the answer's is the same; undefined for none. */
function canonical(address: string): string | undefined {
  try {
    return new SocketAddress({ address, family: address.includes(':') ? 'ipv6' : 'ipv4' }).address;
  } catch {
    return undefined;
  }
}
