/** Finds out that the latency stays larger than anything needs. Pure. */
import { fromMs, type Micros } from '../time.ts';

/** Beyond the budget: jitter and stalls may take so much for a while. */
const TOLERANCE = fromMs(250);
/** Frames in a row must be late for so long: a stall passes. */
const LASTING = fromMs(1500);

/** Watches the latency of source frames, from arrival to the release that is planned. */
export class LatencyGuard {
  #since: Micros | undefined;

  /**
   * Takes the latency of the source frame that is planned at `now`.
   * @param budget the most that it should be.
   * @returns true, once, when all frames have been later than that for too long.
   */
  exceeded(latency: Micros, budget: Micros, now: Micros): boolean {
    if (latency <= budget + TOLERANCE) {
      this.#since = undefined;
      return false;
    }
    this.#since ??= now;
    if (now - this.#since < LASTING) return false;
    this.#since = undefined;
    return true;
  }
}
