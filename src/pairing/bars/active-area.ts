/**
 * The part of a video that is picture: bars around it (letterbox, pillarbox, both) are found and
 * followed. Pure but for reading pixels.
 */
import type { Frame } from '../../media/frame.ts';
import type { PictureArea } from '../../media/picture-area.ts';
import { TAPS, THUMB_HEIGHT, THUMB_WIDTH, type Thumbnail } from '../thumbnail.ts';
import { type Bars, findBars, MARK, MAX_NOISY, NO_BARS, NOISE } from './bars.ts';

type Side = keyof Bars;
const SIDES: readonly Side[] = ['top', 'bottom', 'left', 'right'];
/** Frames between two searches within a scene; a bar that two in a row find alike is one. */
const SEARCH_INTERVAL = 12;
/** The picture is at least so large each way, in samples. */
const MIN_PICTURE = 64;
const NOWHERE = new Int32Array(0);
/** Levels by which a bar's mean may wander. */
const DRIFT = 3;

/**
 * Follows the bars of a stream. A bar is taken at the first frame of a scene if its edge is certain
 * there, and within a scene if it stays; it is given up at once when anything shows in it. A scene
 * that is dark at its borders neither makes bars nor moves their edges.
 */
export class ActiveArea {
  #bars = NO_BARS;
  /** The samples of a thumbnail that lie in each bar, and their mean level. */
  readonly #places: Record<Side, Int32Array> = { top: NOWHERE, bottom: NOWHERE, left: NOWHERE, right: NOWHERE };
  readonly #levels: Record<Side, number> = { top: 0, bottom: 0, left: 0, right: 0 };
  /** Of the search before. */
  #found = NO_BARS;
  #untilSearch = SEARCH_INTERVAL;
  #width = 0;
  #height = 0;
  #area: PictureArea | undefined;

  /**
   * What is picture in the last two frames observed: outside of it is nothing but bars, in both.
   * Undefined: there are none.
   */
  get area(): PictureArea | undefined {
    return this.#area;
  }

  /**
   * Takes the next frame and its thumbnail. `fresh`: it belongs to another scene than the one
   * before, or there is none before.
   */
  observe(frame: Frame, thumb: Thumbnail, fresh: boolean): void {
    const { width, height } = frame;
    const before = this.#bars;
    if (width !== this.#width || height !== this.#height) {
      this.#bars = NO_BARS;
      this.#width = width;
      this.#height = height;
    }
    const kept = this.#stillBars(thumb);
    this.#bars = this.#searched(frame, kept, fresh);
    this.#untilSearch -= 1;
    if (this.#bars !== before) this.#learn(thumb);
    this.#area = fresh ? this.#areaOf(this.#bars) : this.#areaOf(smaller(before, this.#bars));
  }

  /** The bars in which nothing shows. */
  #stillBars(thumb: Thumbnail): Bars {
    const bars = this.#bars;
    if (bars === NO_BARS) return bars;
    const lost = SIDES.filter((side) => bars[side] > 0 && !this.#isStill(thumb, side));
    if (lost.length === 0) return bars;
    const kept = Object.fromEntries(lost.map((side) => [side, 0]));
    this.#found = NO_BARS;
    this.#untilSearch = SEARCH_INTERVAL;
    return settled({ ...bars, ...kept });
  }

  #isStill(thumb: Thumbnail, side: Side): boolean {
    const level = this.#levels[side];
    const count = this.#places[side].length;
    let [noisy, sum] = [0, 0];
    for (const place of this.#places[side]) {
      const off = (thumb.samples[place] ?? 0) - level;
      sum += off;
      if (Math.abs(off) <= NOISE) continue;
      if (Math.abs(off) > MARK) return false;
      noisy += 1;
    }
    return noisy <= 2 * MAX_NOISY * count + 1 && Math.abs(sum) <= DRIFT * count;
  }

  #searched(frame: Frame, still: Bars, fresh: boolean): Bars {
    if (!fresh && this.#untilSearch > 0) return still;
    this.#untilSearch = SEARCH_INTERVAL;
    const { bars: found, flat } = findBars(frame.bytes, frame.layout);
    const { top, bottom, left, right } = found;
    const tooSmall = frame.width - left - right < MIN_PICTURE || frame.height - top - bottom < MIN_PICTURE;
    const before = this.#found;
    this.#found = found;
    // Something between the samples of the thumbnail.
    const kept = SIDES.every((side) => flat[side] >= still[side]) ? still : settled(smaller(still, flat, true));
    if (tooSmall) return kept;
    const better = SIDES.filter((side) => found[side] > kept[side] && (fresh || found[side] === before[side]));
    if (better.length === 0) return kept;
    return { ...kept, ...Object.fromEntries(better.map((side) => [side, found[side]])) };
  }

  /** Remembers where the samples of the bars are, and the level of each bar. */
  #learn(thumb: Thumbnail): void {
    for (const side of SIDES) {
      const places = this.#placesIn(side);
      let sum = 0;
      for (const place of places) sum += thumb.samples[place] ?? 0;
      this.#places[side] = places;
      this.#levels[side] = places.length === 0 ? 0 : sum / places.length;
    }
  }

  /** Which samples of a thumbnail lie in a bar. */
  #placesIn(side: Side): Int32Array {
    const bars = this.#bars;
    if (bars[side] === 0) return NOWHERE;
    const [columns, rows] = [THUMB_WIDTH * TAPS, THUMB_HEIGHT * TAPS];
    const edges = {
      top: samplesBefore(bars.top, this.#height, rows),
      bottom: rows - samplesBefore(bars.bottom, this.#height, rows),
      left: samplesBefore(bars.left, this.#width, columns),
      right: columns - samplesBefore(bars.right, this.#width, columns),
    };
    const area = { left: 0, top: 0, right: columns, bottom: rows };
    if (side === 'top') area.bottom = edges.top;
    else if (side === 'bottom') area.top = edges.bottom;
    else Object.assign(area, { top: edges.top, bottom: edges.bottom });
    if (side === 'left') area.right = edges.left;
    if (side === 'right') area.left = edges.right;
    const places: number[] = [];
    for (let y = area.top; y < area.bottom; y++) {
      for (let x = area.left; x < area.right; x++) places.push(sampleIndex(x, y));
    }
    return Int32Array.from(places);
  }

  #areaOf({ top, bottom, left, right }: Bars): PictureArea | undefined {
    if (top + bottom + left + right === 0) return undefined;
    return { left, top, right: this.#width - right, bottom: this.#height - bottom };
  }
}

/** How many of `samples` that are spread over `lines` lie well within the first `bar` lines. */
function samplesBefore(bar: number, lines: number, samples: number): number {
  return Math.max(0, Math.floor((bar * samples) / lines - 0.5));
}

/** Where a sample is kept: cell by cell, row by row within it. */
function sampleIndex(x: number, y: number): number {
  const cell = Math.floor(y / TAPS) * THUMB_WIDTH + Math.floor(x / TAPS);
  return cell * TAPS * TAPS + (y % TAPS) * TAPS + (x % TAPS);
}

/** The smaller of two bars on each side; with `whole`, the first or none. */
function smaller(a: Bars, b: Bars, whole = false): Bars {
  const of = (side: Side): number => (b[side] >= a[side] ? a[side] : whole ? 0 : b[side]);
  return { top: of('top'), bottom: of('bottom'), left: of('left'), right: of('right') };
}

function settled(bars: Bars): Bars {
  return SIDES.every((side) => bars[side] === 0) ? NO_BARS : bars;
}
