/** Bits of coded media: fixed lengths, and Exp-Golomb codes of NAL units (H.264, sections 7.2 and 9.1). Pure. */

/** Reads from the beginning. Behind the end all bits are zero, and {@link BitReader.exhausted} says so. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @param bytes of a NAL unit {@link withoutEmulation}. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** More was read than there is. */
  get exhausted(): boolean {
    return this.#at > this.#bytes.length * 8;
  }

  /** One bit. */
  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** @param count of bits, 32 at most. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i += 1) {
      const byte = this.#bytes[this.#at >> 3] ?? 0;
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
      this.#at += 1;
    }
    return value;
  }

  /** ue(v). 0 where there is none. */
  unsigned(): number {
    let zeros = 0;
    while (zeros < 32 && !this.exhausted && !this.flag()) zeros += 1;
    return zeros >= 32 || this.exhausted ? 0 : 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v). */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}

/** A NAL unit without the 3 that stands behind two zeros (emulation_prevention_three_byte). */
export function withoutEmulation(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  let zeros = 0;
  for (const byte of bytes) {
    const emulation = zeros >= 2 && byte === 3;
    zeros = byte === 0 ? zeros + 1 : 0;
    if (!emulation) out[length++] = byte;
  }
  return out.subarray(0, length);
}
