/**
 * Tells X-ray pulses from their repetitions, in a video that runs faster than the pulses. Pure but
 * for reading pixels.
 */
import type { Frame } from '../media/frame.ts';
import { type Micros, micros, minus } from '../time.ts';
import { compare } from './change.ts';
import { Thumbnail } from './thumbnail.ts';

/** Frames looked back on: six pulses of 7.5 a second at 30 fps, three at 60. */
const WINDOW = 24;
/** Frames and gaps between pulses that must have been seen before any frame is left out. */
const ENOUGH_FRAMES = 12;
const ENOUGH_GAPS = 3;
/** Gaps between pulses of which the median is the interval. */
const GAPS = 7;
/**
 * Differences, in luma levels, are compared by their ratios; this is added first: below it is
 * coding noise.
 */
const NOISE = 0.2;
/** A new pulse differs from the frame before by so many times more than a repetition does. */
const APART = 2.5;
/** Each kind occurs at least so often in the window. */
const MIN_OF_A_KIND = 2;
/**
 * Less than this share of what pulses usually differ by is a keyframe's refreshed coding, not a
 * pulse. Up to the second one it is a pulse only when one is due.
 */
const POSSIBLE_SHARE = 0.4;
const CERTAIN_SHARE = 0.7;
/** Luma levels that pulses usually differ by, at least: X-ray noise alone is more. */
const VISIBLE = 0.5;
/**
 * In frame intervals: pulses further apart than this have repetitions between them; a pulse that is
 * later than this is overdue.
 */
const REPEATED = 1.5;
const OVERDUE = 0.75;
/**
 * In frame intervals: how much too early the next pulse may come, if it hardly differs, or a frame
 * that stands in for it while an image is held.
 */
const EARLY = 0.25;

/**
 * Finds the frames of a video that pulses were taken for. Fluoroscopy at 7.5 pulses a second often
 * comes as a video of 30 frames a second in which each pulse is shown four times, exactly or but
 * for noise of coding and of the frame grabber. Interpolation has to happen between pulses; between
 * repetitions there is nothing, and between the last repetition and the next pulse all motion would
 * pass in a quarter of its time.
 *
 * Frames differ from the one before by little (repetition) or by much (pulse): where the
 * differences of the last frames fall into two groups, the wide space between them is the
 * threshold. Until there have been two groups, every frame counts as a pulse.
 */
export class PulseFilter {
  #before: Thumbnail | undefined;
  #spare = new Thumbnail();
  #width = 0;
  #height = 0;
  #lastPts: Micros | undefined;
  #lastPulse: Micros | undefined;
  #lastKept: Micros | undefined;
  /** Newest last. */
  #differences: number[] = [];
  #steps: number[] = [];
  #gaps: number[] = [];
  /** It stays while an image is held, when there are repetitions alone. */
  #threshold: Threshold | undefined;
  /** The same image is shown for longer than a pulse. */
  #held = false;

  /**
   * Distance of two pulses where each is shown several times; undefined where every frame is a
   * pulse, or not known yet.
   */
  get interval(): Micros | undefined {
    if (this.#differences.length < ENOUGH_FRAMES || this.#gaps.length < ENOUGH_GAPS) return undefined;
    const gap = median(this.#gaps);
    return gap > REPEATED * median(this.#steps) ? micros(gap) : undefined;
  }

  /**
   * Whether to interpolate from `frame`: it is a new pulse, or so much later than the last one that
   * output has to go on (a held image). False for a repetition. Call it for every frame, in order;
   * reads its luma, keeps nothing of it.
   */
  keep(frame: Frame): boolean {
    const { pts } = frame;
    const pulse = this.#observe(frame);
    const { interval } = this;
    if (pulse) this.#held = false;
    else if (interval !== undefined) {
      if (!this.#overdue(pts, interval)) return false;
      this.#held = true;
    }
    this.#lastKept = pts;
    return true;
  }

  /** Learns from a frame; true when it is no repetition as far as is known. */
  #observe(frame: Frame): boolean {
    const { pts, width, height } = frame;
    const thumb = this.#spare;
    thumb.read(frame.bytes, frame.layout);
    const before = this.#before;
    this.#before = thumb;
    this.#spare = before ?? new Thumbnail();
    const step = minus(pts, this.#lastPts ?? pts);
    this.#lastPts = pts;
    if (!before || width !== this.#width || height !== this.#height) this.#restart(frame);
    else if (!frame.discontinuity && step > 0) return this.#compared(pts, step, compare(before, thumb).difference);
    this.#lastPulse = pts;
    return true;
  }

  #compared(pts: Micros, step: Micros, difference: number): boolean {
    remember(this.#differences, difference, WINDOW);
    remember(this.#steps, step, WINDOW);
    this.#threshold = thresholdOf(this.#differences) ?? this.#threshold;
    const gap = minus(pts, this.#lastPulse ?? pts);
    if (this.#threshold && difference < this.#threshold.possible) return false;
    if (this.#threshold && difference < this.#threshold.certain && !this.#isDue(gap)) return false;
    remember(this.#gaps, gap, GAPS);
    this.#lastPulse = pts;
    return true;
  }

  /** @param gap since the last pulse. */
  #isDue(gap: Micros): boolean {
    return gap >= (this.interval ?? 0) - EARLY * median(this.#steps);
  }

  /**
   * The first frame of a held image waits for a pulse that may be one frame late; those after it
   * come at the pulses' own pace.
   */
  #overdue(pts: Micros, interval: Micros): boolean {
    if (this.#lastKept === undefined) return true;
    const step = median(this.#steps);
    const limit = this.#held ? interval - EARLY * step : interval + OVERDUE * step;
    return minus(pts, this.#lastKept) >= limit;
  }

  /**
   * What is known of the pulses outlives a discontinuity, but not another frame size: that is
   * another source.
   */
  #restart({ width, height }: Frame): void {
    this.#width = width;
    this.#height = height;
    this.#differences = [];
    this.#steps = [];
    this.#gaps = [];
    this.#threshold = undefined;
  }
}

/** Differences from which on a frame may be, and certainly is, a new pulse. Luma levels. */
interface Threshold {
  readonly possible: number;
  readonly certain: number;
}

/**
 * Amid the widest space between two neighbours in order of size, but not far from what pulses
 * differ by. Undefined: there are no two groups.
 */
function thresholdOf(differences: readonly number[]): Threshold | undefined {
  if (differences.length < ENOUGH_FRAMES) return undefined;
  const sorted = differences.toSorted((a, b) => a - b);
  let widest = APART;
  let split = 0;
  for (let i = MIN_OF_A_KIND; i <= sorted.length - MIN_OF_A_KIND; i++) {
    const ratio = ((sorted[i] ?? 0) + NOISE) / ((sorted[i - 1] ?? 0) + NOISE);
    if (ratio <= widest) continue;
    widest = ratio;
    split = i;
  }
  if (split === 0) return undefined;
  const [low, high] = [sorted[split - 1] ?? 0, sorted[split] ?? 0];
  const usual = median(sorted.slice(split));
  if (usual < VISIBLE) return undefined;
  const amid = Math.sqrt((low + NOISE) * (high + NOISE)) - NOISE;
  return { possible: Math.max(amid, POSSIBLE_SHARE * usual), certain: Math.max(amid, CERTAIN_SHARE * usual) };
}

function remember(values: number[], value: number, capacity: number): void {
  values.push(value);
  if (values.length > capacity) values.shift();
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
