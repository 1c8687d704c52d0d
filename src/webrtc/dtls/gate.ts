/**
 * The gate before the library's DTLS: only what a peer may say, has said whole, in turn and proved
 * gets through to it, and only records under the session's keys change a session that has begun.
 * Everything else is dropped and named. Pure: time comes with the deps, and everything goes out
 * through them.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../time.ts';
import { TokenBucket } from '../../token-bucket.ts';
import { Malformed } from './byte-reader.ts';
import { readClientHello, writeHelloVerifyRequest } from './hello.ts';
import {
  CLIENT_HELLO,
  ClientHandshake,
  canAnswer,
  FINISHED,
  HELLO_VERIFY_REQUEST,
  type PeerHandshake,
  ServerHandshake,
} from './peer-handshake.ts';
import { type Fingerprint, finishedData, isEqual } from './peer-proof.ts';
import { ProtectedRecords, type WriteKey } from './protected-records.ts';
import {
  type HandshakeFragment,
  type HandshakeMessage,
  Reassembler,
  readFragments,
  writeMessage,
} from './reassembly.ts';
import {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  type DtlsRecord,
  HANDSHAKE,
  readRecords,
  writeHandshakeRecord,
} from './record.ts';
import type { Refusal } from './refusal.ts';

/** Records of handshakes that may come before the peer has proved itself: a handshake has about 20. */
const RECORDS = { capacity: 256, perSecond: 64 };
/** Hellos that are answered with a cookie. */
const COOKIES = { capacity: 8, perSecond: 2 };
/** Last flights that are sent again: each asks the peer for its own, so that more would go on and on. */
const REPEATS = { capacity: 1, perSecond: 2 };
/** A last flight that is kept to be sent again. */
const MAX_FLIGHT = 32;
/** Bytes of a record under keys that may come before what it is checked with. */
const MAX_HELD_BYTES = 256;

const CLOSE_NOTIFY = 0;
const FATAL = 2;

/** Secrets of a handshake, as far as the library has them. */
export interface SessionKeys {
  readonly masterSecret: Buffer;
  readonly peer: WriteKey;
}

/** What a gate is to know. */
export interface GateOptions {
  /** Ours. */
  readonly role: 'client' | 'server';
  /** Kind of our certificate's key. */
  readonly key: 'ec' | 'rsa';
  /** Of the peer's description. */
  readonly fingerprints: readonly Fingerprint[];
}

/** The two sides of a gate, and its clock. */
export interface GateDeps {
  readonly clock: Pick<Clock, 'now'>;
  /** Hands a record of the handshake to the library. */
  deliver(record: Buffer): void;
  /** As server: what comes next is the answer to a hello with this cookie. */
  begin(cookie: Buffer, extendedMasterSecret: boolean): void;
  /** The library goes on numbering its records after `sequence`. */
  numberFrom(sequence: number): void;
  keys(): SessionKeys | undefined;
  /** Sends a datagram to the peer. */
  send(datagram: Buffer): void;
  /** Takes data of the peer. */
  data(payload: Buffer): void;
  /** The peer has ended the session. */
  closed(): void;
  refused(reason: Refusal): void;
}

/** One session's gate. Nothing that a peer sends makes it throw. */
export class DtlsGate {
  readonly #options: GateOptions;
  readonly #deps: GateDeps;
  readonly #inbound = new Reassembler();
  readonly #outbound: Reassembler;
  readonly #records = new TokenBucket(RECORDS);
  readonly #cookies = new TokenBucket(COOKIES);
  readonly #repeats = new TokenBucket(REPEATS);
  readonly #cookie = randomBytes(20);
  /** Undefined until a client's hello is taken. */
  #peer: PeerHandshake | undefined;
  #transcript: Buffer[] = [];
  #flight: Buffer[] = [];
  /** The peer has answered the flight. */
  #answered = false;
  /** What the library sends stays here. */
  #muted = false;
  #cookiesSent = 0;
  #protected: ProtectedRecords | undefined;
  #held: DtlsRecord | undefined;
  #established = false;
  #closed = false;

  constructor(options: GateOptions, deps: GateDeps) {
    this.#options = options;
    this.#deps = deps;
    // A server's first message is the request to return a cookie, and it is not counted.
    this.#outbound = new Reassembler(options.role === 'server' ? 1 : 0);
    if (options.role === 'client') this.#peer = new ServerHandshake(options.fingerprints);
  }

  /** True once the peer has proved who it is and that both have seen the same handshake. */
  get established(): boolean {
    return this.#established;
  }

  /** Takes a datagram of the peer, or of somebody. */
  receive(datagram: Buffer): void {
    const { records, sound } = readRecords(datagram);
    if (!sound) this.#deps.refused('record');
    for (const record of records) this.#judge(record);
  }

  /** Notes what the library sends. True when it is to go out. */
  sent(datagram: Buffer): boolean {
    if (datagram[0] === APPLICATION_DATA) return true;
    if (this.#muted) return false;
    if (this.#answered) this.#flight = [];
    this.#answered = false;
    // Sent again it is the same object.
    if (this.#flight.length < MAX_FLIGHT && !this.#flight.includes(datagram)) this.#flight.push(datagram);
    for (const record of readRecords(datagram).records) {
      if (record.type !== HANDSHAKE) continue;
      if (record.epoch === 0) this.#noteSent(record);
      // The library begins anew after its Finished: a number would come twice, and with it a nonce.
      else this.#deps.numberFrom(record.sequence);
    }
    return true;
  }

  #noteSent({ fragment }: DtlsRecord): void {
    for (const piece of readFragments(fragment)) this.#outbound.push(piece);
    for (let message = this.#outbound.whole(); message; message = this.#outbound.whole()) {
      this.#outbound.accept(message.sequence);
      this.#transcript.push(message.bytes);
    }
  }

  #judge(record: DtlsRecord): void {
    try {
      const refusal = record.epoch === 0 ? this.#plain(record) : this.#underKeys(record);
      if (refusal) this.#deps.refused(refusal);
    } catch (thrown) {
      this.#deps.refused(thrown instanceof Malformed ? 'malformed' : 'fault');
    }
  }

  #plain(record: DtlsRecord): Refusal | undefined {
    // Says nothing that the next epoch does not say.
    if (record.type === CHANGE_CIPHER_SPEC) return undefined;
    if (this.#established || record.type !== HANDSHAKE) return 'plaintext';
    if (!this.#records.take(1, this.#deps.clock.now())) return 'rate';
    let refusal: Refusal | undefined;
    for (const fragment of readFragments(record.fragment)) refusal = this.#fragment(fragment) ?? refusal;
    return refusal;
  }

  #fragment(fragment: HandshakeFragment): Refusal | undefined {
    const fate = this.#inbound.push(fragment);
    if (fate === 'repeated') {
      if (fragment.offset === 0 && fragment.sequence === this.#inbound.next - 1) this.#repeat();
      return undefined;
    }
    if (fate !== 'kept') return fate;
    if (!this.#peer) return this.#hello(fragment.sequence);
    return this.#advance(this.#peer);
  }

  /** Takes all messages that are whole and due. */
  #advance(peer: PeerHandshake): Refusal | undefined {
    for (let message = this.#inbound.whole(); message; message = this.#inbound.whole()) {
      const refusal = this.#take(peer, message);
      if (refusal) {
        this.#inbound.reject(message.sequence);
        return refusal;
      }
    }
    return this.#held && peer.proved ? this.#retry(this.#held) : undefined;
  }

  #take(peer: PeerHandshake, message: HandshakeMessage): Refusal | undefined {
    const refusal = judged(() => peer.take(message, this.#transcript));
    if (refusal) return refusal;
    this.#accept(message);
    if (message.type === HELLO_VERIFY_REQUEST) this.#transcript = [];
    this.#deps.deliver(writeHandshakeRecord(0, message.bytes));
    return undefined;
  }

  #accept(message: HandshakeMessage): void {
    this.#inbound.accept(message.sequence);
    this.#transcript.push(message.bytes);
    this.#answered = true;
  }

  /**
   * A client's hello, of any number that it may have: without our cookie it is answered with it and
   * forgotten, so that nobody binds the session who cannot be reached.
   */
  #hello(sequence: number): Refusal | undefined {
    const message = this.#inbound.whole(sequence);
    if (!message) return undefined;
    const refusal = judged(() => this.#judgeHello(message));
    if (!this.#peer) this.#inbound.reject(sequence);
    return refusal;
  }

  #judgeHello(message: HandshakeMessage): Refusal | undefined {
    if (message.type !== CLIENT_HELLO) return 'unexpected';
    const hello = readClientHello(message.body);
    if (!canAnswer(hello, this.#options.key)) return 'negotiation';
    if (!isEqual(hello.cookie, this.#cookie)) return this.#sendCookie();
    this.#peer = new ClientHandshake(this.#options.fingerprints, hello);
    this.#accept(message);
    this.#deps.begin(this.#cookie, hello.extendedMasterSecret);
    // The library takes its choices from the hello without a cookie, which may have been another's.
    this.#muted = true;
    this.#deps.deliver(writeHandshakeRecord(0, writeMessage(CLIENT_HELLO, 0, hello.withoutCookie).bytes));
    this.#muted = false;
    this.#deps.numberFrom(this.#cookiesSent);
    this.#deps.deliver(writeHandshakeRecord(0, message.bytes));
    return undefined;
  }

  #sendCookie(): Refusal | undefined {
    if (!this.#cookies.take(1, this.#deps.clock.now())) return 'rate';
    const request = writeMessage(HELLO_VERIFY_REQUEST, 0, writeHelloVerifyRequest(this.#cookie));
    this.#deps.send(writeHandshakeRecord(this.#cookiesSent, request.bytes));
    this.#cookiesSent += 1;
    return undefined;
  }

  /** The peer has not got our last flight. */
  #repeat(): void {
    if (!this.#repeats.take(1, this.#deps.clock.now())) return;
    for (const datagram of this.#flight) this.#deps.send(datagram);
  }

  #underKeys(record: DtlsRecord): Refusal | undefined {
    if (record.epoch > 1) return 'epoch';
    if (!this.#established && !this.#records.take(1, this.#deps.clock.now())) return 'rate';
    const keys = this.#peer?.proved ? this.#deps.keys() : undefined;
    if (!keys) return this.#hold(record);
    this.#protected ??= new ProtectedRecords(keys.peer);
    const opened = this.#protected.open(record);
    if ('plaintext' in opened) {
      return this.#established
        ? this.#protectedRecord(record, opened.plaintext)
        : this.#finished(record, opened.plaintext, keys.masterSecret);
    }
    if (opened.refused === 'replay' && this.#established && record.type === HANDSHAKE) this.#repeat();
    return opened.refused;
  }

  /** Finished that overtook what it is checked with. */
  #hold(record: DtlsRecord): Refusal | undefined {
    if (record.type !== HANDSHAKE || record.bytes.length > MAX_HELD_BYTES) return 'epoch';
    const bytes = Buffer.from(record.bytes);
    this.#held = readRecords(bytes).records[0];
    return undefined;
  }

  #retry(record: DtlsRecord): Refusal | undefined {
    this.#held = undefined;
    return this.#underKeys(record);
  }

  #finished(record: DtlsRecord, plaintext: Buffer, secret: Buffer): Refusal | undefined {
    if (record.type !== HANDSHAKE) return 'epoch';
    const [fragment, ...more] = readFragments(plaintext);
    if (fragment?.type !== FINISHED || more.length > 0 || fragment.sequence !== this.#inbound.next) return 'unexpected';
    const side = this.#options.role === 'client' ? 'server' : 'client';
    const transcript = [...this.#transcript];
    if (side === 'server') transcript.push(this.#ownFinished(secret));
    const whole = fragment.offset === 0 && fragment.length === fragment.body.length;
    if (!whole || !isEqual(fragment.body, finishedData(secret, side, transcript))) return 'finished';
    this.#inbound.accept(fragment.sequence);
    this.#answered = true;
    this.#established = true;
    this.#deps.deliver(record.bytes);
    return undefined;
  }

  /** As client: the server's Finished is over ours, too, which has gone out under keys. */
  #ownFinished(secret: Buffer): Buffer {
    return writeMessage(FINISHED, this.#outbound.next, finishedData(secret, 'client', this.#transcript)).bytes;
  }

  #protectedRecord({ type }: DtlsRecord, plaintext: Buffer): Refusal | undefined {
    switch (type) {
      case APPLICATION_DATA:
        this.#deps.data(plaintext);
        return undefined;
      case ALERT:
        return this.#alert(plaintext);
      case HANDSHAKE:
        if (plaintext[0] !== FINISHED) return 'unexpected';
        this.#repeat();
        return undefined;
      default:
        return 'unexpected';
    }
  }

  #alert(plaintext: Buffer): Refusal | undefined {
    if (plaintext.length !== 2) return 'malformed';
    const [level, description] = plaintext;
    if (!this.#closed && (level === FATAL || description === CLOSE_NOTIFY)) {
      this.#closed = true;
      this.#deps.closed();
    }
    return undefined;
  }
}

/** What a message is refused for, if it is. */
function judged(judge: () => Refusal | undefined): Refusal | undefined {
  try {
    return judge();
  } catch (thrown) {
    if (thrown instanceof Malformed) return 'malformed';
    throw thrown;
  }
}
