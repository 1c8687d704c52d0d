/**
 * How well the vectors of the neighbourhood match at every cell itself: what a flow network chooses
 * by (models/training/SEARCH.md). The window is that of the fine search.
 */
import { clampInt } from '../i420';
import { levelOrigin, levelSize, levelStride } from './pyramid';
import { unpackX, unpackY } from './vectors';
import { area, enterBlock, enterLevel, exactSad } from './window';

/** Furthest cell of a candidate. */
const REACH: i32 = 3;

// The cell at work: what its own vector costs, and the one before.
let ownVector: i32 = 0;
let ownCost: f32 = 0;
let lastVector: i32 = 0;
let lastCost: f32 = 0;

/** Mean absolute difference over the cell's window for a vector in whole samples. */
// @inline
function measure(v: i32): f32 {
  return <f32>exactSad<u8>(unpackX(v), unpackY(v)) * (<f32>1 / <f32>(area<u8>() * 255));
}

/** The same, of a cell that has its own vector measured. */
// @inline
function costOf(v: i32): f32 {
  if (v === ownVector) return ownCost;
  if (v !== lastVector) {
    lastVector = v;
    lastCost = measure(v);
  }
  return lastCost;
}

/** The costs of the vectors of the eight cells that are `steps` cells away, in reading order. */
// @inline
function ringCosts(at: usize, pitch: usize, steps: i32, out: usize, plane: usize): void {
  const down = <usize>steps * pitch;
  const across = <usize>(steps << 2);
  store<f32>(out, costOf(load<i32>(at - down - across)));
  store<f32>(out + plane, costOf(load<i32>(at - down)));
  store<f32>(out + 2 * plane, costOf(load<i32>(at - down + across)));
  store<f32>(out + 3 * plane, costOf(load<i32>(at - across)));
  store<f32>(out + 4 * plane, costOf(load<i32>(at + across)));
  store<f32>(out + 5 * plane, costOf(load<i32>(at + down - across)));
  store<f32>(out + 6 * plane, costOf(load<i32>(at + down)));
  store<f32>(out + 7 * plane, costOf(load<i32>(at + down + across)));
}

/** Vectors in samples of a frame as whole ones of a half, packed. */
// @inline
function whole(x: v128, y: v128): v128 {
  const half = f32x4.splat(0.5);
  const wholeX = i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(f32x4.mul(x, half), half)));
  const wholeY = i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(f32x4.mul(y, half), half)));
  return v128.or(v128.and(wholeX, i32x4.splat(0xffff)), i32x4.shl(wholeY, 16));
}

/**
 * The whole vectors of the rows of a seed from rowBegin to rowEnd, and of so many around them, at
 * `out`: rows of gridWidth + 2 · REACH, the ends repeated. Returns where the first cell is.
 */
function wholeRows(
  seed: usize,
  gridWidth: i32,
  gridHeight: i32,
  rowBegin: i32,
  rowEnd: i32,
  around: i32,
  out: usize,
): usize {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const pitch = <usize>((gridWidth + 2 * REACH) << 2);
  let row = out + (REACH << 2);
  for (let j = rowBegin - around; j < rowEnd + around; j++) {
    const from = seed + ((clampInt(j, 0, gridHeight - 1) * gridWidth) << 2);
    for (let i = 0; i < gridWidth; i += 4) {
      const at = <usize>(i << 2);
      v128.store(row + at, whole(v128.load(from + at), v128.load(from + plane + at)));
    }
    const end = row + (gridWidth << 2);
    const first = load<i32>(row);
    const last = load<i32>(end - 4);
    for (let k = 0; k < REACH; k++) {
      store<i32>(row - ((k + 1) << 2), first);
      store<i32>(end + (k << 2), last);
    }
    row += pitch;
  }
  return out + (REACH << 2) + around * pitch;
}

/**
 * For pyramids of width × height (padded) frames and their seed: float32
 * [18 or 28][⌈height/8⌉][⌈width/8⌉] at `costs`, the mean absolute difference (0…1) over the cell's
 * window of the half-resolution lumas; of the rows of cells from rowBegin to rowEnd. 0…16: for the
 * vectors of the cell, of the eight around it and of the eight three cells away; 17: for the zero
 * vector. With `fine`, the vectors of the fine search, 18…26: for those of the cell and of the eight
 * around it; 27: for the vectors in the first two planes of `motion`. Scratch: an int32 for each cell
 * of 2·(rowEnd − rowBegin) + 8 rows of six cells more, and sixteen bytes.
 */
export function candidateCosts(
  pyramid0: usize,
  pyramid1: usize,
  width: i32,
  height: i32,
  seed: usize,
  fine: usize,
  motion: usize,
  costs: usize,
  scratch: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const gridWidth = (width + 7) >> 3;
  const gridHeight = (height + 7) >> 3;
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const pitch = <usize>((gridWidth + 2 * REACH) << 2);
  let row = wholeRows(seed, gridWidth, gridHeight, rowBegin, rowEnd, REACH, scratch);
  const fineScratch = scratch + (rowEnd - rowBegin + 2 * REACH) * pitch;
  let fineRow: usize = 0;
  if (fine !== 0) fineRow = wholeRows(fine, gridWidth, gridHeight, rowBegin, rowEnd, 1, fineScratch);
  const origin = levelOrigin(width, height, 1);
  const stride = levelStride(width, 1);
  enterLevel(pyramid0 + origin, pyramid1 + origin, stride, levelSize(width, 1), levelSize(height, 1));
  for (let j = rowBegin; j < rowEnd; j++) {
    for (let i = 0; i < gridWidth; i++) {
      enterBlock<u8>(i, j);
      const cell = <usize>(i << 2);
      const out = costs + ((j * gridWidth) << 2) + cell;
      ownVector = load<i32>(row + cell);
      ownCost = measure(ownVector);
      lastVector = ownVector;
      store<f32>(out, ownCost);
      ringCosts(row + cell, pitch, 1, out + plane, plane);
      ringCosts(row + cell, pitch, REACH, out + 9 * plane, plane);
      store<f32>(out + 17 * plane, costOf(0));
      if (fine === 0) continue;
      store<f32>(out + 18 * plane, costOf(load<i32>(fineRow + cell)));
      ringCosts(fineRow + cell, pitch, 1, out + 19 * plane, plane);
      const at = motion + ((j * gridWidth) << 2) + cell;
      const beside = whole(v128.load32_zero(at), v128.load32_zero(at + plane));
      store<f32>(out + 27 * plane, costOf(i32x4.extract_lane(beside, 0)));
    }
    row += pitch;
    fineRow += pitch;
  }
}
