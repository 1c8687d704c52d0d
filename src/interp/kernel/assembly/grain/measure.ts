/**
 * How noisy a pair of frames is, by grey value, and a tile of grain like it
 * (models/training/FLUORO.md, "Noise").
 */
import { clampInt, strideOf } from '../i420';

/**
 * Scratch of the grain, in bytes; its end: grainScratchBytes() in ../kernel.ts. S: u8[16]; rho:
 * float32.
 */
export const LEVELS: usize = 0;
export const RHO: usize = 16;
/** i32[16][256]: cells by grey and by deviation in 1/16. */
const COUNTS: usize = 64;
/** i16[8 + 256 + 8]: one row of the tile between the two filters, wrapped. */
const ROW: usize = COUNTS + 16384;
/** i16[256][256]: white noise, deviation 2048. */
const WHITE: usize = ROW + 576;
/** i8[256][256 + 16]: deviation 32, the first columns repeated at the end. */
export const TILE: usize = WHITE + 131072;
export const TILE_STRIDE: i32 = 272;
/** u8[gridHeight][gridWidth] and 16 more: how much of the noise each cell gets. */
export const SHARES: usize = TILE + 256 * 272;

const BINS: i32 = 16;
/** Cells in a bin of grey for it to be measured. */
const FEWEST: i32 = 24;
/** From so many cells on, every second one is measured. */
const MANY: i32 = 8192;
/** Sixteenths of a sample from a whole one up to which a cell tells how noise hangs together. */
const CALM: i32 = 4;
/** Mean grey over which it does. */
const DARK: i32 = 20;
/** Correlation without enough such cells. */
const USUAL: f32 = 0.3;

/** Fills the white noise. Once for each scratch. */
export function grainStart(grain: usize): void {
  let s: u32 = 1;
  for (let i = 0; i < 65536; i++) {
    // The sum of eight bytes of two steps of xorshift: near enough to normal, deviation 209.02.
    let sum: u32 = 0;
    for (let k = 0; k < 2; k++) {
      s ^= s << 13;
      s ^= s >> 17;
      s ^= s << 5;
      sum += (s & 255) + ((s >> 8) & 255) + ((s >> 16) & 255) + (s >> 24);
    }
    store<i16>(grain + WHITE + (i << 1), <i16>(((<i32>sum - 1020) * 627) >> 6));
  }
}

// @inline
function sum32(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3);
}

/** Nearest 1/16 of a sample. */
// @inline
function sixteenths(flow: f32): i32 {
  return <i32>floor<f32>(flow * 16 + 0.5);
}

/**
 * Counts a cell by the correlation of neighbouring samples in the difference of `a` and `b`, in
 * 1/64 from −1; not where it is too dark or does not differ.
 */
function neighbours(a: usize, b: usize, stride: i32, counts: usize): void {
  let greys = i16x8.splat(0);
  let sums = i16x8.splat(0);
  for (let k = 0; k < 8; k++) {
    const ra = v128.load_ext<u8>(a + k * stride);
    greys = i16x8.add(greys, ra);
    sums = i16x8.add(sums, i16x8.sub(ra, v128.load_ext<u8>(b + k * stride)));
  }
  if (sum32(i32x4.extadd_pairwise_i16x8_s(greys)) <= DARK * 64) return;
  // The cell's mean, and what is left without it, in quarters.
  const mean = i16x8.splat(<i16>((sum32(i32x4.extadd_pairwise_i16x8_s(sums)) + 8) >> 4));
  const zero = i16x8.splat(0);
  let powers = i32x4.splat(0);
  let nears = i32x4.splat(0);
  let above = zero;
  for (let k = 0; k < 8; k++) {
    const raw = i16x8.sub(v128.load_ext<u8>(a + k * stride), v128.load_ext<u8>(b + k * stride));
    const d = i16x8.sub(i16x8.shl(raw, 2), mean);
    powers = i32x4.add(powers, i32x4.dot_i16x8_s(d, d));
    const right = v128.shuffle<i16>(d, zero, 1, 2, 3, 4, 5, 6, 7, 8);
    nears = i32x4.add(nears, i32x4.add(i32x4.dot_i16x8_s(d, above), i32x4.dot_i16x8_s(d, right)));
    above = d;
  }
  const power = sum32(powers);
  if (power === 0) return;
  // 64 squares, 112 products of neighbours.
  const bucket = <i32>floor<f64>(((<f64>sum32(nears) * 64) / (<f64>power * 112)) * 64 + 64);
  const slot = counts + (clampInt(bucket, 0, 127) << 2);
  store<i32>(slot, load<i32>(slot) + 1);
}

/** The lower median of counted values; −1 when there are fewer than `least`. */
// @inline
function median(row: usize, buckets: i32, least: i32): i32 {
  let cells = 0;
  for (let k = 0; k < buckets; k++) cells += load<i32>(row + (k << 2));
  if (cells < least) return -1;
  let at = 0;
  for (let seen = load<i32>(row); 2 * seen < cells; seen += load<i32>(row + (at << 2))) at += 1;
  return at;
}

/** Share of the noise that a fraction of `part`/16 of a sample leaves along one axis. */
// @inline
function left(part: i32, unkept: f64): f64 {
  return <f64>1 - <f64>(part * (16 - part)) * unkept;
}

/** Eight samples interpolated along their row, in 1/16. */
// @inline
function across(at: usize, part: v128): v128 {
  const here = v128.load_ext<u8>(at);
  return i16x8.add(i16x8.shl(here, 4), i16x8.mul(i16x8.sub(v128.load_ext<u8>(at + 1), here), part));
}

/** Between two rows; exact, though the steps on the way may wrap. */
// @inline
function down(top: v128, bottom: v128, part: v128): v128 {
  const sum = i16x8.add(i16x8.shl(top, 4), i16x8.mul(i16x8.sub(bottom, top), part));
  return i16x8.shr_u(i16x8.add(sum, i16x8.splat(8)), 4);
}

/** Counts the cell whose corners in both frames are at `a` and `b`, fractions in 1/16. */
// @inline
function count(
  a: usize,
  b: usize,
  stride: i32,
  fx0: i32,
  fy0: i32,
  fx1: i32,
  fy1: i32,
  unkept: f64,
  counts: usize,
): void {
  const x0 = i16x8.splat(<i16>fx0);
  const y0 = i16x8.splat(<i16>fy0);
  const x1 = i16x8.splat(<i16>fx1);
  const y1 = i16x8.splat(<i16>fy1);
  let top0 = across(a, x0);
  let top1 = across(b, x1);
  let sums = i16x8.splat(0);
  let greys = i16x8.splat(0);
  let squares = i32x4.splat(0);
  for (let k = 0; k < 8; k++) {
    a += stride;
    b += stride;
    const bottom0 = across(a, x0);
    const bottom1 = across(b, x1);
    const w0 = down(top0, bottom0, y0);
    const w1 = down(top1, bottom1, y1);
    const d = i16x8.sub(w0, w1);
    sums = i16x8.add(sums, d);
    greys = i16x8.add(greys, i16x8.add(w0, w1));
    squares = i32x4.add(squares, i32x4.dot_i16x8_s(d, d));
    top0 = bottom0;
    top1 = bottom1;
  }
  const sum = <f64>sum32(i32x4.extadd_pairwise_i16x8_s(sums));
  const energy = <f64>64 * <f64>sum32(squares) - sum * sum;
  const share = left(fx0, unkept) * left(fy0, unkept) + left(fx1, unkept) * left(fy1, unkept);
  // Squares of 1/16, 64 samples, 63 degrees of freedom; the rounding of interpolated frames brings
  // noise of its own.
  const variance = energy / (share * 1032192) - <f64>1 / 6;
  const level = min(<i32>floor<f64>(sqrt<f64>(max<f64>(variance, 0)) * 16 + 0.5), 255);
  const bin = sum32(i32x4.extadd_pairwise_i16x8_u(greys)) >> 15;
  const slot = counts + (((bin << 8) + level) << 2);
  store<i32>(slot, load<i32>(slot) + 1);
}

/** S: the median of each bin that has enough cells; the others from their neighbours. */
function levels(counts: usize, out: usize): void {
  let known = -1;
  let value = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const found = median(counts + (bin << 10), 256, FEWEST);
    if (found < 0) continue;
    for (let k = known + 1; k <= bin; k++) {
      const steps = bin - known;
      const mixed = (2 * (value * (bin - k) + found * (k - known)) + steps) / (2 * steps);
      const between = known < 0 ? found : mixed;
      store<u8>(out + k, <u8>between);
    }
    known = bin;
    value = found;
  }
  for (let k = known + 1; k < BINS; k++) store<u8>(out + k, <u8>value);
}

/** The white noise under (a, 1, a) along y and x, so that neighbours correlate by `rho`. */
function tile(grain: usize, rho: f64): void {
  const a = rho < 0.02 ? <f64>0 : min((<f64>1 - sqrt<f64>(<f64>1 - 2 * rho * rho)) / (2 * rho), <f64>0.45);
  const norm = <f64>32768 / sqrt<f64>(<f64>1 + 2 * a * a);
  const centre = i16x8.splat(<i16>min(<i32>floor<f64>(norm + 0.5), 32767));
  const side = i16x8.splat(<i16>floor<f64>(a * norm + 0.5));
  const row = grain + ROW + 16;
  for (let y = 0; y < 256; y++) {
    const here = grain + WHITE + (y << 9);
    const above = grain + WHITE + (((y + 255) & 255) << 9);
    const below = grain + WHITE + (((y + 1) & 255) << 9);
    for (let x = 0; x < 512; x += 16) {
      const sides = i16x8.add_sat_s(v128.load(above + x), v128.load(below + x));
      const sum = i16x8.add_sat_s(i16x8.q15mulr_sat_s(v128.load(here + x), centre), i16x8.q15mulr_sat_s(sides, side));
      v128.store(row + x, sum);
    }
    store<i16>(row - 2, load<i16>(row + 510));
    store<i16>(row + 512, load<i16>(row));
    const out = grain + TILE + y * TILE_STRIDE;
    for (let x = 0; x < 512; x += 32) {
      const bytes = i8x16.narrow_i16x8_s(along(row + x, centre, side), along(row + x + 16, centre, side));
      v128.store(out + (x >> 1), i8x16.max_s(bytes, i8x16.splat(-127)));
    }
    v128.store(out + 256, v128.load(out));
  }
}

// @inline
function along(at: usize, centre: v128, side: v128): v128 {
  const sides = i16x8.add_sat_s(v128.load(at - 2), v128.load(at + 2));
  const sum = i16x8.add_sat_s(i16x8.q15mulr_sat_s(v128.load(at), centre), i16x8.q15mulr_sat_s(sides, side));
  return i16x8.shr_s(i16x8.add_sat_s(sum, i16x8.splat(32)), 6);
}

/** Both windows of a cell: corners in the frames, fractions in 1/16. */
let corner0: usize = 0;
let corner1: usize = 0;
let fraction0X: i32 = 0;
let fraction0Y: i32 = 0;
let fraction1X: i32 = 0;
let fraction1Y: i32 = 0;

/**
 * Finds the windows of cell (i, j), moved by its flow and `more` sixteenths; false where they leave
 * the frame, whose border tells nothing.
 */
// @inline
function place(
  a: usize,
  b: usize,
  width: i32,
  height: i32,
  stride: i32,
  field: usize,
  plane: usize,
  i: i32,
  j: i32,
  more: i32,
): bool {
  const limit: f32 = 16384;
  const f0x = load<f32>(field);
  const f0y = load<f32>(field + plane);
  const f1x = load<f32>(field + 2 * plane);
  const f1y = load<f32>(field + 3 * plane);
  if (!(abs(f0x) < limit && abs(f0y) < limit && abs(f1x) < limit && abs(f1y) < limit)) return false;
  const q0x = sixteenths(f0x) + more;
  const q0y = sixteenths(f0y) + more;
  const q1x = sixteenths(f1x) + more;
  const q1y = sixteenths(f1y) + more;
  const x0 = 8 * i + (q0x >> 4);
  const y0 = 8 * j + (q0y >> 4);
  const x1 = 8 * i + (q1x >> 4);
  const y1 = 8 * j + (q1y >> 4);
  // Nine rows and columns are read.
  if (min(min(x0, y0), min(x1, y1)) < 0 || max(x0, x1) > width - 9 || max(y0, y1) > height - 9) return false;
  corner0 = a + y0 * stride + x0;
  corner1 = b + y1 * stride + x1;
  fraction0X = q0x & 15;
  fraction0Y = q0y & 15;
  fraction1X = q1x & 15;
  fraction1Y = q1y & 15;
  return true;
}

/**
 * Measures the luma noise of the pair a, b (width × height) whose first motion at t = ½ is `field`
 * (float32 [≥4][gridHeight][gridWidth]) and makes the tile, all in the scratch `grain` that
 * grainStart() has seen. Any field, NaN included, reads inside the planes.
 */
export function grainMeasure(
  a: usize,
  b: usize,
  width: i32,
  height: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  grain: usize,
): void {
  const stride = strideOf(width);
  const columns = width >> 3;
  const rows = height >> 3;
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const odd = columns * rows > MANY ? 1 : 0;
  const counts = grain + COUNTS;
  memory.fill(counts, 0, 16384);
  let tried = 0;
  for (let j = 0; j < rows; j++) {
    for (let i = odd & j; i < columns; i += 1 + odd) {
      tried += 1;
      const at = field + ((j * gridWidth + i) << 2);
      if (!place(a, b, width, height, stride, at, plane, i, j, CALM)) continue;
      if (max(max(fraction0X, fraction0Y), max(fraction1X, fraction1Y)) > 2 * CALM) continue;
      neighbours(corner0, corner1, stride, counts);
    }
  }
  const found = median(counts, 128, (tried >> 4) + 1);
  // Half a bucket, and what taking the mean away takes from the correlation.
  const rho: f32 = found < 0 ? USUAL : <f32>min<f64>(max<f64>((<f64>found + 0.5) / 64 - 1 + 0.02, 0), 0.7);
  store<f32>(grain + RHO, rho);
  memory.fill(counts, 0, 512);
  const unkept = (<f64>1 - <f64>rho) / 128;
  for (let j = 0; j < rows; j++) {
    for (let i = odd & j; i < columns; i += 1 + odd) {
      const at = field + ((j * gridWidth + i) << 2);
      if (!place(a, b, width, height, stride, at, plane, i, j, 0)) continue;
      count(corner0, corner1, stride, fraction0X, fraction0Y, fraction1X, fraction1Y, unkept, counts);
    }
  }
  levels(counts, grain + LEVELS);
  tile(grain, <f64>rho);
}
