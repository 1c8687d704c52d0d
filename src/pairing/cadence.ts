/**
 * Tells the pictures of a video from their repetitions: drawings that are shown for two or three
 * frames each, film in a faster video, X-ray pulses. Pure.
 */
import { type Micros, micros, minus } from '../time.ts';
import { type Drawn, evenTime } from './even-times.ts';
import { type ChangeMap, changeBeyondNoise } from './picture-change.ts';

/** Frames before and after in one of which each place of the picture stands still, if anything repeats. */
const STILL_BEFORE = 12;
const STILL_AFTER = 6;
/** Frames looked back on. */
const WINDOW = 30;
/** More than this beyond the noise is never a repetition. */
const MAX_REPEAT = 10;
/** A new picture changes by so many times more than a repetition. */
const APART = 2;
/** Frames in a row whose changes are compared: coding and motion differ from second to second. */
const GROUPED = 22;
/** Each kind occurs at least so often among the frames looked at. */
const MIN_OF_A_KIND = 3;
/** Frames for which one picture stands at most; what stands longer is a still scene. */
const MAX_HELD = 8;
/** So many pictures in a row, each of several frames, are a cadence. */
const MIN_HELD_GAPS = 4;
/** So many single repetitions at the same distance are one. */
const MIN_SPACED = 3;
/** A cadence once found goes on for so many frames without a proof: a scene of it may come on ones. */
const MEMORY = 48;

/** Whether a cadence is looked for. */
export const CADENCE_CHOICES = ['auto', 'off'] as const;

/** One of {@link CADENCE_CHOICES}. */
export type CadenceChoice = (typeof CADENCE_CHOICES)[number];

/** What is looked ahead at, in frames. */
export interface CadenceOptions {
  /**
   * Frames that are known before the first of them is judged. A file may be looked ahead in; a live
   * stream must not wait: 0.
   */
  readonly ahead: number;
}

/** What a source frame shows. */
export interface Judged {
  /** The picture of the frame before once more. */
  readonly repeat: boolean;
  /** When its picture is due, on the source's timeline; of a repetition its own time. */
  readonly at: Micros;
}

interface Seen {
  readonly index: number;
  readonly pts: Micros;
  /** Undefined: nothing before it counts. */
  readonly map: ChangeMap | undefined;
  change: number | undefined;
}

/**
 * One video. Frames differ from the one before by noise alone (repetition) or by more (picture):
 * where the changes of the frames around fall into two groups, far apart, and the pictures come
 * regularly, repetitions are left out. Until then, and where they come no longer, every frame is a
 * picture of its own: a natural scene loses none.
 */
export class Cadence {
  readonly #ahead: number;
  readonly #seen: Seen[] = [];
  #count = 0;
  /** Until which frame the cadence that was found last is believed. */
  #until = -1;
  #repeats = 0;
  #judged = 0;
  #ended = false;
  #interval: Micros | undefined;

  constructor({ ahead }: CadenceOptions) {
    this.#ahead = ahead;
  }

  /** Mean distance of two pictures, while there are repetitions; undefined where every frame is a picture. */
  get interval(): Micros | undefined {
    return this.#interval;
  }

  /** Repetitions so far. */
  get repeats(): number {
    return this.#repeats;
  }

  /**
   * Takes the next frame, and judges the one `ahead` frames before it. Undefined while there is none.
   * @param map what changed to the frame before, undefined where nothing before it counts.
   */
  next(pts: Micros, map: ChangeMap | undefined): Judged | undefined {
    this.#seen.push({ index: this.#count, pts, map, change: undefined });
    this.#count += 1;
    const due = this.#count - 1 - this.#ahead;
    return due < 0 ? undefined : this.#judge(due);
  }

  /** Judges the next frame when no more come; undefined when all are judged. */
  end(): Judged | undefined {
    this.#ended = true;
    return this.#judged < this.#count ? this.#judge(this.#judged) : undefined;
  }

  #judge(index: number): Judged {
    this.#judged = index + 1;
    while ((this.#seen[0]?.index ?? index) < index - WINDOW) this.#seen.shift();
    this.#measure();
    const at = index - (this.#seen[0]?.index ?? 0);
    const kinds = kindsOf(this.#seen);
    const own = this.#seen[at];
    if (!own) throw new RangeError(`frame ${index} is not known`);
    if (isRegular(kinds, this.#seen)) this.#until = this.#newest + MEMORY;
    const believed = index <= this.#until;
    if (!believed) {
      this.#interval = undefined;
      return { repeat: false, at: own.pts };
    }
    if (kinds[at] === 'repeat') {
      this.#repeats += 1;
      return { repeat: true, at: own.pts };
    }
    const pictures = this.#seen.filter((_, k) => kinds[k] === 'picture');
    this.#interval = meanInterval(pictures);
    return { repeat: false, at: pictures.includes(own) ? evenTime(pictures, pictures.indexOf(own)) : own.pts };
  }

  get #newest(): number {
    return this.#count - 1;
  }

  /** Measures frames around which enough is known, each once. */
  #measure(): void {
    const after = this.#ended ? 0 : Math.min(STILL_AFTER, this.#ahead >> 1);
    for (const [k, seen] of this.#seen.entries()) {
      if (!seen.map || seen.change !== undefined || seen.index > this.#newest - after) continue;
      const around = this.#seen.slice(Math.max(0, k - STILL_BEFORE), k + STILL_AFTER + 1);
      // A live stream's first frames have nothing to be compared with.
      if (around.length <= STILL_AFTER) continue;
      seen.change = changeBeyondNoise(
        seen.map,
        around.flatMap(({ map }) => (map ? [map] : [])),
      );
    }
  }
}

type Kind = 'picture' | 'repeat' | 'unknown';

/** Which kind each frame is. */
function kindsOf(seen: readonly Seen[]): Kind[] {
  return seen.map(({ change, map }, k) => {
    if (change === undefined) return map ? 'unknown' : 'picture';
    const from = Math.max(0, Math.min(k - GROUPED / 2, seen.length - GROUPED));
    const limit = repeatLimit(seen.slice(from, from + GROUPED));
    return limit !== undefined && change <= limit ? 'repeat' : 'picture';
  });
}

/** Where the changes of some frames in a row fall into two groups, far apart: what repetitions have at most. */
function repeatLimit(seen: readonly Seen[]): number | undefined {
  const sorted = seen.flatMap(({ change }) => (change === undefined ? [] : [change])).sort((a, b) => a - b);
  let widest = APART;
  let limit: number | undefined;
  for (let k = MIN_OF_A_KIND; k <= sorted.length - MIN_OF_A_KIND; k++) {
    const [low, high] = [sorted[k - 1] ?? 0, sorted[k] ?? 0];
    if (low > MAX_REPEAT) break;
    if (high / low <= widest) continue;
    widest = high / low;
    limit = low;
  }
  return limit;
}

/** True where pictures that follow each other stand for several frames, or single repetitions come evenly. */
function isRegular(kinds: readonly Kind[], seen: readonly Seen[]): boolean {
  const pictures = seen.flatMap(({ index }, k) => (kinds[k] === 'picture' ? [index] : []));
  let held = 0;
  /** Which of the pictures stand for two frames, since one stood for more. */
  let doubled: number[] = [];
  for (let k = 1; k < pictures.length; k++) {
    const gap = (pictures[k] ?? 0) - (pictures[k - 1] ?? 0);
    held = gap > 1 && gap <= MAX_HELD ? held + 1 : 0;
    if (held >= MIN_HELD_GAPS) return true;
    if (gap > 2) doubled = [];
    else if (gap === 2) doubled.push(k);
    if (gap === 2 && isEven(doubled.slice(-MIN_SPACED))) return true;
  }
  return false;
}

function isEven(numbers: readonly number[]): boolean {
  const [first = 0, second = 0] = numbers;
  return numbers.length === MIN_SPACED && numbers.every((n, k) => n === first + k * (second - first));
}

function meanInterval(drawn: readonly Drawn[]): Micros | undefined {
  const [first, last] = [drawn[0], drawn.at(-1)];
  if (!first || !last || drawn.length < 2) return undefined;
  if (last.index - first.index === drawn.length - 1) return undefined;
  return micros(minus(last.pts, first.pts) / (drawn.length - 1));
}
