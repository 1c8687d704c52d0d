/** Bars around a picture, found in one frame. Pure. */
import type { PlaneLayout } from '../../media/frame.ts';

/** Rows above and below the picture, columns left and right of it; in luma samples. */
export interface Bars {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** No bars: all is picture. */
export const NO_BARS: Bars = { top: 0, bottom: 0, left: 0, right: 0 };

/** Levels by which samples of a bar may differ from it: a mean, a few (noise, ringing), and none. */
const MEAN_NOISE = 2.5;
export const NOISE = 10;
export const MARK = 30;
/** Share of the samples of a line that may be beyond {@link NOISE}. */
export const MAX_NOISY = 0.01;
/** Beside a bar so much of a line differs by more than this: a picture that is dark there fades into it instead. */
const EDGE = 8;
const EDGE_SHARE = 0.3;
/** Lines from the bar to the one that has to differ: the first may be mixed of both. */
const EDGE_DISTANCE = 1;
/** A bar is at most this share of the frame; what is more is a black picture. */
const MAX_SHARE = 0.4;

/** A run of samples: rows and columns alike. */
interface Line {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** What a search finds. */
export interface FoundBars {
  /** Lines at the border that show nothing; a dark scene adds to them. */
  readonly flat: Bars;
  /** Those of them that are bars: beside them a picture begins. 0 on sides where that cannot be told. */
  readonly bars: Bars;
}

/** A run of flat lines, and whether its edge is that of a bar. */
interface Extent {
  readonly lines: number;
  readonly isBar: boolean;
}

/** Looks for bars in a frame. */
export function findBars(bytes: Uint8Array, layout: PlaneLayout): FoundBars {
  const { width, height, strideY, y } = layout;
  const row = (at: number): Line => ({ start: y + at * strideY, step: 1, count: width });
  const top = extent(bytes, row, height);
  const bottom = extent(bytes, (at) => row(height - 1 - at), height);
  const [first, last] = [barOf(top), height - barOf(bottom)];
  const column = (at: number): Line => ({ start: y + first * strideY + at, step: strideY, count: last - first });
  const left = extent(bytes, column, width);
  const right = extent(bytes, (at) => column(width - 1 - at), width);
  return {
    flat: { top: top.lines, bottom: bottom.lines, left: left.lines, right: right.lines },
    bars: { top: barOf(top), bottom: barOf(bottom), left: barOf(left), right: barOf(right) },
  };
}

function barOf({ lines, isBar }: Extent): number {
  return isBar ? lines : 0;
}

/** Flat lines from the border inward. */
function extent(bytes: Uint8Array, line: (at: number) => Line, lines: number): Extent {
  const level = levelOf(bytes, line(0));
  const most = Math.floor(lines * MAX_SHARE);
  let bar = 0;
  while (bar <= most && isFlat(bytes, line(bar), level)) bar += 1;
  const isBar = bar > 0 && bar <= most && differs(bytes, line(bar + EDGE_DISTANCE), level);
  return { lines: bar, isBar };
}

function levelOf(bytes: Uint8Array, { start, step, count }: Line): number {
  let sum = 0;
  for (let i = 0, at = start; i < count; i++, at += step) sum += bytes[at] ?? 0;
  return sum / count;
}

function isFlat(bytes: Uint8Array, { start, step, count }: Line, level: number): boolean {
  let [sum, noisy] = [0, 0];
  for (let i = 0, at = start; i < count; i++, at += step) {
    const off = Math.abs((bytes[at] ?? 0) - level);
    sum += off;
    if (off <= NOISE) continue;
    noisy += 1;
    if (off > MARK || noisy > MAX_NOISY * count) return false;
  }
  return sum <= MEAN_NOISE * count;
}

function differs(bytes: Uint8Array, { start, step, count }: Line, level: number): boolean {
  let others = 0;
  for (let i = 0, at = start; i < count; i++, at += step) {
    if (Math.abs((bytes[at] ?? 0) - level) > EDGE) others += 1;
  }
  return others >= EDGE_SHARE * count;
}
