/** ICE over TCP (RFC 6544), the passive side: peers whose network lets no UDP out connect to us. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type CancelTimer, type Clock, fromMs, plus } from '../../time.ts';
import { Deframer, frame } from './framing.ts';
import { type Path, type Receiver, type Router, sessionOf } from './path.ts';
import { type Endpoint, looksLikeStun, readStun } from './stun.ts';

/** A connection that has brought no check of a session by then is closed. */
const CHECK_TIMEOUT = fromMs(5000);
/** Connections of one address that have brought none yet: an office behind one address has many. */
const MAX_UNCHECKED_PER_ADDRESS = 32;
/** The same of all addresses. */
const MAX_UNCHECKED = 512;
/** Longest datagram, in bytes: DTLS and SRTP stay far below. */
const MAX_DATAGRAM = 8192;
/** Bytes that may wait for a slow reader; what comes then is dropped, as a full UDP path does. */
const MAX_UNSENT = 256 * 1024;

/** Accepts connections at one address for all sessions. */
export class TcpListener {
  readonly local: Endpoint;
  readonly #server: Server;
  readonly #router: Router;
  readonly #clock: Clock;
  readonly #connections = new Set<TcpPath>();
  /** Connections without a session, by the peer's address. */
  readonly #unchecked = new Map<string, number>();
  #uncheckedTotal = 0;
  #open = true;

  private constructor(server: Server, local: Endpoint, router: Router, clock: Clock) {
    this.#server = server;
    this.#router = router;
    this.#clock = clock;
    this.local = local;
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** @throws what the system says, as `EADDRINUSE`. */
  static async open(
    local: Endpoint,
    router: Router,
    clock: Clock,
    failed: (error: Error) => void,
  ): Promise<TcpListener> {
    const { address, port } = local;
    const server = createServer({ noDelay: true });
    server.listen({ host: address, port, ipv6Only: address.includes(':'), exclusive: true });
    await once(server, 'listening');
    const listener = new TcpListener(server, local, router, clock);
    server.on('error', (error) => {
      listener.close();
      failed(error);
    });
    return listener;
  }

  /** False once it is closed or broken. */
  get open(): boolean {
    return this.#open;
  }

  /** Connections there are, with and without a session. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Closing twice is harmless. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#server.close();
    for (const connection of [...this.#connections]) connection.close();
  }

  #accept(socket: Socket): void {
    // The peer may have gone already.
    const { remoteAddress: address, remotePort: port } = socket;
    socket.on('error', () => {});
    const waiting = this.#unchecked.get(address ?? '') ?? 0;
    if (address === undefined || port === undefined) {
      socket.destroy();
      return;
    }
    if (waiting >= MAX_UNCHECKED_PER_ADDRESS || this.#uncheckedTotal >= MAX_UNCHECKED) {
      this.#router.dropped('connection');
      socket.destroy();
      return;
    }
    this.#count(address, 1);
    const remote = { address, port };
    const path = new TcpPath(socket, this.local, remote, this.#router, () => this.#count(address, -1));
    this.#connections.add(path);
    const cancel = this.#clock.at(plus(this.#clock.now(), CHECK_TIMEOUT), () => path.expire());
    socket.on('close', () => {
      cancel();
      this.#connections.delete(path);
      path.ended();
    });
  }

  #count(address: string, change: 1 | -1): void {
    this.#uncheckedTotal += change;
    const count = (this.#unchecked.get(address) ?? 0) + change;
    if (count > 0) this.#unchecked.set(address, count);
    else this.#unchecked.delete(address);
  }
}

/** One connection. It is no session's until it brings a check. */
class TcpPath implements Path {
  readonly protocol = 'tcp';
  readonly claimed = true;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #socket: Socket;
  readonly #router: Router;
  readonly #settled: CancelTimer;
  #session: Receiver | undefined;
  #waiting = true;

  /** @param settled called once, when the connection has a session or has ended. */
  constructor(socket: Socket, local: Endpoint, remote: Endpoint, router: Router, settled: () => void) {
    this.#socket = socket;
    this.local = local;
    this.remote = remote;
    this.#router = router;
    this.#settled = settled;
    const deframer = new Deframer(MAX_DATAGRAM, (datagram) => this.#receive(datagram));
    socket.on('data', (chunk: Buffer) => {
      if (!socket.destroyed && !deframer.push(chunk)) this.#refuse();
    });
  }

  claim(): void {}

  seize(): void {}

  send(datagram: Buffer): void {
    if (this.#socket.destroyed) return;
    if (this.#socket.writableLength > MAX_UNSENT) this.#router.dropped('send-full');
    else this.#socket.write(frame(datagram));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Closes it if it has no session. */
  expire(): void {
    if (!this.#session) this.#refuse();
  }

  /** The connection has ended. */
  ended(): void {
    this.#settle();
    this.#session?.lost(this);
    this.#session = undefined;
  }

  #receive(datagram: Buffer): void {
    if (this.#socket.destroyed) return;
    if (looksLikeStun(datagram)) this.#stun(datagram);
    else if (this.#session) this.#session.received(this, datagram);
    else this.#refuse();
  }

  #stun(datagram: Buffer): void {
    const message = readStun(datagram);
    if (message?.kind === 'request') {
      const session = sessionOf(message, this.#router);
      if (!session || (this.#session && session !== this.#session)) {
        if (!this.#session) this.#socket.destroy();
        return;
      }
      this.#session = session;
      this.#settle();
      session.checked(this, message);
    } else if (!this.#session) this.#refuse();
    else if (!message) this.#router.dropped('malformed');
    else if (message.kind !== 'indication') this.#router.awaiting(message.transaction)?.(message, this.remote);
  }

  #refuse(): void {
    this.#router.dropped('connection');
    this.#socket.destroy();
  }

  #settle(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#settled();
  }
}
