/**
 * One session's side of ICE (RFC 8445). The controlled one, for peers that offer: it answers checks that
 * know its password, follows the peer's nomination, and lets data through from nominated addresses alone.
 * The controlling one, where we have offered: it nominates the first way that is proven.
 */
import { randomBytes } from 'node:crypto';
import { type Clock, fromMs, type Micros, minus } from '../../time.ts';
import type { Path, Receiver, Router } from './path.ts';
import { hasIntegrity, type OwnCheck, type StunMessage, writeAnswer, writeCheck, writeRoleConflict } from './stun.ts';

/** ICE's user name and password of one side. */
export interface Credentials {
  readonly ufrag: string;
  readonly pwd: string;
}

/** What a session tells. */
export interface AgentEvents {
  /** Data can flow. Called once. */
  connected(): void;
  /** The peer has proven that it is there. */
  heard(): void;
  /** Data goes over this way from now on. */
  selected(path: Path): void;
  /** A datagram from a nominated address. May throw: then it counts as malformed. */
  data(datagram: Buffer): void;
}

/** What is known of a way. */
interface PathRecord {
  /** The last check of the peer's. */
  checkedAt: Micros;
  /** The last of anything. */
  heardAt: Micros;
  /** Data is taken from there. */
  nominated: boolean;
  /** The peer wants it used: it is selected once it is proven. */
  wanted: boolean;
  /** A check of ours was answered from there: it is no forged address. */
  proven: boolean;
}

/** Ways of one session: its peer's addresses times ours. */
const MAX_PATHS = 32;
/** TCP connections of one session. */
const MAX_CONNECTIONS = 8;
/** With the selected way silent this long, any other that is alive is better: an address has changed. */
const SILENCE = fromMs(3000);
/** A way that was left is taken data from for so long after its last check (RFC 7675). */
const CONSENT = fromMs(30_000);
/** Of the candidates that checks of ours may bring about: peer-reflexive ones. */
const REFLEXIVE_PRIORITY = 1_862_270_975;

/** 10 bytes make 80 bits, 24 make 192: RFC 8445 asks for 24 and 128. */
export function newCredentials(): Credentials {
  // ICE's alphabet has + and / beside letters and digits, as base64 does.
  return { ufrag: randomBytes(9).toString('base64'), pwd: randomBytes(24).toString('base64') };
}

/** A session's ICE. Ways come from sockets and connections; the first that is nominated connects it. */
export class IceAgent implements Receiver {
  readonly local: Credentials;
  readonly #controlling: boolean;
  readonly #remote: Credentials;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #router: Router;
  readonly #events: AgentEvents;
  readonly #paths = new Map<Path, PathRecord>();
  readonly #tieBreaker = randomBytes(8);
  #selected: Path | undefined;
  /** Of the controlling side: the way that it has chosen. */
  #nominee: Path | undefined;
  #connected = false;
  #closed = false;

  /** @param offered what an offer of ours has said: then this side is the controlling one. */
  constructor(
    remote: Credentials,
    router: Router,
    clock: Pick<Clock, 'now'>,
    events: AgentEvents,
    offered?: Credentials,
  ) {
    this.local = offered ?? newCredentials();
    this.#controlling = offered !== undefined;
    this.#remote = remote;
    this.#router = router;
    this.#clock = clock;
    this.#events = events;
  }

  /** The way that data takes; undefined before there is one. */
  get selected(): Path | undefined {
    return this.#selected;
  }

  /** Ways known. */
  get paths(): number {
    return this.#paths.size;
  }

  /** Sends a datagram to the peer; dropped where there is no way. */
  send(datagram: Buffer): void {
    this.#selected?.send(datagram);
  }

  accepts(check: StunMessage): boolean {
    return check.username === `${this.local.ufrag}:${this.#remote.ufrag}` && hasIntegrity(check, this.local.pwd);
  }

  checked(path: Path, check: StunMessage): void {
    if (this.#closed) return;
    if (check.controlled !== this.#controlling) {
      path.send(writeRoleConflict(check.transaction, this.local.pwd));
      return;
    }
    const record = this.#recordOf(path);
    if (!record) return;
    const now = this.#clock.now();
    record.checkedAt = now;
    record.heardAt = now;
    path.claim();
    path.send(writeAnswer(check.transaction, path.remote, this.local.pwd));
    this.#events.heard();
    if (path === this.#selected) return;
    if (this.#controlling) {
      if (!record.proven) this.check(path);
      return;
    }
    if (check.useCandidate || this.#silent(now)) record.wanted = true;
    if (!record.wanted) return;
    // Where the video goes may be changed by nobody who merely writes another's address on a
    // datagram; at first there is nothing to change.
    if (path.claimed && (record.proven || this.#selected === undefined)) this.#select(path, record);
    else this.check(path);
  }

  received(path: Path, datagram: Buffer): void {
    const record = this.#paths.get(path);
    const now = this.#clock.now();
    if (!record?.nominated || (path !== this.#selected && minus(now, record.checkedAt) > CONSENT)) {
      this.#router.dropped('not-nominated');
      return;
    }
    record.heardAt = now;
    try {
      this.#events.data(datagram);
    } catch {
      this.#router.dropped('malformed');
    }
  }

  lost(path: Path): void {
    this.#paths.delete(path);
    if (path === this.#nominee) this.#nominee = undefined;
    if (path !== this.#selected) return;
    this.#selected = undefined;
    const [next] = [...this.#paths]
      .filter(([, { nominated }]) => nominated)
      .sort(([, a], [, b]) => b.heardAt - a.heardAt);
    if (next) this.#select(...next);
  }

  /** Asks whether the peer is at the other end of a way. @param answered called when it is. */
  check(path: Path, answered: () => void = () => {}): void {
    this.#ask(path, this.#controlling ? 'controlling' : 'controlled', answered);
  }

  /** Of the controlling side: says once more which way is to be used, and that we are there (RFC 7675). */
  keepAlive(): void {
    const path = this.#selected ?? this.#nominee;
    if (path && this.#controlling && !this.#closed) this.#ask(path, 'nominate', () => {});
  }

  #ask(path: Path, role: NonNullable<OwnCheck['role']>, answered: () => void): void {
    const transaction = randomBytes(12).toString('hex');
    this.#router.expect(transaction, (answer, from) => {
      if (this.#closed || from.address !== path.remote.address || from.port !== path.remote.port) return;
      if (answer.kind !== 'success' || !hasIntegrity(answer, this.#remote.pwd)) {
        this.#router.dropped('integrity');
        return;
      }
      answered();
      if (this.#controlling) this.#nominate(path, role === 'nominate');
      else this.#proven(path);
    });
    path.send(
      writeCheck({
        transaction,
        username: `${this.#remote.ufrag}:${this.local.ufrag}`,
        password: this.#remote.pwd,
        priority: REFLEXIVE_PRIORITY,
        tieBreaker: this.#tieBreaker,
        role,
      }),
    );
  }

  /** Forgets all ways. Closing twice is harmless. */
  close(): void {
    this.#closed = true;
    this.#selected = undefined;
    for (const path of this.#paths.keys()) path.close();
    this.#paths.clear();
  }

  /** The peer has answered from there. */
  #proven(path: Path): void {
    this.#events.heard();
    const record = this.#paths.get(path);
    if (!record) return;
    record.proven = true;
    record.heardAt = this.#clock.now();
    path.seize();
    if (record.wanted && path !== this.#selected) this.#select(path, record);
  }

  /** The first way that is proven is nominated, and used when the peer has answered that. */
  #nominate(path: Path, nominated: boolean): void {
    this.#events.heard();
    const record = this.#recordOf(path);
    if (!record) return;
    record.proven = true;
    record.heardAt = this.#clock.now();
    path.seize();
    if (nominated && path === this.#nominee && path !== this.#selected) this.#select(path, record);
    if (this.#nominee) return;
    this.#nominee = path;
    this.keepAlive();
  }

  #select(path: Path, record: PathRecord): void {
    record.nominated = true;
    record.wanted = false;
    this.#selected = path;
    this.#events.selected(path);
    if (this.#connected) return;
    this.#connected = true;
    this.#events.connected();
  }

  #silent(now: Micros): boolean {
    const record = this.#selected && this.#paths.get(this.#selected);
    return record === undefined ? this.#connected : minus(now, record.heardAt) > SILENCE;
  }

  /** What is known of a way, from now on at least; undefined for one too many. */
  #recordOf(path: Path): PathRecord | undefined {
    const known = this.#paths.get(path);
    if (known) return known;
    if (path.protocol === 'tcp' && this.#connections() >= MAX_CONNECTIONS) {
      this.#router.dropped('connection');
      path.close();
      return undefined;
    }
    if (this.#paths.size >= MAX_PATHS) this.#evict();
    const now = this.#clock.now();
    const record = { checkedAt: now, heardAt: now, nominated: false, wanted: false, proven: path.protocol === 'tcp' };
    this.#paths.set(path, record);
    return record;
  }

  #connections(): number {
    let count = 0;
    for (const { protocol } of this.#paths.keys()) if (protocol === 'tcp') count += 1;
    return count;
  }

  /** The way that was checked longest ago, unless it is in use. */
  #evict(): void {
    const [oldest] = [...this.#paths]
      .filter(([path]) => path !== this.#selected)
      .sort(([, a], [, b]) => a.checkedAt - b.checkedAt);
    if (!oldest) return;
    oldest[0].close();
    this.#paths.delete(oldest[0]);
  }
}
