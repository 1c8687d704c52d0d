/** NUT's elements out of bytes: numbers of variable length, runs of bytes. Pure. */
import { FrameliftError } from '../../errors.ts';

/** Thrown when the bytes end before the element does: try again with more. */
export const MORE = Symbol('more');

/** A place in bytes, moving forward. Every method throws {@link MORE} where the bytes end. */
export class NutBytes {
  readonly #bytes: Buffer;
  /** Where the next element begins. */
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The next byte, without going past it. */
  peek(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw MORE;
    return byte;
  }

  /** The next `count` bytes: a view. */
  take(count: number): Buffer {
    const end = this.at + count;
    if (end > this.#bytes.length) throw MORE;
    const bytes = this.#bytes.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  /**
   * An unsigned number, seven bits a byte, most significant first.
   * @throws FrameliftError when it is beyond 2^53.
   */
  unsigned(): number {
    let value = 0;
    for (;;) {
      const byte = this.peek();
      this.at += 1;
      value = value * 128 + (byte & 127);
      if (byte < 128) return value;
      if (value > Number.MAX_SAFE_INTEGER / 128) throw broken('a number is too large');
    }
  }

  /** A signed number. */
  signed(): number {
    const value = this.unsigned() + 1;
    return value % 2 === 1 ? -Math.floor(value / 2) : value / 2;
  }
}

/** `source.protocol`: this is not the NUT that ffmpeg writes. */
export function broken(what: string): FrameliftError {
  return new FrameliftError('source.protocol', `ffmpeg's output is not the NUT stream it should be: ${what}`, {
    recoverable: true,
  });
}
