/**
 * The block of the search that is at work: how well vectors match in its window, and the best one so
 * far. A window's width is a type here, in bytes of a row: u16 for 16 columns and 8 rows, u8 for 8
 * columns and 4 rows; rows are two samples apart. An instance belongs to one thread.
 */
import { clampInt } from '../i420';
import { BORDER } from './pyramid';

/** Steps to the eight neighbours of a vector, in their order: as lanes. */
const STEPS = memory.data<i16>([-1, 0, 1, -1, 1, -1, 0, 1, -1, -1, -1, 0, 0, 1, 1, 1], 16);
/**
 * Where the lanes of {@link ringSums} go to be in that order, by whether x and y of the vector are
 * odd.
 */
const ORDERS = memory.data<u8>(
  [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 2, 3, 0, 1, 8, 9, 6, 7, 14, 15, 12, 13, 10, 11, 10, 11,
    12, 13, 14, 15, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1,
  ],
  16,
);

/** The same of {@link crossSads}, in lanes of 32 bits. */
const CROSS = memory.data<u8>(
  [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2,
    3, 4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11,
  ],
  16,
);

// The level at work.
let plane0: usize = 0;
let plane1: usize = 0;
let stride: i32 = 0;
let lastX: i32 = 0;
let lastY: i32 = 0;
// The block.
let blockX: i32 = 0;
let blockY: i32 = 0;
let start0: usize = 0;
let start1: usize = 0;
/** Vectors of components up to this need no clamping. */
let room: i32 = 0;
let predX: i32 = 0;
let predY: i32 = 0;
/** The best vector so far: what it costs, and its SAD. */
export let bestX: i32 = 0;
export let bestY: i32 = 0;
export let bestCost: i32 = 0;
export let bestSad: i32 = 0;

// @inline
function columns<W>(): i32 {
  return 8 * <i32>sizeof<W>();
}

/** Samples of a window. */
// @inline
export function area<W>(): i32 {
  return columns<W>() * 4 * <i32>sizeof<W>();
}

/** Costs are in SAD units: they grow with the window's area. */
// @inline
function units<W>(perRow: i32): i32 {
  return perRow * <i32>(sizeof<W>() * sizeof<W>());
}

/** For each level sample that a vector is off the prediction. */
// @inline
function smooth<W>(): i32 {
  return units<W>(6);
}

/** Taken off the cost of the zero vector. */
// @inline
function zeroBonus<W>(): i32 {
  return units<W>(12);
}

/** A vector survives the median when it matches better by more than this. */
// @inline
export function keep<W>(): i32 {
  return units<W>(16);
}

/** Work on a level whose samples (0, 0) are at these places begins. */
export function enterLevel(origin0: usize, origin1: usize, levelStride: i32, width: i32, height: i32): void {
  plane0 = origin0;
  plane1 = origin1;
  stride = levelStride;
  lastX = width;
  lastY = height;
}

/** Work on a block begins. */
// @inline
export function enterBlock<W>(i: i32, j: i32): void {
  blockX = 4 * i + 2 - 4 * <i32>sizeof<W>();
  blockY = 4 * j + 3 - 4 * <i32>sizeof<W>();
  const at = blockY * stride + blockX;
  start0 = plane0 + at;
  start1 = plane1 + at;
  const near = min(blockX, blockY) + BORDER;
  const far = min(lastX - blockX, lastY - blockY);
  // Half of a vector, rounded up, is moved to either side.
  room = 2 * min(near, far) - 1;
}

/** What vectors shall not be far from. */
// @inline
export function predict(x: i32, y: i32): void {
  predX = x;
  predY = y;
}

/** The best vector so far. */
// @inline
export function setBest(x: i32, y: i32, cost: i32, sad: i32): void {
  bestX = x;
  bestY = y;
  bestCost = cost;
  bestSad = sad;
}

// @inline
function total(sums: v128): i32 {
  const wide = i32x4.extadd_pairwise_i16x8_u(sums);
  const two = i32x4.add(wide, v128.shuffle<i32>(wide, wide, 2, 3, 0, 1));
  return i32x4.extract_lane(two, 0) + i32x4.extract_lane(two, 1);
}

/** Sums of the differences of neighbours. */
// @inline
function apart(a: v128, b: v128): v128 {
  return i16x8.extadd_pairwise_i8x16_u(i8x16.sub(i8x16.max_u(a, b), i8x16.min_u(a, b)));
}

/** Sixteen samples of a window: one row of a wide one, two of a narrow one. `step`: two rows. */
// @inline
function part<W>(at: usize, step: usize): v128 {
  if (sizeof<W>() === 2) return v128.load(at);
  return v128.load64_lane(at + step, v128.load64_zero(at), 1);
}

/** From a part to the next. */
// @inline
function next<W>(step: usize): usize {
  return sizeof<W>() === 2 ? step : step << 1;
}

/** Whether every component is at most `most` away from zero. */
// @inline
function near(x: i32, y: i32, most: i32): bool {
  return <u32>(x + most) <= <u32>(most << 1) && <u32>(y + most) <= <u32>(most << 1) && most > 0;
}

/**
 * SAD of the block's window for a vector, or, once it is certain to reach `limit`, some value ≥
 * limit.
 */
// @inline
export function sad<W>(vx: i32, vy: i32, limit: i32): i32 {
  const ux = vx >> 1;
  const uy = vy >> 1;
  let a: usize;
  let b: usize;
  if (near(vx, vy, room)) {
    a = start0 - (uy * stride + ux);
    b = start1 + ((vy - uy) * stride + (vx - ux));
  } else {
    // Windows further out than the border hold the same replicated samples as the outermost ones
    // inside it.
    a = plane0 + clampInt(blockY - uy, -BORDER, lastY) * stride + clampInt(blockX - ux, -BORDER, lastX);
    b = plane1 + clampInt(blockY + vy - uy, -BORDER, lastY) * stride + clampInt(blockX + vx - ux, -BORDER, lastX);
  }
  const step = <usize>(stride << 1);
  const on = next<W>(step);
  let sums = i16x8.add(apart(part<W>(a, step), part<W>(b, step)), apart(part<W>(a + on, step), part<W>(b + on, step)));
  if (sizeof<W>() === 1) return total(sums);
  a += on << 1;
  b += on << 1;
  sums = i16x8.add(sums, apart(part<W>(a, step), part<W>(b, step)));
  sums = i16x8.add(sums, apart(part<W>(a + on, step), part<W>(b + on, step)));
  const half = total(sums);
  if (half >= limit) return half;
  a += on << 1;
  b += on << 1;
  sums = i16x8.add(apart(part<W>(a, step), part<W>(b, step)), apart(part<W>(a + on, step), part<W>(b + on, step)));
  a += on << 1;
  b += on << 1;
  sums = i16x8.add(sums, apart(part<W>(a, step), part<W>(b, step)));
  return half + total(i16x8.add(sums, apart(part<W>(a + on, step), part<W>(b + on, step))));
}

/** The window's exact SAD. */
export function exactSad<W>(vx: i32, vy: i32): i32 {
  return sad<W>(vx, vy, i32.MAX_VALUE);
}

/** What a vector costs beside its SAD. */
// @inline
function pull<W>(vx: i32, vy: i32): i32 {
  return smooth<W>() * (abs(vx - predX) + abs(vy - predY)) - ((vx | vy) === 0 ? zeroBonus<W>() : 0);
}

/** Takes the vector as the best one if it costs less. */
export function consider<W>(vx: i32, vy: i32): void {
  const extra = pull<W>(vx, vy);
  const limit = bestCost - extra;
  if (limit <= 0) return;
  const s = sad<W>(vx, vy, limit);
  if (s < limit) setBest(vx, vy, s + extra, s);
}

/** Interleaves the lanes of both and adds their halves: lanes of `a` and `b` in turn. */
// @inline
function fold16(a: v128, b: v128): v128 {
  return i16x8.add(
    v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11),
    v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15),
  );
}

// @inline
function fold32(a: v128, b: v128): v128 {
  return i16x8.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
}

// @inline
function fold64(a: v128, b: v128): v128 {
  return i16x8.add(v128.shuffle<i64>(a, b, 0, 2), v128.shuffle<i64>(a, b, 1, 3));
}

/**
 * SADs over some parts of the windows for the eight neighbours of a vector, as 16-bit lanes. A step
 * of the vector moves one of both windows by one sample, the other stays: `a` and `b` are both
 * windows of the vector, `ahead` and `down` how far a step moves them. Lanes: the first window moved
 * ahead, none, the second one moved ahead; thrice, with the first moved down, none, the second.
 */
// @inline
function ringSums<W>(a: usize, b: usize, ahead: i32, down: i32, step: usize, parts: i32): v128 {
  const on = next<W>(step);
  let s0 = i16x8.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let s4 = s0;
  let s5 = s0;
  let s6 = s0;
  let s7 = s0;
  for (let k = 0; k < parts; k++) {
    const b00 = part<W>(b, step);
    const a10 = part<W>(a + ahead, step);
    s0 = i16x8.add(s0, apart(part<W>(a + ahead + down, step), b00));
    s3 = i16x8.add(s3, apart(a10, b00));
    const a01 = part<W>(a + down, step);
    s1 = i16x8.add(s1, apart(a01, b00));
    const b10 = part<W>(b + ahead, step);
    s2 = i16x8.add(s2, apart(a01, b10));
    const b01 = part<W>(b + down, step);
    s5 = i16x8.add(s5, apart(a10, b01));
    const a00 = part<W>(a, step);
    s4 = i16x8.add(s4, apart(a00, b10));
    s6 = i16x8.add(s6, apart(a00, b01));
    s7 = i16x8.add(s7, apart(a00, part<W>(b + ahead + down, step)));
    a += on;
    b += on;
  }
  return fold64(fold32(fold16(s0, s1), fold16(s2, s3)), fold32(fold16(s4, s5), fold16(s6, s7)));
}

/** The smallest lane in all lanes. */
// @inline
function smallest(lanes: v128): v128 {
  let least = i16x8.min_u(lanes, v128.shuffle<i64>(lanes, lanes, 1, 0));
  least = i16x8.min_u(least, v128.shuffle<i32>(least, least, 1, 0, 3, 2));
  return i16x8.min_u(least, v128.shuffle<i16>(least, least, 1, 0, 3, 2, 5, 4, 7, 6));
}

/** Considers the eight neighbours of a vector: those above, beside, below, from left to right. */
export function considerAround<W>(x: i32, y: i32): void {
  if (!near(x, y, room - 1)) {
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) if ((dx | dy) !== 0) consider<W>(x + dx, y + dy);
    }
    return;
  }
  const ux = x >> 1;
  const uy = y >> 1;
  const a = start0 - (uy * stride + ux);
  const b = start1 + ((y - uy) * stride + (x - ux));
  const ahead = 1 - ((x & 1) << 1);
  const down = (y & 1) !== 0 ? -stride : stride;
  const step = <usize>(stride << 1);
  const order = v128.load(ORDERS + (((x & 1) | ((y & 1) << 1)) << 4));
  const stepX = i16x8.add(v128.load(STEPS), i16x8.splat(<i16>x));
  const stepY = i16x8.add(v128.load(STEPS, 16), i16x8.splat(<i16>y));
  const off = i16x8.add(
    i16x8.abs(i16x8.sub(stepX, i16x8.splat(<i16>predX))),
    i16x8.abs(i16x8.sub(stepY, i16x8.splat(<i16>predY))),
  );
  const bonus = i16x8.splat(<i16>zeroBonus<W>());
  // Costs are as much higher as the bonus is, so that none is below zero.
  const others = v128.andnot(bonus, i16x8.eq(v128.or(stepX, stepY), i16x8.splat(0)));
  const extra = i16x8.add(i16x8.mul(off, i16x8.splat(<i16>smooth<W>())), others);
  const limit = bestCost + zeroBonus<W>();
  let sums = i8x16.swizzle(ringSums<W>(a, b, ahead, down, step, sizeof<W>() === 2 ? 4 : 2), order);
  let costs = i16x8.add(sums, extra);
  let least = smallest(costs);
  if (<i32>i16x8.extract_lane_u(least, 0) >= limit) return;
  if (sizeof<W>() === 2) {
    const rest = 4 * next<W>(step);
    sums = i16x8.add(sums, i8x16.swizzle(ringSums<W>(a + rest, b + rest, ahead, down, step, 4), order));
    costs = i16x8.add(sums, extra);
    least = smallest(costs);
    if (<i32>i16x8.extract_lane_u(least, 0) >= limit) return;
  }
  const first = ctz(i16x8.bitmask(i16x8.eq(costs, least))) << 1;
  const vx = x + <i32>load<i16>(STEPS + first);
  const vy = y + <i32>load<i16>(STEPS + first, 16);
  const cost = <i32>i16x8.extract_lane_u(least, 0) - zeroBonus<W>();
  setBest(vx, vy, cost, cost - pull<W>(vx, vy));
}

/**
 * SADs of a vector's neighbours to the left, to the right, above and below, as 32-bit lanes.
 */
// @inline
export function crossSads<W>(x: i32, y: i32): v128 {
  if (!near(x, y, room - 1)) {
    const beside = i32x4.replace_lane(i32x4.splat(exactSad<W>(x - 1, y)), 1, exactSad<W>(x + 1, y));
    return i32x4.replace_lane(i32x4.replace_lane(beside, 2, exactSad<W>(x, y - 1)), 3, exactSad<W>(x, y + 1));
  }
  const ux = x >> 1;
  const uy = y >> 1;
  let a = start0 - (uy * stride + ux);
  let b = start1 + ((y - uy) * stride + (x - ux));
  const ahead = 1 - ((x & 1) << 1);
  const down = (y & 1) !== 0 ? -stride : stride;
  const step = <usize>(stride << 1);
  const on = next<W>(step);
  let s0 = i16x8.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (let k = 0; k < (sizeof<W>() === 2 ? 8 : 2); k++) {
    const a00 = part<W>(a, step);
    const b00 = part<W>(b, step);
    s0 = i16x8.add(s0, apart(part<W>(a + ahead, step), b00));
    s1 = i16x8.add(s1, apart(a00, part<W>(b + ahead, step)));
    s2 = i16x8.add(s2, apart(part<W>(a + down, step), b00));
    s3 = i16x8.add(s3, apart(a00, part<W>(b + down, step)));
    a += on;
    b += on;
  }
  const folded = fold32(fold16(s0, s1), fold16(s2, s3));
  const sums = i32x4.extend_low_i16x8_u(i16x8.add(folded, v128.shuffle<i64>(folded, folded, 1, 0)));
  const order = v128.load(CROSS + (((x & 1) | ((y & 1) << 1)) << 4));
  return i8x16.swizzle(sums, order);
}
