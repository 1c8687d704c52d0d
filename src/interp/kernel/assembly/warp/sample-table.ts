/**
 * Where every sample comes from: the field, interpolated to one row, as a table of positions and
 * weights.
 *
 * A *quad* is four neighbouring samples of one row that share one flow vector, taken at the centre
 * of the quad and of the quad in the other row of its couple (rows 0 and 1, 2 and 3 …), which has
 * the same; the mask is linear along the quad. Two quads (a *pair*) fill one SIMD register. In luma
 * a pair is one cell of the field, in chroma two. Positions are in 1/256 of a sample, weights in
 * 1/32768. Planes up to 16383 × 16383 samples.
 */

import { clampInt } from '../i420';
import {
  EIGHTH,
  F256,
  F32767,
  F32768,
  FIRST_QUADS,
  FOUR,
  LOW_BYTE,
  LOW_HALF,
  MINUS_EIGHTH,
  MINUS_FIVE,
  MINUS_HALF,
  MINUS_ONE,
  MINUS_TWO,
  MOST,
  ONE,
  QUARTER,
  ROUND,
  ROUND_BITS,
  SIXTEENTH,
  THIRTY_TWO,
} from './constants';

/** Scratch: channel rows of the field, then the table of pairs. */
export const CHANNELS: i32 = 6;
/** Spare floats on the left of a channel row: keeps rows aligned. */
export const LEAD: i32 = 4;

/**
 * The table holds one record per four pairs; each field is one i32 per pair. First what concerns
 * frame 0, then the same for frame 1, then what they share. Field names: quad A or B; T = top row,
 * B = bottom row.
 */
export const AT: usize = 0;
export const BT: usize = 16;
export const AB: usize = 32;
export const BB: usize = 48;
export const AX: usize = 64;
export const BX: usize = 80;
export const FX: usize = 96;
export const FY: usize = 112;
export const FRAME1: usize = 128;
export const MASK: usize = 256;
export const SLOPE: usize = 272;
export const EDGE: usize = 288;
/** Only of a second motion: its share in the frame, and the share's change along half a sample. */
export const SHARE: usize = 304;
export const SHARE_SLOPE: usize = 320;
/** Likewise: not 0 where any of the four pairs has a share. */
export const LIVE: usize = 336;
export const RECORD: usize = 352;
/** Where the share is among the channels. */
export const SHARE_CHANNEL: i32 = 5;

/**
 * Fills channel rows `first` … `end` − 1 for the row at `position` of the field (in cells, may lie
 * outside: clamped), with replicated ends.
 */
export function fieldRow(
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  position: f32,
  rows: usize,
  pitch: i32,
  cells: i32,
  first: i32,
  end: i32,
): void {
  const base = floor(position);
  const weight = position - base;
  const top = clampInt(<i32>base, 0, gridHeight - 1);
  const bottom = clampInt(<i32>base + 1, 0, gridHeight - 1);
  const w = f32x4.splat(weight);
  const count = min(cells, gridWidth);
  for (let c = first; c < end; c++) {
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

/** Whether the second motion has a share in any cell of the channel rows. */
export function anyShare(rows: usize, pitch: i32, cells: i32): bool {
  const row = rows + ((SHARE_CHANNEL * pitch + LEAD) << 2);
  for (let i = 0; i < cells; i += 4) if (v128.any_true(v128.load(row + (i << 2)))) return true;
  return false;
}

/** Whether any cell that four pairs from `p` on look at has a share. */
// @inline
function isLive(row: usize, p: i32, chroma: bool): bool {
  const at = row + (p << (chroma ? 3 : 2));
  let any = v128.or(v128.load(at - 4), v128.load(at + 4));
  if (chroma) any = v128.or(any, v128.or(v128.load(at + 12), v128.load(at + 20)));
  return v128.any_true(any);
}

/**
 * One channel of a row: values of the first (`second` = false) or second quads of four pairs
 * starting at pair `p`.
 */
// @inline
function quadValues(row: usize, p: i32, second: bool, chroma: bool): v128 {
  if (chroma) {
    const low = v128.load(row + (p << 3));
    const high = v128.load(row + (p << 3) + 16);
    return second ? v128.shuffle<i32>(low, high, 1, 3, 5, 7) : v128.shuffle<i32>(low, high, 0, 2, 4, 6);
  }
  const here = v128.load(row + (p << 2));
  const there = v128.load(second ? row + (p << 2) + 4 : row + (p << 2) - 4);
  return f32x4.add(here, f32x4.mul(f32x4.sub(there, here), QUARTER));
}

/** Change of the mask along half a sample for four quads. */
// @inline
function quadSlopes(row: usize, p: i32, second: bool, chroma: bool): v128 {
  if (chroma) {
    const at = row + (p << 3) + (second ? 4 : 0);
    const before = v128.shuffle<i32>(v128.load(at - 4), v128.load(at + 12), 0, 2, 4, 6);
    const after = v128.shuffle<i32>(v128.load(at + 4), v128.load(at + 20), 0, 2, 4, 6);
    return f32x4.mul(f32x4.sub(after, before), SIXTEENTH);
  }
  const from = row + (p << 2) - (second ? 0 : 4);
  return f32x4.mul(f32x4.sub(v128.load(from + 4), v128.load(from)), SIXTEENTH);
}

/** The float nearest to `value` within low…high; not a number → low. */
// @inline
function limited(value: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(high, f32x4.pmax(low, value));
}

/** value · scale rounded to int32; the product must stay within ±2²². */
// @inline
function rounded(value: v128, scale: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(value, scale), ROUND), ROUND_BITS);
}

/** The fraction of positions in 1/256 as weights in 1/32768. */
// @inline
function fraction(position: v128): v128 {
  return i32x4.shl(v128.and(position, LOW_BYTE), 7);
}

/**
 * −1 in the lanes whose quad, which starts at (x, y), has its centre inside the plane or at most
 * half a sample outside.
 */
// @inline
function inside(x: v128, y: v128, farX: v128, farY: v128): v128 {
  return v128.and(
    v128.and(f32x4.ge(x, MINUS_TWO), f32x4.le(x, farX)),
    v128.and(f32x4.ge(y, MINUS_HALF), f32x4.le(y, farY)),
  );
}

/** Offsets of four quads' windows in the upper row, from positions in 1/256. */
// @inline
function upperStart(x: v128, y: v128, stride: v128): v128 {
  // Rows and stride fit 16 bits: one multiply-add of halves instead of a slow 32-bit product.
  const row = i32x4.max_s(i32x4.shr_s(y, 8), i32x4.splat(0));
  return i32x4.add(i32x4.dot_i16x8_s(row, stride), i32x4.shr_s(x, 8));
}

/** Distance from the upper to the lower row: the stride, or 0 where the border is replicated. */
// @inline
function lowerStep(y: v128, lastRow: v128, stride: v128): v128 {
  const row = i32x4.shr_s(y, 8);
  const both = v128.and(i32x4.ge_s(row, i32x4.splat(0)), i32x4.lt_s(row, lastRow));
  return v128.and(both, stride);
}

/** −1 where a quad crosses the left or right border. */
// @inline
function crosses(x: v128, lastColumn: v128): v128 {
  const column = i32x4.shr_s(x, 8);
  return v128.or(i32x4.lt_s(column, i32x4.splat(0)), i32x4.gt_s(column, lastColumn));
}

/**
 * Writes one frame's part of a record for the positions (1/256) of both quads of four pairs; gives
 * −1 for pairs that touch a border.
 */
// @inline
function placeQuads(
  record: usize,
  xa: v128,
  ya: v128,
  xb: v128,
  yb: v128,
  lastColumn: v128,
  lastRow: v128,
  stride: v128,
): v128 {
  const a = upperStart(xa, ya, stride);
  const b = upperStart(xb, yb, stride);
  v128.store(record, a, AT);
  v128.store(record, b, BT);
  v128.store(record, i32x4.add(a, lowerStep(ya, lastRow, stride)), AB);
  v128.store(record, i32x4.add(b, lowerStep(yb, lastRow, stride)), BB);
  v128.store(record, i32x4.shr_s(xa, 8), AX);
  v128.store(record, i32x4.shr_s(xb, 8), BX);
  v128.store(record, paired(fraction(xa), fraction(xb)), FX);
  v128.store(record, paired(fraction(ya), fraction(yb)), FY);
  return v128.or(crosses(xa, lastColumn), crosses(xb, lastColumn));
}

/** Two vectors of 16-bit values as pairs: first quad low, second quad high. */
// @inline
function paired(first: v128, second: v128): v128 {
  return v128.or(v128.and(first, LOW_HALF), i32x4.shl(second, 16));
}

/**
 * The mask of four quads (1/32768) after the rule that a position inside the frame beats one
 * outside.
 */
// @inline
function ruled(q: v128, in0: v128, in1: v128): v128 {
  const only0 = v128.andnot(in0, in1);
  const only1 = v128.andnot(in1, in0);
  return v128.andnot(v128.or(q, v128.and(only0, MOST)), only1);
}

/** The limited change along half a sample as 1/32768. */
// @inline
function slopes(row: usize, p: i32, second: bool, chroma: bool): v128 {
  return rounded(limited(quadSlopes(row, p, second, chroma), MINUS_EIGHTH, EIGHTH), F32768);
}

/** A weight 0…1 of four quads as 1/32768. */
// @inline
function weights(row: usize, p: i32, second: bool, chroma: bool): v128 {
  return rounded(limited(quadValues(row, p, second, chroma), f32x4.splat(0), ONE), F32767);
}

/**
 * Fills the table for one row of a plane. `chroma`: a pair is two cells; `scaleX`, `scaleY`: samples
 * of the plane for each of luma; `shared`: the field is a second motion's, whose sixth channel is
 * its share, and pairs without one are left out. Offsets are in samples where `stride` is. True when no quad comes near the upper or the
 * lower border: with planes that begin a row lower, the table is then right for the next row, too.
 */
export function tabulate(
  rows: usize,
  pitch: i32,
  table: usize,
  pairs: i32,
  width: i32,
  height: i32,
  stride: i32,
  y: i32,
  chroma: bool,
  scaleX: f32,
  scaleY: f32,
  shared: bool,
): bool {
  const across = f32x4.splat(scaleX);
  const down = f32x4.splat(scaleY);
  const rowY = f32x4.splat(<f32>y);
  const right = f32x4.splat(<f32>width);
  const last = f32x4.splat(<f32>(height - 1));
  const plane = <usize>(pitch << 2);
  const c0 = rows + (LEAD << 2);
  const c1 = c0 + plane;
  const c2 = c1 + plane;
  const c3 = c2 + plane;
  const c4 = c3 + plane;
  const c5 = c4 + plane;
  const farX = f32x4.splat(<f32>(width - 2));
  const farY = f32x4.splat(<f32>height - 0.5);
  const lastColumn = i32x4.splat(width - 5);
  const lastRow = i32x4.splat(height - 1);
  const pitchOfPlane = i32x4.splat(stride);
  let xa = FIRST_QUADS;
  let record = table;
  let top = i32x4.splat(i32.MAX_VALUE);
  let bottom = i32x4.splat(0);
  for (let p = 0; p < pairs; p += 4) {
    if (shared) {
      const live = isLive(c5, p, chroma);
      store<i32>(record, <i32>live, LIVE);
      if (!live) {
        record += RECORD;
        xa = f32x4.add(xa, THIRTY_TWO);
        continue;
      }
    }
    const xb = f32x4.add(xa, FOUR);
    const x0a = f32x4.add(xa, f32x4.mul(quadValues(c0, p, false, chroma), across));
    const x0b = f32x4.add(xb, f32x4.mul(quadValues(c0, p, true, chroma), across));
    const y0a = f32x4.add(rowY, f32x4.mul(quadValues(c1, p, false, chroma), down));
    const y0b = f32x4.add(rowY, f32x4.mul(quadValues(c1, p, true, chroma), down));
    const x1a = f32x4.add(xa, f32x4.mul(quadValues(c2, p, false, chroma), across));
    const x1b = f32x4.add(xb, f32x4.mul(quadValues(c2, p, true, chroma), across));
    const y1a = f32x4.add(rowY, f32x4.mul(quadValues(c3, p, false, chroma), down));
    const y1b = f32x4.add(rowY, f32x4.mul(quadValues(c3, p, true, chroma), down));
    const in0a = inside(x0a, y0a, farX, farY);
    const in1a = inside(x1a, y1a, farX, farY);
    const in0b = inside(x0b, y0b, farX, farY);
    const in1b = inside(x1b, y1b, farX, farY);
    const q0a = rounded(limited(y0a, MINUS_ONE, last), F256);
    const q0b = rounded(limited(y0b, MINUS_ONE, last), F256);
    const q1a = rounded(limited(y1a, MINUS_ONE, last), F256);
    const q1b = rounded(limited(y1b, MINUS_ONE, last), F256);
    top = i32x4.min_s(top, i32x4.min_s(i32x4.min_s(q0a, q0b), i32x4.min_s(q1a, q1b)));
    bottom = i32x4.max_s(bottom, i32x4.max_s(i32x4.max_s(q0a, q0b), i32x4.max_s(q1a, q1b)));
    const edge0 = placeQuads(
      record,
      rounded(limited(x0a, MINUS_FIVE, right), F256),
      q0a,
      rounded(limited(x0b, MINUS_FIVE, right), F256),
      q0b,
      lastColumn,
      lastRow,
      pitchOfPlane,
    );
    const edge1 = placeQuads(
      record + FRAME1,
      rounded(limited(x1a, MINUS_FIVE, right), F256),
      q1a,
      rounded(limited(x1b, MINUS_FIVE, right), F256),
      q1b,
      lastColumn,
      lastRow,
      pitchOfPlane,
    );
    v128.store(record, v128.or(edge0, edge1), EDGE);
    const ma = ruled(weights(c4, p, false, chroma), in0a, in1a);
    const mb = ruled(weights(c4, p, true, chroma), in0b, in1b);
    v128.store(record, paired(ma, mb), MASK);
    const sa = v128.andnot(slopes(c4, p, false, chroma), v128.xor(in0a, in1a));
    const sb = v128.andnot(slopes(c4, p, true, chroma), v128.xor(in0b, in1b));
    v128.store(record, paired(sa, sb), SLOPE);
    if (shared) {
      v128.store(record, paired(weights(c5, p, false, chroma), weights(c5, p, true, chroma)), SHARE);
      v128.store(record, paired(slopes(c5, p, false, chroma), slopes(c5, p, true, chroma)), SHARE_SLOPE);
    }
    record += RECORD;
    xa = f32x4.add(xa, THIRTY_TWO);
  }
  return !v128.any_true(v128.or(i32x4.lt_s(top, i32x4.splat(0)), i32x4.ge_s(bottom, i32x4.splat((height - 2) << 8))));
}
