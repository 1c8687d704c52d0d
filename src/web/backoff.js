/**
 * Waiting times between attempts to connect: each twice as long as the one before, up to a cap,
 * with jitter.
 */

/** After so many failures the wait no longer grows. */
const MAX_DOUBLINGS = 8;

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
   * Counts a failure. Returns the milliseconds to wait, ±20 %.
   * @param {number} [atLeastMs] the server's own wish, which counts up to the cap
   */
  fail(atLeastMs = 0) {
    const wait = Math.min(this.#capMs, Math.max(this.#firstMs * 2 ** this.#failures, atLeastMs));
    this.#failures = Math.min(this.#failures + 1, MAX_DOUBLINGS);
    return wait * (0.8 + 0.4 * this.#random());
  }
}
