/** Tells a new scene from motion, by the thumbnails of two frames. Pure. */
import { compare } from './change.ts';
import { THUMB_HEIGHT, THUMB_WIDTH, type Thumbnail } from './thumbnail.ts';

/** 8 × 6 cells make a block: smaller ones find a match in any fine texture. */
const BLOCK_WIDTH = 8;
const BLOCK_HEIGHT = 6;
/**
 * Search range in cells: ±1/16 of the frame's width, the motion that is still worth interpolating.
 */
const RANGE = 4;

/** What a block search over two thumbnails leaves, in luma levels. */
interface Prediction {
  /** Mean absolute residual of blocks after the best shift. */
  readonly inter: number;
  /** Mean absolute deviation of the new blocks from their own mean. */
  readonly intra: number;
}

function predict(a: Thumbnail, b: Thumbnail): Prediction {
  let inter = 0;
  let intra = 0;
  for (let by = 0; by < THUMB_HEIGHT; by += BLOCK_HEIGHT) {
    for (let bx = 0; bx < THUMB_WIDTH; bx += BLOCK_WIDTH) {
      inter += bestMatch(a.cells, b.cells, bx, by);
      intra += deviation(b.cells, bx, by);
    }
  }
  const cells = THUMB_WIDTH * THUMB_HEIGHT;
  return { inter: inter / cells, intra: intra / cells };
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

  /** True when a new scene starts with `b`, the frame after `a`. Call once for every pair, in order. */
  isCut(a: Thumbnail, b: Thumbnail): boolean {
    const { difference } = compare(a, b);
    const { inter, intra } = predict(a, b);
    const visible = difference > 8 && inter > 2.5;
    const ratio = inter / Math.max(intra, 1e-3);
    const sudden = inter / this.#recent;
    // In a scene that is hard to predict already, a great change may be a little less of a
    // surprise.
    const striking = difference > 28 && ratio > 1 && sudden > 1.6;
    this.#recent += 0.25 * (Math.min(inter, 2 * this.#recent + 1) - this.#recent);
    return visible && ((ratio > 0.8 && sudden > 2) || striking);
  }
}
