/**
 * What the pairs beside tell of a pair's acceleration (models/training/SEARCH.md, "Acceleration"):
 * the input `motion` of a flow network.
 */
import { cellBytes, lower, readCells, storeLanes, within } from '../cells';
import { clampInt } from '../i420';

/** Length, in samples, below which a motion stands still. */
const STILL: f32 = 1;
/** Samples by which a motion may change beyond the shorter of both vectors. */
const SLACK: f32 = 8;
/** Channels of a field that are motion. */
const MOTION: i32 = 4;

// @inline
function length(x: v128, y: v128): v128 {
  return f32x4.sqrt(f32x4.add(f32x4.mul(x, x), f32x4.mul(y, y)));
}

/** All ones where a motion (vx, vy) that was, or will be, (px, py) has neither started, stopped nor turned. */
// @inline
function goesOn(vx: v128, vy: v128, px: v128, py: v128): v128 {
  const shorter = f32x4.min(length(vx, vy), length(px, py));
  const change = length(f32x4.sub(vx, px), f32x4.sub(vy, py));
  const moves = f32x4.ge(shorter, f32x4.splat(STILL));
  return v128.and(moves, f32x4.le(change, f32x4.add(shorter, f32x4.splat(SLACK))));
}

/**
 * Reads a neighbour's seed where the cells are in the middle of its pair, and adds its q to planes 2 and 3; with
 * `first` those are set, and planes 0, 1 and 6 (its motion in this pair's interval, its cost).
 * `side`: −1: the pair before, 1: the pair after. `weight`: of its q in the whole.
 */
function addNeighbour(
  seed: usize,
  other: usize,
  ratio: f32,
  side: f32,
  weight: f32,
  first: bool,
  motion: usize,
  gridWidth: i32,
  gridHeight: i32,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  // From the middle of this pair to that of the other.
  const toCells = f32x4.splat(side * (<f32>1 + ratio) * <f32>0.0625);
  const lastX = f32x4.splat(<f32>(gridWidth - 1));
  const lastY = f32x4.splat(<f32>(gridHeight - 1));
  const mostX = f32x4.splat(<f32>max(gridWidth - 2, 0));
  const mostY = f32x4.splat(<f32>max(gridHeight - 2, 0));
  const pitch = f32x4.splat(<f32>gridWidth);
  const below: usize = gridHeight > 1 ? gridWidth << 2 : 0;
  const alone = i32x4.splat(gridWidth > 1 ? 0 : -1);
  const toInterval = f32x4.splat(<f32>1 / ratio);
  // A neighbour after has the later motion: the change is the other way round.
  const gain = f32x4.splat((-side * weight * <f32>0.25) / (<f32>1 + ratio));
  for (let y = rowBegin; y < rowEnd; y++) {
    const row = f32x4.splat(<f32>y);
    for (let x = 0; x < gridWidth; x += 4) {
      const cell = <usize>((y * gridWidth + x) << 2);
      const count = gridWidth - x;
      const column = f32x4.add(f32x4.splat(<f32>x), f32x4(0, 1, 2, 3));
      const vx = v128.load(seed + cell);
      const vy = v128.load(seed + plane + cell);
      const placeX = within(f32x4.add(column, f32x4.mul(vx, toCells)), lastX);
      const placeY = within(f32x4.add(row, f32x4.mul(vy, toCells)), lastY);
      const cellX = lower(placeX, mostX);
      const cellY = lower(placeY, mostY);
      const cells = cellBytes(cellX, cellY, pitch);
      const along = f32x4.sub(placeX, cellX);
      const down = f32x4.sub(placeY, cellY);
      const px = f32x4.mul(readCells(other, cells, along, down, below, alone), toInterval);
      const py = f32x4.mul(readCells(other + plane, cells, along, down, below, alone), toInterval);
      const same = goesOn(vx, vy, px, py);
      let qx = v128.and(f32x4.mul(f32x4.sub(vx, px), gain), same);
      let qy = v128.and(f32x4.mul(f32x4.sub(vy, py), gain), same);
      const out = motion + cell;
      if (first) {
        storeLanes(out, px, count);
        storeLanes(out + plane, py, count);
        storeLanes(out + 6 * plane, readCells(other + 2 * plane, cells, along, down, below, alone), count);
      } else {
        qx = f32x4.add(qx, v128.load(out + 2 * plane));
        qy = f32x4.add(qy, v128.load(out + 3 * plane));
      }
      storeLanes(out + 2 * plane, qx, count);
      storeLanes(out + 3 * plane, qy, count);
    }
  }
}

/** Sets rows of cells of a plane. */
function setRows(plane: usize, gridWidth: i32, rowBegin: i32, rowEnd: i32, value: f32): void {
  for (let i = rowBegin * gridWidth; i < rowEnd * gridWidth; i++) store<f32>(plane + (i << 2), value);
}

/**
 * For the seed of a pair and those of the pairs before and after it (0: there is none), each float32
 * [3][gridHeight][gridWidth]: planes 0…3, 6 and 7 of `motion`, float32 [8][gridHeight][gridWidth], in
 * rows of cells from rowBegin to rowEnd. The ratios are the neighbours' intervals over the pair's.
 * Planes 4 and 5 are {@link smoothMotion}'s.
 */
export function motionPlanes(
  seed: usize,
  before: usize,
  beforeRatio: f32,
  after: usize,
  afterRatio: f32,
  motion: usize,
  gridWidth: i32,
  gridHeight: i32,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const both = before !== 0 && after !== 0;
  const weight: f32 = both ? 0.5 : 1;
  if (before !== 0) {
    addNeighbour(seed, before, beforeRatio, -1, weight, true, motion, gridWidth, gridHeight, rowBegin, rowEnd);
  }
  if (after !== 0) {
    addNeighbour(seed, after, afterRatio, 1, weight, !both, motion, gridWidth, gridHeight, rowBegin, rowEnd);
  }
  const plane = <usize>((gridWidth * gridHeight) << 2);
  if (before === 0 && after === 0) {
    for (let c = 0; c < 8; c++) setRows(motion + c * plane, gridWidth, rowBegin, rowEnd, 0);
  } else setRows(motion + 7 * plane, gridWidth, rowBegin, rowEnd, both ? 1 : 0.5);
}

/** Sum of a cell and its two neighbours on either side, along x. */
// @inline
function five(at: usize): v128 {
  const inner = f32x4.add(f32x4.add(v128.load(at - 4), v128.load(at)), v128.load(at + 4));
  return f32x4.add(f32x4.add(v128.load(at - 8), inner), v128.load(at + 8));
}

/**
 * Planes 4 and 5 of `motion`: the means of planes 2 and 3 over 5 × 5 cells, edges replicated; of rows
 * of cells from rowBegin to rowEnd. Scratch: gridWidth + 12 float32.
 */
export function smoothMotion(
  motion: usize,
  gridWidth: i32,
  gridHeight: i32,
  scratch: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const pitch = <usize>(gridWidth << 2);
  const plane = pitch * gridHeight;
  const sums = scratch + 16;
  const mean = f32x4.splat(<f32>1 / <f32>25);
  for (let c = 2; c < 4; c++) {
    const from = motion + c * plane;
    for (let y = rowBegin; y < rowEnd; y++) {
      const a = from + clampInt(y - 2, 0, gridHeight - 1) * pitch;
      const b = from + clampInt(y - 1, 0, gridHeight - 1) * pitch;
      const d = from + clampInt(y + 1, 0, gridHeight - 1) * pitch;
      const e = from + clampInt(y + 2, 0, gridHeight - 1) * pitch;
      for (let x = 0; x < gridWidth; x += 4) {
        const at = x << 2;
        const outer = f32x4.add(v128.load(a + at), v128.load(e + at));
        const inner = f32x4.add(v128.load(b + at), v128.load(d + at));
        v128.store(sums + at, f32x4.add(f32x4.add(outer, inner), v128.load(from + y * pitch + at)));
      }
      const first = v128.load32_splat(sums);
      v128.store64_lane(sums - 8, first, 0);
      const end = sums + pitch;
      v128.store64_lane(end, v128.load32_splat(end - 4), 0);
      const out = motion + (c + 2) * plane + y * pitch;
      for (let x = 0; x < gridWidth; x += 4) {
        storeLanes(out + (x << 2), f32x4.mul(five(sums + (x << 2)), mean), gridWidth - x);
      }
    }
  }
}

/**
 * Adds `share` of planes 4 and 5 of `motion` to both flows of a field of t = ½, float32
 * [6·motions][gridHeight][gridWidth]. `cells`: of the grid.
 */
export function accelerateField(field: usize, motion: usize, cells: i32, motions: i32, share: f32): void {
  const plane = <usize>(cells << 2);
  const gain = f32x4.splat(share);
  for (let n = 0; n < motions; n++) {
    for (let c = 0; c < MOTION; c++) {
      const out = field + (6 * n + c) * plane;
      const from = motion + (4 + (c & 1)) * plane;
      for (let i = 0; i < cells; i += 4) {
        const at = <usize>(i << 2);
        const sum = f32x4.add(v128.load(out + at), f32x4.mul(v128.load(from + at), gain));
        storeLanes(out + at, sum, cells - i);
      }
    }
  }
}
