/** The frames that are looked at, their cells of 8 × 8, and what is counted in each, once. */
import { strideOf } from '../i420';
import { alike, apart, BRIGHT, detail, MOTION, marksOf, REACH, stillAt } from './marks';

/** How far aside detail is sought that might be taken for what stands still, in samples. */
const SHIFT = 3;
/** Of a cell that nothing was counted in yet. */
export const UNKNOWN: u8 = 255;

export let A: usize = 0;
export let B: usize = 0;
export let BEFORE: usize = 0;
export let AFTER: usize = 0;
/** The frame made. */
export let OUT: usize = 0;
export let WIDTH: i32 = 0;
export let HEIGHT: i32 = 0;
export let STRIDE: usize = 0;
/** Of cells. */
export let COLUMNS: i32 = 0;
export let ROWS: i32 = 0;
/** A byte a cell each: damaged samples; bright ones that changed. */
export let DAMAGE: usize = 0;
export let CHANGED: usize = 0;
/**
 * Samples that stand still in sharp detail; such in the parents alone; those of these that are bright, and the level of the
 * brightest and of the darkest; how many would agree aside.
 */
export let STILL: usize = 0;
let PARENTAL: usize = 0;
export let SHINING: usize = 0;
export let LEVELS: usize = 0;
export let LOWEST: usize = 0;
let ASIDE: usize = 0;
/** Samples that differ between the parents; those of them that show a third thing in a frame beside. */
export let MOVED: usize = 0;
export let RESTLESS: usize = 0;
export let LABELS: usize = 0;
/** Level of bright text, 0: there is none. */
export let SOURCES: usize = 0;
/** Level of what was found to be text that changed. */
export let GLYPHS: usize = 0;
/** Level of the writing that a cell is a part of, or near to. */
export let INKS: usize = 0;
/** A byte a row of cells each: whether anything was counted there; what was found ({@link HAS_TEXT}, {@link HAS_GLYPHS}). */
export let COUNTED: usize = 0;
export let FOUND: usize = 0;
/** Bits of the rows around a cell: {@link LINE_BYTES} for each row of cells, which one thread works on at a time. */
let LINES: usize = 0;
const LINE_BYTES = 160;

export const HAS_TEXT: u8 = 1;
export const HAS_GLYPHS: u8 = 2;

/** Whether a frame beside the parents is known. */
// @inline
export function isThirdKnown(): bool {
  return BEFORE !== 0 || AFTER !== 0;
}

/** Looks at a scene from now on; what was counted stays. */
export function beginScene(
  a: usize,
  b: usize,
  before: usize,
  after: usize,
  out: usize,
  width: i32,
  height: i32,
  work: usize,
): void {
  A = a;
  B = b;
  BEFORE = before;
  AFTER = after;
  OUT = out;
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
  SHINING = work + 9 * plane;
  GLYPHS = work + 10 * plane;
  LOWEST = work + 11 * plane;
  INKS = work + 12 * plane;
  PARENTAL = work + 13 * plane;
  COUNTED = work + 14 * plane + 16;
  FOUND = COUNTED + ROWS;
  LINES = FOUND + ROWS;
}

/** Forgets all that was counted in a row of cells. */
export function clearRow(row: i32): void {
  const at = row * COLUMNS;
  memory.fill(DAMAGE + at, 0, COLUMNS);
  memory.fill(CHANGED + at, 0, COLUMNS);
  memory.fill(STILL + at, UNKNOWN, COLUMNS);
  memory.fill(ASIDE + at, UNKNOWN, COLUMNS);
  memory.fill(LABELS + at, 0, COLUMNS);
  memory.fill(SOURCES + at, UNKNOWN, COLUMNS);
  memory.fill(GLYPHS + at, 0, COLUMNS);
  memory.fill(INKS + at, 0, COLUMNS);
  memory.fill(MOVED + at, UNKNOWN, COLUMNS);
  store<u8>(COUNTED + row, 0);
  store<u8>(FOUND + row, 0);
}

/** Where the bits of the rows around a cell of a row of cells are kept. */
// @inline
export function linesOf(row: i32): usize {
  return LINES + row * LINE_BYTES;
}

/** Bytes of a plane of cells: a multiple of 64. */
export function planeOf(width: i32, height: i32): usize {
  return (((width + 7) >> 3) * ((height + 7) >> 3) + 63) & ~63;
}

/** Whether nothing was counted yet. Another thread may count the same at the same time, and finds the same. */
// @inline
function isUnknown(cell: usize): bool {
  return atomic.load<u8>(cell) === UNKNOWN;
}

/** Tells all threads the counts of the cell and of the one to its right, after all else that was found of them. */
// @inline
function publish(plane: usize, x: i32, y: i32, left: i32, right: i32): void {
  const cell = plane + y * COLUMNS + x;
  atomic.store<u8>(cell, <u8>left);
  if (x + 1 < COLUMNS) atomic.store<u8>(cell + 1, <u8>right);
}

/** Counts what moves in a cell, once. */
export function knowMoved(x: i32, y: i32): void {
  if (isUnknown(MOVED + y * COLUMNS + x)) countMoved(x & ~1, y);
}

/** Counts what stands in a cell, once. */
export function knowStill(x: i32, y: i32): void {
  if (isUnknown(STILL + y * COLUMNS + x)) countStill(x & ~1, y);
}

/** Sum of 3 × 3 cells of a plane. */
export function around(plane: usize, x: i32, y: i32): i32 {
  let sum = 0;
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) sum += load<u8>(plane + v * COLUMNS + u);
  }
  return sum;
}

/**
 * Which of 16 cells of a row, from x on, may have a sum of 3 × 3 cells of `least` or more: a bit each. A cell at the end of
 * a row also counts its neighbours in the rows beside. Reads a byte before the plane and 16 behind it.
 */
export function candidates(plane: usize, x: i32, y: i32, least: u8): i32 {
  let sum = i8x16.splat(0);
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    const at = plane + v * COLUMNS + x;
    const sides = i8x16.add_sat_u(v128.load(at - 1), v128.load(at + 1));
    sum = i8x16.add_sat_u(sum, i8x16.add_sat_u(sides, v128.load(at)));
  }
  const within = COLUMNS - x >= 16 ? 0xffff : (1 << (COLUMNS - x)) - 1;
  return i8x16.bitmask(i8x16.ge_u(sum, i8x16.splat(<i8>least))) & within;
}

/** {@link standsStill} in the parents alone. */
export function standsInParents(x: i32, y: i32, enough: i32, against: f32): bool {
  stillAround(x, y);
  const still = around(PARENTAL, x, y);
  return still >= enough && <f32>still > against * <f32>asideAround(x, y);
}

/** Whether 3 × 3 cells hold enough detail that stands still, and `against` times as much as agrees aside. */
export function standsStill(x: i32, y: i32, enough: i32, against: f32): bool {
  const still = stillAround(x, y);
  return still >= enough && <f32>still > against * <f32>asideAround(x, y);
}

function stillAround(x: i32, y: i32): i32 {
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) knowStill(u, v);
  }
  return around(STILL, x, y);
}

function asideAround(x: i32, y: i32): i32 {
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) {
      if (isUnknown(ASIDE + v * COLUMNS + u)) countAside(u & ~1, v);
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
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) knowMoved(u, v);
  }
  const moved = around(MOVED, x, y);
  return moved > 0 && around(RESTLESS, x, y) * share >= moved;
}

/** Samples of 3 × 3 cells that move. After {@link isCrossed}. */
export function movedAround(x: i32, y: i32): i32 {
  return around(MOVED, x, y);
}

/** Counts in two cells at once, as all that counts here: that at an even x, and that to its right. */
function countMoved(x: i32, y: i32): void {
  let moved = 0;
  let restless = 0;
  let movedRight = 0;
  let restlessRight = 0;
  for (let row = 8 * y; row < min(8 * y + 8, HEIGHT); row++) {
    const at = <usize>row * STRIDE + 8 * x;
    const moves = unlike(A + at, B + at);
    if (!v128.any_true(moves)) continue;
    let third = i8x16.splat(0);
    if (BEFORE !== 0) third = v128.and(unlike(BEFORE + at, A + at), unlike(BEFORE + at, B + at));
    if (AFTER !== 0) third = v128.or(third, v128.and(unlike(AFTER + at, A + at), unlike(AFTER + at, B + at)));
    const bits = i8x16.bitmask(moves);
    const thirdBits = i8x16.bitmask(v128.and(moves, third));
    moved += popcnt(bits & edge(8 * x));
    restless += popcnt(thirdBits & edge(8 * x));
    movedRight += popcnt((bits >> 8) & edge(8 * x + 8));
    restlessRight += popcnt((thirdBits >> 8) & edge(8 * x + 8));
  }
  publish(RESTLESS, x, y, restless, restlessRight);
  publish(MOVED, x, y, moved, movedRight);
}

// @inline
function unlike(a: usize, b: usize): v128 {
  return i8x16.ge_u(apart(v128.load(a), v128.load(b)), i8x16.splat(<i8>MOTION));
}

function countStill(x: i32, y: i32): void {
  let still = 0;
  let stillRight = 0;
  let parental = 0;
  let parentalRight = 0;
  let bright = 0;
  let brightRight = 0;
  let level = i8x16.splat(0);
  let lowest = i8x16.splat(-1);
  const bits = inner(8 * x, WIDTH);
  for (let row = max(8 * y, REACH); row < min(8 * y + 8, HEIGHT - REACH); row++) {
    const at = <usize>row * STRIDE + 8 * x;
    const marks = marksOf(alike(A + at, B + at), A, B, at, STRIDE);
    if (!v128.any_true(marks)) continue;
    const higher = i8x16.max_u(v128.load(A + at), v128.load(B + at));
    level = i8x16.max_u(level, v128.and(marks, higher));
    lowest = i8x16.min_u(lowest, v128.or(v128.not(marks), v128.load(A + at)));
    const shining = i8x16.bitmask(v128.and(marks, i8x16.ge_u(higher, i8x16.splat(<i8>BRIGHT)))) & bits;
    bright += popcnt(shining & 0xff);
    brightRight += popcnt(shining >> 8);
    const alone = i8x16.bitmask(marks) & bits;
    parental += popcnt(alone & 0xff);
    parentalRight += popcnt(alone >> 8);
    const marked = i8x16.bitmask(v128.and(marks, stillAt(A, B, BEFORE, AFTER, at))) & bits;
    still += popcnt(marked & 0xff);
    stillRight += popcnt(marked >> 8);
  }
  publish(LEVELS, x, y, most(i64x2.extract_lane(level, 0)), most(i64x2.extract_lane(level, 1)));
  const darkest = v128.not(lowest);
  publish(LOWEST, x, y, 255 - most(i64x2.extract_lane(darkest, 0)), 255 - most(i64x2.extract_lane(darkest, 1)));
  publish(SHINING, x, y, bright, brightRight);
  publish(PARENTAL, x, y, parental, parentalRight);
  publish(STILL, x, y, still, stillRight);
}

/** The largest of eight bytes. */
function most(bytes: u64): i32 {
  let largest = 0;
  for (; bytes !== 0; bytes >>= 8) largest = max(largest, <i32>(bytes & 0xff));
  return largest;
}

/** The most samples of a cell's detail that agree with detail {@link SHIFT} samples to one side: of two cells. */
function countAside(x: i32, y: i32): void {
  // A half each of the samples of two cells, as of all counts here.
  let left: u64 = 0;
  let right: u64 = 0;
  let up: u64 = 0;
  let down: u64 = 0;
  const bits = inner(8 * x, WIDTH);
  const leftBits = bits & inside(8 * x - SHIFT - REACH >= 0, 8 * x + 8 - SHIFT - REACH >= 0);
  const end = WIDTH - SHIFT - REACH;
  const rightBits = bits & inside(8 * x + 8 <= end, 8 * x + 16 <= end);
  for (let row = max(8 * y, REACH); row < min(8 * y + 8, HEIGHT - REACH); row++) {
    const at = <usize>row * STRIDE + 8 * x;
    const sharp = detail(A + at, STRIDE);
    if (!v128.any_true(sharp)) continue;
    left += agreement(sharp, at, at - SHIFT, leftBits);
    right += agreement(sharp, at, at + SHIFT, rightBits);
    if (row >= SHIFT + REACH) up += agreement(sharp, at, at - <usize>SHIFT * STRIDE, bits);
    if (row < HEIGHT - SHIFT - REACH) down += agreement(sharp, at, at + <usize>SHIFT * STRIDE, bits);
  }
  publish(ASIDE, x, y, mostOf(left, right, up, down), mostOf(left >> 32, right >> 32, up >> 32, down >> 32));
}

// @inline
function mostOf(left: u64, right: u64, up: u64, down: u64): i32 {
  return max(max(<i32>left, <i32>right), max(<i32>up, <i32>down));
}

/** Bits of the samples of two cells, either of them or none. */
// @inline
function inside(left: bool, right: bool): i32 {
  return (left ? 0xff : 0) | (right ? 0xff00 : 0);
}

/** Samples of one parent's detail that are like the other's at another place: of the right cell in the upper half. */
// @inline
function agreement(sharp: v128, at: usize, other: usize, within: i32): u64 {
  let alikes = v128.and(sharp, alike(A + at, B + other));
  if (!v128.any_true(alikes)) return 0;
  alikes = v128.and(alikes, detail(B + other, STRIDE));
  const bits = i8x16.bitmask(alikes) & within;
  return <u64>popcnt(bits & 0xff) | ((<u64>popcnt(bits >> 8)) << 32);
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
