/**
 * How long output is held back so that interpolated frames are ready in time: the floor plus what
 * this machine needs. Pure.
 */
import { SlidingQuantile } from '../sliding-quantile.ts';
import { fromMs, type Micros, micros, minus, plus, ZERO } from '../time.ts';

/** Options of {@link DelayControl}. */
export interface DelayControlOptions {
  /**
   * Most that a source frame may be held back, the floor included. Absent: the floor and {@link
   * DEFAULT_HEADROOM}.
   */
  readonly budget?: Micros;
}

/** What is allowed beyond the floor where no budget is given. */
export const DEFAULT_HEADROOM: Micros = fromMs(40);

/** Measured needs that are remembered. */
const WINDOW = 512;
/** The share of slots that must be ready in time. */
const QUANTILE = 0.98;
/** Added to the measured need. */
const MARGIN = fromMs(0.5);
/** Least that is added to the floor: jitter of timers and network. */
const MIN_EXTRA = fromMs(8);
/** Added until enough needs have been measured: the engine is cold. */
const START = fromMs(40);
/** Needs between two looks at the quantile. */
const STRIDE = 16;
/**
 * The first needs, which are those of a cold machine: they count until there are so many, and never
 * after.
 */
const COLD = 64;

/**
 * Chooses the pacer's delay from the delays that past slots would have needed. Starts at {@link
 * START} and settles at the measured need; never above the budget: what needs longer is repeated,
 * not waited for.
 */
export class DelayControl {
  readonly #budget: Micros | undefined;
  readonly #needs = new SlidingQuantile({ capacity: WINDOW });
  #count = 0;
  #cold = true;
  #need: number | undefined;

  constructor(options: DelayControlOptions) {
    this.#budget = options.budget;
  }

  /**
   * A slot's frame was ready after it would have needed `need` of delay beyond the floor (negative:
   * it had time to spare).
   */
  observe(need: Micros): void {
    this.#needs.observe(need);
    this.#count += 1;
    if (this.#cold && this.#count === COLD) {
      this.#cold = false;
      this.#count = 0;
      this.#needs.clear();
    }
    if (this.#count % STRIDE !== 0 || this.#count < 2 * STRIDE) return;
    // Of few needs the largest would be far above the quantile: it is left out.
    this.#need = this.#needs.nth(Math.ceil(this.#needs.size * QUANTILE) - 2);
  }

  /** Forgets what was measured: the work on a pair has changed. */
  forget(): void {
    this.#needs.clear();
    this.#count = 0;
    this.#cold = true;
    this.#need = undefined;
  }

  /** A gap was not interpolated for lack of time: it would have needed more than there is. */
  missed(): void {
    // Beyond any budget; a branded infinity is no whole number, but is only compared.
    this.observe(Number.POSITIVE_INFINITY as Micros);
  }

  /** The most that a source frame may be held back. */
  budget(floor: Micros): Micros {
    return this.#budget ?? plus(floor, DEFAULT_HEADROOM);
  }

  /**
   * What the budget leaves beyond the floor; negative where nothing can be interpolated within it.
   * @param jitter what the pacer holds back to smooth arrivals: part of the budget, as far as an
   * even cadence can spare it.
   */
  headroom(floor: Micros, jitter: Micros = ZERO): Micros {
    const whole = minus(this.budget(floor), floor);
    // Below nothing: frames are carried on, in the time until they are due, which the smoothing of
    // arrivals only makes longer.
    if (floor < 0) return whole;
    return micros(Math.max(Math.min(whole, MIN_EXTRA), whole - jitter));
  }

  /**
   * The whole delay: the floor, and the measured need with its margin as far as the budget goes.
   * @param settled false: all of the budget, because the need is about to change (the ladder tries
   * a better rung).
   * @param jitter as for {@link headroom}.
   */
  delay(floor: Micros, settled = true, jitter: Micros = ZERO): Micros {
    const headroom = this.headroom(floor, jitter);
    if (headroom < 0 || !settled) return plus(floor, headroom);
    if (this.#need === undefined) return micros(Math.max(0, floor + Math.min(headroom, START)));
    const extra = Math.min(Math.max(this.#need + MARGIN, MIN_EXTRA), headroom);
    return micros(Math.max(0, floor + extra));
  }
}
