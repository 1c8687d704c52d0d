/**
 * From two source times to the output times between them. Pure; all times on the source's timeline.
 */
import { FrameliftError } from '../errors.ts';
import { type Micros, micros, ZERO } from '../time.ts';

/** What the user asked for. */
export type RateTarget =
  /**
   * N output frames for each source frame, fewer where that were more than `maxFps` frames per
   * second; every source frame is kept.
   */
  | { readonly kind: 'factor'; readonly factor: number; readonly maxFps?: number }
  /** An exact output rate on an even grid, frames per second. */
  | { readonly kind: 'fps'; readonly fps: number };

/** An output time between two source frames, or after the later one. */
export interface Timestep {
  readonly pts: Micros;
  /** 0 < t < 1 between the earlier and the later frame; 1 < t ≤ 1.5 after it (`AheadScheduler`). */
  readonly t: number;
}

/** What to show for one new source frame. */
export interface Plan {
  /** Output times strictly between the frame before and this one, or after it, in order. */
  readonly between: readonly Timestep[];
  /**
   * When to show this source frame itself, bit-exact; undefined when it falls between the points of
   * the grid.
   */
  readonly show: Micros | undefined;
  /** Present distance between output frames. */
  readonly interval: Micros;
}

/** Limits of {@link RateTarget}. */
const MAX_FPS = 240;
const MAX_FACTOR = 16;
/**
 * A target within this of a multiple of the source's rate follows the source's clock (29.97 → "60"
 * gives 59.94 and keeps every source frame).
 */
const LOCK_TOLERANCE = 0.006;
/**
 * On a free grid, a source frame this close to a grid point (in output intervals) is shown as it
 * is.
 */
const SNAP = 0.1;
/** On an even grid, a source frame is also shown where only its container's milliseconds keep it off, microseconds. */
const COARSE = 600;
/** Jitter that is assumed while few intervals have been seen, as a share of an interval. */
const ASSUMED_JITTER = 0.15;
/** Intervals after which the measured jitter counts alone. */
const ENOUGH = 16;
/** How many times its mean deviation a single source time may be off. */
const JITTER_REACH = 4;
/**
 * So many gaps in a row that differ by more than ODD from the rate so far, and by less than AGREE
 * from each other, are another rate.
 */
const RECENT = 4;
const ODD = 0.3;
const AGREE = 0.1;
/**
 * A source may be faster than its nominal rate by so many output frames for each of its own, and
 * still get as many as at the nominal one.
 */
const CAP_SLACK = 0.2;
/** A grid that is locked to the source lets go only when the rates differ by this more. */
const LOCK_HOLD = 0.02;
/** Source intervals that the estimate of the source's rate spans. */
const WINDOW = 64;
/** Assumed before two frames have been seen, unless the source declares its rate. */
const FIRST_INTERVAL: Micros = micros(1e6 / 30);

/**
 * A {@link RateTarget} from what a user wrote.
 * @throws FrameliftError `config.invalid` naming the value and the range.
 */
export function rateTarget(want: { factor?: number | undefined; fps?: number | undefined }): RateTarget {
  const { factor, fps } = want;
  if (factor !== undefined && fps !== undefined) {
    throw new FrameliftError('config.invalid', `factor ${factor} and fps ${fps} exclude each other`, {
      remedy: 'Give --factor N or --fps N, not both.',
    });
  }
  if (fps !== undefined) {
    if (!(fps >= 1 && fps <= MAX_FPS)) {
      throw new FrameliftError('config.invalid', `fps ${fps} is outside 1…${MAX_FPS}`, {
        remedy: 'Give the wanted output rate in frames per second, such as --fps 60 or --fps 59.94.',
      });
    }
    return { kind: 'fps', fps };
  }
  const n = factor ?? 2;
  if (!(Number.isInteger(n) && n >= 1 && n <= MAX_FACTOR)) {
    throw new FrameliftError('config.invalid', `factor ${n} is not a whole number from 1 to ${MAX_FACTOR}`, {
      remedy: 'Give --factor 2 or --factor 4; for any other rate use --fps.',
    });
  }
  return { kind: 'factor', factor: n };
}

/** Plans output times, one source frame after the other. */
export class Scheduler {
  readonly #target: RateTarget;
  /**
   * No frame is missing between two: at a factor of N each gap gets N − 1 frames, however long it
   * is.
   */
  readonly #complete: boolean;
  /** The grid never follows the source. */
  readonly #even: boolean;
  readonly #nominal: number | undefined;
  #before: Micros | undefined;
  #period: number | undefined;
  #assumed: number = FIRST_INTERVAL;
  /** Recent source times, and the intervals between first and last. */
  #times: Micros[] = [];
  #span = 1;
  /** Mean deviation of single intervals from the measured one, as a share of it. */
  #jitter = 0;
  /** The multiple of the source's rate that the output is locked to; 0 on a free grid. */
  #lock = 0;
  /** A point of the free grid, and how many intervals after it the next output is. */
  #origin = 0;
  #next = 0;

  /**
   * @param file given for a file: the rate that it declares, if any. A live source's is measured,
   * and it may lose frames; a file's gaps are its own. `even`: the output can hold one rate only, so
   * its grid does not follow the source where that strays.
   */
  constructor(target: RateTarget, file?: { readonly fps: number | undefined; readonly even?: boolean }) {
    this.#target = target;
    this.#complete = file !== undefined;
    this.#even = file?.even ?? false;
    if (file?.fps) this.#nominal = 1e6 / file.fps;
  }

  /** Time that is waited for the next picture beside the next frame, while pictures are shown several times each. */
  hold: Micros = ZERO;

  /** Whether output times lie after the newest frame, so that nothing is held back. */
  get ahead(): boolean {
    return false;
  }

  /** Takes the rate that a source declares for its interval until two frames have been seen. */
  assume(fps: number | undefined): void {
    if (fps !== undefined && fps >= 1 && fps <= MAX_FPS) this.#assumed = 1e6 / fps;
  }

  /**
   * Output frames for each source frame; 0 on a free grid, undefined while the source's rate is not
   * known.
   */
  get multiple(): number | undefined {
    if (this.#target.kind === 'factor') return this.#factor(this.#target);
    return (this.#nominal ?? this.#period) === undefined ? undefined : this.#multiple();
  }

  /** The source's frame interval as seen so far. */
  get sourceInterval(): Micros {
    return micros(this.#period ?? this.#assumed);
  }

  /** The output's frame interval as seen so far. */
  get outputInterval(): Micros {
    if (this.#target.kind === 'factor') return micros(this.sourceInterval / this.#factor(this.#target));
    const multiple = this.#multiple();
    return micros(multiple ? this.sourceInterval / multiple : 1e6 / this.#target.fps);
  }

  /**
   * Time that passes, by arithmetic alone, between a source frame and the moment at which the frame
   * after it is known, for the output frame that needs it most (docs/architecture.md, "Time and
   * delay").
   */
  get floor(): Micros {
    const lock = this.multiple;
    return micros(this.hold + (lock ? (this.sourceInterval * (lock - 1)) / lock : this.sourceInterval * (1 - SNAP)));
  }

  /**
   * Plans for the source frame at `pts`. `continuous` is false when no frame before it counts
   * (start, discontinuity). `lossy`: frames of a file may be missing before this one, and their
   * places are filled. Output times never go backwards as long as `pts` does not.
   */
  next(pts: Micros, continuous: boolean, lossy = false): Plan {
    const before = continuous ? this.#before : undefined;
    this.#before = pts;
    if (before === undefined || pts <= before) {
      this.#origin = pts;
      this.#next = 1;
      this.#times = [];
      return { between: [], show: pts, interval: this.outputInterval };
    }
    this.#learn(before, pts);
    const lock = this.#even ? 0 : this.multiple;
    return lock ? this.#locked(before, pts, lock, lossy) : this.#onGrid(before, pts);
  }

  /**
   * Estimates the source's interval: the median gap of a window tells how many intervals each gap
   * is (lost frames leave several), the ends of the window divided by their number then hardly feel
   * the jitter of single times.
   */
  #learn(before: Micros, pts: Micros): void {
    if (this.#times.at(-1) !== before) this.#times = [before];
    this.#times.push(pts);
    if (this.#times.length > WINDOW) this.#times.shift();
    if (this.#rateChanged()) this.#times = this.#times.slice(-1 - RECENT);
    const gaps = gapsOf(this.#times);
    const typical = medianOf(gaps);
    let deviation = 0;
    this.#span = 0;
    for (const gap of gaps) this.#span += Math.max(1, Math.round(gap / typical));
    const period = (pts - (this.#times[0] ?? before)) / this.#span;
    for (const gap of gaps) deviation += Math.abs(gap - Math.max(1, Math.round(gap / period)) * period);
    this.#period = period;
    this.#jitter = deviation / gaps.length / period;
  }

  /**
   * The last gaps agree with each other and not with the rate so far: VFR, or a camera that
   * switches. Jitter does not agree.
   */
  #rateChanged(): boolean {
    const period = this.#period;
    if (period === undefined || this.#times.length <= RECENT + 1) return false;
    const recent = gapsOf(this.#times.slice(-1 - RECENT));
    const level = medianOf(recent);
    return Math.abs(level - period) > ODD * period && recent.every((gap) => Math.abs(gap - level) < AGREE * level);
  }

  #factor({ factor, maxFps }: Extract<RateTarget, { kind: 'factor' }>): number {
    if (maxFps === undefined) return factor;
    return Math.max(1, Math.min(factor, Math.floor((maxFps * this.sourceInterval) / 1e6 + CAP_SLACK)));
  }

  /**
   * N when the target is N times the source's rate (within tolerance), else 0. A lock once found is
   * not given up for jitter.
   */
  #multiple(): number {
    const period = this.#nominal ?? this.#period;
    if (this.#target.kind !== 'fps' || period === undefined) return 0;
    const ratio = (this.#target.fps * period) / 1e6;
    const whole = Math.round(ratio);
    const held = whole === this.#lock ? LOCK_HOLD : 0;
    const off = Math.abs(ratio - whole);
    this.#lock = whole >= 1 && off <= (LOCK_TOLERANCE + held + this.#uncertainty()) * whole ? whole : 0;
    return this.#lock;
  }

  /**
   * How wrong the measured rate may be: jitter of the two ends of the window, shared among its
   * intervals.
   */
  #uncertainty(): number {
    if (this.#nominal) return 0;
    const assumed = this.#span < ENOUGH ? ASSUMED_JITTER : 0;
    return Math.min(ASSUMED_JITTER, Math.max(assumed, JITTER_REACH * this.#jitter) / this.#span);
  }

  #locked(before: Micros, pts: Micros, lock: number, lossy: boolean): Plan {
    const gap = pts - before;
    const whole = this.#complete && !lossy && this.#target.kind === 'factor';
    const steps = lock * (whole ? 1 : Math.max(1, Math.round(gap / (this.#period ?? gap))));
    const between: Timestep[] = [];
    for (let k = 1; k < steps; k++) between.push({ pts: micros(before + (gap * k) / steps), t: k / steps });
    this.#origin = pts;
    this.#next = 1;
    return { between, show: pts, interval: micros(gap / steps) };
  }

  #gridInterval(): number {
    if (this.#target.kind === 'fps') return 1e6 / this.#target.fps;
    return (this.#nominal ?? FIRST_INTERVAL) / this.#target.factor;
  }

  #onGrid(before: Micros, pts: Micros): Plan {
    const interval = this.#gridInterval();
    const near = this.#even ? Math.max(SNAP * interval, Math.min(COARSE, interval / 2 - 1)) : SNAP * interval;
    const between: Timestep[] = [];
    let show: Micros | undefined;
    for (;;) {
      const at = this.#origin + this.#next * interval;
      if (at > pts + near) break;
      this.#next += 1;
      if (at >= pts - near) show = micros(at);
      else if (at > before + near) between.push({ pts: micros(at), t: (at - before) / (pts - before) });
    }
    return { between, show, interval: micros(interval) };
  }
}

function gapsOf(times: readonly Micros[]): number[] {
  const gaps: number[] = [];
  for (let i = 1; i < times.length; i++) gaps.push((times[i] ?? 0) - (times[i - 1] ?? 0));
  return gaps;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 1;
}
