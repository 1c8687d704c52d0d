/** The ways between a session and its peer, as the parts of ICE see them. */
import type { Endpoint, StunMessage } from './stun.ts';

/** Why something that came from the network was dropped. Bounded: it becomes a label. */
export type NetworkDrop =
  /** Neither a check nor from an address that one came from. */
  | 'stranger'
  /** STUN that is malformed, or no Binding message. */
  | 'malformed'
  /** A check for a session of ours, made without its password. */
  | 'integrity'
  /** Data from an address that checks came from, but that the peer did not nominate. */
  | 'not-nominated'
  /** The way out is full: a slow TCP reader, or the system's queue. */
  | 'send-full'
  /** A TCP connection too many, or one that brought no check in time. */
  | 'connection';

/** One way to a peer: our address, its address, a protocol. */
export interface Path {
  readonly protocol: 'udp' | 'tcp' | 'relay';
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** True while datagrams from the address are this session's: another one may have had it before. */
  readonly claimed: boolean;
  /** Takes the address, unless another session has it. */
  claim(): void;
  /** Takes the address from whoever has it. */
  seize(): void;
  /** Sends a datagram, or drops it when the way is full. */
  send(datagram: Buffer): void;
  /** Forgets the way. Closing twice is harmless. */
  close(): void;
}

/** A session, as those see it that receive datagrams. */
export interface Receiver {
  /** Whether a check was made for this session, with its password. */
  accepts(check: StunMessage): boolean;
  /** A check that was accepted. */
  checked(path: Path, check: StunMessage): void;
  /** A datagram that is not STUN. */
  received(path: Path, datagram: Buffer): void;
  /** The way is gone: its connection has ended, or its address is another session's now. */
  lost(path: Path): void;
}

/** Takes the answer to a request of ours. */
export type AnswerHandler = (answer: StunMessage, from: Endpoint) => void;

/** What datagrams are sorted by. */
export interface Router {
  /** The session of a user name of ours. */
  find(ufrag: string): Receiver | undefined;
  /** Awaits the answer to a request that is about to be sent. */
  expect(transaction: string, handler: AnswerHandler): void;
  /** Who awaits this answer, once. */
  awaiting(transaction: string): AnswerHandler | undefined;
  /** Counts what was dropped. */
  dropped(reason: NetworkDrop): void;
}

/** Requests of which the oldest are given up. */
const MAX_EXPECTED = 8192;

/** Sessions by user name, and requests that are not answered yet. */
export class SessionRouter implements Router {
  readonly #sessions = new Map<string, Receiver>();
  readonly #expected = new Map<string, AnswerHandler>();
  readonly #dropped: (reason: NetworkDrop) => void;

  constructor(dropped: (reason: NetworkDrop) => void) {
    this.#dropped = dropped;
  }

  /** Sessions there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Lets a session in. @returns what forgets it. */
  add(ufrag: string, session: Receiver): () => void {
    this.#sessions.set(ufrag, session);
    return () => void this.#sessions.delete(ufrag);
  }

  find(ufrag: string): Receiver | undefined {
    return this.#sessions.get(ufrag);
  }

  expect(transaction: string, handler: AnswerHandler): void {
    const [oldest] = this.#expected.keys();
    if (oldest !== undefined && this.#expected.size >= MAX_EXPECTED) this.#expected.delete(oldest);
    this.#expected.set(transaction, handler);
  }

  awaiting(transaction: string): AnswerHandler | undefined {
    const handler = this.#expected.get(transaction);
    this.#expected.delete(transaction);
    return handler;
  }

  dropped(reason: NetworkDrop): void {
    this.#dropped(reason);
  }
}

/** The session that a check is for: the one of our half of its user name, when its integrity is right. */
export function sessionOf(check: StunMessage, router: Router): Receiver | undefined {
  if (check.username === undefined || !check.fingerprinted) {
    router.dropped('malformed');
    return undefined;
  }
  const [ufrag = ''] = check.username.split(':', 1);
  const session = router.find(ufrag);
  if (!session) router.dropped('stranger');
  else if (session.accepts(check)) return session;
  else router.dropped('integrity');
  return undefined;
}
