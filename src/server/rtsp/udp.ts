/** The pair of UDP ports that packets of all readers leave from, and where their reports come in. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { plainAddress } from '../../fair-share.ts';

/** Pairs are sought this often: RTP wants an even port with its successor free. */
const ATTEMPTS = 32;

/** Takes an RTCP packet of a reader's. */
export type OnReport = (bytes: Buffer) => void;

/** Two bound sockets. */
export class UdpPorts {
  readonly ports: readonly [rtp: number, rtcp: number];
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  readonly #readers = new Map<string, OnReport>();
  #closed = false;

  private constructor(rtp: Socket, rtcp: Socket) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.ports = [rtp.address().port, rtcp.address().port];
    // "Port unreachable" and the like: a reader that is gone is noticed by its silence.
    for (const socket of [rtp, rtcp]) socket.on('error', () => {});
    rtcp.on('message', (bytes, { address, port }) => this.#readers.get(keyOf(address, port))?.(bytes));
  }

  /** Binds a pair; undefined when none is free. @param host as the RTSP server listens on. */
  static async open(host: string): Promise<UdpPorts | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const first = await bind(host, 0);
      const { port } = first.address();
      const second = await bind(host, port % 2 === 0 ? port + 1 : port - 1).catch(() => undefined);
      if (second) return port % 2 === 0 ? new UdpPorts(first, second) : new UdpPorts(second, first);
      first.close();
    }
    return undefined;
  }

  /** Sends to a reader, and listens to its reports; call what comes back to stop that. */
  listen(address: string, port: number, onReport: OnReport): () => void {
    const key = keyOf(address, port);
    this.#readers.set(key, onReport);
    return () => {
      if (this.#readers.get(key) === onReport) this.#readers.delete(key);
    };
  }

  rtp(bytes: Buffer, address: string, port: number): void {
    if (!this.#closed) this.#rtp.send(bytes, port, address, () => {});
  }

  rtcp(bytes: Buffer, address: string, port: number): void {
    if (!this.#closed) this.#rtcp.send(bytes, port, address, () => {});
  }

  /** Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rtp.close();
    this.#rtcp.close();
  }
}

function keyOf(address: string, port: number): string {
  return `${plainAddress(address)} ${port}`;
}

async function bind(host: string, port: number): Promise<Socket> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    socket.bind(port, host);
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
