/**
 * How well the vectors of the neighbourhood match at every cell itself: what a flow network chooses
 * by (models/training/SEARCH.md).
 */
import { clampInt } from '../i420';
import { levelOrigin, levelSize, levelStride } from './pyramid';
import { pack, unpackX, unpackY, vectorAt } from './vectors';

const COLUMNS: i32 = 8;
const ROWS: i32 = 4;
/**
 * Steps in cells to the neighbours whose vectors are tried: dy, dx of the ring at 1, then of the
 * ring at 3.
 */
const STEPS = memory.data<i32>(
  [0, 0, -1, -1, -1, 0, -1, 1, 0, -1, 0, 1, 1, -1, 1, 0, 1, 1, -3, -3, -3, 0, -3, 3, 0, -3, 0, 3, 3, -3, 3, 0, 3, 3],
  16,
);
const CANDIDATES: i32 = 17;
/** Furthest row of a candidate. */
const REACH: i32 = 3;

/** Two rows of the window, two apart, of one frame. */
// @inline
function twoRows(at: usize, step: i32): v128 {
  return v128.load64_lane(at + step, v128.load64_zero(at), 1);
}

// @inline
function difference(a: v128, b: v128): v128 {
  return i16x8.extadd_pairwise_i8x16_u(i8x16.sub(i8x16.max_u(a, b), i8x16.min_u(a, b)));
}

/**
 * For pyramids of width × height (padded) frames and their seed: float32
 * [18][⌈height/8⌉][⌈width/8⌉] at `costs`, the mean absolute difference (0…1) over the cell's window
 * of the half-resolution lumas for the vectors of 17 cells and for the zero vector; of the rows of
 * cells from rowBegin to rowEnd. Scratch: an int32 for each cell of rowEnd − rowBegin + 6 rows.
 */
export function candidateCosts(
  pyramid0: usize,
  pyramid1: usize,
  width: i32,
  height: i32,
  seed: usize,
  costs: usize,
  scratch: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const gridWidth = (width + 7) >> 3;
  const gridHeight = (height + 7) >> 3;
  const plane = <usize>((gridWidth * gridHeight) << 2);
  // Whole vectors of these rows and of those that a candidate may come from.
  const from = max(rowBegin - REACH, 0) * gridWidth;
  const to = min(rowEnd + REACH, gridHeight) * gridWidth;
  const vectors = scratch - (from << 2);
  for (let i = from; i < to; i++) {
    const at = seed + (i << 2);
    const x = <i32>floor<f32>(load<f32>(at) * 0.5 + 0.5);
    const y = <i32>floor<f32>(load<f32>(at + plane) * 0.5 + 0.5);
    store<i32>(vectors + (i << 2), pack(x, y));
  }
  const origin = levelOrigin(width, height, 1);
  const stride = levelStride(width, 1);
  const lastX = levelSize(width, 1);
  const lastY = levelSize(height, 1);
  const p0 = pyramid0 + origin;
  const p1 = pyramid1 + origin;
  const step = stride << 1;
  const scale = <f32>1 / <f32>(COLUMNS * ROWS * 255);
  for (let j = rowBegin; j < rowEnd; j++) {
    for (let i = 0; i < gridWidth; i++) {
      const blockX = 4 * i - 2;
      const blockY = 4 * j - 1;
      const out = costs + ((j * gridWidth + i) << 2);
      let own = 0;
      let ownCost: f32 = 0;
      for (let k = 0; k <= CANDIDATES; k++) {
        let v = 0;
        if (k < CANDIDATES) {
          const dy = load<i32>(STEPS + (k << 3));
          const dx = load<i32>(STEPS + (k << 3), 4);
          v = vectorAt(vectors, gridWidth, gridHeight, i + dx, j + dy);
        }
        let cost = ownCost;
        if (k === 0 || v !== own) {
          const vx = unpackX(v);
          const vy = unpackY(v);
          const ux = vx >> 1;
          const uy = vy >> 1;
          // Windows further out than the border hold the same replicated samples as the outermost
          // ones inside it.
          const a = p0 + clampInt(blockY - uy, -COLUMNS, lastY) * stride + clampInt(blockX - ux, -COLUMNS, lastX);
          const b =
            p1 + clampInt(blockY + vy - uy, -COLUMNS, lastY) * stride + clampInt(blockX + vx - ux, -COLUMNS, lastX);
          const sums = i16x8.add(
            difference(twoRows(a, step), twoRows(b, step)),
            difference(twoRows(a + (step << 1), step), twoRows(b + (step << 1), step)),
          );
          const wide = i32x4.extadd_pairwise_i16x8_u(sums);
          const two = i32x4.add(wide, v128.shuffle<i32>(wide, wide, 2, 3, 0, 1));
          cost = <f32>(i32x4.extract_lane(two, 0) + i32x4.extract_lane(two, 1)) * scale;
          if (k === 0) {
            own = v;
            ownCost = cost;
          }
        }
        store<f32>(out + <usize>k * plane, cost);
      }
    }
  }
}
