/**
 * Handshake messages out of their fragments (RFC 6347 section 4.2.3), with bounds on bytes and
 * messages, and in time linear in the bytes that come. Pure.
 */
import { ByteReader } from './byte-reader.ts';

/** Bytes of a message without its header. A certificate has about 1000, a chain a few thousand. */
export const MAX_MESSAGE_BYTES = 16_384;
/** Messages that may be in the making: a flight has six. */
const MAX_AHEAD = 8;
/** Bytes of all messages in the making. */
const MAX_BUFFERED_BYTES = 32_768;

/** Bytes of a message's header. */
const MESSAGE_HEADER = 12;

/** A whole message. */
export interface HandshakeMessage {
  readonly type: number;
  readonly sequence: number;
  readonly body: Buffer;
  /** As one fragment: what is hashed and signed. */
  readonly bytes: Buffer;
}

/** A piece of a message. */
export interface HandshakeFragment {
  readonly type: number;
  /** Of the whole message. */
  readonly length: number;
  readonly sequence: number;
  readonly offset: number;
  readonly body: Buffer;
}

/**
 * The fragments in a record of epoch 0, or decrypted.
 * @throws Malformed
 */
export function readFragments(plaintext: Buffer): HandshakeFragment[] {
  const reader = new ByteReader(plaintext);
  const fragments: HandshakeFragment[] = [];
  while (reader.left > 0) {
    const type = reader.uint(1);
    const length = reader.uint(3);
    const sequence = reader.uint(2);
    const offset = reader.uint(3);
    fragments.push({ type, length, sequence, offset, body: reader.vector(3) });
  }
  return fragments;
}

/** The message with `body` in one piece. */
export function writeMessage(type: number, sequence: number, body: Buffer): HandshakeMessage {
  const header = Buffer.alloc(MESSAGE_HEADER);
  header.writeUInt8(type, 0);
  header.writeUIntBE(body.length, 1, 3);
  header.writeUInt16BE(sequence, 4);
  header.writeUIntBE(body.length, 9, 3);
  return { type, sequence, body, bytes: Buffer.concat([header, body]) };
}

interface Partial {
  readonly type: number;
  readonly body: Buffer;
  /** 1 for each byte that has come. */
  readonly come: Uint8Array;
  missing: number;
}

/** What became of a fragment: kept, of a message that was taken before, or refused. */
export type FragmentFate = 'kept' | 'repeated' | 'too-long' | 'unexpected' | 'malformed';

/** Puts the messages of one direction together, in order of their numbers. */
export class Reassembler {
  readonly #partials = new Map<number, Partial>();
  #next: number;
  #buffered = 0;

  /** @param next number of the first message. */
  constructor(next = 0) {
    this.#next = next;
  }

  /** Number of the message that is waited for. */
  get next(): number {
    return this.#next;
  }

  /** Bytes held. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Takes a fragment. Of two that disagree on their message the later counts. */
  push({ type, length, sequence, offset, body }: HandshakeFragment): FragmentFate {
    if (sequence < this.#next) return 'repeated';
    if (sequence >= this.#next + MAX_AHEAD) return 'unexpected';
    if (length > MAX_MESSAGE_BYTES) return 'too-long';
    if (offset + body.length > length || (body.length === 0 && length > 0)) return 'malformed';
    let partial = this.#partials.get(sequence);
    if (partial && (partial.type !== type || partial.body.length !== length)) {
      this.#forget(sequence);
      partial = undefined;
    }
    if (!partial) {
      if (this.#buffered + length > MAX_BUFFERED_BYTES) return 'too-long';
      partial = { type, body: Buffer.alloc(length), come: new Uint8Array(length), missing: length };
      this.#partials.set(sequence, partial);
      this.#buffered += length;
    }
    body.copy(partial.body, offset);
    for (let at = offset; at < offset + body.length; at += 1) {
      if (partial.come[at] === 1) continue;
      partial.come[at] = 1;
      partial.missing -= 1;
    }
    return 'kept';
  }

  /** The message of a number when all of it is there. It stays. */
  whole(sequence = this.#next): HandshakeMessage | undefined {
    const partial = this.#partials.get(sequence);
    if (!partial || partial.missing > 0) return undefined;
    return writeMessage(partial.type, sequence, partial.body);
  }

  /** Forgets what came of a message that was not as it should be: another may come in its place. */
  reject(sequence: number): void {
    this.#forget(sequence);
  }

  /** The message of this number, and all before it, are done with. */
  accept(sequence: number): void {
    this.#next = sequence + 1;
    for (const held of [...this.#partials.keys()]) if (held < this.#next) this.#forget(held);
  }

  #forget(sequence: number): void {
    this.#buffered -= this.#partials.get(sequence)?.body.length ?? 0;
    this.#partials.delete(sequence);
  }
}
