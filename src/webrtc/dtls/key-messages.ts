/** The handshake messages that carry keys and their proofs (RFC 5246 section 7.4, RFC 8422). Pure. */
import { ByteReader, Malformed } from './byte-reader.ts';

/** The end of a key exchange: a named curve. */
const NAMED_CURVE = 3;

/** A server's half of the key exchange, and its proof. */
export interface ServerKeyExchange {
  readonly group: number;
  readonly point: Buffer;
  /** What is signed besides the randoms. */
  readonly params: Buffer;
  readonly proof: SignedProof;
}

/** A signature and how it was made. */
export interface SignedProof {
  /** Hash and signature, a byte each. */
  readonly algorithm: number;
  readonly signature: Buffer;
}

/**
 * The peer's own certificate, DER.
 * @throws Malformed, also when there is none.
 */
export function readCertificate(body: Buffer): Buffer {
  const message = new ByteReader(body);
  const list = new ByteReader(message.vector(3));
  message.end();
  const [own] = remaining(list);
  if (!own || own.length === 0) throw new Malformed('no certificate');
  return own;
}

function remaining(list: ByteReader): Buffer[] {
  const entries: Buffer[] = [];
  while (list.left > 0) entries.push(list.vector(3));
  return entries;
}

/** @throws Malformed */
export function readServerKeyExchange(body: Buffer): ServerKeyExchange {
  const reader = new ByteReader(body);
  if (reader.uint(1) !== NAMED_CURVE) throw new Malformed('no named curve');
  const group = reader.uint(2);
  const point = reader.vector(1);
  const params = body.subarray(0, body.length - reader.left);
  const proof = readProof(reader);
  return { group, point, params, proof };
}

/** @throws Malformed */
export function readCertificateVerify(body: Buffer): SignedProof {
  return readProof(new ByteReader(body));
}

/**
 * A client's half of the key exchange.
 * @throws Malformed
 */
export function readClientKeyExchange(body: Buffer): Buffer {
  const reader = new ByteReader(body);
  const point = reader.vector(1);
  reader.end();
  return point;
}

/** @throws Malformed */
export function checkCertificateRequest(body: Buffer): void {
  const reader = new ByteReader(body);
  if (reader.vector(1).length === 0) throw new Malformed('no certificate type');
  reader.numbers(2);
  const authorities = new ByteReader(reader.vector(2));
  while (authorities.left > 0) authorities.vector(2);
  reader.end();
}

/** To the end of the message. */
function readProof(reader: ByteReader): SignedProof {
  const algorithm = reader.uint(2);
  const signature = reader.vector(2);
  reader.end();
  return { algorithm, signature };
}
