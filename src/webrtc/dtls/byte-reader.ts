/** Reads what a peer wrote, and never beyond its end. Pure. */

/** A message of a peer that is not as its protocol says. Never leaves this folder. */
export class Malformed extends Error {}

/** Reads big-endian numbers and length-prefixed vectors (RFC 5246 section 4) from the front of `bytes`. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /**
   * A number of `size` bytes.
   * @throws Malformed, as all of these do, when fewer are left.
   */
  uint(size: 1 | 2 | 3): number {
    return this.bytes(size).readUIntBE(0, size);
  }

  /** The next `length` bytes, not copied. */
  bytes(length: number): Buffer {
    if (length > this.left) throw new Malformed('cut short');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector behind its length of `size` bytes. */
  vector(size: 1 | 2 | 3): Buffer {
    return this.bytes(this.uint(size));
  }

  /** A vector of numbers of two bytes, behind its length in bytes. */
  numbers(size: 1 | 2): number[] {
    const vector = this.vector(size);
    if (vector.length % 2 !== 0) throw new Malformed('half a number');
    return Array.from({ length: vector.length / 2 }, (_, index) => vector.readUInt16BE(2 * index));
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left > 0) throw new Malformed('more than there should be');
  }
}
