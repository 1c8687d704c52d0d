/** The hellos of a DTLS handshake (RFC 5246 section 7.4.1, RFC 6347 section 4.2), read strictly. Pure. */
import { ByteReader, Malformed } from './byte-reader.ts';
import { DTLS_1_2 } from './record.ts';

/** Extensions that matter here (RFC 8422, 5246, 5764, 7627). */
const SUPPORTED_GROUPS = 10;
const SIGNATURE_ALGORITHMS = 13;
const USE_SRTP = 14;
const EXTENDED_MASTER_SECRET = 23;

/** A client's hello. */
export interface ClientHello {
  /** 32 bytes. */
  readonly random: Buffer;
  readonly cookie: Buffer;
  readonly suites: readonly number[];
  readonly groups: readonly number[];
  /** Hash and signature, a byte each; undefined when the client does not say. */
  readonly signatures: readonly number[] | undefined;
  readonly srtpProfiles: readonly number[];
  readonly extendedMasterSecret: boolean;
  /** The body with an empty cookie. */
  readonly withoutCookie: Buffer;
}

/** A server's hello. */
export interface ServerHello {
  /** 32 bytes. */
  readonly random: Buffer;
  readonly suite: number;
  readonly srtpProfiles: readonly number[];
  readonly extendedMasterSecret: boolean;
}

/** @throws Malformed */
export function readClientHello(body: Buffer): ClientHello {
  const reader = new ByteReader(body);
  if (reader.uint(2) !== DTLS_1_2) throw new Malformed('not DTLS 1.2');
  const random = reader.bytes(32);
  if (reader.vector(1).length > 32) throw new Malformed('session id too long');
  const beforeCookie = body.length - reader.left;
  const cookie = reader.vector(1);
  const afterCookie = body.length - reader.left;
  const suites = reader.numbers(2);
  if (!reader.vector(1).includes(0)) throw new Malformed('compression only');
  const extensions = readExtensions(reader);
  const groups = extensions.get(SUPPORTED_GROUPS);
  const signatures = extensions.get(SIGNATURE_ALGORITHMS);
  return {
    ...{ random, cookie, suites },
    groups: groups ? numbersOf(groups) : [],
    signatures: signatures && numbersOf(signatures),
    srtpProfiles: srtpProfiles(extensions),
    extendedMasterSecret: extensions.has(EXTENDED_MASTER_SECRET),
    withoutCookie: Buffer.concat([body.subarray(0, beforeCookie), Buffer.from([0]), body.subarray(afterCookie)]),
  };
}

/** @throws Malformed */
export function readServerHello(body: Buffer): ServerHello {
  const reader = new ByteReader(body);
  if (reader.uint(2) !== DTLS_1_2) throw new Malformed('not DTLS 1.2');
  const random = reader.bytes(32);
  if (reader.vector(1).length > 32) throw new Malformed('session id too long');
  const suite = reader.uint(2);
  if (reader.uint(1) !== 0) throw new Malformed('compression');
  const extensions = readExtensions(reader);
  return {
    ...{ random, suite },
    srtpProfiles: srtpProfiles(extensions),
    extendedMasterSecret: extensions.has(EXTENDED_MASTER_SECRET),
  };
}

/**
 * A server that wants a cookie returned (RFC 6347 section 4.2.1).
 * @throws Malformed
 */
export function checkHelloVerifyRequest(body: Buffer): void {
  const reader = new ByteReader(body);
  reader.uint(2);
  if (reader.vector(1).length === 0) throw new Malformed('no cookie');
  reader.end();
}

/** The body of a request to return `cookie`. */
export function writeHelloVerifyRequest(cookie: Buffer): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt16BE(DTLS_1_2, 0);
  head.writeUInt8(cookie.length, 2);
  return Buffer.concat([head, cookie]);
}

/** To the end of the message; there may be none. */
function readExtensions(message: ByteReader): ReadonlyMap<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  if (message.left === 0) return extensions;
  const reader = new ByteReader(message.vector(2));
  message.end();
  while (reader.left > 0) {
    const type = reader.uint(2);
    if (extensions.has(type)) throw new Malformed('the same extension twice');
    extensions.set(type, reader.vector(2));
  }
  return extensions;
}

function numbersOf(extension: Buffer): number[] {
  const reader = new ByteReader(extension);
  const numbers = reader.numbers(2);
  reader.end();
  return numbers;
}

function srtpProfiles(extensions: ReadonlyMap<number, Buffer>): number[] {
  const extension = extensions.get(USE_SRTP);
  if (!extension) return [];
  const reader = new ByteReader(extension);
  const profiles = reader.numbers(2);
  // A master key identifier would lengthen every SRTP packet: nobody asks for one.
  if (reader.vector(1).length > 0) throw new Malformed('MKI');
  reader.end();
  return profiles;
}
