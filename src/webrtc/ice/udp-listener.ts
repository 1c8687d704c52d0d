/** The UDP socket of one address, which all sessions share. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Router } from './path.ts';
import { PathTable } from './path-table.ts';
import type { Endpoint } from './stun.ts';

/** Every publisher's packets wait here while the process is busy. The system may give less. */
const RECEIVE_BUFFER = 4 * 2 ** 20;
/** Bytes that the system has not taken yet: half a second of many viewers. */
const MAX_UNSENT = 4 * 2 ** 20;

/** Receives and sends for all sessions at one address. */
export class UdpListener {
  readonly table: PathTable;
  readonly local: Endpoint;
  readonly #socket: Socket;
  readonly #router: Router;
  #open = true;

  private constructor(socket: Socket, router: Router) {
    const { address, port } = socket.address();
    this.#socket = socket;
    this.#router = router;
    this.local = { address, port };
    this.table = new PathTable(
      { protocol: 'udp', local: this.local, send: (datagram, remote) => this.#send(datagram, remote) },
      router,
    );
    socket.on('message', (datagram, remote) => this.table.receive(datagram, remote));
  }

  /**
   * @param port 0 for any.
   * @param failed told once when the socket breaks later; it is closed then.
   * @throws what the system says, as `EADDRINUSE`.
   */
  static async open({ address, port }: Endpoint, router: Router, failed: (error: Error) => void): Promise<UdpListener> {
    const type = address.includes(':') ? 'udp6' : 'udp4';
    const family = type === 'udp6' ? 6 : 4;
    const socket = createSocket({
      type,
      ipv6Only: type === 'udp6',
      recvBufferSize: RECEIVE_BUFFER,
      // Addresses are literal: nothing is looked up, and nothing waits for a turn of the event loop.
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    try {
      // Nothing is looked up, so that it may listen before bind returns.
      const listening = once(socket, 'listening');
      socket.bind({ address, port, exclusive: true });
      await listening;
    } catch (error) {
      socket.close();
      throw error;
    }
    const listener = new UdpListener(socket, router);
    socket.on('error', (error) => {
      listener.close();
      failed(error);
    });
    return listener;
  }

  /** False once it is closed or broken. */
  get open(): boolean {
    return this.#open;
  }

  /** Sends a datagram of our own, outside any session. */
  sendTo(datagram: Buffer, remote: Endpoint): void {
    this.#send(datagram, remote);
  }

  /** Closing twice is harmless. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.table.close();
    this.#socket.close();
  }

  #send(datagram: Buffer, { address, port }: Endpoint): void {
    if (!this.#open) return;
    if (this.#socket.getSendQueueSize() > MAX_UNSENT) this.#router.dropped('send-full');
    else this.#socket.send(datagram, port, address, ignore);
  }
}

/** A datagram that cannot be sent is as good as lost. */
function ignore(): void {}
