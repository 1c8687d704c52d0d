/**
 * From what was measured of a frame's cells to how sure it is of each, and which give way to a parent
 * (models/training/common/confidence.py has the same in plain numbers).
 */
import { clampInt } from '../i420';

/** Cells by disagreement in 1/4 grey level: i32[64]. */
const NOISE_BINS: i32 = 64;
/** Cells by z, from −8 in 1/16: i32[256]. */
const ODDS_BINS: i32 = 256;
/** Odds this much over the gate give way wholly. */
const ODDS_RAMP: f32 = 0.5;
/** Parents that differ so much less where they stand than moved take the place wholly. */
const GAIN_RAMP: f32 = 0.2;
/** Spare floats on either side of a row of sums. */
const LEAD: usize = 16;

/**
 * The noise of columns × rows cells: the mean absolute difference (`disagreement`, float32
 * [≥rows][gridWidth], grey levels) that a quarter of them stays under, to 1/4. Scratch: `bins`, int32[64].
 */
export function judgeNoise(disagreement: usize, columns: i32, rows: i32, gridWidth: i32, bins: usize): f32 {
  memory.fill(bins, 0, NOISE_BINS << 2);
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const value = load<f32>(disagreement + ((j * gridWidth + i) << 2));
      const slot = bins + (min(<i32>(value * 4), NOISE_BINS - 1) << 2);
      store<i32>(slot, load<i32>(slot) + 1);
    }
  }
  let bin = 0;
  for (let seen = load<i32>(bins); 4 * seen < columns * rows; seen += load<i32>(bins + (bin << 2))) bin += 1;
  return <f32>bin * 0.25;
}

/** Sums of `plane`, less the noise, over five rows around row j, edges replicated, to `out`. */
// @inline
function sumRows(plane: usize, columns: i32, rows: i32, gridWidth: i32, j: i32, noise: f32, out: usize): void {
  const less = f32x4.splat(noise);
  const zero = f32x4.splat(0);
  for (let i = 0; i < columns; i += 4) {
    let sum = zero;
    for (let k = -2; k <= 2; k++) {
      const at = plane + ((clampInt(j + k, 0, rows - 1) * gridWidth + i) << 2);
      sum = f32x4.add(sum, f32x4.pmax(zero, f32x4.sub(v128.load(at), less)));
    }
    v128.store(out + (i << 2), sum);
  }
  const end = out + (columns << 2);
  store<f32>(out - 4, load<f32>(out));
  store<f32>(out - 8, load<f32>(out));
  const last = load<f32>(end - 4);
  store<f32>(end, last);
  store<f32>(end + 4, last);
}

/** Means over 5 × 5 cells of four neighbours, from the sums of their columns. */
// @inline
function means(sums: usize): v128 {
  const outer = f32x4.add(v128.load(sums - 8), v128.load(sums + 8));
  const inner = f32x4.add(v128.load(sums - 4), v128.load(sums + 4));
  return f32x4.mul(f32x4.add(f32x4.add(outer, inner), v128.load(sums)), f32x4.splat(0.04));
}

// @inline
function root(value: v128): v128 {
  return f32x4.sqrt(f32x4.pmax(f32x4.splat(0), value));
}

/** A number within 0…1; not a number: 0. */
// @inline
function unit(value: v128): v128 {
  return f32x4.pmin(f32x4.splat(1), f32x4.pmax(f32x4.splat(0), value));
}

/**
 * Judges rows [rowBegin, rowEnd) of columns × rows cells. `measured`: as measureCells() writes it; `error`:
 * float32 [gridHeight][gridWidth], expected error 0…1. `odds`, float32[7]: weights of what follows, bias,
 * gate, and the noise by judgeNoise(). z = bias + Σ weight · √(mean over 5 × 5 cells of the
 * difference of means; of the difference where they stand, less the noise; the error; the
 * deviation, less the noise), in grey levels. Writes how much each cell gives way, 0…1, to `way`
 * (float32 [gridHeight][gridWidth]): where z is over `gate` and the parents differ less where they
 * stand than moved. Adds at `result` (int32): cells over the gate, cells that give way by a half or
 * more, cells that do at all, cells by z in 256 bins of 1/16 from −8. Scratch: judgeScratchBytes() in ../kernel.ts.
 */
export function judgeCells(
  measured: usize,
  error: usize,
  columns: i32,
  rows: i32,
  gridWidth: i32,
  gridHeight: i32,
  odds: usize,
  scratch: usize,
  way: usize,
  result: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const pitch = <usize>((gridWidth << 2) + 2 * LEAD);
  const drift = scratch + LEAD;
  const moved = drift + pitch;
  const standing = moved + pitch;
  const gate = load<f32>(odds, 20);
  const noise = load<f32>(odds, 24);
  const counts = result + 12;
  const noisePower = f32x4.splat(noise * noise);
  const byDrift = v128.load32_splat(odds);
  const byStanding = v128.load32_splat(odds, 4);
  const byError = v128.load32_splat(odds, 8);
  const byContrast = v128.load32_splat(odds, 12);
  const bias = v128.load32_splat(odds, 16);
  let over = 0;
  let given = 0;
  let some = 0;
  for (let j = rowBegin; j < rowEnd; j++) {
    sumRows(measured, columns, rows, gridWidth, j, 0, drift);
    sumRows(measured + plane, columns, rows, gridWidth, j, noise, moved);
    sumRows(measured + 2 * plane, columns, rows, gridWidth, j, noise, standing);
    for (let i = 0; i < columns; i += 4) {
      const at = <usize>(i << 2);
      const cell = <usize>((j * gridWidth) << 2) + at;
      const stands = means(standing + at);
      const moves = means(moved + at);
      const seen = v128.load(measured + 3 * plane + cell);
      const detail = f32x4.sub(f32x4.mul(seen, seen), noisePower);
      // Not a number: the most.
      const told = f32x4.pmin(f32x4.splat(255), f32x4.mul(v128.load(error + cell), f32x4.splat(255)));
      let z = f32x4.add(bias, f32x4.mul(byDrift, root(means(drift + at))));
      z = f32x4.add(z, f32x4.mul(byStanding, root(stands)));
      z = f32x4.add(z, f32x4.mul(byError, root(told)));
      z = f32x4.add(z, f32x4.mul(byContrast, root(root(detail))));
      const gain = f32x4.div(f32x4.sub(moves, stands), f32x4.pmax(f32x4.splat(1e-6), moves));
      const excess = unit(f32x4.mul(f32x4.sub(z, f32x4.splat(gate)), f32x4.splat(1 / ODDS_RAMP)));
      const shares = f32x4.mul(excess, unit(f32x4.mul(gain, f32x4.splat(1 / GAIN_RAMP))));
      v128.store(way + cell, shares);
      const bins = i32x4.trunc_sat_f32x4_s(f32x4.mul(f32x4.add(z, f32x4.splat(8)), f32x4.splat(16)));
      // Into the row of sums that has been read: lanes beyond the last column do not count.
      v128.store(drift + at - LEAD, bins);
      const lanes = min(columns - i, 4);
      const overs = f32x4.gt(z, f32x4.splat(gate));
      v128.store(moved + at - LEAD, overs);
      for (let k = 0; k < lanes; k++) {
        const bin = clampInt(load<i32>(drift + at - LEAD + (k << 2)), 0, ODDS_BINS - 1);
        const slot = counts + (bin << 2);
        store<i32>(slot, load<i32>(slot) + 1);
        over -= load<i32>(moved + at - LEAD + (k << 2));
        const share = load<f32>(way + cell + (k << 2));
        if (share >= 0.5) given += 1;
        if (share > 0) some += 1;
      }
      for (let k = lanes; k < 4; k++) store<f32>(way + cell + (k << 2), 0);
    }
  }
  store<i32>(result, load<i32>(result) + over);
  store<i32>(result, load<i32>(result, 4) + given, 4);
  store<i32>(result, load<i32>(result, 8) + some, 8);
}
