/**
 * What can be known of a cell of an interpolated frame without the truth: how far the two parents,
 * moved to it, disagree, how far they do where they stand, and how much there is to see.
 */
import { clampInt, strideOf } from '../i420';

/** Rows of a cell that are measured: every second one. */
const ROWS: i32 = 4;
/** Samples of a cell that are. */
const SAMPLES: f64 = 32;
/** Of a cell whose motion is no motion. */
const LOST: f32 = 255;

// @inline
function sum32(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3);
}

/** Sum of eight 16-bit lanes. */
// @inline
function sum16(v: v128): i32 {
  return sum32(i32x4.extadd_pairwise_i16x8_s(v));
}

/** Nearest 1/16 of a sample. */
// @inline
function sixteenths(flow: f32): i32 {
  return <i32>floor<f32>(flow * 16 + 0.5);
}

/** Eight samples between columns, in 1/16. */
// @inline
function across(at: usize, part: v128): v128 {
  const here = v128.load_ext<u8>(at);
  return i16x8.add(i16x8.shl(here, 4), i16x8.mul(i16x8.sub(v128.load_ext<u8>(at + 1), here), part));
}

/** Eight samples between two rows, in 1/16. Exact, though the steps on the way may wrap. */
// @inline
function sample(at: usize, stride: i32, x: v128, y: v128): v128 {
  const top = across(at, x);
  const step = i16x8.sub(across(at + stride, x), top);
  return i16x8.shr_u(i16x8.add(i16x8.add(i16x8.shl(top, 4), i16x8.mul(step, y)), i16x8.splat(8)), 4);
}

// @inline
function known(flow: f32): bool {
  return abs(flow) < 16384;
}

/** Mean absolute difference of both frames where cell (x, y) stands. */
// @inline
function standing(a: usize, b: usize, stride: i32): f32 {
  let sum = i16x8.splat(0);
  for (let k = 0; k < ROWS; k++) {
    const at = <usize>(2 * k * stride);
    sum = i16x8.add(sum, i16x8.abs(i16x8.sub(v128.load_ext<u8>(a + at), v128.load_ext<u8>(b + at))));
  }
  return <f32>sum16(sum) / <f32>SAMPLES;
}

/** Sums over two windows: of the differences, of their sizes, of the sums of both, and of the squares of these. */
let signed: v128 = i8x16.splat(0);
let absolute: v128 = i8x16.splat(0);
let greys: v128 = i8x16.splat(0);
let squares: v128 = i8x16.splat(0);

// @inline
function add(s0: v128, s1: v128): void {
  const apart = i16x8.sub(s0, s1);
  signed = i16x8.add(signed, apart);
  absolute = i16x8.add(absolute, i16x8.abs(apart));
  const grey = i16x8.add(s0, s1);
  greys = i16x8.add(greys, grey);
  squares = i32x4.add(squares, i32x4.dot_i16x8_s(grey, grey));
}

/** Measures two windows, fractions in 1/16. */
// @inline
function moved(p0: usize, p1: usize, stride: i32, x0: i32, y0: i32, x1: i32, y1: i32, out: usize, plane: usize): void {
  signed = i16x8.splat(0);
  absolute = signed;
  greys = signed;
  squares = signed;
  if ((x0 | y0 | x1 | y1) === 0) {
    // Between no samples: most of what stands still.
    for (let k = 0; k < ROWS; k++) {
      const at = <usize>(2 * k * stride);
      add(i16x8.shl(v128.load_ext<u8>(p0 + at), 4), i16x8.shl(v128.load_ext<u8>(p1 + at), 4));
    }
  } else {
    const fx0 = i16x8.splat(<i16>x0);
    const fy0 = i16x8.splat(<i16>y0);
    const fx1 = i16x8.splat(<i16>x1);
    const fy1 = i16x8.splat(<i16>y1);
    for (let k = 0; k < ROWS; k++) {
      const at = <usize>(2 * k * stride);
      add(sample(p0 + at, stride, fx0, fy0), sample(p1 + at, stride, fx1, fy1));
    }
  }
  // The four sums side by side.
  const one = i32x4.extadd_pairwise_i16x8_s(signed);
  const two = i32x4.extadd_pairwise_i16x8_s(absolute);
  const three = i32x4.extadd_pairwise_i16x8_s(greys);
  const low = i32x4.add(v128.shuffle<i32>(one, two, 0, 4, 1, 5), v128.shuffle<i32>(one, two, 2, 6, 3, 7));
  const high = i32x4.add(v128.shuffle<i32>(three, squares, 0, 4, 1, 5), v128.shuffle<i32>(three, squares, 2, 6, 3, 7));
  const sums = i32x4.add(v128.shuffle<i32>(low, high, 0, 1, 4, 5), v128.shuffle<i32>(low, high, 2, 3, 6, 7));
  store<f32>(out, <f32>abs(i32x4.extract_lane(sums, 0)) * <f32>(1 / (16 * SAMPLES)));
  store<f32>(out + plane, <f32>i32x4.extract_lane(sums, 1) * <f32>(1 / (16 * SAMPLES)));
  // Grey values are sums of two, in 1/16.
  const mean = <f64>i32x4.extract_lane(sums, 2) * (1 / SAMPLES);
  const variance = <f64>i32x4.extract_lane(sums, 3) * (1 / SAMPLES) - mean * mean;
  store<f32>(out + 3 * plane, <f32>sqrt<f64>(max<f64>(variance, 0)) * (1 / 32));
}

/**
 * Measures the cells of rows [rowBegin, rowEnd) of the pair a, b by its first motion at t = ½:
 * `field` is float32 [≥4][gridHeight][gridWidth]. Writes `out`, float32 [4][gridHeight][gridWidth]
 * in grey levels, at cells that lie in the frame: difference of the means of both windows, mean
 * absolute difference of both windows, mean absolute difference where the cell stands, deviation of
 * the samples. A window that would leave its frame is moved inside.
 * `step` 2: of every second cell of every second row, whose figures the other three get.
 * A motion that is no number: 255 for the first two. Frames of less than 9 × 9: all 0. Any field reads inside the planes.
 */
export function measureCells(
  a: usize,
  b: usize,
  width: i32,
  height: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  out: usize,
  step: i32,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const stride = strideOf(width);
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const columns = (width + 7) >> 3;
  const farX = width - 9;
  const farY = height - 9;
  for (let j = rowBegin; j < rowEnd; j += step) {
    for (let i = 0; i < columns; i += step) {
      const at = <usize>((j * gridWidth + i) << 2);
      const cell = out + at;
      measureCell(a, b, stride, farX, farY, i, j, field + at, cell, plane);
      if (step > 1) copyCell(cell, plane, <usize>(gridWidth << 2), i + 1 < columns, j + 1 < rowEnd);
    }
  }
}

/** Copies what is known of a cell to those beside, below and between. */
function copyCell(cell: usize, plane: usize, below: usize, hasRight: bool, hasLower: bool): void {
  for (let c: usize = 0; c < 4; c++) {
    const at = cell + c * plane;
    const value = load<f32>(at);
    if (hasRight) store<f32>(at + 4, value);
    if (!hasLower) continue;
    store<f32>(at + below, value);
    if (hasRight) store<f32>(at + below + 4, value);
  }
}

// @inline
function measureCell(
  a: usize,
  b: usize,
  stride: i32,
  farX: i32,
  farY: i32,
  i: i32,
  j: i32,
  f: usize,
  cell: usize,
  plane: usize,
): void {
  if (farX < 0 || farY < 0) {
    for (let c = 0; c < 4; c++) store<f32>(cell + c * plane, 0);
    return;
  }
  const x = min(i << 3, farX);
  const y = min(j << 3, farY);
  const here = <usize>(y * stride + x);
  store<f32>(cell + 2 * plane, standing(a + here, b + here, stride));
  const f0x = load<f32>(f);
  const f0y = load<f32>(f + plane);
  const f1x = load<f32>(f + 2 * plane);
  const f1y = load<f32>(f + 3 * plane);
  if (!(known(f0x) && known(f0y) && known(f1x) && known(f1y))) {
    store<f32>(cell, LOST);
    store<f32>(cell + plane, LOST);
    store<f32>(cell + 3 * plane, 0);
    return;
  }
  const q0x = (x << 4) + sixteenths(f0x);
  const q0y = (y << 4) + sixteenths(f0y);
  const q1x = (x << 4) + sixteenths(f1x);
  const q1y = (y << 4) + sixteenths(f1y);
  const x0 = clampInt(q0x, 0, farX << 4);
  const y0 = clampInt(q0y, 0, farY << 4);
  const x1 = clampInt(q1x, 0, farX << 4);
  const y1 = clampInt(q1y, 0, farY << 4);
  const p0 = a + (y0 >> 4) * stride + (x0 >> 4);
  const p1 = b + (y1 >> 4) * stride + (x1 >> 4);
  moved(p0, p1, stride, x0 & 15, y0 & 15, x1 & 15, y1 & 15, cell, plane);
}
