/** The exact times that rounded stamps stand for: Matroska's milliseconds at 24000/1001 frames a second. Pure. */
import type { Rational } from '../../media/rate.ts';
import { type Micros, micros } from '../../time.ts';

/** A container's tick that is longer than this share of a frame's interval says nothing between two frames. */
const FINE = 1 / 8;

/**
 * Brings stamps that a container rounded to its ticks back to the even grid of its declared rate, each computed from its
 * number on the grid, so that nothing adds up over hours. A stamp that is off the grid by more than a tick is kept, and
 * begins another grid: files of varying rate keep the times they have.
 */
export class EvenTimes {
  /** Microseconds. */
  readonly #interval: number;
  readonly #tick: number;
  readonly #rounds: boolean;
  #origin: Micros | undefined;
  #last: Micros | undefined;

  /** @param tick length of the container's unit of time. */
  constructor(rate: Rational | undefined, tick: Rational) {
    this.#interval = rate ? (1e6 * rate.den) / rate.num : 0;
    this.#tick = (1e6 * tick.num) / tick.den;
    this.#rounds = this.#interval > 0 && this.#tick > 1 && this.#tick <= this.#interval * FINE;
  }

  /** The time that a stamp stands for. Stamps that increase give times that do. */
  of(stamp: Micros): Micros {
    if (!this.#rounds) return stamp;
    const last = this.#last;
    const origin = this.#origin ?? stamp;
    const at = micros(origin + Math.round((stamp - origin) / this.#interval) * this.#interval);
    const onGrid = Math.abs(at - stamp) <= this.#tick + 1 && (last === undefined || at > last);
    this.#origin = onGrid ? origin : stamp;
    this.#last = onGrid ? at : micros(Math.max(stamp, last === undefined ? stamp : last + 1));
    return this.#last;
  }

  /** The next stamp begins another grid. */
  restart(): void {
    this.#origin = undefined;
  }
}
