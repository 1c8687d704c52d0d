/**
 * Which cells hold text or an overlay that was damaged, and which samples of them are kept as both
 * parents have them.
 */
import { strideOf } from '../i420';
import { inner } from './damage';
import { alike, detail, marksAt, REACH, stillAt } from './marks';

/**
 * Sums over 3 × 3 cells from which on a cell is text: samples that are damaged; that are detail and
 * stand still; and such for one that would be found as well SHIFT samples aside, as stripes and
 * chance give them. Without a third frame more of them agree by chance.
 */
const DAMAGED = 6;
const DETAILED = 10;
const AGAINST: f32 = 0.3;
const DAMAGED_PAIR = 14;
const DETAILED_PAIR = 32;
const AGAINST_PAIR: f32 = 1;
/** The same of a cell beside text. */
const DETAILED_BESIDE = 5;
const AGAINST_BESIDE: f32 = 0.2;
/** Cells that text reaches beyond those it is found in. */
const BESIDE_X = 2;
const BESIDE_Y = 1;
const SHIFT = 3;

const UNKNOWN: u8 = 255;
/** Labels. */
const TEXT: u8 = 1;
const BESIDE_TEXT: u8 = 2;

/** Of the frames that are looked at, and the grid of cells. */
let A: usize = 0;
let B: usize = 0;
let BEFORE: usize = 0;
let AFTER: usize = 0;
let WIDTH: i32 = 0;
let HEIGHT: i32 = 0;
let STRIDE: usize = 0;
let COLUMNS: i32 = 0;
let ROWS: i32 = 0;
/** A byte a cell each: damaged samples, still detail, the same aside, label. */
let DAMAGE: usize = 0;
let STILL: usize = 0;
let ASIDE: usize = 0;
let LABELS: usize = 0;
/** Marks of the rows around a cell: its threads share the kernel's own data, but not its work. */
let LINES: usize = 0;

/**
 * Finds the cells that are text among those that `stillDamage` counted, and writes which samples of
 * each cell are kept: 64 bits, that of sample (x, y) is 8y + x. `work`: damage, three more bytes a
 * cell, each plane at a multiple of 64 bytes, and 64 bytes; `masks` only where a cell is kept. @returns kept cells.
 */
export function stillText(
  a: usize,
  b: usize,
  before: usize,
  after: usize,
  width: i32,
  height: i32,
  work: usize,
  masks: usize,
): i32 {
  A = a;
  B = b;
  BEFORE = before;
  AFTER = after;
  WIDTH = width;
  HEIGHT = height;
  STRIDE = strideOf(width);
  COLUMNS = (width + 7) >> 3;
  ROWS = (height + 7) >> 3;
  const cells = COLUMNS * ROWS;
  const plane = <usize>((cells + 63) & ~63);
  DAMAGE = work;
  STILL = work + plane;
  ASIDE = work + 2 * plane;
  LABELS = work + 3 * plane;
  LINES = work + 4 * plane;
  memory.fill(STILL, UNKNOWN, cells);
  memory.fill(LABELS, 0, cells);
  memory.fill(masks, 0, 8 * cells);
  if (labelText() === 0) return 0;
  return writeMasks(masks);
}

/** Labels the cells that are text, and those beside. @returns cells of text. */
function labelText(): i32 {
  const alone = BEFORE === 0 && AFTER === 0;
  const damaged = alone ? DAMAGED_PAIR : DAMAGED;
  const detailed = alone ? DETAILED_PAIR : DETAILED;
  const against = alone ? AGAINST_PAIR : AGAINST;
  let found = 0;
  for (let y = 0; y < ROWS; y++) {
    for (let x = 0; x < COLUMNS; x++) {
      if (around(DAMAGE, x, y) < damaged || !isText(x, y, detailed, against)) continue;
      store<u8>(LABELS + y * COLUMNS + x, TEXT);
      found += 1;
    }
  }
  if (found === 0) return 0;
  for (let y = 0; y < ROWS; y++) {
    for (let x = 0; x < COLUMNS; x++) {
      if (load<u8>(LABELS + y * COLUMNS + x) === TEXT) labelBeside(x, y);
    }
  }
  return found;
}

function labelBeside(x: i32, y: i32): void {
  for (let v = max(y - BESIDE_Y, 0); v <= min(y + BESIDE_Y, ROWS - 1); v++) {
    for (let u = max(x - BESIDE_X, 0); u <= min(x + BESIDE_X, COLUMNS - 1); u++) {
      const label = LABELS + v * COLUMNS + u;
      if (load<u8>(label) === 0 && isText(u, v, DETAILED_BESIDE, AGAINST_BESIDE)) store<u8>(label, BESIDE_TEXT);
    }
  }
}

/** Sum of 3 × 3 cells of a plane of bytes. */
function around(plane: usize, x: i32, y: i32): i32 {
  let sum = 0;
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) sum += load<u8>(plane + v * COLUMNS + u);
  }
  return sum;
}

/** Whether there is enough detail around that stands still, and less of it aside. */
function isText(x: i32, y: i32, detailed: i32, against: f32): bool {
  for (let v = max(y - 1, 0); v <= min(y + 1, ROWS - 1); v++) {
    for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) {
      if (load<u8>(STILL + v * COLUMNS + u) === UNKNOWN) measure(u, v);
    }
  }
  const still = around(STILL, x, y);
  return still >= detailed && <f32>still > against * <f32>around(ASIDE, x, y);
}

/** Counts a cell's samples of still detail, and the most that agree with what is SHIFT samples aside. */
function measure(x: i32, y: i32): void {
  let still = 0;
  let left = 0;
  let right = 0;
  let up = 0;
  let down = 0;
  for (let row = max(8 * y, REACH); row < min(8 * y + 8, HEIGHT - REACH); row++) {
    const at = <usize>row * STRIDE + 8 * x;
    still += count(marksAt(A, B, BEFORE, AFTER, at, STRIDE), 8 * x);
    const sharp = detail(A + at, STRIDE);
    if (!v128.any_true(sharp)) continue;
    left += count(v128.and(sharp, agreement(at, at - SHIFT)), 8 * x) * i32(8 * x >= SHIFT + REACH);
    right += count(v128.and(sharp, agreement(at, at + SHIFT)), 8 * x) * i32(8 * x + 8 <= WIDTH - SHIFT - REACH);
    if (row >= SHIFT + REACH) up += count(v128.and(sharp, agreement(at, at - SHIFT * STRIDE)), 8 * x);
    if (row < HEIGHT - SHIFT - REACH) down += count(v128.and(sharp, agreement(at, at + SHIFT * STRIDE)), 8 * x);
  }
  const cell = y * COLUMNS + x;
  store<u8>(STILL + cell, <u8>still);
  store<u8>(ASIDE + cell, <u8>max(max(left, right), max(up, down)));
}

/** Where one parent's samples are like the other's detail at another place. */
// @inline
function agreement(at: usize, other: usize): v128 {
  return v128.and(alike(A + at, B + other), detail(B + other, STRIDE));
}

/** Samples of the first eight that are marked, whose neighbours are in the picture. */
// @inline
function count(marks: v128, x: i32): i32 {
  return popcnt(i8x16.bitmask(marks) & inner(x, WIDTH) & 0xff);
}

/** Writes the samples to keep of all labelled cells. @returns how many cells have some. */
function writeMasks(masks: usize): i32 {
  let kept = 0;
  for (let y = 0; y < ROWS; y++) {
    for (let x = 0; x < COLUMNS; x++) {
      const cell = y * COLUMNS + x;
      if (load<u8>(LABELS + cell) === 0) continue;
      const mask = keptOf(x, y);
      store<u64>(masks + (cell << 3), mask);
      if (mask !== 0) kept += 1;
    }
  }
  return kept;
}

/** Rows of marks that a cell's mask is made of, 16 samples from 4 before the cell: three more above and below. */
const MARGIN = 3;
const LEFT = 4;

/**
 * The samples of a cell to keep: marks that have company, what is one sample from them (edges are
 * mixed with what moves behind), and what stands still within two.
 */
function keptOf(x: i32, y: i32): u64 {
  for (let i = 0; i < 8 + 2 * MARGIN; i++) store<i32>(LINES + (i << 2), markLine(8 * x, 8 * y + i - MARGIN));
  let mask: u64 = 0;
  for (let i = 0; i < 8; i++) {
    const row = 8 * y + i;
    if (row >= HEIGHT) break;
    const j = i + MARGIN;
    const near = spread(core(j - 1) | core(j) | core(j + 1));
    const far = spread(spread(near | core(j - 2) | core(j + 2)));
    const bits = ((near | (far & stillLine(8 * x, row))) >> LEFT) & 0xff;
    mask |= (<u64>(bits & edge(8 * x))) << (8 * i);
  }
  return mask;
}

/** Marks of a line that have another beside them. */
// @inline
function core(j: i32): i32 {
  const here = load<i32>(LINES + (j << 2));
  const above = load<i32>(LINES + ((j - 1) << 2));
  const below = load<i32>(LINES + ((j + 1) << 2));
  return here & (spread(above | below) | (here << 1) | (here >> 1));
}

/** Bits and their neighbours. */
// @inline
function spread(bits: i32): i32 {
  return bits | (bits << 1) | (bits >> 1);
}

/** Bits of the samples of a cell that are in the picture. */
// @inline
function edge(x: i32): i32 {
  return WIDTH - x >= 8 ? 0xff : (1 << (WIDTH - x)) - 1;
}

function markLine(x: i32, row: i32): i32 {
  if (row < REACH || row >= HEIGHT - REACH) return 0;
  const at = <usize>row * STRIDE + x - LEFT;
  return i8x16.bitmask(marksAt(A, B, BEFORE, AFTER, at, STRIDE)) & inner(x - LEFT, WIDTH);
}

function stillLine(x: i32, row: i32): i32 {
  return i8x16.bitmask(stillAt(A, B, BEFORE, AFTER, <usize>row * STRIDE + x - LEFT));
}
