/** Times of output frames as whole ticks of a stream's time base. Pure. */
import { type Micros, micros } from '../../time.ts';

/** A fraction of whole numbers. */
interface Fraction {
  readonly num: number;
  readonly den: number;
}

/** Ticks a second, or more: finer than a microsecond's rounding can be heard or seen in any container. */
const MIN_TICKS = 90_000;
/** What is this close to a point of the rate's grid, microseconds, is meant to be on it. */
const ROUNDING = 1;
const MICROSECONDS = 1_000_000;

/** From microseconds to ticks in which every point of a rate's grid is a whole number: 1001/60000 s is 2002 ticks. */
export class TickClock {
  /** Seconds of one tick. */
  readonly base: Fraction;
  /** Frames per second in lowest terms. */
  readonly fps: Fraction;
  /** Ticks of one frame. */
  readonly interval: number;

  /** True where a tick is one frame. */
  readonly constantRate: boolean;

  /** @param constantRate a tick is one frame: for containers that count frames instead of time. */
  constructor(fps: Fraction, constantRate: boolean) {
    this.constantRate = constantRate;
    const common = divisor(fps.num, fps.den);
    this.fps = { num: fps.num / common, den: fps.den / common };
    const { num, den } = this.fps;
    const parts = constantRate ? 1 : Math.ceil(MIN_TICKS / num);
    this.base = constantRate ? { num: den, den: num } : { num: 1, den: num * parts };
    this.interval = constantRate ? 1 : den * parts;
  }

  /** Microseconds of a tick, rounded. */
  micros(tick: bigint): Micros {
    return micros((Number(tick) * this.base.num * MICROSECONDS) / this.base.den);
  }

  /** Ticks from time 0 to `at`: exact for points of the grid, which microseconds only round. */
  of(at: Micros): bigint {
    const { num, den } = this.fps;
    const frame = Math.round(at * (num / den / MICROSECONDS));
    const point = (frame * den * MICROSECONDS) / num;
    if (Math.abs(at - point) <= ROUNDING) return BigInt(frame) * BigInt(this.interval);
    return BigInt(Math.round((at / MICROSECONDS) * (this.base.den / this.base.num)));
  }
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
