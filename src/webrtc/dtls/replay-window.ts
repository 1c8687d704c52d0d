/** Which numbered packets have come (RFC 6347 section 4.1.2.6, RFC 3711 section 3.3.2). Pure. */

/** Remembers the last numbers; what is older than them counts as come. Allocates nothing for a packet. */
export class ReplayWindow {
  readonly #size: number;
  /** 1 for each number of the window that has come, at its remainder. */
  readonly #come: Uint8Array;
  #last = -1;

  /** @param size numbers that packets may overtake one another by. */
  constructor(size: number) {
    this.#size = size;
    this.#come = new Uint8Array(size);
  }

  /** True for a number that has come, or is too old to tell. */
  has(number: number): boolean {
    const age = this.#last - number;
    return age >= this.#size || (age >= 0 && this.#come[number % this.#size] === 1);
  }

  /** The packet of a number has come and is genuine. */
  note(number: number): void {
    if (this.#last - number >= this.#size) return;
    if (number - this.#last >= this.#size) this.#come.fill(0);
    else for (let skipped = this.#last + 1; skipped < number; skipped += 1) this.#come[skipped % this.#size] = 0;
    this.#come[number % this.#size] = 1;
    if (number > this.#last) this.#last = number;
  }
}
