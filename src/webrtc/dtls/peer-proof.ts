/**
 * Whether a DTLS peer is who its description names: the certificate's fingerprint (RFC 8122), what
 * its key signed (RFC 5246 section 7.4), the points it sent, and the end of the handshake. Pure.
 */
import {
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  ECDH,
  generateKeyPairSync,
  type KeyObject,
  timingSafeEqual,
  verify,
  X509Certificate,
} from 'node:crypto';
import type { SignedProof } from './key-messages.ts';

/** Named groups (RFC 8422) of the key exchange. */
export const X25519 = 29;
export const SECP256R1 = 23;

/** Signature algorithms that we ask for: hash and signature, a byte each. */
const RSA_SHA256 = 0x0401;
const ECDSA_SHA256 = 0x0403;

/** A line of `a=fingerprint:`. */
export interface Fingerprint {
  readonly algorithm: string;
  /** Hexadecimal bytes with colons between them, in either case. */
  readonly value: string;
}

/** Hash functions of fingerprints that prove something, strongest first. SHA-1 and MD5 do not. */
const FINGERPRINT_HASHES: readonly (readonly [name: string, hash: string])[] = [
  ['sha-512', 'sha512'],
  ['sha-384', 'sha384'],
  ['sha-256', 'sha256'],
];

/** True for a certificate that one of the fingerprints of the strongest hash function names. */
export function matchesFingerprint(certificate: Buffer, fingerprints: readonly Fingerprint[]): boolean {
  for (const [name, hash] of FINGERPRINT_HASHES) {
    const named = fingerprints.filter(({ algorithm }) => algorithm.toLowerCase() === name);
    if (named.length === 0) continue;
    const digest = createHash(hash).update(certificate).digest('hex');
    return named.some(({ value }) => value.replaceAll(':', '').toLowerCase() === digest);
  }
  return false;
}

/** Curves of ECDSA keys. */
const EC_CURVES: ReadonlySet<unknown> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
/** Bits of RSA keys: shorter ones prove nothing, longer ones take long. */
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

/** The key of a certificate; undefined when it cannot be read or is of no use. */
export function keyOf(certificate: Buffer): KeyObject | undefined {
  let key: KeyObject;
  try {
    key = new X509Certificate(certificate).publicKey;
  } catch {
    return undefined;
  }
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const sound =
    key.asymmetricKeyType === 'ec'
      ? EC_CURVES.has(namedCurve)
      : key.asymmetricKeyType === 'rsa' && modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS;
  return sound ? key : undefined;
}

/** True when `key` signed `signed`, by an algorithm that we ask for. */
export function isSigned(signed: Buffer, { algorithm, signature }: SignedProof, key: KeyObject): boolean {
  const type = algorithm === ECDSA_SHA256 ? 'ec' : algorithm === RSA_SHA256 ? 'rsa' : undefined;
  if (type === undefined || type !== key.asymmetricKeyType) return false;
  try {
    return verify('sha256', signed, key, signature);
  } catch {
    return false;
  }
}

/** DER of an X25519 public key up to its 32 bytes (RFC 8410). */
const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
/** Points of small order give a secret of zeros with any private key, so one does for the test. */
const PROBE = generateKeyPairSync('x25519').privateKey;

/** True for a point of the group that gives a secret: on the curve, not of small order. */
export function isSoundPoint(group: number, point: Buffer): boolean {
  try {
    if (group === SECP256R1) {
      if (point.length !== 65 || point[0] !== 4) return false;
      ECDH.convertKey(point, 'prime256v1');
      return true;
    }
    if (group !== X25519 || point.length !== 32) return false;
    const publicKey = createPublicKey({ key: Buffer.concat([X25519_PREFIX, point]), format: 'der', type: 'spki' });
    return diffieHellman({ privateKey: PROBE, publicKey }).some((byte) => byte !== 0);
  } catch {
    return false;
  }
}

/**
 * What a Finished message must say (RFC 5246 section 7.4.9).
 * @param transcript of the handshake up to it.
 */
export function finishedData(secret: Buffer, side: 'client' | 'server', transcript: readonly Buffer[]): Buffer {
  const digest = createHash('sha256').update(Buffer.concat(transcript)).digest();
  const seed = Buffer.concat([Buffer.from(`${side} finished`), digest]);
  const first = createHmac('sha256', secret).update(seed).digest();
  return createHmac('sha256', secret).update(first).update(seed).digest().subarray(0, 12);
}

/** Compares in a time that tells nothing. */
export function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
