/** Datagrams of one socket, sorted to sessions by the address they come from and by ICE's checks. */
import { isLoopback } from './addresses.ts';
import type { Path, Receiver, Router } from './path.ts';
import { sessionOf } from './path.ts';
import { type Endpoint, looksLikeStun, readStun } from './stun.ts';

/** What a {@link PathTable} sorts for. */
export interface SocketSide {
  readonly protocol: 'udp' | 'relay';
  /** Our address. */
  readonly local: Endpoint;
  /** Sends a datagram, or drops it when the way is full. */
  send(datagram: Buffer, remote: Endpoint): void;
}

/**
 * The addresses that peers are known by at one socket. An address gets in by a check that knows the
 * password of a session alone, and leaves with its session: strangers fill no table, and get no
 * answer.
 */
export class PathTable {
  readonly #side: SocketSide;
  readonly #router: Router;
  readonly #paths = new Map<string, DatagramPath>();

  constructor(side: SocketSide, router: Router) {
    this.#side = side;
    this.#router = router;
  }

  /** Addresses known. */
  get size(): number {
    return this.#paths.size;
  }

  /** Takes one datagram. Never throws. */
  receive(datagram: Buffer, remote: Endpoint): void {
    if (looksLikeStun(datagram)) {
      this.#stun(datagram, remote);
      return;
    }
    const path = this.#paths.get(keyOf(remote));
    if (path) path.session.received(path, datagram);
    else this.#router.dropped('stranger');
  }

  /** True where datagrams can be sent to: of the same family, and not from the loopback outward. */
  reaches({ address }: Endpoint): boolean {
    const { local } = this.#side;
    return local.address.includes(':') === address.includes(':') && (!isLoopback(local.address) || isLoopback(address));
  }

  /** A way for a check of ours to an address that is not known yet. It gets in by being claimed. */
  pathTo(session: Receiver, remote: Endpoint): Path {
    const key = keyOf(remote);
    const known = this.#paths.get(key);
    return known?.session === session ? known : new DatagramPath(this.#side, this.#paths, key, session, remote);
  }

  /** All its ways are gone. */
  close(): void {
    for (const path of [...this.#paths.values()]) {
      path.close();
      path.session.lost(path);
    }
  }

  #stun(datagram: Buffer, remote: Endpoint): void {
    const message = readStun(datagram);
    if (!message) {
      this.#router.dropped('malformed');
      return;
    }
    if (message.kind === 'indication') return;
    if (message.kind !== 'request') {
      const handler = this.#router.awaiting(message.transaction);
      if (handler) handler(message, remote);
      else this.#router.dropped('stranger');
      return;
    }
    const session = sessionOf(message, this.#router);
    if (!session) return;
    session.checked(this.pathTo(session, remote), message);
  }
}

class DatagramPath implements Path {
  readonly protocol: 'udp' | 'relay';
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly session: Receiver;
  readonly #side: SocketSide;
  readonly #table: Map<string, DatagramPath>;
  readonly #key: string;

  constructor(side: SocketSide, table: Map<string, DatagramPath>, key: string, session: Receiver, remote: Endpoint) {
    this.#side = side;
    this.#table = table;
    this.#key = key;
    this.session = session;
    this.protocol = side.protocol;
    this.local = side.local;
    this.remote = remote;
  }

  get claimed(): boolean {
    return this.#table.get(this.#key) === this;
  }

  claim(): void {
    if (!this.#table.has(this.#key)) this.#table.set(this.#key, this);
  }

  seize(): void {
    const holder = this.#table.get(this.#key);
    if (holder === this) return;
    this.#table.set(this.#key, this);
    holder?.session.lost(holder);
  }

  send(datagram: Buffer): void {
    this.#side.send(datagram, this.remote);
  }

  close(): void {
    if (this.claimed) this.#table.delete(this.#key);
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address}|${port}`;
}
