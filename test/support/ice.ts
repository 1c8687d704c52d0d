/** A peer's side of ICE for tests, in werift's STUN: of no kin with ours. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket as TcpSocket } from 'node:net';
import { classes, Message, methods, parseMessage } from 'werift';
import type { Credentials } from '../../src/webrtc/ice/agent.ts';
import type { Path } from '../../src/webrtc/ice/path.ts';
import { readStun, type StunMessage } from '../../src/webrtc/ice/stun.ts';

/** Credentials of the peer. */
export const PEER: Credentials = { ufrag: 'peer', pwd: 'the-password-of-the-peer' };

/** How a check differs from a sound one. */
export interface CheckOptions {
  readonly nominate?: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly controlled?: boolean;
  readonly fingerprint?: boolean;
}

/** A check of the peer for a session with these credentials. */
export function checkFor(ours: Credentials, options: CheckOptions = {}): Buffer {
  const { nominate = true, username = `${ours.ufrag}:${PEER.ufrag}`, password = ours.pwd } = options;
  const message = new Message(methods.BINDING, classes.REQUEST);
  message.setAttribute('USERNAME', username);
  message.setAttribute('PRIORITY', 12_345);
  message.setAttribute(options.controlled ? 'ICE-CONTROLLED' : 'ICE-CONTROLLING', 1n);
  if (nominate) message.setAttribute('USE-CANDIDATE', null);
  message.addMessageIntegrity(Buffer.from(password));
  if (options.fingerprint ?? true) message.addFingerprint();
  return message.bytes;
}

/** The peer's answer to a check of ours. @param password the peer's own, unless it is an impostor. */
export function answerTo(check: Buffer, password = PEER.pwd): Buffer {
  const request = parseMessage(check);
  if (!request) throw new Error('no STUN message');
  const message = new Message(methods.BINDING, classes.RESPONSE, request.transactionId);
  message.setAttribute('XOR-MAPPED-ADDRESS', ['192.0.2.1', 1]);
  message.addMessageIntegrity(Buffer.from(password));
  message.addFingerprint();
  return message.bytes;
}

/** The address that an answer of ours names, when its integrity is right by werift. */
export function mappedIn(answer: Buffer, ours: Credentials): readonly [string, number] | undefined {
  const message = parseMessage(answer, Buffer.from(ours.pwd));
  return message?.messageClass === classes.RESPONSE ? message.getAttributeValue('XOR-MAPPED-ADDRESS') : undefined;
}

/** Our reading of werift's bytes. @throws Error when there is none. */
export function soundStun(bytes: Buffer): StunMessage {
  const message = readStun(bytes);
  if (!message) throw new Error('malformed');
  return message;
}

/** A way that remembers what was sent. */
export class FakePath implements Path {
  readonly protocol: Path['protocol'];
  readonly local = { address: '192.0.2.1', port: 8189 };
  readonly remote: { readonly address: string; readonly port: number };
  readonly sent: Buffer[] = [];
  claimed = false;
  /** Another session has the address. */
  taken = false;
  closed = false;

  constructor(address: string, protocol: Path['protocol'] = 'udp') {
    this.remote = { address, port: 5000 };
    this.protocol = protocol;
  }

  claim(): void {
    if (!this.taken) this.claimed = true;
  }

  seize(): void {
    this.claimed = true;
  }

  send(datagram: Buffer): void {
    this.sent.push(datagram);
  }

  close(): void {
    this.closed = true;
  }

  /** What was sent and is a check of ours. */
  get checks(): Buffer[] {
    return this.sent.filter((datagram) => readStun(datagram)?.kind === 'request');
  }
}

/** A UDP socket of a peer on the loopback. */
export class UdpPeer implements AsyncDisposable {
  readonly received: Buffer[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (datagram) => this.received.push(datagram));
  }

  static async open(): Promise<UdpPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new UdpPeer(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async send(datagram: Uint8Array, port: number): Promise<void> {
    await new Promise((resolve) => this.#socket.send(datagram, port, '127.0.0.1', resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}

/** A TCP connection of a peer, with frames cut as RFC 4571 has it. */
export class TcpPeer implements AsyncDisposable {
  readonly received: Buffer[] = [];
  readonly socket: TcpSocket;
  #rest = Buffer.alloc(0);

  private constructor(socket: TcpSocket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      while (this.#rest.length >= 2 && this.#rest.length >= 2 + this.#rest.readUInt16BE(0)) {
        const end = 2 + this.#rest.readUInt16BE(0);
        this.received.push(this.#rest.subarray(2, end));
        this.#rest = this.#rest.subarray(end);
      }
    });
  }

  static async open(port: number): Promise<TcpPeer> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new TcpPeer(socket);
  }

  send(datagram: Uint8Array): void {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(datagram.length);
    this.socket.write(Buffer.concat([length, datagram]));
  }

  /** Resolves when our side has closed it. */
  async closed(): Promise<void> {
    if (!this.socket.destroyed) await once(this.socket, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }
}
