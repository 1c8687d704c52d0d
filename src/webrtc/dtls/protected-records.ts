/**
 * Records that came under the keys of a handshake: AES-128-GCM (RFC 5288), each once (RFC 6347
 * section 4.1.2.6). Pure.
 */
import { createDecipheriv } from 'node:crypto';
import { type DtlsRecord, RECORD_HEADER } from './record.ts';
import { ReplayWindow } from './replay-window.ts';

/** The peer's key, and the part of the nonce that stays. */
export interface WriteKey {
  readonly key: Buffer;
  /** 4 bytes. */
  readonly salt: Buffer;
}

const EXPLICIT_NONCE = 8;
const TAG = 16;
/** Records that may overtake one another. */
const WINDOW = 64;

/** What opening a record gave. */
export type Opened = { readonly plaintext: Buffer } | { readonly refused: 'decrypt' | 'replay' };

/** Opens records of one epoch. */
export class ProtectedRecords {
  readonly #writeKey: WriteKey;
  readonly #come = new ReplayWindow(WINDOW);

  constructor(writeKey: WriteKey) {
    this.#writeKey = writeKey;
  }

  /** A record's plaintext. Only one that is genuine and new counts as come. */
  open(record: DtlsRecord): Opened {
    if (this.#come.has(record.sequence)) return { refused: 'replay' };
    const plaintext = this.#decrypt(record);
    if (!plaintext) return { refused: 'decrypt' };
    this.#come.note(record.sequence);
    return { plaintext };
  }

  #decrypt({ bytes, fragment }: DtlsRecord): Buffer | undefined {
    const length = fragment.length - EXPLICIT_NONCE - TAG;
    if (length < 0) return undefined;
    const { key, salt } = this.#writeKey;
    // Epoch and number, type, version: RFC 5246 section 6.2.3.3.
    const additional = Buffer.alloc(RECORD_HEADER);
    bytes.copy(additional, 0, 3, 11);
    bytes.copy(additional, 8, 0, 3);
    additional.writeUInt16BE(length, 11);
    const nonce = Buffer.concat([salt, fragment.subarray(0, EXPLICIT_NONCE)]);
    const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: TAG });
    decipher.setAuthTag(fragment.subarray(EXPLICIT_NONCE + length));
    decipher.setAAD(additional);
    const plaintext = decipher.update(fragment.subarray(EXPLICIT_NONCE, EXPLICIT_NONCE + length));
    try {
      decipher.final();
      return plaintext;
    } catch {
      return undefined;
    }
  }
}
