/**
 * The field of a network that weighs candidate vectors (models/training/flow_s/choice.py): in a graph
 * of general operators, each of which reads and writes whole planes, this takes a third of its time.
 */
import { clampInt } from '../i420';
import { logistic, power } from './power';

/** Candidates: of the search 17 cells and zero, of the fine search nine cells, one of the pair beside. */
const CANDIDATES: i32 = 28;
/** Outputs of the network for each motion: of a candidate each, then four of the residual, m, e and two gates. */
const OUTPUTS: i32 = CANDIDATES + 8;
/** Furthest cell of a candidate. */
const REACH: i32 = 3;
/** Cells on either side of which the wide mean of the bend is. */
const WIDE: i32 = 4;
/** Samples of the residual for 1 of the network's. */
const RESIDUAL: f32 = 4;
/** Of the mean bend of 5 × 5 cells, the most that a gate lets through. */
const MOST: f32 = 1.2;

/** Of the second motion: a smaller share is none. */
const LEAST: f32 = 1.0 / 32;
/** What the network tells of that share, ln(0.225 / 0.775). */
const NO_SHARE: f32 = -1.2367626271489267;

/** Rows of padded vectors. */
let pitch: usize = 0;
/** Sums of the weights, and of the weighted vectors, of four cells. */
let weights: v128 = i8x16.splat(0);
let sumX: v128 = i8x16.splat(0);
let sumY: v128 = i8x16.splat(0);

/**
 * Rows rowBegin − around to rowEnd + around of a plane of vectors at `out`, in rows of `pitch` bytes
 * whose cells begin at REACH; the ends are repeated.
 */
function copyRows(plane: usize, gridWidth: i32, gridHeight: i32, begin: i32, end: i32, out: usize): void {
  let row = out;
  for (let j = begin; j < end; j++) {
    const from = plane + ((clampInt(j, 0, gridHeight - 1) * gridWidth) << 2);
    const cells = row + (REACH << 2);
    memory.copy(cells, from, gridWidth << 2);
    const last = cells + (gridWidth << 2);
    for (let k = 0; k < REACH; k++) {
      store<f32>(row + (k << 2), load<f32>(from));
      store<f32>(last + (k << 2), load<f32>(last - 4));
    }
    row += pitch;
  }
}

/** The weight of candidate k at four cells. */
// @inline
function weigh(logits: usize, costs: usize, plane: usize, k: usize, trust: v128): v128 {
  const told = v128.load(logits + k * plane);
  const weight = power(f32x4.sub(told, f32x4.mul(v128.load(costs + k * plane), trust)));
  weights = f32x4.add(weights, weight);
  return weight;
}

/** Adds candidate k, whose vectors are at `x` and `y`. */
// @inline
function add(logits: usize, costs: usize, plane: usize, k: usize, trust: v128, x: usize, y: usize): void {
  const weight = weigh(logits, costs, plane, k, trust);
  sumX = f32x4.add(sumX, f32x4.mul(weight, v128.load(x)));
  sumY = f32x4.add(sumY, f32x4.mul(weight, v128.load(y)));
}

/** Adds candidates k … k + 7: the eight cells that are `steps` cells away, in reading order. */
// @inline
function addRing(
  logits: usize,
  costs: usize,
  plane: usize,
  k: usize,
  trust: v128,
  x: usize,
  y: usize,
  steps: usize,
): void {
  const down = steps * pitch;
  const across = steps << 2;
  add(logits, costs, plane, k, trust, x - down - across, y - down - across);
  add(logits, costs, plane, k + 1, trust, x - down, y - down);
  add(logits, costs, plane, k + 2, trust, x - down + across, y - down + across);
  add(logits, costs, plane, k + 3, trust, x - across, y - across);
  add(logits, costs, plane, k + 4, trust, x + across, y + across);
  add(logits, costs, plane, k + 5, trust, x + down - across, y + down - across);
  add(logits, costs, plane, k + 6, trust, x + down, y + down);
  add(logits, costs, plane, k + 7, trust, x + down + across, y + down + across);
}

/** The mean of a plane's cells up to WIDE away that there are, of one row. Scratch: gridWidth + 8 float32. */
function wideRow(plane: usize, gridWidth: i32, gridHeight: i32, row: i32, sums: usize, out: usize): void {
  const first = max(row - WIDE, 0);
  const last = min(row + WIDE, gridHeight - 1);
  const bytes = <usize>(gridWidth << 2);
  const inner = sums + (WIDE << 2);
  v128.store(sums, i8x16.splat(0));
  for (let i: usize = 0; i < bytes; i += 16) {
    let sum = f32x4.splat(0);
    for (let j = first; j <= last; j++) sum = f32x4.add(sum, v128.load(plane + j * bytes + i));
    v128.store(inner + i, sum);
  }
  v128.store(inner + bytes, i8x16.splat(0));
  const rows = <f32>(last - first + 1);
  for (let i = 0; i < gridWidth; i += 4) {
    const at = sums + (i << 2);
    let sum = f32x4.splat(0);
    for (let k: usize = 0; k < 9; k++) sum = f32x4.add(sum, v128.load(at + (k << 2)));
    const column = f32x4.add(f32x4.splat(<f32>i), f32x4(0, 1, 2, 3));
    const left = f32x4.min(column, f32x4.splat(<f32>WIDE));
    const right = f32x4.min(f32x4.sub(f32x4.splat(<f32>(gridWidth - 1)), column), f32x4.splat(<f32>WIDE));
    const columns = f32x4.add(f32x4.add(left, right), f32x4.splat(1));
    v128.store(out + (i << 2), f32x4.div(sum, f32x4.mul(columns, f32x4.splat(rows))));
  }
}

/** Whether any of four cells, or of those around them, has a share of the second motion. */
// @inline
function shares(logits: usize, gridWidth: i32, gridHeight: i32, i: i32, j: i32): bool {
  let most = f32x4.splat(NO_SHARE);
  for (let y = max(j - 1, 0); y <= min(j + 1, gridHeight - 1); y++) {
    // Beyond a row's ends: cells of others, which can only add to the work.
    const at = logits + ((y * gridWidth + i) << 2);
    most = f32x4.pmax(most, f32x4.pmax(v128.load(at - 4), v128.load(at + 4)));
  }
  return v128.any_true(f32x4.gt(most, f32x4.splat(NO_SHARE)));
}

/**
 * Rows of cells from rowBegin to rowEnd of `field`, float32 [12][gridHeight][gridWidth] at t = ½, from
 * a network's `choice`, float32 [2·36][gridHeight][gridWidth], of the candidates whose `costs` it saw;
 * `trust`, a float32: what a cost of 1 takes from a candidate's logit. Where the second motion has no
 * share, nor has it in a cell beside, it is left as the first. gridWidth is a multiple of 4. Scratch of
 * `choiceScratchBytes`.
 */
export function chooseField(
  choice: usize,
  trust: usize,
  seed: usize,
  fine: usize,
  motion: usize,
  costs: usize,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  scratch: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  pitch = <usize>((gridWidth + 2 * REACH) << 2);
  const seedRows = <usize>(rowEnd - rowBegin + 2 * REACH) * pitch;
  const fineRows = <usize>(rowEnd - rowBegin + 2) * pitch;
  const fineAt = scratch + 2 * seedRows;
  const wide = fineAt + 2 * fineRows;
  const sums = wide + ((2 * gridWidth) << 2);
  for (let c: usize = 0; c < 2; c++) {
    const rows = scratch + c * seedRows;
    copyRows(seed + c * plane, gridWidth, gridHeight, rowBegin - REACH, rowEnd + REACH, rows);
    copyRows(fine + c * plane, gridWidth, gridHeight, rowBegin - 1, rowEnd + 1, fineAt + c * fineRows);
  }
  const confidence = v128.load32_splat(trust);
  for (let j = rowBegin; j < rowEnd; j++) {
    const row = <usize>((j * gridWidth) << 2);
    // 0, ½ or 1, the same in all cells: no pair beside, one, or both.
    const known = load<f32>(motion + 7 * plane + row);
    if (known > 0) {
      wideRow(motion + 4 * plane, gridWidth, gridHeight, j, sums, wide);
      wideRow(motion + 5 * plane, gridWidth, gridHeight, j, sums, wide + (gridWidth << 2));
    }
    // Nine tenths of the bend with both pairs beside, half of it with one: the gates are for one.
    const deserved = f32x4.splat(known * <f32>1.6 + <f32>0.2);
    const inner = scratch + <usize>(j - rowBegin + REACH) * pitch + (REACH << 2);
    const innerFine = fineAt + <usize>(j - rowBegin + 1) * pitch + (REACH << 2);
    for (let i = 0; i < gridWidth; i += 4) {
      const cell = row + (i << 2);
      const x = inner + (i << 2);
      const fineX = innerFine + (i << 2);
      const price = costs + cell;
      for (let n: usize = 0; n < 2; n++) {
        const told = choice + n * OUTPUTS * plane + cell;
        const out = field + n * 6 * plane + cell;
        if (n > 0 && !shares(choice + (OUTPUTS + CANDIDATES + 5) * plane, gridWidth, gridHeight, i, j)) {
          for (let c: usize = 0; c < 5; c++) v128.store(out + c * plane, v128.load(out - (6 - c) * plane));
          v128.store(out + 5 * plane, f32x4.splat(0));
          continue;
        }
        weights = f32x4.splat(0);
        sumX = f32x4.splat(0);
        sumY = f32x4.splat(0);
        add(told, price, plane, 0, confidence, x, x + seedRows);
        addRing(told, price, plane, 1, confidence, x, x + seedRows, 1);
        addRing(told, price, plane, 9, confidence, x, x + seedRows, REACH);
        weigh(told, price, plane, 17, confidence);
        add(told, price, plane, 18, confidence, fineX, fineX + fineRows);
        addRing(told, price, plane, 19, confidence, fineX, fineX + fineRows, 1);
        add(told, price, plane, 27, confidence, motion + cell, motion + plane + cell);
        const half = f32x4.div(f32x4.splat(0.5), weights);
        const rest = told + CANDIDATES * plane;
        let bendX = f32x4.splat(0);
        let bendY = bendX;
        if (known > 0) {
          const near = f32x4.mul(deserved, f32x4.mul(f32x4.splat(MOST), logistic(v128.load(rest + 6 * plane))));
          const far = f32x4.mul(deserved, f32x4.sub(logistic(v128.load(rest + 7 * plane)), f32x4.splat(0.5)));
          const box = motion + 4 * plane + cell;
          const mean = wide + (i << 2);
          bendX = f32x4.add(f32x4.mul(v128.load(box), near), f32x4.mul(v128.load(mean), far));
          const meanY = v128.load(mean + (gridWidth << 2));
          bendY = f32x4.add(f32x4.mul(v128.load(box + plane), near), f32x4.mul(meanY, far));
        }
        const vx = f32x4.mul(sumX, half);
        const vy = f32x4.mul(sumY, half);
        const gain = f32x4.splat(RESIDUAL);
        put(out, f32x4.sub(bendX, vx), rest, gain);
        put(out + plane, f32x4.sub(bendY, vy), rest + plane, gain);
        put(out + 2 * plane, f32x4.add(bendX, vx), rest + 2 * plane, gain);
        put(out + 3 * plane, f32x4.add(bendY, vy), rest + 3 * plane, gain);
        v128.store(out + 4 * plane, logistic(v128.load(rest + 4 * plane)));
        let last = logistic(v128.load(rest + 5 * plane));
        if (n > 0) {
          last = f32x4.sub(f32x4.mul(last, f32x4.splat(1.25)), f32x4.splat(0.25));
          last = v128.and(last, f32x4.gt(last, f32x4.splat(LEAST)));
        }
        v128.store(out + 5 * plane, last);
      }
    }
  }
}

/** A flow and its residual. */
// @inline
function put(out: usize, flow: v128, residual: usize, gain: v128): void {
  v128.store(out, f32x4.add(flow, f32x4.mul(v128.load(residual), gain)));
}
