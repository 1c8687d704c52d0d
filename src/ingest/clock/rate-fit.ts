/**
 * How fast the stamps of a source run against the arrival of its frames. Robust against jitter,
 * bursts, stalls and a single step: the median of the slopes between samples a quarter of the
 * window apart (after Theil and Sen). Pure.
 */
import type { Micros } from '../../time.ts';

/** Frames that arrive within this are one sample: the one that came earliest for its stamp. */
const SAMPLE_SPAN = 100_000;
/** Samples looked back on: 4 s, longer where there are fewer than ten frames a second. */
const WINDOW = 40;
/** The least that says anything: so many samples over so long a time. */
const MIN_SAMPLES = 6;
const MIN_SPAN = 500_000;
/** Distance of two samples that make a slope: a share of the window, at least so many samples. */
const LAG_SHARE = 4;
const MIN_LAG = 2;
/** Standard deviation of what a median absolute deviation belongs to, and error of a median. */
const DEVIATION = 1.4826;
const MEDIAN_ERROR = 1.2533;

/** What was found. */
export interface Drift {
  /** Time by which the delay grows in a unit of time: 0 where stamps and arrivals agree. */
  readonly drift: number;
  /** Standard error of it. */
  readonly error: number;
  /** Samples it was found from, and the time that they span. */
  readonly samples: number;
  readonly span: number;
}

interface Sample {
  readonly opened: number;
  arrival: number;
  stamp: number;
}

/** A window of stamps and arrivals. Capacity: 40 samples; policy: the oldest is forgotten. */
export class RateFit {
  readonly #samples: Sample[] = [];

  /**
   * Takes a frame. True when a sample was completed, which is when {@link drift} may have changed.
   * @param rate real time in a unit of the stamps, as known so far.
   */
  observe(stamp: number, arrival: Micros, rate: number): boolean {
    const last = this.#samples.at(-1);
    if (!last || arrival - last.opened >= SAMPLE_SPAN) {
      this.#samples.push({ opened: arrival, arrival, stamp });
      if (this.#samples.length > WINDOW + 1) this.#samples.shift();
      return last !== undefined;
    }
    if (arrival - stamp * rate < last.arrival - last.stamp * rate) {
      last.arrival = arrival;
      last.stamp = stamp;
    }
    return false;
  }

  /** True when the window is full: what it says will not become surer. */
  get full(): boolean {
    return this.#samples.length > WINDOW;
  }

  /** Forgets the samples before `arrival`. */
  forget(before = Number.POSITIVE_INFINITY): void {
    const keep = this.#samples.findIndex((sample) => sample.opened >= before);
    this.#samples.splice(0, keep < 0 ? this.#samples.length : keep);
  }

  /** How delays change at `rate`; undefined while too little is known. The sample that is being taken does not count. */
  drift(rate: number): Drift | undefined {
    const samples = this.#samples.slice(0, -1);
    const [first, last] = [samples[0], samples.at(-1)];
    if (!first || !last || samples.length < MIN_SAMPLES || last.arrival - first.arrival < MIN_SPAN) return undefined;
    const lag = Math.max(MIN_LAG, Math.floor(samples.length / LAG_SHARE));
    const slopes: number[] = [];
    for (let i = lag; i < samples.length; i += 1) {
      const [from, to] = [samples[i - lag], samples[i]];
      if (!from || !to || to.arrival <= from.arrival) continue;
      slopes.push(1 - ((to.stamp - from.stamp) * rate) / (to.arrival - from.arrival));
    }
    const drift = median(slopes);
    const deviation = DEVIATION * median(slopes.map((slope) => Math.abs(slope - drift)));
    // Slopes share samples: there are as many independent ones as the window holds lags.
    const independent = Math.max(1, Math.min(slopes.length, (2 * samples.length) / lag));
    const error = (MEDIAN_ERROR * deviation) / Math.sqrt(independent);
    return { drift, error, samples: samples.length, span: last.arrival - first.arrival };
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
