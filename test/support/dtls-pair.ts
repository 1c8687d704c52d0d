/** Two ends of a DTLS session on a wire of the test's own: ours behind its guard, and werift as it is. */
import { CipherContext, Event, RTCCertificate, RTCDtlsParameters, RTCDtlsTransport } from 'werift';
import { systemClock } from '../../src/time.ts';
import { guardDtls } from '../../src/webrtc/dtls/guard.ts';
import type { Refusal } from '../../src/webrtc/dtls/refusal.ts';

type Signature = { readonly hash: 4; readonly signature: 1 | 3 };
type Kind = 'ecdsa' | 'rsa';

const made = new Map<string, Promise<RTCCertificate>>();

/** A certificate with its key; the same for the same name and kind. */
export function certificate(name: string, kind: Kind = 'ecdsa'): Promise<RTCCertificate> {
  const key = `${name} ${kind}`;
  const known = made.get(key);
  if (known) return known;
  const signatureHash: Signature = { hash: 4, signature: kind === 'rsa' ? 1 : 3 };
  const making = CipherContext.createSelfSignedCertificateWithKey(signatureHash, 23).then(
    ({ certPem, keyPem }) => new RTCCertificate(keyPem, certPem, signatureHash),
  );
  made.set(key, making);
  return making;
}

/** What somebody has who knows `victim`'s certificate, which is public, and not its key. */
export function impostor(victim: RTCCertificate, own: RTCCertificate): RTCCertificate {
  return new RTCCertificate(own.privateKey, victim.certPem, victim.signatureHash);
}

/** What came out at an end. */
export class DtlsEnd {
  readonly transport: RTCDtlsTransport;
  /** Datagrams it sent. */
  readonly sent: Buffer[] = [];
  readonly messages: string[] = [];
  /** Numbers of media packets. */
  readonly media: number[] = [];
  readonly refused: Refusal[] = [];
  readonly onData = new Event<[Buffer]>();
  /** On the wire between the ends: what of a datagram goes on. */
  forward: (datagram: Buffer) => readonly Buffer[] = (datagram) => [datagram];
  #watch: () => void = () => {};

  constructor(certificate: RTCCertificate, role: 'client' | 'server', send: (datagram: Buffer) => void) {
    const connection = {
      onData: this.onData,
      send: (datagram: Buffer) => {
        this.sent.push(Buffer.from(datagram));
        for (const out of this.forward(Buffer.from(datagram))) send(out);
        this.#watch();
        return Promise.resolve();
      },
    };
    const ice = { role: 'controlled', connection, stop: () => Promise.resolve() };
    // Of ICE, DTLS knows no more than this.
    this.transport = new RTCDtlsTransport(
      {},
      ice as unknown as ConstructorParameters<typeof RTCDtlsTransport>[1],
      certificate,
      [7, 1],
    );
    this.transport.role = role;
    this.transport.dataReceiver = (message) => {
      this.messages.push(message.toString());
      this.#watch();
    };
    this.transport.onStateChange.subscribe(() => this.#watch());
    this.transport.onRtp.subscribe(({ header }) => {
      this.media.push(header.sequenceNumber);
      this.#watch();
    });
  }

  get dtls(): NonNullable<RTCDtlsTransport['dtls']> {
    if (!this.transport.dtls) throw new Error('not started');
    return this.transport.dtls;
  }

  /** Puts the guard on it. */
  guard(clock = systemClock): void {
    guardDtls(this.transport, {
      clock,
      refused: (reason) => {
        this.refused.push(reason);
        this.#watch();
      },
    });
  }

  /** A datagram comes. */
  receive(datagram: Buffer): void {
    this.onData.execute(datagram);
  }

  /** Resolves as soon as `done`; judged at each message, refusal, datagram and change of state. */
  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#watch = () => {
        if (!done()) return;
        this.#watch = () => {};
        resolve();
      };
      this.#watch();
    });
  }

  connected(): Promise<void> {
    return this.until(() => this.transport.state === 'connected');
  }
}

/** Options of {@link dtlsPair}. */
export interface DtlsPairOptions {
  /** Ours. */
  readonly role: 'client' | 'server';
  readonly guarded?: boolean;
  readonly own?: RTCCertificate;
  readonly peer?: RTCCertificate;
  /** Whose fingerprint ours is told; default: the peer's. */
  readonly named?: RTCCertificate;
  /** Fingerprints that ours is told, in place of `named`'s. */
  readonly fingerprints?: RTCDtlsParameters['fingerprints'];
}

/** Two ends that have not started. */
export async function dtlsPair({ role, guarded = true, ...certificates }: DtlsPairOptions): Promise<{
  readonly ours: DtlsEnd;
  readonly peer: DtlsEnd;
  /** Starts both. */
  start(): void;
}> {
  const { own = await certificate('ours'), peer: peers = await certificate('peer') } = certificates;
  const { named = peers, fingerprints = named.getFingerprints() } = certificates;
  const other = role === 'client' ? 'server' : 'client';
  const ours: DtlsEnd = new DtlsEnd(own, role, (datagram) => setImmediate(() => peer.receive(datagram)));
  const peer: DtlsEnd = new DtlsEnd(peers, other, (datagram) => setImmediate(() => ours.receive(datagram)));
  if (guarded) ours.guard();
  ours.transport.setRemoteParams(new RTCDtlsParameters(fingerprints, other));
  peer.transport.setRemoteParams(new RTCDtlsParameters(own.getFingerprints(), role));
  const start = (): void => {
    for (const end of [ours, peer]) void end.transport.start().catch(() => {});
  };
  return { ours, peer, start };
}

/** A record in the clear. */
export function record(type: number, fragment: Buffer, epoch = 0, sequence = 99, version = 0xfefd): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt8(type, 0);
  header.writeUInt16BE(version, 1);
  header.writeUInt16BE(epoch, 3);
  header.writeUIntBE(sequence, 5, 6);
  header.writeUInt16BE(fragment.length, 11);
  return Buffer.concat([header, fragment]);
}

/** A handshake fragment; by default a whole message. */
export function handshake(type: number, sequence: number, body: Buffer, length = body.length, offset = 0): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(type, 0);
  header.writeUIntBE(length, 1, 3);
  header.writeUInt16BE(sequence, 4);
  header.writeUIntBE(offset, 6, 3);
  header.writeUIntBE(body.length, 9, 3);
  return Buffer.concat([header, body]);
}

/** A record under the keys of an end. */
export function protectedRecord({ dtls }: DtlsEnd, type: number, plaintext: Buffer, sequence: number): Buffer {
  const header = { type, version: 0xfefd, epoch: 1, sequenceNumber: sequence };
  return record(type, dtls.cipher.cipher.encrypt(dtls.sessionType, plaintext, header), 1, sequence);
}
