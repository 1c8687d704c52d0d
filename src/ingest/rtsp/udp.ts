/** A pair of UDP ports for RTP and RTCP. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { FrameliftError } from '../../errors.ts';
import type { ServerPorts } from './transport.ts';

/** Ports are sought this often: RTP wants an even one with its successor free. */
const ATTEMPTS = 32;
/** Kernel buffer asked for: a burst of intra frames. The system may grant less. */
const RECEIVE_BUFFER = 4 << 20;
/** Packets that say nothing. */
const RTP_HEADER = Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const EMPTY_REPORT = Uint8Array.of(0x80, 201, 0, 1, 0, 0, 0, 0);

/** Options of {@link UdpPair.open}. */
export interface UdpPairOptions {
  /** The server: packets from other addresses are ignored, but for the one that it names. */
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
  readonly #server: string;
  /** Another address that the server sends from. */
  #sender: string | undefined;
  /** Where RTCP goes: as SETUP tells it, else where the server's own comes from. */
  #rtcpPort: number | undefined;
  #closed = false;

  private constructor(rtp: Socket, rtcp: Socket, port: number, options: UdpPairOptions) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.port = port;
    this.#server = plainAddress(options.server);
    rtp.on('message', (bytes, from) => this.#isServer(from.address) && options.rtp(bytes));
    rtcp.on('message', (bytes, from) => {
      if (!this.#isServer(from.address)) return;
      this.#rtcpPort ??= from.port;
      options.rtcp(bytes);
    });
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

  /**
   * The server's side, as SETUP tells it; `sender`: where its packets come from. Opens the way
   * through firewalls and NAT.
   */
  punch(sender: string | undefined, ports: ServerPorts | undefined): void {
    if (sender !== undefined && isIPv6(sender) === isIPv6(this.#server)) this.#sender = plainAddress(sender);
    this.#rtcpPort = ports?.rtcp;
    if (ports) this.#rtp.send(RTP_HEADER, ports.rtp, this.#target(), () => {});
    this.sendRtcp(EMPTY_REPORT);
  }

  /** Sends to the server's RTCP port, if it is known. */
  sendRtcp(bytes: Uint8Array): void {
    if (!this.#closed && this.#rtcpPort !== undefined) this.#rtcp.send(bytes, this.#rtcpPort, this.#target(), () => {});
  }

  /** Closes both sockets. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rtp.close();
    this.#rtcp.close();
  }

  #target(): string {
    return this.#sender ?? this.#server;
  }

  /** Cameras behind NAT name an address of their own network, and send from that of the router. */
  #isServer(from: string): boolean {
    const address = plainAddress(from);
    return address === this.#server || address === this.#sender;
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
