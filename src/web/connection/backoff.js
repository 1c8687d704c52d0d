/**
 * Waiting times between attempts to connect: each twice as long as the one before, up to a cap,
 * with jitter; or as the server wishes.
 */

/** After so many failures the wait no longer grows. */
const MAX_DOUBLINGS = 8;
/** The server's wish counts up to this. */
const MAX_WISH_MS = 60_000;
/** What is added to it by chance: half of it, and no more than this. */
const MAX_WISH_JITTER_MS = 1000;

export class Backoff {
  #firstMs;
  #capMs;
  #random;
  #failures = 0;

  /**
   * @param {number} firstMs wait after the first failure
   * @param {number} capMs longest wait, before jitter
   * @param {() => number} [random] 0…1
   */
  constructor(firstMs, capMs, random = Math.random) {
    this.#firstMs = firstMs;
    this.#capMs = capMs;
    this.#random = random;
  }

  /** Failures since the last success. */
  get failures() {
    return this.#failures;
  }

  /** The next failure waits the shortest time again. */
  reset() {
    this.#failures = 0;
  }

  /**
   * Counts a failure. Returns the milliseconds to wait, ±20 %; where the server says how long, that
   * and up to a second more, since it tells many the same.
   * @param {number} [wishMs] the server's own wish
   */
  fail(wishMs = 0) {
    const wait = Math.min(this.#capMs, this.#firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, MAX_DOUBLINGS);
    if (wishMs > 0) {
      const wish = Math.min(MAX_WISH_MS, wishMs);
      return wish + Math.min(MAX_WISH_JITTER_MS, 0.5 * wish) * this.#random();
    }
    return wait * (0.8 + 0.4 * this.#random());
  }
}
