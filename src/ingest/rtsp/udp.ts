/** A pair of UDP ports for RTP and RTCP. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { FrameliftError } from '../../errors.ts';

/** Ports are sought this often: RTP wants an even one with its successor free. */
const ATTEMPTS = 32;
/** Kernel buffer asked for: a burst of intra frames. The system may grant less. */
const RECEIVE_BUFFER = 4 << 20;

/** Options of {@link UdpPair.open}. */
export interface UdpPairOptions {
  /** The server: packets from other addresses are ignored. */
  readonly server: string;
  readonly rtp: (bytes: Uint8Array) => void;
  readonly rtcp: (bytes: Uint8Array) => void;
}

/** Two bound sockets, RTP on an even port and RTCP on the next. */
export class UdpPair {
  /** The even one. */
  readonly port: number;
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  #server: string;
  #serverPorts: { readonly rtp: number; readonly rtcp: number } | undefined;
  #closed = false;

  private constructor(rtp: Socket, rtcp: Socket, port: number, options: UdpPairOptions) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.port = port;
    this.#server = options.server;
    rtp.on('message', (bytes, from) => this.#isServer(from.address) && options.rtp(bytes));
    rtcp.on('message', (bytes, from) => this.#isServer(from.address) && options.rtcp(bytes));
    // ICMP "port unreachable" and the like: the stall watchdog decides.
    rtp.on('error', () => {});
    rtcp.on('error', () => {});
  }

  /** Binds the pair. @throws FrameliftError `source.unreachable` when no ports are free. */
  static async open(options: UdpPairOptions): Promise<UdpPair> {
    const family = isIPv6(options.server) && !options.server.startsWith('::ffff:') ? 'udp6' : 'udp4';
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const first = await bind(family, 0);
      const port = first.address().port;
      const even = port % 2 === 0;
      const second = await bind(family, even ? port + 1 : port - 1).catch(() => undefined);
      if (!second) {
        first.close();
        continue;
      }
      return even ? new UdpPair(first, second, port, options) : new UdpPair(second, first, port - 1, options);
    }
    throw new FrameliftError('source.unreachable', 'no pair of UDP ports is free', { recoverable: true });
  }

  /** The server's side, as SETUP tells it. Opens the way through firewalls and NAT. */
  punch(address: string | undefined, rtp: number, rtcp: number): void {
    if (address !== undefined) this.#server = address;
    this.#serverPorts = { rtp, rtcp };
    this.#rtp.send(Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), rtp, this.#target(), () => {});
    this.#rtcp.send(Uint8Array.of(0x80, 201, 0, 1, 0, 0, 0, 0), rtcp, this.#target(), () => {});
  }

  /** Sends to the server's RTCP port. */
  sendRtcp(bytes: Uint8Array): void {
    if (!this.#closed && this.#serverPorts) this.#rtcp.send(bytes, this.#serverPorts.rtcp, this.#target(), () => {});
  }

  /** Closes both sockets. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rtp.close();
    this.#rtcp.close();
  }

  #target(): string {
    return plainAddress(this.#server);
  }

  #isServer(address: string): boolean {
    return plainAddress(address) === plainAddress(this.#server);
  }
}

/** IPv4 addresses without their IPv6 wrapping. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, '');
}

async function bind(family: 'udp4' | 'udp6', port: number): Promise<Socket> {
  const socket = createSocket(family);
  try {
    socket.bind(port);
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw error;
  }
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The system's limit holds; loss is counted anyway.
  }
  return socket;
}
