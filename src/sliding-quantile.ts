/** Quantiles of the last values that were observed: delays, needs, spans. Pure. */

/** Options of {@link SlidingQuantile}. */
export interface SlidingQuantileOptions {
  /** Most values that count; the oldest gives way. */
  readonly capacity: number;
  /**
   * Values observed longer than this before the newest one do not count. Absent: age does not
   * matter.
   */
  readonly span?: number;
}

/**
 * A window of values that is always in order. Observing moves numbers within preallocated arrays
 * (O(capacity), a few hundred bytes), asking is a look-up; neither allocates. Values may be
 * infinite, but not NaN.
 */
export class SlidingQuantile {
  readonly #capacity: number;
  readonly #span: number;
  /** By age, in a ring. */
  readonly #values: Float64Array;
  readonly #times: Float64Array;
  /** By size; the first {@link size} count. */
  readonly #sorted: Float64Array;
  #oldest = 0;
  #size = 0;

  constructor({ capacity, span = Number.POSITIVE_INFINITY }: SlidingQuantileOptions) {
    this.#capacity = capacity;
    this.#span = span;
    this.#values = new Float64Array(capacity);
    this.#times = new Float64Array(capacity);
    this.#sorted = new Float64Array(capacity);
  }

  /** Values that count. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes a value.
   * @param at when it was measured, never before the one before it; matters only where there is a
   * span.
   */
  observe(value: number, at = 0): void {
    while (this.#size > 0 && at - this.#time(0) > this.#span) this.#forget(0);
    if (this.#size === this.#capacity) this.#forget(0);
    const place = (this.#oldest + this.#size) % this.#capacity;
    this.#values[place] = value;
    this.#times[place] = at;
    const rank = this.#rankOf(value);
    this.#sorted.copyWithin(rank + 1, rank, this.#size);
    this.#sorted[rank] = value;
    this.#size += 1;
  }

  /** Takes a value in place of the newest one. */
  replace(value: number, at = 0): void {
    if (this.#size > 0) this.#forget(this.#size - 1);
    this.observe(value, at);
  }

  /**
   * The smallest value at rank 0, the largest at {@link size} − 1; undefined for any other rank.
   */
  nth(rank: number): number | undefined {
    return rank < this.#size ? this.#sorted[rank] : undefined;
  }

  /**
   * The value that this share (0…1) of the distance from the smallest to the largest rank leads to;
   * undefined without values.
   */
  quantile(share: number): number | undefined {
    return this.nth(Math.floor(Math.max(0, this.#size - 1) * share));
  }

  /** Forgets all values. */
  clear(): void {
    this.#size = 0;
  }

  #time(age: number): number {
    return this.#times[(this.#oldest + age) % this.#capacity] ?? 0;
  }

  /** @param age 0 for the oldest value, or that of the newest: those between stay. */
  #forget(age: number): void {
    const value = this.#values[(this.#oldest + age) % this.#capacity] ?? 0;
    const rank = this.#rankOf(value);
    this.#sorted.copyWithin(rank, rank + 1, this.#size);
    if (age === 0) this.#oldest = (this.#oldest + 1) % this.#capacity;
    this.#size -= 1;
  }

  /** How many values are smaller. */
  #rankOf(value: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
