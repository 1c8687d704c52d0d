/**
 * The warp of warp.ts for planes of 16-bit words at any subsampling: the same table of positions and
 * weights, samples in float32, which holds 16 bits and the fractions between them.
 */

import { clampInt } from '../i420';
import { ALONG, loadConstants, ROUND, ROUND_BITS } from './constants';
import {
  AB,
  AT,
  AX,
  BB,
  BT,
  BX,
  CHANNELS,
  EDGE,
  FRAME1,
  FX,
  FY,
  fieldRow,
  LEAD,
  LIVE,
  MASK,
  RECORD,
  SHARE,
  SHARE_SLOPE,
  SLOPE,
  tabulate,
} from './sample-table';

const FRACTION: f32 = <f32>1 / 32768;
/** The largest weight is 1: then one frame alone counts, down to its last bit. */
const WEIGHT: f32 = <f32>1 / 32767;

/** Four words as numbers. */
// @inline
function words(at: usize): v128 {
  return f32x4.convert_i32x4_s(v128.load_ext<u16>(at));
}

/** `from` moved towards `to`. */
// @inline
function towards(from: v128, to: v128, weight: v128): v128 {
  return f32x4.add(from, f32x4.mul(f32x4.sub(to, from), weight));
}

/** A quad whose windows in both rows begin at these addresses. */
// @inline
function sample(upper: usize, lower: usize, fx: i32, fy: i32): v128 {
  const x = f32x4.splat(<f32>fx * FRACTION);
  const top = towards(words(upper), words(upper + 2), x);
  const bottom = towards(words(lower), words(lower + 2), x);
  return towards(top, bottom, f32x4.splat(<f32>fy * FRACTION));
}

/** Copies the five words of a window that crosses the left or right border, each one clamped. */
function clampWindow(row: usize, x: i32, width: i32, to: usize): void {
  for (let k = 0; k < 5; k++) {
    store<u16>(to + (k << 1), load<u16>(row + (clampInt(x + k, 0, width - 1) << 1)));
  }
}

/**
 * A quad of one frame. `top`, `bottom`, `x`: its fields in the table; `second`: 2 for the second
 * quad of a pair, whose fractions are in the high halves. `spare`: room for two windows.
 */
// @inline
function quad(
  plane: usize,
  entry: usize,
  top: usize,
  bottom: usize,
  x: usize,
  second: usize,
  edge: bool,
  width: i32,
  spare: usize,
): v128 {
  const fx = <i32>load<i16>(entry + FX + second);
  const fy = <i32>load<i16>(entry + FY + second);
  let upper = plane + (load<i32>(entry + top) << 1);
  let lower = plane + (load<i32>(entry + bottom) << 1);
  if (edge) {
    const column = load<i32>(entry + x);
    clampWindow(upper - (column << 1), column, width, spare);
    clampWindow(lower - (column << 1), column, width, spare + 16);
    upper = spare;
    lower = spare + 16;
  }
  return sample(upper, lower, fx, fy);
}

/** A weight of one quad (0…1), linear along it. */
// @inline
function along(entry: usize, level: usize, slope: usize, second: usize, steps: v128): v128 {
  const middle = f32x4.splat(<f32>load<i16>(entry + level + second));
  const change = f32x4.mul(f32x4.splat(<f32>load<i16>(entry + slope + second)), steps);
  const weight = f32x4.min(f32x4.max(f32x4.add(middle, change), f32x4.splat(0)), f32x4.splat(32767));
  return f32x4.mul(weight, f32x4.splat(WEIGHT));
}

/** Renders one row of a plane from the table; with `shared` over what `out` holds. */
// @inline
function renderRow(
  a: usize,
  b: usize,
  out: usize,
  table: usize,
  pairs: i32,
  width: i32,
  spare: usize,
  shared: bool,
): void {
  const steps = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(ALONG));
  const zero = f32x4.splat(0);
  for (let p = 0; p < pairs; p++) {
    const entry = table + <usize>(p >> 2) * RECORD + <usize>((p & 3) << 2);
    const at = out + (p << 4);
    let share0 = zero;
    let share1 = zero;
    if (shared) {
      if ((p & 3) === 0 && !load<i32>(entry, LIVE)) {
        p += 3;
        continue;
      }
      share0 = along(entry, SHARE, SHARE_SLOPE, 0, steps);
      share1 = along(entry, SHARE, SHARE_SLOPE, 2, steps);
      if (!v128.any_true(f32x4.gt(v128.or(share0, share1), zero))) continue;
    }
    const edge = load<i32>(entry, EDGE) !== 0;
    const other = entry + FRAME1;
    const a0 = quad(a, entry, AT, AB, AX, 0, edge, width, spare);
    const b0 = quad(b, other, AT, AB, AX, 0, edge, width, spare);
    const a1 = quad(a, entry, BT, BB, BX, 2, edge, width, spare);
    const b1 = quad(b, other, BT, BB, BX, 2, edge, width, spare);
    let first = towards(b0, a0, along(entry, MASK, SLOPE, 0, steps));
    let second = towards(b1, a1, along(entry, MASK, SLOPE, 2, steps));
    if (shared) {
      first = towards(words(at), first, share0);
      second = towards(words(at + 8), second, share1);
    }
    const low = i32x4.sub(f32x4.add(first, ROUND), ROUND_BITS);
    const high = i32x4.sub(f32x4.add(second, ROUND), ROUND_BITS);
    v128.store(at, i16x8.narrow_i32x4_u(low, high));
  }
}

/** Makes every channel row half as long: means of two cells; the rest repeats the last one. */
function halveRows(rows: usize, pitch: i32, cells: i32, channels: i32): void {
  for (let c = 0; c < channels; c++) {
    const row = rows + ((c * pitch + LEAD) << 2);
    const count = cells >> 1;
    for (let i = 0; i < count; i++) {
      const pair = row + (i << 3);
      store<f32>(row + (i << 2), (load<f32>(pair) + load<f32>(pair + 4)) * 0.5);
    }
    const last = load<f32>(row + ((count - 1) << 2));
    for (let i = count; i < cells; i++) store<f32>(row + (i << 2), last);
    store<f32>(row - 4, load<f32>(row));
  }
}

/**
 * out = m·warp(a, f0) + (1−m)·warp(b, f1) for rows [rowBegin, rowEnd) (rowBegin even) of one plane of
 * 16-bit words; `stride` in bytes. Luma has 2^shiftX × 2^shiftY samples for each of the plane's.
 * `field`, `shared` and scratch as for warpBlend().
 */
export function warpDeep(
  a: usize,
  b: usize,
  out: usize,
  width: i32,
  height: i32,
  stride: i32,
  shiftX: i32,
  shiftY: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  scratch: usize,
  rowBegin: i32,
  rowEnd: i32,
  shared: bool,
): void {
  loadConstants();
  const chroma = shiftX > 0;
  const pairs = (width + 7) >> 3;
  const room = (((width << shiftX) + 7) >> 3) + 3;
  const cells = (room & ~3) + 8;
  const pitch = cells + LEAD;
  const table = scratch + ((CHANNELS * pitch) << 2);
  const spare = table + <usize>((pairs + 3) >> 2) * RECORD;
  const channels = shared ? 6 : 5;
  const scaleX = <f32>1 / <f32>(1 << shiftX);
  const scaleY = <f32>1 / <f32>(1 << shiftY);
  const step = <f32>(1 << shiftY) * 0.125;
  const samples = stride >> 1;
  for (let y = rowBegin; y < rowEnd; ) {
    fieldRow(field, gridWidth, gridHeight, <f32>(y | 1) * step - 0.5, scratch, pitch, cells, 0, channels);
    for (let s = 1; s < shiftX; s++) halveRows(scratch, pitch, cells, channels);
    const both = tabulate(scratch, pitch, table, pairs, width, height, samples, y, chroma, scaleX, scaleY, shared);
    renderRow(a, b, out + y * stride, table, pairs, width, spare, shared);
    y++;
    if ((y & 1) === 0 || y === rowEnd) continue;
    if (!both) tabulate(scratch, pitch, table, pairs, width, height, samples, y, chroma, scaleX, scaleY, shared);
    const lower = both ? stride : 0;
    renderRow(a + lower, b + lower, out + y * stride, table, pairs, width, spare, shared);
    y++;
  }
}
