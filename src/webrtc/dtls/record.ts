/** DTLS records (RFC 6347 section 4.1): taken out of datagrams, and written. Pure. */

/** Content types. */
export const CHANGE_CIPHER_SPEC = 20;
export const ALERT = 21;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;

/** DTLS 1.2 as its two bytes. */
export const DTLS_1_2 = 0xfefd;
/** First hellos say so for the sake of old servers. */
const DTLS_1_0 = 0xfeff;

/** Bytes of a record's header. */
export const RECORD_HEADER = 13;
/** 2^14 of plaintext, and what encryption may add. */
const MAX_FRAGMENT_BYTES = 16_384 + 2048;
/** More in one datagram are not read: a whole flight has ten. */
const MAX_RECORDS = 32;

/** One record as it came. */
export interface DtlsRecord {
  readonly type: number;
  readonly version: number;
  readonly epoch: number;
  /** 48 bits. */
  readonly sequence: number;
  /** Plaintext in epoch 0. */
  readonly fragment: Buffer;
  /** Header and fragment. */
  readonly bytes: Buffer;
}

/**
 * The sound records of a datagram, in order; what follows one that is not sound is left out, since
 * nothing says where the next begins.
 */
export function readRecords(datagram: Buffer): { readonly records: DtlsRecord[]; readonly sound: boolean } {
  const records: DtlsRecord[] = [];
  let at = 0;
  while (at < datagram.length) {
    const record = records.length < MAX_RECORDS ? recordAt(datagram, at) : undefined;
    if (!record) return { records, sound: false };
    records.push(record);
    at += record.bytes.length;
  }
  return { records, sound: records.length > 0 };
}

function recordAt(datagram: Buffer, at: number): DtlsRecord | undefined {
  if (datagram.length - at < RECORD_HEADER) return undefined;
  const type = datagram.readUInt8(at);
  const version = datagram.readUInt16BE(at + 1);
  const epoch = datagram.readUInt16BE(at + 3);
  const length = datagram.readUInt16BE(at + 11);
  const end = at + RECORD_HEADER + length;
  if (type < CHANGE_CIPHER_SPEC || type > APPLICATION_DATA) return undefined;
  if (version !== DTLS_1_2 && (version !== DTLS_1_0 || epoch > 0)) return undefined;
  if (length === 0 || length > MAX_FRAGMENT_BYTES || end > datagram.length) return undefined;
  const fragment = datagram.subarray(at + RECORD_HEADER, end);
  const sequence = datagram.readUIntBE(at + 5, 6);
  return { type, version, epoch, sequence, fragment, bytes: datagram.subarray(at, end) };
}

/** A handshake record of epoch 0. */
export function writeHandshakeRecord(sequence: number, fragment: Buffer): Buffer {
  const header = Buffer.alloc(RECORD_HEADER);
  header.writeUInt8(HANDSHAKE, 0);
  header.writeUInt16BE(DTLS_1_2, 1);
  header.writeUIntBE(sequence, 5, 6);
  header.writeUInt16BE(fragment.length, 11);
  return Buffer.concat([header, fragment]);
}
