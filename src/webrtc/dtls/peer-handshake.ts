/**
 * What a DTLS peer must say and prove, message by message, in either role (RFC 5246 section 7.3,
 * RFC 6347). The library takes whatever comes, in any order, and verifies none of it. Pure.
 */
import type { KeyObject } from 'node:crypto';
import {
  type ClientHello,
  checkHelloVerifyRequest,
  readClientHello,
  readServerHello,
  type ServerHello,
} from './hello.ts';
import {
  checkCertificateRequest,
  readCertificate,
  readCertificateVerify,
  readClientKeyExchange,
  readServerKeyExchange,
} from './key-messages.ts';
import {
  type Fingerprint,
  isSigned,
  isSoundPoint,
  keyOf,
  matchesFingerprint,
  SECP256R1,
  X25519,
} from './peer-proof.ts';
import type { HandshakeMessage } from './reassembly.ts';
import type { Refusal } from './refusal.ts';

/** Handshake types. */
export const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
export const HELLO_VERIFY_REQUEST = 3;
const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_REQUEST = 13;
const SERVER_HELLO_DONE = 14;
const CERTIFICATE_VERIFY = 15;
const CLIENT_KEY_EXCHANGE = 16;
export const FINISHED = 20;

/** ECDHE with AES-128-GCM and SHA-256 (RFC 5289), by the kind of the server's key. */
const SUITES: ReadonlyMap<number, string> = new Map([
  [0xc02b, 'ec'],
  [0xc02f, 'rsa'],
]);
/** The suite and the signature algorithm of a server whose key is of a kind. */
const OF_KEY = { ec: { suite: 0xc02b, signature: 0x0403 }, rsa: { suite: 0xc02f, signature: 0x0401 } } as const;
/** SRTP_AES128_CM_HMAC_SHA1_80 and SRTP_AEAD_AES_128_GCM (RFC 5764, RFC 7714). */
const SRTP_PROFILES: ReadonlySet<number> = new Set([1, 7]);
const GROUPS: ReadonlySet<number> = new Set([X25519, SECP256R1]);

/** What a peer says and proves until its Finished. */
export interface PeerHandshake {
  /** True when all is said and proved but Finished. */
  readonly proved: boolean;
  /**
   * Judges the next message, and moves on when it is sound.
   * @param transcript of all messages before it, ours and the peer's.
   * @throws Malformed
   */
  take(message: HandshakeMessage, transcript: readonly Buffer[]): Refusal | undefined;
}

/** True for a hello that a server with a key of this kind can answer. */
export function canAnswer(hello: ClientHello, key: 'ec' | 'rsa'): boolean {
  const { suite, signature } = OF_KEY[key];
  return (
    hello.suites.includes(suite) &&
    hello.groups.some((group) => GROUPS.has(group)) &&
    (hello.signatures?.includes(signature) ?? true) &&
    hello.srtpProfiles.some((profile) => SRTP_PROFILES.has(profile))
  );
}

/** The peer is the client; its hello is dealt with. */
export class ClientHandshake implements PeerHandshake {
  readonly #fingerprints: readonly Fingerprint[];
  readonly #group: number | undefined;
  #due = CERTIFICATE;
  #key: KeyObject | undefined;

  constructor(fingerprints: readonly Fingerprint[], hello: ClientHello) {
    this.#fingerprints = fingerprints;
    this.#group = hello.groups.find((group) => GROUPS.has(group));
  }

  get proved(): boolean {
    return this.#due === FINISHED;
  }

  take({ type, body }: HandshakeMessage, transcript: readonly Buffer[]): Refusal | undefined {
    if (type !== this.#due) return 'unexpected';
    switch (type) {
      case CERTIFICATE:
        this.#key = namedKey(readCertificate(body), this.#fingerprints);
        if (!this.#key) return 'certificate';
        this.#due = CLIENT_KEY_EXCHANGE;
        return undefined;
      case CLIENT_KEY_EXCHANGE:
        if (!isSoundPoint(this.#group ?? 0, readClientKeyExchange(body))) return 'key-exchange';
        this.#due = CERTIFICATE_VERIFY;
        return undefined;
      case CERTIFICATE_VERIFY:
        if (!this.#key || !isSigned(Buffer.concat(transcript), readCertificateVerify(body), this.#key)) {
          return 'signature';
        }
        this.#due = FINISHED;
        return undefined;
      default:
        return 'unexpected';
    }
  }
}

/** The peer is the server. */
export class ServerHandshake implements PeerHandshake {
  readonly #fingerprints: readonly Fingerprint[];
  #due: readonly number[] = [HELLO_VERIFY_REQUEST, SERVER_HELLO];
  #hello: ServerHello | undefined;
  #key: KeyObject | undefined;

  constructor(fingerprints: readonly Fingerprint[]) {
    this.#fingerprints = fingerprints;
  }

  get proved(): boolean {
    return this.#due.includes(FINISHED);
  }

  take(message: HandshakeMessage, transcript: readonly Buffer[]): Refusal | undefined {
    if (message.type === FINISHED || !this.#due.includes(message.type)) return 'unexpected';
    const refusal = this.#judge(message, transcript);
    if (refusal) return refusal;
    this.#due = followers(message.type);
    return undefined;
  }

  #judge({ type, body }: HandshakeMessage, transcript: readonly Buffer[]): Refusal | undefined {
    switch (type) {
      case HELLO_VERIFY_REQUEST:
        checkHelloVerifyRequest(body);
        return undefined;
      case SERVER_HELLO:
        this.#hello = readServerHello(body);
        return isAgreed(this.#hello) ? undefined : 'negotiation';
      case CERTIFICATE:
        this.#key = namedKey(readCertificate(body), this.#fingerprints);
        return this.#key && this.#key.asymmetricKeyType === SUITES.get(this.#hello?.suite ?? 0)
          ? undefined
          : 'certificate';
      case SERVER_KEY_EXCHANGE:
        return this.#judgeKeyExchange(body, transcript);
      case CERTIFICATE_REQUEST:
        checkCertificateRequest(body);
        return undefined;
      default:
        return body.length === 0 ? undefined : 'malformed';
    }
  }

  #judgeKeyExchange(body: Buffer, [ownHello]: readonly Buffer[]): Refusal | undefined {
    const { group, point, params, proof } = readServerKeyExchange(body);
    if (!isSoundPoint(group, point)) return 'key-exchange';
    if (!ownHello || !this.#hello || !this.#key) return 'unexpected';
    const clientRandom = readClientHello(ownHello.subarray(12)).random;
    const signed = Buffer.concat([clientRandom, this.#hello.random, params]);
    return isSigned(signed, proof, this.#key) ? undefined : 'signature';
  }
}

/** What a server may say after a message of a type. */
function followers(type: number): readonly number[] {
  switch (type) {
    case HELLO_VERIFY_REQUEST:
      return [SERVER_HELLO];
    case SERVER_HELLO:
      return [CERTIFICATE];
    case CERTIFICATE:
      return [SERVER_KEY_EXCHANGE];
    case SERVER_KEY_EXCHANGE:
      return [CERTIFICATE_REQUEST, SERVER_HELLO_DONE];
    case CERTIFICATE_REQUEST:
      return [SERVER_HELLO_DONE];
    default:
      return [FINISHED];
  }
}

function isAgreed({ suite, srtpProfiles }: ServerHello): boolean {
  const [profile = 0] = srtpProfiles;
  return SUITES.has(suite) && srtpProfiles.length === 1 && SRTP_PROFILES.has(profile);
}

function namedKey(certificate: Buffer, fingerprints: readonly Fingerprint[]): KeyObject | undefined {
  return matchesFingerprint(certificate, fingerprints) ? keyOf(certificate) : undefined;
}
