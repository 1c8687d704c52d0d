/** Which numbered packets have come (RFC 6347 section 4.1.2.6, RFC 3711 section 3.3.2). Pure. */

/** Remembers the last numbers; what is older than them counts as come. */
export class ReplayWindow {
  readonly #size: number;
  readonly #mask: bigint;
  #last = -1;
  /** Bit n: the number n before the last has come. */
  #come = 0n;

  /** @param size numbers that packets may overtake one another by. */
  constructor(size: number) {
    this.#size = size;
    this.#mask = (1n << BigInt(size)) - 1n;
  }

  /** True for a number that has come, or is too old to tell. */
  has(number: number): boolean {
    const age = this.#last - number;
    return age >= this.#size || (age >= 0 && (this.#come & (1n << BigInt(age))) !== 0n);
  }

  /** The packet of a number has come and is genuine. */
  note(number: number): void {
    const step = number - this.#last;
    if (step <= 0) {
      this.#come |= (1n << BigInt(-step)) & this.#mask;
      return;
    }
    this.#come = step >= this.#size ? 1n : ((this.#come << BigInt(step)) | 1n) & this.#mask;
    this.#last = number;
  }
}
