/**
 * Hierarchical symmetric block search through t = ½, exactly as models/training/SEARCH.md says.
 */

import { median9 } from './median';
import { LEVELS, levelOrigin, levelSize, levelStride } from './pyramid';
import { leftOf, pack, rightOf, unpackX, unpackY, vectorRow } from './vectors';
import {
  area,
  bestCost,
  bestSad,
  bestX,
  bestY,
  consider,
  considerAround,
  crossSads,
  enterBlock,
  enterLevel,
  keep,
  predict,
  sad,
  setBest,
} from './window';

const RADIUS: i32 = 4;

/**
 * Step 1 at levels 4 … 1 for a block whose parent is block i of `row`: the parent's prediction, its
 * neighbours', zero. Duplicates are skipped.
 */
// @inline
function candidates<W>(above: usize, row: usize, below: usize, parentWidth: i32, i: i32): void {
  const own = load<i32>(row + (i << 2));
  const x = unpackX(own) << 1;
  const y = unpackY(own) << 1;
  predict(x, y);
  consider<W>(x, y);
  const up = load<i32>(above + (i << 2));
  if (up !== own) consider<W>(unpackX(up) << 1, unpackY(up) << 1);
  const left = leftOf(row, i);
  if (left !== own && left !== up) consider<W>(unpackX(left) << 1, unpackY(left) << 1);
  const right = rightOf(row, i, parentWidth);
  if (right !== own && right !== up && right !== left) consider<W>(unpackX(right) << 1, unpackY(right) << 1);
  const down = load<i32>(below + (i << 2));
  if (down !== own && down !== up && down !== left && down !== right)
    consider<W>(unpackX(down) << 1, unpackY(down) << 1);
  if (own !== 0 && up !== 0 && left !== 0 && right !== 0 && down !== 0) consider<W>(0, 0);
}

/** Step 2: the eight neighbours of the best vector. */
// @inline
function refine<W>(passes: i32): void {
  for (let pass = 0; pass < passes; pass++) {
    const x = bestX;
    const y = bestY;
    considerAround<W>(x, y);
    if (x === bestX && y === bestY) return;
  }
}

/**
 * Steps 1 and 2 for rows of blocks of a level. `cost` receives the cost and the SAD of each block.
 */
function match<W>(
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
    const above = vectorRow(parents, parentWidth, parentHeight, (j >> 1) - 1);
    const row = vectorRow(parents, parentWidth, parentHeight, j >> 1);
    const below = vectorRow(parents, parentWidth, parentHeight, (j >> 1) + 1);
    for (let i = 0; i < gridWidth; i++) {
      enterBlock<W>(i, j);
      setBest(0, 0, i32.MAX_VALUE >> 1, 0);
      if (level === LEVELS) {
        predict(0, 0);
        consider<W>(0, 0);
        for (let dy = -RADIUS; dy <= RADIUS; dy++) {
          for (let dx = -RADIUS; dx <= RADIUS; dx++) consider<W>(dx, dy);
        }
      } else candidates<W>(above, row, below, parentWidth, i >> 1);
      refine<W>(level > 1 ? 2 : 1);
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
function propagate<W>(
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
    const above = vectorRow(vectors, gridWidth, gridHeight, j - 1);
    const row = vectorRow(vectors, gridWidth, gridHeight, j);
    const below = vectorRow(vectors, gridWidth, gridHeight, j + 1);
    for (let i = 0; i < gridWidth; i++) {
      enterBlock<W>(i, j);
      const at = (j * gridWidth + i) << 2;
      const own = load<i32>(vectors + at);
      const parent = level === LEVELS ? 0 : load<i32>(parents + (((j >> 1) * parentWidth + (i >> 1)) << 2));
      predict(unpackX(parent) << 1, unpackY(parent) << 1);
      setBest(unpackX(own), unpackY(own), load<i32>(cost + (at << 1)), load<i32>(cost + (at << 1) + 4));
      const up = load<i32>(above + (i << 2));
      const left = leftOf(row, i);
      const right = rightOf(row, i, gridWidth);
      const down = load<i32>(below + (i << 2));
      if (up !== own) consider<W>(unpackX(up), unpackY(up));
      if (left !== own && left !== up) consider<W>(unpackX(left), unpackY(left));
      if (right !== own && right !== up && right !== left) consider<W>(unpackX(right), unpackY(right));
      if (down !== own && down !== up && down !== left && down !== right) consider<W>(unpackX(down), unpackY(down));
      store<i32>(out + at, pack(bestX, bestY));
      store<i32>(cost + (at << 1) + 4, bestSad);
    }
  }
}

/** Medians of nine: of three vectors and those above and below them, each four blocks in a row. */
// @inline
function medians(above: usize, row: usize, below: usize, left: i32, middle: i32, right: i32): v128 {
  return median9(
    v128.load(above + left),
    v128.load(above + middle),
    v128.load(above + right),
    v128.load(row + left),
    v128.load(row + middle),
    v128.load(row + right),
    v128.load(below + left),
    v128.load(below + middle),
    v128.load(below + right),
  );
}

/** Component-wise medians of the 3 × 3 blocks around each block of a row. */
function medianRow(above: usize, row: usize, below: usize, gridWidth: i32, out: usize): void {
  for (let i = 0; i < gridWidth; i++) {
    const at = i << 2;
    if (i > 0 && i + 4 < gridWidth) {
      v128.store(out + at, medians(above, row, below, at - 4, at, at + 4));
      i += 3;
    } else {
      const left = max(at - 4, 0);
      const right = min(at + 4, (gridWidth - 1) << 2);
      store<i32>(out + at, i32x4.extract_lane(medians(above, row, below, left, at, right), 0));
    }
  }
}

/** Step 4: the median of the 3 × 3 blocks, unless the block's own vector matches clearly better. */
function settle<W>(
  gridWidth: i32,
  gridHeight: i32,
  vectors: usize,
  cost: usize,
  out: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  for (let j = rowBegin; j < rowEnd; j++) {
    const above = vectorRow(vectors, gridWidth, gridHeight, j - 1);
    const row = vectorRow(vectors, gridWidth, gridHeight, j);
    const below = vectorRow(vectors, gridWidth, gridHeight, j + 1);
    const start = (j * gridWidth) << 2;
    medianRow(above, row, below, gridWidth, out + start);
    for (let i = 0; i < gridWidth; i++) {
      const at = start + (i << 2);
      const own = load<i32>(vectors + at);
      const median = load<i32>(out + at);
      if (median === own) continue;
      enterBlock<W>(i, j);
      const limit = load<i32>(cost + (at << 1) + 4) + keep<W>();
      const s = sad<W>(unpackX(median), unpackY(median), limit + 1);
      if (limit < s) store<i32>(out + at, own);
      else store<i32>(cost + (at << 1) + 4, s);
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
function output<W>(
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
      enterBlock<W>(i, j);
      const at = (j * gridWidth + i) << 2;
      const v = load<i32>(vectors + at);
      const s = load<i32>(cost + (at << 1) + 4);
      const x = unpackX(v);
      const y = unpackY(v);
      const around = crossSads<W>(x, y);
      const dx = vertex(i32x4.extract_lane(around, 0), s, i32x4.extract_lane(around, 1));
      const dy = vertex(i32x4.extract_lane(around, 2), s, i32x4.extract_lane(around, 3));
      const cell = seed + at;
      store<f32>(cell, (<f32>x + dx) * 2);
      store<f32>(cell + plane, (<f32>y + dy) * 2);
      store<f32>(cell + 2 * plane, <f32>s / <f32>(area<W>() * 255));
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
 * size. `fine`: in windows of a quarter of the area.
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
  fine: bool,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const origin = levelOrigin(width, height, level);
  const lastX = levelSize(width, level);
  const lastY = levelSize(height, level);
  enterLevel(pyramid0 + origin, pyramid1 + origin, levelStride(width, level), lastX, lastY);
  if (fine) passRows<u8>(width, height, scratch, seed, level, pass, rowBegin, rowEnd);
  else passRows<u16>(width, height, scratch, seed, level, pass, rowBegin, rowEnd);
}

function passRows<W>(
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
  if (pass === 0) match<W>(level, gridWidth, parents, parentWidth, parentHeight, first, cost, rowBegin, rowEnd);
  else if (pass === 1)
    propagate<W>(level, gridWidth, gridHeight, parents, parentWidth, first, cost, second, rowBegin, rowEnd);
  else {
    settle<W>(gridWidth, gridHeight, second, cost, final, rowBegin, rowEnd);
    if (level === 1) output<W>(gridWidth, gridHeight, final, cost, seed, rowBegin, rowEnd);
  }
}
