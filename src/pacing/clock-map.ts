/**
 * Maps the source's timeline to the monotonic clock: slews with drift, ignores jitter and outliers,
 * steps when the timeline jumps. The words are NTP's. Pure.
 */
import { SlidingQuantile } from '../sliding-quantile.ts';
import { type Micros, micros } from '../time.ts';

/** Samples looked back on: about 4 s at 60 fps, 17 s at 15. */
const WINDOW = 256;
/** Oldest sample that counts. */
const WINDOW_SPAN = 4_000_000;
/** Of the delays seen, the share that shall arrive before their mapped time. */
const QUANTILE = 0.9;
/** The share whose delay counts as the fastest: single early frames do not. */
const FASTEST = 0.05;
/** The quantile is taken anew after this many samples. */
const REFRESH = 8;
/** A sample further off than this is an outlier: no jitter, but a stall, a backlog or a jump. */
const OUTLIER = 200_000;
/** Outliers that agree for this long and this often are the new truth. */
const OUTLIER_SPAN = 300_000;
const OUTLIER_COUNT = 4;
/**
 * While it acquires, the mapping follows the fastest sample at once: servers open with a backlog.
 */
const ACQUIRE_SPAN = 1_000_000;
/**
 * Frames that arrive closer together than this share of their PTS distance came in one burst and
 * count as one sample, the last.
 */
const BURST = 0.25;
/**
 * Fastest slew: 5 % when more delay is needed (frames would be late), 2 % when there is too much.
 */
const RISE = 0.05;
const FALL = 0.02;
/** Time constant of the mapping's slew. */
const SETTLE = 1_000_000;

/**
 * `current`, moved towards `target` for `elapsed` microseconds at the permitted rate, slower when
 * it is near: `settle` microseconds from the end.
 */
export function slew(current: number, target: number, elapsed: number, settle = SETTLE): number {
  const error = target - current;
  const rate = Math.min(RISE, Math.max(-FALL, error / settle));
  const step = rate * elapsed;
  return Math.abs(step) >= Math.abs(error) ? target : current + step;
}

/** What {@link ClockMap.observe} found out. */
export type ClockChange =
  /** The mapping holds, slewed a little at most. */
  | { readonly kind: 'steady' }
  /** The mapping was stepped; it is right for PTS from `from` on, older slots keep the old one. */
  | { readonly kind: 'step'; readonly from: Micros };

const STEADY: ClockChange = { kind: 'steady' };

/** Keeps the offset arrival − PTS, jitter allowance included. */
export class ClockMap {
  #offset: number | undefined;
  #lastPts = 0;
  #lastArrival = 0;
  #steppedAt = 0;
  #target = 0;
  #fastest = 0;
  #sinceRefresh = 0;
  readonly #delays = new SlidingQuantile({ capacity: WINDOW, span: WINDOW_SPAN });
  /** Samples since the last step. */
  #count = 0;
  #outliers = 0;
  #outlierFirstPts = 0;
  #outlierFirstArrival = 0;
  #outlierLow = 0;
  #outlierHigh = 0;

  /** Learns that the source frame at `pts` arrived at `arrival`. */
  observe(pts: Micros, arrival: Micros, discontinuity: boolean): ClockChange {
    const delay = arrival - pts;
    const offset = this.#offset;
    if (offset === undefined) return this.#step(pts, arrival, delay);
    const off = delay - offset;
    const backwards = pts <= this.#lastPts;
    const elapsed = Math.max(0, arrival - this.#lastArrival);
    const burst = elapsed < BURST * (pts - this.#lastPts);
    this.#lastPts = pts;
    this.#lastArrival = arrival;
    if (Math.abs(off) > OUTLIER) {
      if (discontinuity || backwards) return this.#step(pts, arrival, delay);
      return this.#outlier(pts, arrival, delay);
    }
    this.#outliers = 0;
    if (arrival - this.#steppedAt < ACQUIRE_SPAN) {
      if (off < 0) this.#offset = delay;
      this.#target = this.#offset ?? delay;
      this.#fastest = this.#target;
      return STEADY;
    }
    this.#add(delay, arrival, burst);
    this.#offset = slew(offset, this.#target, elapsed);
    return STEADY;
  }

  /**
   * Microseconds from PTS to mapped time, without the pacing delay; fractional.
   * @throws RangeError before the first frame.
   */
  get offset(): number {
    if (this.#offset === undefined) throw new RangeError('no frame observed yet');
    return this.#offset;
  }

  /**
   * How much later than the fastest sample of the last seconds the mapping is: the jitter that it
   * smooths.
   */
  get allowance(): number {
    return Math.max(0, this.offset - this.#fastest);
  }

  /** True once a frame has been observed. */
  get synchronized(): boolean {
    return this.#offset !== undefined;
  }

  /** Forgets everything. */
  reset(): void {
    this.#offset = undefined;
    this.#delays.clear();
    this.#count = 0;
    this.#outliers = 0;
  }

  #step(pts: number, arrival: number, delay: number): ClockChange {
    this.#offset = delay;
    this.#target = delay;
    this.#fastest = delay;
    this.#steppedAt = arrival;
    this.#lastPts = pts;
    this.#lastArrival = arrival;
    this.#delays.clear();
    this.#count = 0;
    this.#sinceRefresh = 0;
    this.#outliers = 0;
    return { kind: 'step', from: micros(pts) };
  }

  #outlier(pts: number, arrival: number, delay: number): ClockChange {
    const low = Math.min(this.#outlierLow, delay);
    const high = Math.max(this.#outlierHigh, delay);
    if (this.#outliers === 0 || high - low > OUTLIER) {
      this.#outliers = 1;
      this.#outlierFirstPts = pts;
      this.#outlierFirstArrival = arrival;
      this.#outlierLow = delay;
      this.#outlierHigh = delay;
      return STEADY;
    }
    this.#outliers += 1;
    this.#outlierLow = low;
    this.#outlierHigh = high;
    if (this.#outliers < OUTLIER_COUNT || arrival - this.#outlierFirstArrival < OUTLIER_SPAN) return STEADY;
    const from = this.#outlierFirstPts;
    this.#step(pts, arrival, delay);
    return { kind: 'step', from: micros(from) };
  }

  #add(delay: number, arrival: number, burst: boolean): void {
    if (burst) this.#delays.replace(delay, arrival);
    else this.#delays.observe(delay, arrival);
    if (!burst || this.#count === 0) this.#count += 1;
    this.#sinceRefresh += 1;
    if (this.#sinceRefresh < REFRESH && this.#count > REFRESH) return;
    this.#sinceRefresh = 0;
    const { size } = this.#delays;
    this.#fastest = this.#delays.nth(Math.floor(size * FASTEST)) ?? delay;
    this.#target = this.#delays.nth(Math.min(size - 1, Math.floor(size * QUANTILE))) ?? delay;
  }
}
