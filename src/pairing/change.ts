/** How much changed between two frames, without looking for motion: tells duplicates. Pure. */
import { TAPS, THUMB_HEIGHT, THUMB_WIDTH, type Thumbnail } from './thumbnail.ts';

/** In 8-bit luma levels. */
export interface Change {
  /** Mean absolute difference of the samples, without motion compensation. */
  readonly difference: number;
  /** Largest mean absolute difference of one cell. */
  readonly peak: number;
}

/** Compares two thumbnails. */
export function compare(a: Thumbnail, b: Thumbnail): Change {
  const perCell = TAPS * TAPS;
  let total = 0;
  let peak = 0;
  for (let cell = 0, s = 0; cell < THUMB_WIDTH * THUMB_HEIGHT; cell++) {
    let sum = 0;
    for (let k = 0; k < perCell; k++, s++) sum += Math.abs((a.samples[s] ?? 0) - (b.samples[s] ?? 0));
    total += sum;
    if (sum > peak) peak = sum;
  }
  return { difference: total / (THUMB_WIDTH * THUMB_HEIGHT * perCell), peak: peak / perCell };
}

/** A duplicate: no cell changed by more than coding noise. */
export function isDuplicate(change: Change): boolean {
  return change.peak < 1 && change.difference < 0.25;
}
