/** The frames that are looked at, their cells of 8 × 8, and what is counted in each, once. */
import { strideOf } from '../i420';
import { alike, apart, detail, MOTION, marksAt, REACH } from './marks';

/** How far aside detail is sought that might be taken for what stands still, in samples. */
const SHIFT = 3;
/** Of a cell that nothing was counted in yet. */
export const UNKNOWN: u8 = 255;

export let A: usize = 0;
export let B: usize = 0;
export let BEFORE: usize = 0;
export let AFTER: usize = 0;
export let WIDTH: i32 = 0;
export let HEIGHT: i32 = 0;
export let STRIDE: usize = 0;
/** Of cells. */
export let COLUMNS: i32 = 0;
export let ROWS: i32 = 0;
/** A byte a cell each: damaged samples; bright ones that changed. */
export let DAMAGE: usize = 0;
export let CHANGED: usize = 0;
/** Samples that stand still in sharp detail, the level of the brightest of them; how many would agree aside. */
let STILL: usize = 0;
let LEVELS: usize = 0;
let ASIDE: usize = 0;
/** Samples that differ between the parents; those of them that show a third thing in a frame beside. */
let MOVED: usize = 0;
let RESTLESS: usize = 0;
export let LABELS: usize = 0;
/** Level of bright text, 0: there is none. */
export let SOURCES: usize = 0;
/** Bits of the rows around a cell. In the work: threads share the kernel's own data. */
export let LINES: usize = 0;

/** Looks at a scene from now on; what was counted of damage and change stays. */
export function beginScene(
  a: usize,
  b: usize,
  before: usize,
  after: usize,
  width: i32,
  height: i32,
  work: usize,
): void {
  A = a;
  B = b;
  BEFORE = before;
  AFTER = after;
  WIDTH = width;
  HEIGHT = height;
  STRIDE = strideOf(width);
  COLUMNS = (width + 7) >> 3;
  ROWS = (height + 7) >> 3;
  const plane = planeOf(width, height);
  DAMAGE = work;
  CHANGED = work + plane;
  STILL = work + 2 * plane;
  LEVELS = work + 3 * plane;
  ASIDE = work + 4 * plane;
  LABELS = work + 5 * plane;
  SOURCES = work + 6 * plane;
  MOVED = work + 7 * plane;
  RESTLESS = work + 8 * plane;
  LINES = work + 9 * plane;
  memory.fill(STILL, UNKNOWN, plane);
  memory.fill(ASIDE, UNKNOWN, plane);
  memory.fill(MOVED, UNKNOWN, plane);
  memory.fill(LABELS, 0, plane);
  memory.fill(SOURCES, UNKNOWN, plane);
}

/** Bytes of a plane of cells: a multiple of 64. */
export function planeOf(width: i32, height: i32): usize {
  return (((width + 7) >> 3) * ((height + 7) >> 3) + 63) & ~63;
}

/** Sum of 3 × 3 cells of a plane. */
export function around(plane: usize, x: i32, y: i32): i32 {
  let sum = 0;
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) sum += load<u8>(plane + v * COLUMNS + u);
  }
  return sum;
}

/** Whether 3 × 3 cells hold enough detail that stands still, and `against` times as much as agrees aside. */
export function standsStill(x: i32, y: i32, enough: i32, against: f32): bool {
  const still = stillAround(x, y);
  return still >= enough && <f32>still > against * <f32>asideAround(x, y);
}

function stillAround(x: i32, y: i32): i32 {
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) {
      if (load<u8>(STILL + v * COLUMNS + u) === UNKNOWN) countStill(u, v);
    }
  }
  return around(STILL, x, y);
}

function asideAround(x: i32, y: i32): i32 {
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) {
      if (load<u8>(ASIDE + v * COLUMNS + u) === UNKNOWN) countAside(u, v);
    }
  }
  return around(ASIDE, x, y);
}

/**
 * Whether something moves behind 3 × 3 cells. What moves in front leaves the same behind as was there before: it is not
 * restless. @param share of so many samples that move, one has to be restless.
 */
export function isCrossed(x: i32, y: i32, share: i32): bool {
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) {
      if (load<u8>(MOVED + v * COLUMNS + u) === UNKNOWN) countMoved(u, v);
    }
  }
  const moved = around(MOVED, x, y);
  return moved > 0 && around(RESTLESS, x, y) * share >= moved;
}

/** Samples of 3 × 3 cells that move. After {@link isCrossed}. */
export function movedAround(x: i32, y: i32): i32 {
  return around(MOVED, x, y);
}

function countMoved(x: i32, y: i32): void {
  let moved = 0;
  let restless = 0;
  for (let row = 8 * y; row < min(8 * y + 8, HEIGHT); row++) {
    const at = <usize>row * STRIDE + 8 * x;
    const moves = unlike(A + at, B + at);
    if (!v128.any_true(moves)) continue;
    let third = i8x16.splat(0);
    if (BEFORE !== 0) third = v128.and(unlike(BEFORE + at, A + at), unlike(BEFORE + at, B + at));
    if (AFTER !== 0) third = v128.or(third, v128.and(unlike(AFTER + at, A + at), unlike(AFTER + at, B + at)));
    moved += popcnt(i8x16.bitmask(moves) & edge(8 * x));
    restless += popcnt(i8x16.bitmask(v128.and(moves, third)) & edge(8 * x));
  }
  const cell = y * COLUMNS + x;
  store<u8>(MOVED + cell, <u8>moved);
  store<u8>(RESTLESS + cell, <u8>restless);
}

// @inline
function unlike(a: usize, b: usize): v128 {
  return i8x16.ge_u(apart(v128.load(a), v128.load(b)), i8x16.splat(<i8>MOTION));
}

/** The brightest sample of 3 × 3 cells that stands still in sharp detail. After {@link standsStill}. */
export function levelAround(x: i32, y: i32): i32 {
  let level = 0;
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) {
      level = max(level, <i32>load<u8>(LEVELS + v * COLUMNS + u));
    }
  }
  return level;
}

function countStill(x: i32, y: i32): void {
  let still = 0;
  let level = i8x16.splat(0);
  for (let row = max(8 * y, REACH); row < min(8 * y + 8, HEIGHT - REACH); row++) {
    const at = <usize>row * STRIDE + 8 * x;
    const marks = marksAt(A, B, BEFORE, AFTER, at, STRIDE);
    const marked = count(marks, 8 * x);
    if (marked === 0) continue;
    still += marked;
    level = i8x16.max_u(level, v128.and(marks, i8x16.max_u(v128.load(A + at), v128.load(B + at))));
  }
  const cell = y * COLUMNS + x;
  store<u8>(STILL + cell, <u8>still);
  let most = 0;
  const bytes = i64x2.extract_lane(level, 0);
  for (let i = 0; i < 64; i += 8) most = max(most, <i32>((bytes >> i) & 0xff));
  store<u8>(LEVELS + cell, <u8>most);
}

/** The most samples of a cell's detail that agree with detail {@link SHIFT} samples to one side. */
function countAside(x: i32, y: i32): void {
  let left = 0;
  let right = 0;
  let up = 0;
  let down = 0;
  for (let row = max(8 * y, REACH); row < min(8 * y + 8, HEIGHT - REACH); row++) {
    const at = <usize>row * STRIDE + 8 * x;
    const sharp = detail(A + at, STRIDE);
    if (!v128.any_true(sharp)) continue;
    if (8 * x >= SHIFT + REACH) left += agreement(sharp, at, at - SHIFT, 8 * x);
    if (8 * x + 8 <= WIDTH - SHIFT - REACH) right += agreement(sharp, at, at + SHIFT, 8 * x);
    if (row >= SHIFT + REACH) up += agreement(sharp, at, at - <usize>SHIFT * STRIDE, 8 * x);
    if (row < HEIGHT - SHIFT - REACH) down += agreement(sharp, at, at + <usize>SHIFT * STRIDE, 8 * x);
  }
  store<u8>(ASIDE + y * COLUMNS + x, <u8>max(max(left, right), max(up, down)));
}

/** Samples of one parent's detail that are like the other's at another place. */
// @inline
function agreement(sharp: v128, at: usize, other: usize, x: i32): i32 {
  return count(v128.and(sharp, v128.and(alike(A + at, B + other), detail(B + other, STRIDE))), x);
}

/** Samples of the first eight that are marked, whose neighbours are in the picture. */
// @inline
function count(marks: v128, x: i32): i32 {
  return popcnt(i8x16.bitmask(marks) & inner(x, WIDTH) & 0xff);
}

/** Bits of the 16 samples at x whose neighbours are all in the picture. */
// @inline
export function inner(x: i32, width: i32): i32 {
  const begin = max(REACH - x, 0);
  const end = min(width - REACH - x, 16);
  return begin < end ? ((1 << end) - 1) & ~((1 << begin) - 1) : 0;
}

/** Bits of the samples of the cell at x that are in the picture. */
// @inline
export function edge(x: i32): i32 {
  return WIDTH - x >= 8 ? 0xff : (1 << (WIDTH - x)) - 1;
}

/** Bits and their neighbours in the row. */
// @inline
export function spread(bits: i32): i32 {
  return bits | (bits << 1) | (bits >> 1);
}
