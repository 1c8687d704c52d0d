/** The part of two thumbnails that shows something: bars tell nothing of cuts. Pure. */
import { THUMB_HEIGHT, THUMB_WIDTH } from './thumbnail.ts';

/** A rectangle of cells, from `left` and `top` to before `right` and `bottom`. */
export interface Cells {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Rows and columns at the border are no picture if their cells differ by no more levels, in both frames together. */
const FLAT = 3;
/** Cells that are left at least, of each half. */
const MIN_HALF_WIDTH = 5;
const MIN_HALF_HEIGHT = 4;

/** All but the flat rows and columns at the border. */
export function activeCells(a: Float32Array, b: Float32Array): Cells {
  let [left, top, right, bottom] = [0, 0, THUMB_WIDTH, THUMB_HEIGHT];
  const flat = (cells: Cells): boolean => rangeWithin(a, b, cells);
  while (top < THUMB_HEIGHT / 2 - MIN_HALF_HEIGHT && flat({ left, top, right, bottom: top + 1 })) top += 1;
  while (bottom > THUMB_HEIGHT / 2 + MIN_HALF_HEIGHT && flat({ left, top: bottom - 1, right, bottom })) bottom -= 1;
  while (left < THUMB_WIDTH / 2 - MIN_HALF_WIDTH && flat({ left, top, right: left + 1, bottom })) left += 1;
  while (right > THUMB_WIDTH / 2 + MIN_HALF_WIDTH && flat({ left: right - 1, top, right, bottom })) right -= 1;
  return { left, top, right, bottom };
}

function rangeWithin(a: Float32Array, b: Float32Array, { left, top, right, bottom }: Cells): boolean {
  let [low, high] = [255, 0];
  for (let y = top; y < bottom; y++) {
    for (let at = y * THUMB_WIDTH + left; at < y * THUMB_WIDTH + right; at++) {
      const [p, q] = [a[at] ?? 0, b[at] ?? 0];
      low = Math.min(low, p, q);
      high = Math.max(high, p, q);
      if (high - low > FLAT) return false;
    }
  }
  return true;
}
