/**
 * Warp both frames by a field at 1/8 resolution and blend them: the inner loop of the `flow` models.
 *
 * A *run* is four neighbouring samples of one row that share one flow vector, taken at the run's centre; the mask is
 * linear along the run. Two runs (a *pair*) fill one SIMD register. In luma a pair is one cell of the field, in chroma two.
 * Arithmetic is fixed point: samples in 1/128, weights in 1/32768.
 */
import { clampInt, strideOf } from './planes';

/** Scratch: channel rows of the field (5 of them, one spare cell on the left), then the tables of pairs. */
const CHANNELS: i32 = 5;
/** Spare floats on the left of a channel row: keeps rows aligned. */
const LEAD: i32 = 4;

/** Tables, each one i32 per pair. T = top row, B = bottom row; first digit frame, then run. */
const O0AT: i32 = 0;
const O0BT: i32 = 1;
const O0AB: i32 = 2;
const O0BB: i32 = 3;
const O1AT: i32 = 4;
const O1BT: i32 = 5;
const O1AB: i32 = 6;
const O1BB: i32 = 7;
const X0A: i32 = 8;
const X0B: i32 = 9;
const X1A: i32 = 10;
const X1B: i32 = 11;
const FX0: i32 = 12;
const FY0: i32 = 13;
const FX1: i32 = 14;
const FY1: i32 = 15;
const MASK: i32 = 16;
const SLOPE: i32 = 17;
const EDGE: i32 = 18;

/** Bytes of the left taps of two 8-byte windows as 16-bit lanes, and of the right taps. */
// @ts-ignore: decorator
@inline
function leftTaps(windows: v128): v128 {
  return i8x16.swizzle(windows, i8x16(0, -1, 1, -1, 2, -1, 3, -1, 8, -1, 9, -1, 10, -1, 11, -1));
}

// @ts-ignore: decorator
@inline
function rightTaps(windows: v128): v128 {
  return i8x16.swizzle(windows, i8x16(1, -1, 2, -1, 3, -1, 4, -1, 9, -1, 10, -1, 11, -1, 12, -1));
}

/** The two 16-bit values of a table entry, each spread over its run's four lanes. */
// @ts-ignore: decorator
@inline
function spread(address: usize): v128 {
  return i8x16.swizzle(v128.load32_zero(address), i8x16(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3));
}

/** Horizontal interpolation of one row of two windows; samples in 1/128. */
// @ts-ignore: decorator
@inline
function across(windows: v128, fx: v128): v128 {
  const left = leftTaps(windows);
  const step = i16x8.sub(rightTaps(windows), left);
  return i16x8.add(i16x8.shl(left, 7), i16x8.q15mulr_sat_s(i16x8.shl(step, 7), fx));
}

/** `from` moved towards `to` by weight/32768. */
// @ts-ignore: decorator
@inline
function towards(from: v128, to: v128, weight: v128): v128 {
  return i16x8.add(from, i16x8.q15mulr_sat_s(i16x8.sub(to, from), weight));
}

/** The window of a run that crosses the left or right border, every sample clamped. */
function edgeWindow(row: usize, x: i32, width: i32): u64 {
  let window: u64 = 0;
  for (let k = 4; k >= 0; k--) {
    window = (window << 8) | load<u8>(row + clampInt(x + k, 0, width - 1));
  }
  return window;
}

/** Fills the five channel rows for the row at `position` of the field (in cells, may lie outside: clamped), with replicated ends. */
function fieldRow(
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  position: f32,
  rows: usize,
  pitch: i32,
  cells: i32,
): void {
  const base = floor(position);
  const weight = position - base;
  const top = clampInt(<i32>base, 0, gridHeight - 1);
  const bottom = clampInt(<i32>base + 1, 0, gridHeight - 1);
  const w = f32x4.splat(weight);
  const count = min(cells, gridWidth);
  for (let c = 0; c < CHANNELS; c++) {
    const plane = field + ((c * gridWidth * gridHeight) << 2);
    const upper = plane + ((top * gridWidth) << 2);
    const lower = plane + ((bottom * gridWidth) << 2);
    const out = rows + ((c * pitch + LEAD) << 2);
    let i = 0;
    for (; i + 4 <= count; i += 4) {
      const a = v128.load(upper + (i << 2));
      const b = v128.load(lower + (i << 2));
      v128.store(out + (i << 2), f32x4.add(a, f32x4.mul(f32x4.sub(b, a), w)));
    }
    for (; i < count; i++) {
      const a = load<f32>(upper + (i << 2));
      const b = load<f32>(lower + (i << 2));
      store<f32>(out + (i << 2), a + (b - a) * weight);
    }
    store<f32>(out - 4, load<f32>(out));
    const last = load<f32>(out + ((count - 1) << 2));
    for (; i < cells; i++) store<f32>(out + (i << 2), last);
  }
}

/** One channel of a row: values of the first (`second` = false) or second runs of four pairs starting at pair `p`. */
// @ts-ignore: decorator
@inline
function runValues(row: usize, p: i32, second: bool, chroma: bool): v128 {
  if (chroma) {
    const low = v128.load(row + (p << 3));
    const high = v128.load(row + (p << 3) + 16);
    return second ? v128.shuffle<i32>(low, high, 1, 3, 5, 7) : v128.shuffle<i32>(low, high, 0, 2, 4, 6);
  }
  const here = v128.load(row + (p << 2));
  const there = v128.load(second ? row + (p << 2) + 4 : row + (p << 2) - 4);
  return f32x4.add(here, f32x4.mul(f32x4.sub(there, here), f32x4.splat(0.25)));
}

/** Change of the mask along half a sample for four runs. */
// @ts-ignore: decorator
@inline
function runSlopes(row: usize, p: i32, second: bool, chroma: bool): v128 {
  if (chroma) {
    const at = row + (p << 3) + (second ? 4 : 0);
    const before = v128.shuffle<i32>(v128.load(at - 4), v128.load(at + 12), 0, 2, 4, 6);
    const after = v128.shuffle<i32>(v128.load(at + 4), v128.load(at + 20), 0, 2, 4, 6);
    return f32x4.mul(f32x4.sub(after, before), f32x4.splat(0.0625));
  }
  const from = row + (p << 2) - (second ? 0 : 4);
  return f32x4.mul(f32x4.sub(v128.load(from + 4), v128.load(from)), f32x4.splat(0.0625));
}

// @ts-ignore: decorator
@inline
function fraction15(value: v128): v128 {
  const q = i32x4.trunc_sat_f32x4_s(f32x4.mul(value, f32x4.splat(32768)));
  return i32x4.min_s(i32x4.max_s(q, i32x4.splat(0)), i32x4.splat(32767));
}

/** −1 in the lanes whose run centre lies inside the plane. */
// @ts-ignore: decorator
@inline
function inside(x: v128, y: v128, width: i32, height: i32): v128 {
  const cx = f32x4.add(x, f32x4.splat(1.5));
  return v128.and(
    v128.and(f32x4.ge(cx, f32x4.splat(-0.5)), f32x4.le(cx, f32x4.splat(<f32>width - 0.5))),
    v128.and(f32x4.ge(y, f32x4.splat(-0.5)), f32x4.le(y, f32x4.splat(<f32>height - 0.5))),
  );
}

/** Writes offsets, columns and the edge flag of four runs of one frame; returns nothing it cannot recompute. */
// @ts-ignore: decorator
@inline
function placeRuns(
  tables: usize,
  size: i32,
  at: i32,
  x: v128,
  y: v128,
  width: i32,
  height: i32,
  stride: i32,
  top: i32,
  bottom: i32,
  column: i32,
): v128 {
  const zero = i32x4.splat(0);
  const columns = i32x4.min_s(
    i32x4.max_s(i32x4.trunc_sat_f32x4_s(f32x4.floor(x)), i32x4.splat(-5)),
    i32x4.splat(width),
  );
  const lastRow = i32x4.splat(height - 1);
  const upper = i32x4.min_s(i32x4.max_s(i32x4.trunc_sat_f32x4_s(f32x4.floor(y)), i32x4.splat(-1)), lastRow);
  const pitch = i32x4.splat(stride);
  const rowTop = i32x4.max_s(upper, zero);
  const rowBottom = i32x4.min_s(i32x4.add(upper, i32x4.splat(1)), lastRow);
  v128.store(tables + top * size + at, i32x4.add(i32x4.mul(rowTop, pitch), columns));
  v128.store(tables + bottom * size + at, i32x4.add(i32x4.mul(rowBottom, pitch), columns));
  v128.store(tables + column * size + at, columns);
  return v128.or(i32x4.lt_s(columns, zero), i32x4.gt_s(columns, i32x4.splat(width - 5)));
}

/** Two vectors of 16-bit values as pairs: first run low, second run high. */
// @ts-ignore: decorator
@inline
function paired(first: v128, second: v128): v128 {
  return v128.or(v128.and(first, i32x4.splat(0xffff)), i32x4.shl(second, 16));
}

/** The mask of four runs as 1/32768, after the rule that a position inside the frame beats one outside. */
// @ts-ignore: decorator
@inline
function ruled(mask: v128, in0: v128, in1: v128): v128 {
  const q = fraction15(f32x4.min(f32x4.max(mask, f32x4.splat(0)), f32x4.splat(1)));
  const only0 = v128.andnot(in0, in1);
  const only1 = v128.andnot(in1, in0);
  return v128.andnot(v128.bitselect(i32x4.splat(32767), q, only0), only1);
}

/** Positions, weights and flags of every pair of one row of a plane. */
// @ts-ignore: decorator
@inline
function tabulate(
  rows: usize,
  pitch: i32,
  tables: usize,
  size: i32,
  pairs: i32,
  width: i32,
  height: i32,
  stride: i32,
  y: i32,
  chroma: bool,
): void {
  const scale = f32x4.splat(chroma ? 0.5 : 1.0);
  const rowY = f32x4.splat(<f32>y);
  const plane = <usize>(pitch << 2);
  const c0 = rows + (LEAD << 2);
  const c1 = c0 + plane;
  const c2 = c1 + plane;
  const c3 = c2 + plane;
  const c4 = c3 + plane;
  for (let p = 0; p < pairs; p += 4) {
    const at = p << 2;
    const xa = f32x4.add(f32x4.splat(<f32>(p << 3)), f32x4(0, 8, 16, 24));
    const xb = f32x4.add(xa, f32x4.splat(4));
    const x0a = f32x4.add(xa, f32x4.mul(runValues(c0, p, false, chroma), scale));
    const x0b = f32x4.add(xb, f32x4.mul(runValues(c0, p, true, chroma), scale));
    const y0a = f32x4.add(rowY, f32x4.mul(runValues(c1, p, false, chroma), scale));
    const y0b = f32x4.add(rowY, f32x4.mul(runValues(c1, p, true, chroma), scale));
    const x1a = f32x4.add(xa, f32x4.mul(runValues(c2, p, false, chroma), scale));
    const x1b = f32x4.add(xb, f32x4.mul(runValues(c2, p, true, chroma), scale));
    const y1a = f32x4.add(rowY, f32x4.mul(runValues(c3, p, false, chroma), scale));
    const y1b = f32x4.add(rowY, f32x4.mul(runValues(c3, p, true, chroma), scale));
    let edge = placeRuns(tables, size, at, x0a, y0a, width, height, stride, O0AT, O0AB, X0A);
    edge = v128.or(edge, placeRuns(tables, size, at, x0b, y0b, width, height, stride, O0BT, O0BB, X0B));
    edge = v128.or(edge, placeRuns(tables, size, at, x1a, y1a, width, height, stride, O1AT, O1AB, X1A));
    edge = v128.or(edge, placeRuns(tables, size, at, x1b, y1b, width, height, stride, O1BT, O1BB, X1B));
    v128.store(tables + EDGE * size + at, edge);
    const fx0 = paired(fraction15(f32x4.sub(x0a, f32x4.floor(x0a))), fraction15(f32x4.sub(x0b, f32x4.floor(x0b))));
    const fy0 = paired(fraction15(f32x4.sub(y0a, f32x4.floor(y0a))), fraction15(f32x4.sub(y0b, f32x4.floor(y0b))));
    const fx1 = paired(fraction15(f32x4.sub(x1a, f32x4.floor(x1a))), fraction15(f32x4.sub(x1b, f32x4.floor(x1b))));
    const fy1 = paired(fraction15(f32x4.sub(y1a, f32x4.floor(y1a))), fraction15(f32x4.sub(y1b, f32x4.floor(y1b))));
    v128.store(tables + FX0 * size + at, fx0);
    v128.store(tables + FY0 * size + at, fy0);
    v128.store(tables + FX1 * size + at, fx1);
    v128.store(tables + FY1 * size + at, fy1);
    const in0a = inside(x0a, y0a, width, height);
    const in1a = inside(x1a, y1a, width, height);
    const in0b = inside(x0b, y0b, width, height);
    const in1b = inside(x1b, y1b, width, height);
    const ma = ruled(runValues(c4, p, false, chroma), in0a, in1a);
    const mb = ruled(runValues(c4, p, true, chroma), in0b, in1b);
    v128.store(tables + MASK * size + at, paired(ma, mb));
    const q = f32x4.splat(32768);
    const slopeA = i32x4.trunc_sat_f32x4_s(f32x4.mul(runSlopes(c4, p, false, chroma), q));
    const slopeB = i32x4.trunc_sat_f32x4_s(f32x4.mul(runSlopes(c4, p, true, chroma), q));
    const limit = i32x4.splat(4096);
    const least = i32x4.splat(-4096);
    const sa = v128.andnot(i32x4.min_s(i32x4.max_s(slopeA, least), limit), v128.xor(in0a, in1a));
    const sb = v128.andnot(i32x4.min_s(i32x4.max_s(slopeB, least), limit), v128.xor(in0b, in1b));
    v128.store(tables + SLOPE * size + at, paired(sa, sb));
  }
}

/** Four 8-byte windows (two runs, two rows) of one frame, interpolated. */
// @ts-ignore: decorator
@inline
function sampleInner(plane: usize, entry: usize, size: i32, frame: i32): v128 {
  const o = frame << 2;
  const aTop = load<i32>(entry + (O0AT + o) * size);
  const bTop = load<i32>(entry + (O0BT + o) * size);
  const aBottom = load<i32>(entry + (O0AB + o) * size);
  const bBottom = load<i32>(entry + (O0BB + o) * size);
  const fx = spread(entry + (FX0 + (frame << 1)) * size);
  const fy = spread(entry + (FY0 + (frame << 1)) * size);
  const upper = across(v128.load64_lane(plane + bTop, v128.load64_zero(plane + aTop), 1), fx);
  const lower = across(v128.load64_lane(plane + bBottom, v128.load64_zero(plane + aBottom), 1), fx);
  return towards(upper, lower, fy);
}

/** The same for a pair that touches the left or right border. */
function sampleEdge(plane: usize, entry: usize, size: i32, frame: i32, width: i32): v128 {
  const o = frame << 2;
  const xa = load<i32>(entry + (X0A + (frame << 1)) * size);
  const xb = load<i32>(entry + (X0B + (frame << 1)) * size);
  const aTop = plane + load<i32>(entry + (O0AT + o) * size) - xa;
  const bTop = plane + load<i32>(entry + (O0BT + o) * size) - xb;
  const aBottom = plane + load<i32>(entry + (O0AB + o) * size) - xa;
  const bBottom = plane + load<i32>(entry + (O0BB + o) * size) - xb;
  const fx = spread(entry + (FX0 + (frame << 1)) * size);
  const fy = spread(entry + (FY0 + (frame << 1)) * size);
  const upper = i64x2.replace_lane(i64x2.splat(edgeWindow(aTop, xa, width)), 1, edgeWindow(bTop, xb, width));
  const lower = i64x2.replace_lane(i64x2.splat(edgeWindow(aBottom, xa, width)), 1, edgeWindow(bBottom, xb, width));
  return towards(across(upper, fx), across(lower, fx), fy);
}

/** Renders one row of one plane from the tables. */
// @ts-ignore: decorator
@inline
function renderRow(a: usize, b: usize, out: usize, tables: usize, size: i32, pairs: i32, width: i32): void {
  const along = i16x8(-3, -1, 1, 3, -3, -1, 1, 3);
  const half = i16x8.splat(64);
  for (let p = 0; p < pairs; p++) {
    const entry = tables + (p << 2);
    let s0: v128, s1: v128;
    if (load<i32>(entry + EDGE * size)) {
      s0 = sampleEdge(a, entry, size, 0, width);
      s1 = sampleEdge(b, entry, size, 1, width);
    } else {
      s0 = sampleInner(a, entry, size, 0);
      s1 = sampleInner(b, entry, size, 1);
    }
    const slope = i16x8.mul(spread(entry + SLOPE * size), along);
    const mask = i16x8.max_s(i16x8.add_sat_s(spread(entry + MASK * size), slope), i16x8.splat(0));
    const mixed = i16x8.shr_u(i16x8.add(towards(s1, s0, mask), half), 7);
    v128.store64_lane(out + (p << 3), i8x16.narrow_i16x8_u(mixed, mixed), 0);
  }
}

/**
 * out = m·warp(a, f0) + (1−m)·warp(b, f1) for luma rows [rowBegin, rowEnd) (rowBegin even, rowEnd even or height) and the
 * chroma rows under them. `field` is float32 [≥5][gridHeight][gridWidth]: f0x f0y f1x f1y in luma samples, m.
 * Scratch: warpScratchBytes() in ../kernel.ts.
 */
export function warpBlend(
  a: usize,
  b: usize,
  out: usize,
  width: i32,
  height: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  scratch: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const stride = strideOf(width);
  const strideC = stride >> 1;
  const chromaWidth = (width + 1) >> 1;
  const chromaHeight = (height + 1) >> 1;
  const pairsY = (width + 7) >> 3;
  const pairsC = (chromaWidth + 7) >> 3;
  const cells = ((pairsY + 3) & ~3) + 8;
  const pitch = cells + LEAD;
  const tables = scratch + ((CHANNELS * pitch) << 2);
  const size = ((pairsY + 3) & ~3) << 2;
  for (let y = rowBegin; y < rowEnd; y++) {
    fieldRow(field, gridWidth, gridHeight, (<f32>y + 0.5) * 0.125 - 0.5, scratch, pitch, cells);
    tabulate(scratch, pitch, tables, size, pairsY, width, height, stride, y, false);
    renderRow(a, b, out + y * stride, tables, size, pairsY, width);
  }
  const u = stride * height;
  const v = u + strideC * chromaHeight;
  for (let y = rowBegin >> 1; y < (rowEnd + 1) >> 1; y++) {
    fieldRow(field, gridWidth, gridHeight, (<f32>y + 0.5) * 0.25 - 0.5, scratch, pitch, cells);
    tabulate(scratch, pitch, tables, size, pairsC, chromaWidth, chromaHeight, strideC, y, true);
    const row = y * strideC;
    renderRow(a + u, b + u, out + u + row, tables, size, pairsC, chromaWidth);
    renderRow(a + v, b + v, out + v + row, tables, size, pairsC, chromaWidth);
  }
}
