/** Delivery in real time of what could be had at once: files, HTTP. */
import { fromMs, type Micros, micros, minus, plus } from '../time.ts';

/** Later than this, the timeline moves instead of a burst making up for it. */
const MAX_LATE = fromMs(100);
/** A frame due later than this is not waited for: its timestamp jumped. */
const MAX_WAIT = fromMs(10_000);

/**
 * Says when each frame is due: at the pace of its timestamps, counted from the first one, so that
 * nothing drifts.
 */
export class RealtimePacing {
  readonly #speed: number;
  #first: { readonly pts: Micros; readonly at: Micros } | undefined;

  /**
   * @param speed of the stamps against time. A little above one, what waits unread at a live
   * source melts away, whatever its clock does.
   */
  constructor(speed = 1) {
    this.#speed = speed;
  }

  /**
   * When the frame of `pts` is to be delivered, never before `now`. A late reader starts a new
   * count from here.
   */
  due(pts: Micros, now: Micros): Micros {
    const due = this.#dueOf(pts) ?? now;
    const late = minus(now, due);
    if (this.#first === undefined || late > MAX_LATE || late < -MAX_WAIT) {
      this.#first = { pts, at: now };
      return now;
    }
    return late > 0 ? now : due;
  }

  #dueOf(pts: Micros): Micros | undefined {
    return this.#first && plus(this.#first.at, micros(minus(pts, this.#first.pts) / this.#speed));
  }
}
