/**
 * The source's clock, trusted within bounds. As long as stamps and arrivals agree, stamps are taken
 * as they are. Where their rates disagree, stamps are scaled so that they follow the arrivals; where
 * there are none, or they do not advance, frames are placed by their arrival alone, smoothed. Pure.
 */
import { fromMs, type Micros, micros } from '../../time.ts';
import type { ClockFault } from '../source.ts';
import { RateFit } from './rate-fit.ts';

/** A stamp that exceeds the time that passed by more than this is a jump. */
const MAX_RUN_AHEAD = 2_000_000;
/** Frames in a row that are dropped because they are not later than the one before, at most. */
const MAX_LATE = 3;
/** So many of the last frames whose stamps went back, stood still or jumped: stamps are of no use. */
const BAD = 3;
const BAD_WINDOW = 16;
/** Good stamps in a row after which they are trusted again. */
const GOOD_AGAIN = 64;
/** Stands for a step of the stamps where there are none. */
const NOMINAL_STEP = 40_000;
/**
 * Least disagreement that is acted upon: smaller ones the clock map slews away without anybody
 * seeing it. Of few samples it must be more, and once stamps are scaled less.
 */
const MIN_DRIFT = 0.004;
const MIN_DRIFT_OF_FEW = 0.2;
const MIN_DRIFT_SCALED = 0.0005;
const FEW = 8;
/** … and so many times its standard error. */
const SURE = 4;
/** Scales this near to one are one: the clock has been mended. */
const AGREES = 0.001;
/** No clock is that wrong: beyond it frames are placed by arrival. */
const MAX_SCALE = 64;
/** Delays that change by more than this within a window leave no continuous motion. */
const MAX_SHIFT = 100_000;
/** Delays that are off by more than this, for so long and so many frames, are a new truth. */
const OFF = 300_000;
const OFF_SPAN = 300_000;
const OFF_COUNT = 4;
/** Shares of the deviation from the constant delay that are taken back with each frame. */
const PULL_SCALED = 1 / 64;
const PULL_BY_ARRIVAL = 1 / 8;
/** … but no more than this share of the frame's own step. */
const MAX_PULL = 0.25;
/** Frames that come closer together were not filmed so: 240 a second. */
const MIN_INTERVAL = 1_000_000 / 240;
/** Without stamps, a gap of so many steps is a pause, and of so long one that nothing continues. */
const PAUSE_STEPS = 2.5;
const MAX_PAUSE = 500_000;
/** A disagreement that lasts for this long is told. */
const PERSISTENT: Micros = fromMs(5000);

/** Where a frame stands in time. */
export interface Placed {
  /** Grows from frame to frame. */
  readonly pts: Micros;
  readonly discontinuity: boolean;
}

/** Places the frames of one connection, in the order in which they are shown. */
export class SourceClock {
  readonly #fit = new RateFit();
  /** The source says itself that it has no clock. */
  readonly #unstamped: boolean;
  #byArrival: boolean;
  #lastStamp: number | undefined;
  #highestStamp = Number.NEGATIVE_INFINITY;
  #lastArrival = 0;
  #pts = 0;
  /** All steps taken: stamps without their jumps. */
  #stamps = 0;
  /** Real time in a unit of the stamps; undefined: not known, without stamps. */
  #scale: number | undefined;
  /** Arrival minus PTS: smoothed, and what it is kept at while stamps are scaled. */
  #delay = 0;
  #wanted = 0;
  /** Since the start, or since the delay changed: little is known, and every sample counts. */
  #acquiring = true;
  #late = 0;
  #good = 0;
  /** For each of the last frames, whether its stamp was bad. */
  #bad = 0;
  #offSince: number | undefined;
  #offCount = 0;
  #pending = false;
  #shift = 0;
  #distrustedSince: number | undefined;
  #fault: ClockFault | undefined;

  /** @param stamped false: the stamps were invented on the way, and are not looked at. */
  constructor(stamped = true) {
    this.#unstamped = !stamped;
    this.#byArrival = !stamped;
    this.#scale = stamped ? 1 : undefined;
  }

  /** The same object as long as it says the same. */
  get fault(): ClockFault | undefined {
    return this.#fault;
  }

  /**
   * Places the frame with `stamp` that came at `arrival`; `discontinuity`: as its source says.
   * Undefined: it is not later than the one before, and must be dropped.
   */
  place(stamp: Micros, arrival: Micros, discontinuity: boolean): Placed | undefined {
    if (this.#lastStamp === undefined) return this.#first(stamp, arrival, discontinuity);
    const elapsed = Math.max(0, arrival - this.#lastArrival);
    this.#judge(stamp, elapsed);
    this.#lastStamp = stamp;
    // Without stamps a source cannot have jumped: what came in time belongs to what came before.
    this.#pending ||= discontinuity && !(this.#byArrival && elapsed < PAUSE_STEPS * NOMINAL_STEP * (this.#scale ?? 1));
    const step = this.#byArrival ? NOMINAL_STEP : stamp - this.#highestStamp;
    if (step <= 0 && this.#late < MAX_LATE) {
      this.#late += 1;
      return undefined;
    }
    const jumped = step <= 0 || (!this.#byArrival && step > elapsed + MAX_RUN_AHEAD);
    this.#late = 0;
    this.#highestStamp = stamp;
    if (jumped) this.#jump(elapsed);
    else this.#advance(step, elapsed);
    this.#lastArrival = arrival;
    this.#learn(arrival);
    const placed = { pts: micros(this.#pts), discontinuity: this.#pending };
    this.#pending = false;
    return placed;
  }

  #first(stamp: Micros, arrival: Micros, discontinuity: boolean): Placed {
    this.#lastStamp = stamp;
    this.#highestStamp = stamp;
    this.#lastArrival = arrival;
    this.#pts = this.#byArrival ? arrival : stamp;
    this.#delay = arrival - this.#pts;
    this.#wanted = this.#delay;
    this.#fit.observe(0, arrival, this.#scale ?? 1);
    return { pts: micros(this.#pts), discontinuity };
  }

  /** Counts stamps that are of no use, and changes over when there are too many, or none any more. */
  #judge(stamp: Micros, elapsed: number): void {
    if (this.#unstamped) return;
    const step = stamp - (this.#lastStamp ?? 0);
    const bad = step <= 0 || step > elapsed + MAX_RUN_AHEAD;
    this.#bad = ((this.#bad << 1) | (bad ? 1 : 0)) & ((1 << BAD_WINDOW) - 1);
    this.#good = bad ? 0 : this.#good + 1;
    if (!this.#byArrival && ones(this.#bad) >= BAD) this.#use({ byArrival: true });
    else if (this.#byArrival && this.#good >= GOOD_AGAIN) this.#use({ byArrival: false });
  }

  #use({ byArrival }: { readonly byArrival: boolean }): void {
    this.#byArrival = byArrival;
    this.#scale = byArrival ? undefined : 1;
    this.#acquiring = true;
    this.#highestStamp = this.#lastStamp ?? 0;
    this.#late = 0;
    this.#fit.forget();
    this.#wanted = this.#delay;
  }

  #jump(elapsed: number): void {
    this.#pts += Math.max(1, elapsed);
    this.#pending = true;
    this.#fit.forget();
    this.#acquiring = true;
  }

  #advance(step: number, elapsed: number): void {
    this.#stamps += step;
    const scale = this.#scale;
    const own = scale === undefined ? elapsed : step * scale;
    // A backlog that comes at once is no motion, and neither is a step of the clock.
    this.#pending ||= scale === undefined ? elapsed < MIN_INTERVAL : own > elapsed + OFF;
    if (this.#byArrival && scale !== undefined && elapsed > PAUSE_STEPS * own) {
      this.#pts += elapsed;
      this.#pending ||= elapsed > MAX_PAUSE;
      return;
    }
    const shift = this.#shift;
    this.#shift = 0;
    const after = Math.max(1, own + shift + this.#pull(own, elapsed));
    // Without a discontinuity nobody would understand why the steps are uneven.
    this.#pending ||= shift > own / 2;
    this.#pts = scale === 1 ? this.#pts + step + shift : this.#pts + after;
  }

  /** Keeps the delay constant where the stamps alone would not. */
  #pull(own: number, elapsed: number): number {
    if (this.#scale === 1 || this.#scale === undefined) return 0;
    const delay = this.#byArrival ? this.#lastArrival + elapsed - this.#pts - own : this.#delay;
    const pull = (delay - this.#wanted) * (this.#byArrival ? PULL_BY_ARRIVAL : PULL_SCALED);
    return Math.max(-MAX_PULL * own, Math.min(MAX_PULL * own, pull));
  }

  #learn(arrival: Micros): void {
    const delay = arrival - this.#pts;
    this.#watchDelay(delay, arrival);
    const complete = this.#fit.observe(this.#stamps, arrival, this.#scale ?? 1);
    if (!complete) return;
    const limited = Math.max(-OFF, Math.min(OFF, delay - this.#delay));
    this.#delay += limited / 8;
    if (this.#scale === 1) this.#wanted = this.#delay;
    if (this.#acquiring || this.#fit.full) this.#compareRates(delay);
    if (this.#fit.full) this.#acquiring = false;
    this.#tell(arrival);
  }

  /** A delay that is another one for good: what is known of the rate from before does not count. */
  #watchDelay(delay: number, arrival: number): void {
    if (Math.abs(delay - this.#delay) <= OFF) {
      this.#offSince = undefined;
      this.#offCount = 0;
      return;
    }
    this.#offSince ??= arrival;
    this.#offCount += 1;
    if (this.#offCount < OFF_COUNT || arrival - this.#offSince < OFF_SPAN) return;
    if (!this.#acquiring) this.#fit.forget(this.#offSince);
    this.#acquiring = true;
    this.#resetDelay(delay);
  }

  #resetDelay(delay: number): void {
    this.#delay = delay;
    this.#wanted = delay;
    this.#offSince = undefined;
    this.#offCount = 0;
    this.#pending = true;
  }

  #compareRates(delay: number): void {
    const before = this.#scale ?? 1;
    const found = this.#fit.drift(before);
    if (!found || found.drift >= 1) return;
    const { drift, error, samples, span } = found;
    const known = this.#scale !== undefined;
    const least = before !== 1 ? MIN_DRIFT_SCALED : samples < FEW ? MIN_DRIFT_OF_FEW : MIN_DRIFT;
    if (known && Math.abs(drift) < Math.max(least, SURE * error)) return;
    const scale = before / (1 - drift);
    if (!(scale < MAX_SCALE && scale > 1 / MAX_SCALE)) return;
    const agrees = !this.#byArrival && Math.abs(scale - 1) < AGREES;
    this.#scale = agrees ? 1 : scale;
    if (!known) this.#wanted = delay;
    else this.#takeBack(drift * span, delay, before === 1);
  }

  /** What the delay has grown by in the window is made up for; where it has shrunk, the new one counts. */
  #takeBack(growth: number, delay: number, first: boolean): void {
    if (growth < -MAX_SHIFT) {
      this.#resetDelay(delay);
    } else if (first || growth > MAX_SHIFT) {
      this.#shift = Math.max(0, growth);
      this.#delay = delay - this.#shift;
      this.#wanted = this.#delay;
    }
  }

  #tell(arrival: number): void {
    const distrusted = this.#byArrival || this.#scale !== 1;
    if (!distrusted) this.#distrustedSince = undefined;
    else this.#distrustedSince ??= arrival;
    if (this.#distrustedSince === undefined) this.#fault = undefined;
    else if (arrival - this.#distrustedSince >= PERSISTENT) this.#fault = this.#describe();
  }

  #describe(): ClockFault {
    const told = this.#fault;
    if (this.#byArrival) return told?.kind === 'none' ? told : { kind: 'none' };
    const speed = 1 / (this.#scale ?? 1);
    const same = told?.kind === 'speed' && Math.abs(told.speed - speed) < 0.005 * speed;
    return same ? told : { kind: 'speed', speed };
  }
}

function ones(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
