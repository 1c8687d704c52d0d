/**
 * Warp both frames by a field at 1/8 resolution and blend them: the inner loop of the `flow`
 * models. Samples in 1/128, weights in 1/32768; sample-table.ts says what a quad and a pair are.
 */

import { clampInt, strideOf } from '../i420';
import { ALONG, LEFT_TAPS, loadConstants, RIGHT_TAPS, ROUNDING, SPREAD } from './constants';
import {
  AB,
  AT,
  AX,
  anyShare,
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
  SHARE_CHANNEL,
  SHARE_SLOPE,
  SLOPE,
  tabulate,
} from './sample-table';

/** Bytes of the left taps of two 8-byte windows as 16-bit lanes, and of the right taps. */
// @inline
function leftTaps(windows: v128): v128 {
  return i8x16.swizzle(windows, LEFT_TAPS);
}

// @inline
function rightTaps(windows: v128): v128 {
  return i8x16.swizzle(windows, RIGHT_TAPS);
}

/** The two 16-bit values of a table entry, each spread over its quad's four lanes. */
// @inline
function spread(halves: v128): v128 {
  return i8x16.swizzle(halves, SPREAD);
}

/** Horizontal interpolation of one row of two windows; samples in 1/128. */
// @inline
function across(windows: v128, fx: v128): v128 {
  const left = leftTaps(windows);
  const step = i16x8.sub(rightTaps(windows), left);
  return i16x8.add(i16x8.shl(left, 7), i16x8.q15mulr_sat_s(i16x8.shl(step, 7), fx));
}

/** `from` moved towards `to` by weight/32768. */
// @inline
function towards(from: v128, to: v128, weight: v128): v128 {
  return i16x8.add(from, i16x8.q15mulr_sat_s(i16x8.sub(to, from), weight));
}

/** The window of a quad that crosses the left or right border, every sample clamped. */
function edgeWindow(row: usize, x: i32, width: i32): u64 {
  let window: u64 = 0;
  for (let k = 4; k >= 0; k--) {
    window = (window << 8) | load<u8>(row + clampInt(x + k, 0, width - 1));
  }
  return window;
}

/** Four 8-byte windows (two quads, two rows) of one frame, interpolated. */
// @inline
function sampleInner(plane: usize, entry: usize): v128 {
  const fx = spread(v128.load32_zero(entry, FX));
  const fy = spread(v128.load32_zero(entry, FY));
  const upperA = v128.load64_zero(plane + load<i32>(entry, AT));
  const lowerA = v128.load64_zero(plane + load<i32>(entry, AB));
  const upper = across(v128.load64_lane(plane + load<i32>(entry, BT), upperA, 1), fx);
  const lower = across(v128.load64_lane(plane + load<i32>(entry, BB), lowerA, 1), fx);
  return towards(upper, lower, fy);
}

/** The same for a pair that touches the left or right border. */
function sampleEdge(plane: usize, entry: usize, width: i32): v128 {
  const xa = load<i32>(entry, AX);
  const xb = load<i32>(entry, BX);
  const upperA = edgeWindow(plane + load<i32>(entry, AT) - xa, xa, width);
  const upperB = edgeWindow(plane + load<i32>(entry, BT) - xb, xb, width);
  const lowerA = edgeWindow(plane + load<i32>(entry, AB) - xa, xa, width);
  const lowerB = edgeWindow(plane + load<i32>(entry, BB) - xb, xb, width);
  const fx = spread(v128.load32_zero(entry, FX));
  const fy = spread(v128.load32_zero(entry, FY));
  const upper = across(i64x2.replace_lane(i64x2.splat(upperA), 1, upperB), fx);
  const lower = across(i64x2.replace_lane(i64x2.splat(lowerA), 1, lowerB), fx);
  return towards(upper, lower, fy);
}

/** A weight (1/32768) of two quads, linear along them and never negative. */
// @inline
function along(entry: usize, level: usize, slope: usize): v128 {
  const change = i16x8.mul(spread(v128.load32_zero(entry + slope)), ALONG);
  return i16x8.max_s(i16x8.add_sat_s(spread(v128.load32_zero(entry + level)), change), i16x8.splat(0));
}

/** A pair blended from both frames; samples in 1/128. */
// @inline
function renderPair(a: usize, b: usize, entry: usize, width: i32): v128 {
  let s0: v128, s1: v128;
  if (load<i32>(entry, EDGE)) {
    s0 = sampleEdge(a, entry, width);
    s1 = sampleEdge(b, entry + FRAME1, width);
  } else {
    s0 = sampleInner(a, entry);
    s1 = sampleInner(b, entry + FRAME1);
  }
  return towards(s1, s0, along(entry, MASK, SLOPE));
}

/**
 * The largest share (1/32768) that changes no sample: less than half of a grey level, were the
 * difference 255.
 */
const NOTHING: i32 = 63;

/** Renders one row of one plane from the table; with `shared` over what `out` holds. */
// @inline
function renderRow(a: usize, b: usize, out: usize, table: usize, pairs: i32, width: i32, shared: bool): void {
  const half = ROUNDING;
  for (let p = 0; p < pairs; p++) {
    const entry = table + <usize>(p >> 2) * RECORD + <usize>((p & 3) << 2);
    let mixed: v128;
    if (shared) {
      if ((p & 3) === 0 && !load<i32>(entry, LIVE)) {
        p += 3;
        continue;
      }
      const share = along(entry, SHARE, SHARE_SLOPE);
      if (!v128.any_true(i16x8.gt_s(share, i16x8.splat(<i16>NOTHING)))) continue;
      const below = i16x8.shl(v128.load_ext<u8>(out + (p << 3)), 7);
      mixed = towards(below, renderPair(a, b, entry, width), share);
    } else mixed = renderPair(a, b, entry, width);
    const bytes = i16x8.shr_u(i16x8.add(mixed, half), 7);
    v128.store64_lane(out + (p << 3), i8x16.narrow_i16x8_u(bytes, bytes), 0);
  }
}

/** One couple of rows of the field, and whether there is anything to render of it: of a second motion, a share. */
// @inline
function couple(
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  position: f32,
  rows: usize,
  pitch: i32,
  cells: i32,
  shared: bool,
): bool {
  if (shared) {
    fieldRow(field, gridWidth, gridHeight, position, rows, pitch, cells, SHARE_CHANNEL, SHARE_CHANNEL + 1);
    if (!anyShare(rows, pitch, cells)) return false;
  }
  fieldRow(field, gridWidth, gridHeight, position, rows, pitch, cells, 0, SHARE_CHANNEL);
  return true;
}

/**
 * out = m·warp(a, f0) + (1−m)·warp(b, f1) for luma rows [rowBegin, rowEnd) (rowBegin even, rowEnd
 * even or height) and the chroma rows under them. `field` is float32 [≥5][gridHeight][gridWidth]:
 * f0x f0y f1x f1y in luma samples, m. With `shared` the field is a second motion's, its sixth
 * channel the share w: out = (1−w)·out + w·(that frame). Scratch: warpScratchBytes() in
 * ../kernel.ts.
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
  shared: bool,
): void {
  loadConstants();
  const stride = strideOf(width);
  const strideC = stride >> 1;
  const chromaWidth = (width + 1) >> 1;
  const chromaHeight = (height + 1) >> 1;
  const pairsY = (width + 7) >> 3;
  const pairsC = (chromaWidth + 7) >> 3;
  const cells = ((pairsY + 3) & ~3) + 8;
  const pitch = cells + LEAD;
  const table = scratch + ((CHANNELS * pitch) << 2);
  // Rows in couples: making the table takes as long as rendering a row by it.
  for (let y = rowBegin; y < rowEnd; y = (y | 1) + 1) {
    if (!couple(field, gridWidth, gridHeight, <f32>(y | 1) * 0.125 - 0.5, scratch, pitch, cells, shared)) continue;
    const both = tabulate(scratch, pitch, table, pairsY, width, height, stride, y, false, 1, 1, shared);
    renderRow(a, b, out + y * stride, table, pairsY, width, shared);
    const next = y + 1;
    if ((y & 1) !== 0 || next === rowEnd) continue;
    if (!both) tabulate(scratch, pitch, table, pairsY, width, height, stride, next, false, 1, 1, shared);
    const lower = both ? stride : 0;
    renderRow(a + lower, b + lower, out + next * stride, table, pairsY, width, shared);
  }
  const u = stride * height;
  const v = u + strideC * chromaHeight;
  const end = (rowEnd + 1) >> 1;
  for (let y = rowBegin >> 1; y < end; y = (y | 1) + 1) {
    if (!couple(field, gridWidth, gridHeight, <f32>(y | 1) * 0.25 - 0.5, scratch, pitch, cells, shared)) continue;
    const both = tabulate(scratch, pitch, table, pairsC, chromaWidth, chromaHeight, strideC, y, true, 0.5, 0.5, shared);
    renderRow(a + u, b + u, out + u + y * strideC, table, pairsC, chromaWidth, shared);
    renderRow(a + v, b + v, out + v + y * strideC, table, pairsC, chromaWidth, shared);
    const next = y + 1;
    if ((y & 1) !== 0 || next === end) continue;
    if (!both) {
      tabulate(scratch, pitch, table, pairsC, chromaWidth, chromaHeight, strideC, next, true, 0.5, 0.5, shared);
    }
    const lower = both ? strideC : 0;
    renderRow(a + u + lower, b + u + lower, out + u + next * strideC, table, pairsC, chromaWidth, shared);
    renderRow(a + v + lower, b + v + lower, out + v + next * strideC, table, pairsC, chromaWidth, shared);
  }
}
