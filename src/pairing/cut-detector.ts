/**
 * What changed between two frames, from a 64 × 36 thumbnail of their luma: a scene cut, a
 * duplicate, or motion. Pure.
 */
import type { PlaneLayout } from '../media/frame.ts';

/**
 * Thumbnail size in cells; 8 × 6 cells make a block: smaller ones find a match in any fine texture.
 */
const THUMB_WIDTH = 64;
const THUMB_HEIGHT = 36;
const BLOCK_WIDTH = 8;
const BLOCK_HEIGHT = 6;
/**
 * Search range in cells: ±1/16 of the frame's width, the motion that is still worth interpolating.
 */
const RANGE = 4;
/** Samples per cell and axis. */
const TAPS = 4;

/** What the pair stage needs to know about two frames in a row. Levels are 8-bit luma levels. */
export interface Change {
  /** Mean absolute difference of the samples, without motion compensation. */
  readonly difference: number;
  /** Largest mean absolute difference of one cell. */
  readonly peak: number;
  /** Mean absolute residual of blocks after the best shift. */
  readonly inter: number;
  /** Mean absolute deviation of the new blocks from their own mean. */
  readonly intra: number;
}

/**
 * A frame's fingerprint: TAPS² luma samples for each cell (kept for the duplicate test) and their
 * mean (for the cut test). Costs about 0.1 ms at any frame size; reused from frame to frame.
 */
export class Thumbnail {
  readonly samples = new Uint8Array(THUMB_WIDTH * THUMB_HEIGHT * TAPS * TAPS);
  readonly cells = new Float32Array(THUMB_WIDTH * THUMB_HEIGHT);

  /** Reads the luma plane of `bytes`, which is laid out as `layout` says. */
  read(bytes: Uint8Array, layout: PlaneLayout): void {
    const { width, height, strideY } = layout;
    let s = 0;
    for (let cy = 0; cy < THUMB_HEIGHT; cy++) {
      for (let cx = 0; cx < THUMB_WIDTH; cx++) {
        let sum = 0;
        for (let j = 0; j < TAPS; j++) {
          const y = Math.floor(((cy * TAPS + j + 0.5) * height) / (THUMB_HEIGHT * TAPS));
          for (let i = 0; i < TAPS; i++) {
            const x = Math.floor(((cx * TAPS + i + 0.5) * width) / (THUMB_WIDTH * TAPS));
            const value = bytes[layout.y + y * strideY + x] ?? 0;
            this.samples[s++] = value;
            sum += value;
          }
        }
        this.cells[cy * THUMB_WIDTH + cx] = sum / (TAPS * TAPS);
      }
    }
  }
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
  let inter = 0;
  let intra = 0;
  for (let by = 0; by < THUMB_HEIGHT; by += BLOCK_HEIGHT) {
    for (let bx = 0; bx < THUMB_WIDTH; bx += BLOCK_WIDTH) {
      inter += bestMatch(a.cells, b.cells, bx, by);
      intra += deviation(b.cells, bx, by);
    }
  }
  const cells = THUMB_WIDTH * THUMB_HEIGHT;
  return { difference: total / (cells * perCell), peak: peak / perCell, inter: inter / cells, intra: intra / cells };
}

/**
 * Smallest sum of absolute differences of the block at (bx, by) of `b` against `a` over all shifts.
 */
function bestMatch(a: Float32Array, b: Float32Array, bx: number, by: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let dy = -RANGE; dy <= RANGE; dy++) {
    if (by + dy < 0 || by + dy + BLOCK_HEIGHT > THUMB_HEIGHT) continue;
    for (let dx = -RANGE; dx <= RANGE; dx++) {
      if (bx + dx < 0 || bx + dx + BLOCK_WIDTH > THUMB_WIDTH) continue;
      let sum = 0;
      for (let y = by; y < by + BLOCK_HEIGHT && sum < best; y++) {
        const row = y * THUMB_WIDTH;
        const shifted = (y + dy) * THUMB_WIDTH + dx;
        for (let x = bx; x < bx + BLOCK_WIDTH; x++) sum += Math.abs((b[row + x] ?? 0) - (a[shifted + x] ?? 0));
      }
      if (sum < best) best = sum;
    }
  }
  return best;
}

/** Sum of absolute deviations of a block from its mean. */
function deviation(cells: Float32Array, bx: number, by: number): number {
  let mean = 0;
  for (let y = by; y < by + BLOCK_HEIGHT; y++) {
    for (let x = bx; x < bx + BLOCK_WIDTH; x++) mean += cells[y * THUMB_WIDTH + x] ?? 0;
  }
  mean /= BLOCK_WIDTH * BLOCK_HEIGHT;
  let sum = 0;
  for (let y = by; y < by + BLOCK_HEIGHT; y++) {
    for (let x = bx; x < bx + BLOCK_WIDTH; x++) sum += Math.abs((cells[y * THUMB_WIDTH + x] ?? 0) - mean);
  }
  return sum;
}

/**
 * Tells cuts from motion. After a cut the old frame predicts the new one, motion included, no
 * better than having no old one (the inter/intra test of x264's scene-cut decision), is a change
 * that a person would see, and stands out from the motion before it (fast action fails the first
 * test for seconds on end; a cut fails it once).
 */
export class CutDetector {
  /** Residual after motion of the recent past, in levels. */
  #recent = 1;

  /** True when a new scene starts with this change. Call once for every pair, in order. */
  isCut(change: Change): boolean {
    const visible = change.difference > 8 && change.inter > 2.5;
    const ratio = change.inter / Math.max(change.intra, 1e-3);
    const sudden = change.inter / this.#recent;
    // In a scene that is hard to predict already, a great change may be a little less of a
    // surprise.
    const striking = change.difference > 28 && ratio > 1 && sudden > 1.6;
    this.#recent += 0.25 * (Math.min(change.inter, 2 * this.#recent + 1) - this.#recent);
    return visible && ((ratio > 0.8 && sudden > 2) || striking);
  }
}

/** A duplicate: no cell changed by more than coding noise. */
export function isDuplicate(change: Change): boolean {
  return change.peak < 1 && change.difference < 0.25;
}
