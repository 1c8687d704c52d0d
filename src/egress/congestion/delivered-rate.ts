/** What arrives at the player, bits per second, by its own clock. Pure. */

/** Microseconds that are looked back over. */
const WINDOW = 500_000;
/** A rate is known after this long. */
const MIN_SPAN = 150_000;

/** The rate of the last half second. */
export class DeliveredRate {
  /** In the order of arrival, but for packets that were overtaken. */
  readonly #packets: { readonly at: number; readonly bytes: number }[] = [];
  #bytes = 0;

  /** A packet arrived. */
  observe(at: number, bytes: number): void {
    const last = this.#packets.at(-1);
    if (last && Math.abs(at - last.at) > 10 * WINDOW) {
      this.#packets.length = 0;
      this.#bytes = 0;
    }
    this.#packets.push({ at, bytes });
    this.#bytes += bytes;
    for (let first = this.#packets[0]; first && at - first.at > WINDOW; first = this.#packets[0]) {
      this.#packets.shift();
      this.#bytes -= first.bytes;
    }
  }

  /** Bits per second; undefined while too little has come. */
  get value(): number | undefined {
    const [first, last] = [this.#packets[0], this.#packets.at(-1)];
    if (!first || !last || last.at - first.at < MIN_SPAN) return undefined;
    return ((this.#bytes - first.bytes) * 8e6) / (last.at - first.at);
  }
}
