/**
 * Hierarchical symmetric block search through t = ½, exactly as models/training/SEARCH.md says.
 */

import { clampInt } from '../i420';
import { median9 } from './median';
import { LEVELS, levelOrigin, levelSize, levelStride } from './pyramid';
import { pack, unpackX, unpackY, vectorAt } from './vectors';

const COLUMNS: i32 = 16;
const ROWS: i32 = 8;
const SMOOTH: i32 = 24;
const ZERO_BONUS: i32 = 48;
const KEEP: i32 = 64;
const RADIUS: i32 = 4;

// State of the level and block at work; an instance belongs to one thread.
let plane0: usize = 0;
let plane1: usize = 0;
let stride: i32 = 0;
let lastX: i32 = 0;
let lastY: i32 = 0;
let blockX: i32 = 0;
let blockY: i32 = 0;
let predX: i32 = 0;
let predY: i32 = 0;
let bestX: i32 = 0;
let bestY: i32 = 0;
let bestCost: i32 = 0;
let bestSad: i32 = 0;

// @inline
function total(sums: v128): i32 {
  const wide = i32x4.extadd_pairwise_i16x8_u(sums);
  const two = i32x4.add(wide, v128.shuffle<i32>(wide, wide, 2, 3, 0, 1));
  return i32x4.extract_lane(two, 0) + i32x4.extract_lane(two, 1);
}

// @inline
function rowSum(a: usize, b: usize): v128 {
  const va = v128.load(a);
  const vb = v128.load(b);
  return i16x8.extadd_pairwise_i8x16_u(i8x16.sub(i8x16.max_u(va, vb), i8x16.min_u(va, vb)));
}

/**
 * SAD of the block's window for a vector, or, once it is certain to reach `limit`, some value ≥
 * limit.
 */
// @inline
function sad(vx: i32, vy: i32, limit: i32): i32 {
  const ux = vx >> 1;
  const uy = vy >> 1;
  // Windows further out than the border hold the same replicated samples as the outermost ones
  // inside it.
  const x0 = clampInt(blockX - ux, -COLUMNS, lastX);
  const y0 = clampInt(blockY - uy, -COLUMNS, lastY);
  const x1 = clampInt(blockX + vx - ux, -COLUMNS, lastX);
  const y1 = clampInt(blockY + vy - uy, -COLUMNS, lastY);
  const step = stride << 1;
  let a = plane0 + y0 * stride + x0;
  let b = plane1 + y1 * stride + x1;
  let sums = i16x8.add(rowSum(a, b), rowSum(a + step, b + step));
  a += step << 1;
  b += step << 1;
  sums = i16x8.add(sums, i16x8.add(rowSum(a, b), rowSum(a + step, b + step)));
  const half = total(sums);
  if (half >= limit) return half;
  a += step << 1;
  b += step << 1;
  sums = i16x8.add(rowSum(a, b), rowSum(a + step, b + step));
  a += step << 1;
  b += step << 1;
  return half + total(i16x8.add(sums, i16x8.add(rowSum(a, b), rowSum(a + step, b + step))));
}

/** The window's exact SAD. */
function exactSad(vx: i32, vy: i32): i32 {
  return sad(vx, vy, i32.MAX_VALUE);
}

/** Takes the vector as the best one if it costs less. */
function consider(vx: i32, vy: i32): void {
  const pull = SMOOTH * (abs(vx - predX) + abs(vy - predY)) - ((vx | vy) === 0 ? ZERO_BONUS : 0);
  const limit = bestCost - pull;
  if (limit <= 0) return;
  const s = sad(vx, vy, limit);
  if (s < limit) {
    bestCost = s + pull;
    bestSad = s;
    bestX = vx;
    bestY = vy;
  }
}

/**
 * Step 1 at levels 4 … 1: the parent's prediction, its neighbours', zero. Duplicates are skipped.
 */
function candidates(parents: usize, parentWidth: i32, parentHeight: i32, i: i32, j: i32): void {
  const own = vectorAt(parents, parentWidth, parentHeight, i, j);
  predX = unpackX(own) << 1;
  predY = unpackY(own) << 1;
  consider(predX, predY);
  const up = vectorAt(parents, parentWidth, parentHeight, i, j - 1);
  if (up !== own) consider(unpackX(up) << 1, unpackY(up) << 1);
  const left = vectorAt(parents, parentWidth, parentHeight, i - 1, j);
  if (left !== own && left !== up) consider(unpackX(left) << 1, unpackY(left) << 1);
  const right = vectorAt(parents, parentWidth, parentHeight, i + 1, j);
  if (right !== own && right !== up && right !== left) consider(unpackX(right) << 1, unpackY(right) << 1);
  const down = vectorAt(parents, parentWidth, parentHeight, i, j + 1);
  if (down !== own && down !== up && down !== left && down !== right) consider(unpackX(down) << 1, unpackY(down) << 1);
  if (own !== 0 && up !== 0 && left !== 0 && right !== 0 && down !== 0) consider(0, 0);
}

/** Step 2: the eight neighbours of the best vector; a second pass skips what the first has seen. */
function refine(passes: i32): void {
  let seenX = i32.MIN_VALUE >> 1;
  let seenY = seenX;
  for (let pass = 0; pass < passes; pass++) {
    const x = bestX;
    const y = bestY;
    if (x === seenX && y === seenY) return;
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        if ((dx | dy) === 0) continue;
        if (abs(x + dx - seenX) <= 1 && abs(y + dy - seenY) <= 1) continue;
        consider(x + dx, y + dy);
      }
    }
    seenX = x;
    seenY = y;
  }
}

/**
 * Steps 1 and 2 for rows of blocks of a level. `cost` receives the cost and the SAD of each block.
 */
function match(
  level: i32,
  gridWidth: i32,
  parents: usize,
  parentWidth: i32,
  parentHeight: i32,
  vectors: usize,
  cost: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  for (let j = rowBegin; j < rowEnd; j++) {
    for (let i = 0; i < gridWidth; i++) {
      blockX = 4 * i - 6;
      blockY = 4 * j - 5;
      bestCost = i32.MAX_VALUE >> 1;
      if (level === LEVELS) {
        predX = 0;
        predY = 0;
        consider(0, 0);
        for (let dy = -RADIUS; dy <= RADIUS; dy++) {
          for (let dx = -RADIUS; dx <= RADIUS; dx++) consider(dx, dy);
        }
      } else candidates(parents, parentWidth, parentHeight, i >> 1, j >> 1);
      refine(level > 1 ? 2 : 1);
      const at = (j * gridWidth + i) << 2;
      store<i32>(vectors + at, pack(bestX, bestY));
      store<i32>(cost + (at << 1), bestCost);
      store<i32>(cost + (at << 1) + 4, bestSad);
    }
  }
}

/**
 * Step 3: the vectors of the four neighbours. Reads `vectors`, writes `out`; the SAD of the winner
 * stays in `cost`.
 */
function propagate(
  level: i32,
  gridWidth: i32,
  gridHeight: i32,
  parents: usize,
  parentWidth: i32,
  vectors: usize,
  cost: usize,
  out: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  for (let j = rowBegin; j < rowEnd; j++) {
    for (let i = 0; i < gridWidth; i++) {
      blockX = 4 * i - 6;
      blockY = 4 * j - 5;
      const at = (j * gridWidth + i) << 2;
      const own = load<i32>(vectors + at);
      const parent = level === LEVELS ? 0 : load<i32>(parents + (((j >> 1) * parentWidth + (i >> 1)) << 2));
      predX = unpackX(parent) << 1;
      predY = unpackY(parent) << 1;
      bestX = unpackX(own);
      bestY = unpackY(own);
      bestCost = load<i32>(cost + (at << 1));
      bestSad = load<i32>(cost + (at << 1) + 4);
      const up = vectorAt(vectors, gridWidth, gridHeight, i, j - 1);
      const left = vectorAt(vectors, gridWidth, gridHeight, i - 1, j);
      const right = vectorAt(vectors, gridWidth, gridHeight, i + 1, j);
      const down = vectorAt(vectors, gridWidth, gridHeight, i, j + 1);
      if (up !== own) consider(unpackX(up), unpackY(up));
      if (left !== own && left !== up) consider(unpackX(left), unpackY(left));
      if (right !== own && right !== up && right !== left) consider(unpackX(right), unpackY(right));
      if (down !== own && down !== up && down !== left && down !== right) consider(unpackX(down), unpackY(down));
      store<i32>(out + at, pack(bestX, bestY));
      store<i32>(cost + (at << 1) + 4, bestSad);
    }
  }
}

// @inline
function one(vectors: usize, gridWidth: i32, gridHeight: i32, i: i32, j: i32): v128 {
  return i32x4.splat(vectorAt(vectors, gridWidth, gridHeight, i, j));
}

/** Step 4: the median of the 3 × 3 blocks, unless the block's own vector matches clearly better. */
function settle(
  gridWidth: i32,
  gridHeight: i32,
  vectors: usize,
  cost: usize,
  out: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  for (let j = rowBegin; j < rowEnd; j++) {
    for (let i = 0; i < gridWidth; i++) {
      const at = (j * gridWidth + i) << 2;
      const own = load<i32>(vectors + at);
      const median = i32x4.extract_lane(
        median9(
          one(vectors, gridWidth, gridHeight, i - 1, j - 1),
          one(vectors, gridWidth, gridHeight, i, j - 1),
          one(vectors, gridWidth, gridHeight, i + 1, j - 1),
          one(vectors, gridWidth, gridHeight, i - 1, j),
          one(vectors, gridWidth, gridHeight, i, j),
          one(vectors, gridWidth, gridHeight, i + 1, j),
          one(vectors, gridWidth, gridHeight, i - 1, j + 1),
          one(vectors, gridWidth, gridHeight, i, j + 1),
          one(vectors, gridWidth, gridHeight, i + 1, j + 1),
        ),
        0,
      );
      let final = median;
      if (median !== own) {
        blockX = 4 * i - 6;
        blockY = 4 * j - 5;
        const limit = load<i32>(cost + (at << 1) + 4) + KEEP;
        const s = sad(unpackX(median), unpackY(median), limit + 1);
        if (limit < s) final = own;
        else store<i32>(cost + (at << 1) + 4, s);
      }
      store<i32>(out + at, final);
    }
  }
}

/** Offset of the parabola's vertex through the SADs at −1, 0, +1. */
// @inline
function vertex(low: i32, middle: i32, high: i32): f32 {
  const curve = low + high - 2 * middle;
  if (curve <= 0) return 0;
  const offset = (<f32>0.5 * <f32>(low - high)) / <f32>curve;
  return min(max(offset, <f32>-0.5), <f32>0.5);
}

/** Sub-pel vectors in full-resolution samples and the matching cost, of rows of blocks. */
function output(
  gridWidth: i32,
  gridHeight: i32,
  vectors: usize,
  cost: usize,
  seed: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const plane = (gridWidth * gridHeight) << 2;
  for (let j = rowBegin; j < rowEnd; j++) {
    for (let i = 0; i < gridWidth; i++) {
      blockX = 4 * i - 6;
      blockY = 4 * j - 5;
      const at = (j * gridWidth + i) << 2;
      const v = load<i32>(vectors + at);
      const s = load<i32>(cost + (at << 1) + 4);
      const x = unpackX(v);
      const y = unpackY(v);
      const dx = vertex(exactSad(x - 1, y), s, exactSad(x + 1, y));
      const dy = vertex(exactSad(x, y - 1), s, exactSad(x, y + 1));
      const cell = seed + at;
      store<f32>(cell, (<f32>x + dx) * 2);
      store<f32>(cell + plane, (<f32>y + dy) * 2);
      store<f32>(cell + 2 * plane, <f32>s / <f32>(COLUMNS * ROWS * 255));
    }
  }
}

/** Blocks along a side of a level. */
// @inline
function blocks(size: i32, level: i32): i32 {
  return (levelSize(size, level) + 3) >> 2;
}

/**
 * One pass of the search over rows of blocks of one level: 0 matches, 1 propagates, 2 settles, and
 * at level 1 writes the seed. Passes run in order, from level LEVELS to 1, each over all rows of
 * its level; the rows of one pass are independent. Seed: float32 [3][⌈height/8⌉][⌈width/8⌉], vx, vy
 * in full-resolution samples, cost 0…1, for pyramids of width × height (padded) frames. Scratch,
 * i32 each: the final vectors of levels 1 … 5 one after the other, then four arrays of level 1's
 * size.
 */
export function searchRows(
  pyramid0: usize,
  pyramid1: usize,
  width: i32,
  height: i32,
  scratch: usize,
  seed: usize,
  level: i32,
  pass: i32,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const gridWidth = blocks(width, level);
  const gridHeight = blocks(height, level);
  const parentWidth = blocks(width, level + 1);
  const parentHeight = blocks(height, level + 1);
  let final = scratch;
  for (let l = 1; l < level; l++) final += (blocks(width, l) * blocks(height, l)) << 2;
  const parents = level === LEVELS ? 0 : final + ((gridWidth * gridHeight) << 2);
  let first = final;
  for (let l = level; l <= LEVELS; l++) first += (blocks(width, l) * blocks(height, l)) << 2;
  const most = (blocks(width, 1) * blocks(height, 1)) << 2;
  const second = first + most;
  const cost = second + most;
  const origin = levelOrigin(width, height, level);
  plane0 = pyramid0 + origin;
  plane1 = pyramid1 + origin;
  stride = levelStride(width, level);
  lastX = levelSize(width, level);
  lastY = levelSize(height, level);
  if (pass === 0) match(level, gridWidth, parents, parentWidth, parentHeight, first, cost, rowBegin, rowEnd);
  else if (pass === 1)
    propagate(level, gridWidth, gridHeight, parents, parentWidth, first, cost, second, rowBegin, rowEnd);
  else {
    settle(gridWidth, gridHeight, second, cost, final, rowBegin, rowEnd);
    if (level === 1) output(gridWidth, gridHeight, final, cost, seed, rowBegin, rowEnd);
  }
}
