/** How long output is held back so that interpolated frames are ready in time: the floor plus what this machine needs. Pure. */
import { fromMs, type Micros, micros, plus } from './time.ts';

/** Options of {@link DelayControl}. */
export interface DelayControlOptions {
  /** Most that may be added to the floor. */
  readonly budget: Micros;
}

/** Measured needs that are remembered. */
const WINDOW = 512;
/** The share of slots that must be ready in time. */
const QUANTILE = 0.985;
/** Added to the measured need. */
const MARGIN = fromMs(2);
/** Least that is added to the floor: jitter of timers and network. */
const LEAST = fromMs(8);
/** Added until enough needs have been measured: the engine is cold. */
const START = fromMs(40);
/** Needs between two looks at the quantile. */
const STRIDE = 16;

/**
 * Chooses the pacer's delay from the delays that past slots would have needed. Starts at {@link START} and settles at the measured need; never above floor + budget: what needs longer is repeated, not waited for.
 */
export class DelayControl {
  readonly #budget: Micros;
  readonly #needs = new Float64Array(WINDOW);
  readonly #sorted = new Float64Array(WINDOW);
  #count = 0;
  #need: number | undefined;

  constructor(options: DelayControlOptions) {
    this.#budget = options.budget;
  }

  /** A slot's frame was ready after it would have needed `need` of delay beyond the floor (negative: it had time to spare). */
  observe(need: Micros): void {
    this.#needs[this.#count % WINDOW] = need;
    this.#count += 1;
    if (this.#count % STRIDE !== 0) return;
    const filled = Math.min(this.#count, WINDOW);
    this.#sorted.fill(Number.POSITIVE_INFINITY);
    this.#sorted.set(this.#needs.subarray(0, filled));
    this.#sorted.sort();
    this.#need = this.#sorted[Math.min(filled - 1, Math.floor(filled * QUANTILE))];
  }

  /** A gap was not interpolated for lack of time: it would have needed more than there is. */
  missed(): void {
    this.observe(plus(this.#budget, MARGIN));
  }

  /** The whole delay: the floor, and the measured need with its margin as far as the budget goes. */
  delay(floor: Micros): Micros {
    if (this.#need === undefined || this.#count < 2 * STRIDE) return micros(floor + Math.min(this.#budget, START));
    const extra = Math.min(Math.max(this.#need + MARGIN, LEAST), this.#budget);
    return micros(floor + extra);
  }
}
