/** Delivery in real time of what could be had at once: files, HTTP. */
import { fromMs, type Micros, minus, plus } from '../time.ts';

/** Later than this, the timeline moves instead of a burst making up for it. */
const MAX_LATE = fromMs(100);
/** A frame due later than this is not waited for: its timestamp jumped. */
const MAX_WAIT = fromMs(10_000);

/**
 * Says when each frame is due: at the pace of its timestamps, counted from the first one, so that
 * nothing drifts.
 */
export class RealtimePacing {
  #offset: Micros | undefined;

  /**
   * When the frame of `pts` is to be delivered, never before `now`. A late reader starts a new
   * count from here.
   */
  due(pts: Micros, now: Micros): Micros {
    const due = this.#offset === undefined ? now : plus(pts, this.#offset);
    const late = minus(now, due);
    if (this.#offset === undefined || late > MAX_LATE || late < -MAX_WAIT) {
      this.#offset = minus(now, pts);
      return now;
    }
    return late > 0 ? now : due;
  }
}
