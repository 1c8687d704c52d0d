/** Sums, rates and percentiles over the last seconds. Preallocated; pure: `now` is passed in. */
import type { Micros } from '../time.ts';

/** A sum over a sliding window, kept in a ring of buckets. */
export class SlidingSum {
  readonly #span: number;
  readonly #buckets: Float64Array;
  /** Number of the bucket that `#at` stands for, counted from time zero; −1 before the first value. */
  #current = -1;
  #first = -1;

  /** @param window length of the window; @param buckets pieces it moves on by. */
  constructor(window: Micros, buckets = 10) {
    this.#span = window / buckets;
    this.#buckets = new Float64Array(buckets + 1);
  }

  /** Adds `value` at `now`. */
  add(value: number, now: Micros): void {
    const bucket = this.#advance(now);
    if (this.#first < 0) this.#first = bucket;
    this.#buckets[bucket % this.#buckets.length]! += value;
  }

  /** The sum over the window, the bucket in progress included. */
  sum(now: Micros): number {
    if (this.#current < 0) return 0;
    this.#advance(now);
    let total = 0;
    for (let i = 0; i < this.#buckets.length; i += 1) total += this.#buckets[i]!;
    return total;
  }

  /** Value per second over the complete buckets of the window, or of what there is of it since the first value. */
  perSecond(now: Micros): number {
    const total = this.sum(now);
    if (this.#current < 0) return 0;
    const open = this.#buckets[this.#current % this.#buckets.length]!;
    const complete = Math.min(this.#buckets.length - 1, this.#current - this.#first);
    return complete === 0 ? 0 : ((total - open) / (complete * this.#span)) * 1e6;
  }

  /** Clears the buckets that time has passed over; returns the number of the present one. */
  #advance(now: Micros): number {
    const bucket = Math.floor(now / this.#span);
    if (this.#current < 0) this.#current = bucket;
    const length = this.#buckets.length;
    for (let passed = 0; this.#current < bucket && passed < length; passed += 1) {
      this.#current += 1;
      this.#buckets[this.#current % length] = 0;
    }
    this.#current = Math.max(this.#current, bucket);
    return this.#current;
  }
}

/** Values with their times, the newest `capacity` of them. */
export class RecentValues {
  readonly #window: Micros;
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  readonly #sorted: Float64Array;
  #count = 0;

  /** @param capacity drop policy: the oldest value goes. */
  constructor(window: Micros, capacity = 512) {
    this.#window = window;
    this.#times = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#sorted = new Float64Array(capacity);
  }

  /** Remembers `value`. */
  add(value: number, now: Micros): void {
    const at = this.#count % this.#times.length;
    this.#times[at] = now;
    this.#values[at] = value;
    this.#count += 1;
  }

  /** Nearest-rank quantiles of the window, in the order of `shares`; undefined when it is empty. */
  quantiles(now: Micros, shares: readonly number[]): number[] | undefined {
    const length = this.#times.length;
    let found = 0;
    for (let i = this.#count - 1; i >= Math.max(0, this.#count - length); i -= 1) {
      if (this.#times[i % length]! < now - this.#window) break;
      this.#sorted[found] = this.#values[i % length]!;
      found += 1;
    }
    if (found === 0) return undefined;
    const sorted = this.#sorted.subarray(0, found).sort();
    return shares.map((share) => sorted[Math.max(0, Math.ceil(share * found) - 1)]!);
  }
}

/** The rate of something that happens at an even cadence, exact without waiting for whole seconds. */
export class Cadence {
  readonly #window: Micros;
  readonly #times: Float64Array;
  #count = 0;

  constructor(window: Micros, capacity = 1024) {
    this.#window = window;
    this.#times = new Float64Array(capacity);
  }

  /** It happened. */
  mark(now: Micros): void {
    this.#times[this.#count % this.#times.length] = now;
    this.#count += 1;
  }

  /**
   * Events per second over the intervals that lie within the window; once the next event is overdue, the time up to now
   * counts too. 0 with fewer than two events.
   */
  perSecond(now: Micros): number {
    const length = this.#times.length;
    const oldest = Math.max(0, this.#count - length);
    let at = this.#count;
    while (at > oldest && this.#times[(at - 1) % length]! >= now - this.#window) at -= 1;
    const intervals = this.#count - 1 - at;
    if (intervals < 1) return 0;
    const start = this.#times[at % length]!;
    const newest = this.#times[(this.#count - 1) % length]!;
    const end = Math.max(newest, now - (newest - start) / intervals);
    return end === start ? 0 : (intervals * 1e6) / (end - start);
  }
}
