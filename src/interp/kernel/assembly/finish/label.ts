/** Which cells hold text or an overlay that was damaged, and which samples of them are kept as both parents have them. */
import { writeGlyphs } from './glyphs';
import { marksAt, REACH, RESTLESS_SHARE, stillAt } from './marks';
import {
  A,
  AFTER,
  around,
  B,
  BEFORE,
  beginScene,
  COLUMNS,
  DAMAGE,
  edge,
  HEIGHT,
  inner,
  isCrossed,
  LABELS,
  LINES,
  ROWS,
  STRIDE,
  spread,
  standsStill,
  WIDTH,
} from './scene';

/**
 * Sums over 3 × 3 cells from which on a cell is text: samples that are damaged; that are detail and
 * stand still; and such for one that would agree as well aside, as stripes and chance give them.
 */
const DAMAGED = 6;
const DETAILED = 10;
const AGAINST: f32 = 0.3;
/** The same of a cell beside text, and how many cells beside may be text. */
const DETAILED_BESIDE = 5;
const AGAINST_BESIDE: f32 = 0.2;
const BESIDE_X = 2;
const BESIDE_Y = 1;
/** Labels. */
const TEXT: u8 = 1;
const BESIDE_TEXT: u8 = 2;

/**
 * Finds text among the cells in which `stillDamage` counted something, and writes two masks of
 * 64 bits a cell, that of sample (x, y) is 8y + x: samples to keep as both parents have them, then, for all cells, samples to
 * copy from the nearer parent. `work`: damage, change, seven more planes of a byte a cell, each at a multiple of 64 bytes,
 * and 64 bytes. @returns cells with samples of either kind.
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
  beginScene(a, b, before, after, width, height, work);
  const bytes = 8 * COLUMNS * ROWS;
  memory.fill(masks, 0, 2 * bytes);
  const kept = labelText() === 0 ? 0 : writeMasks(masks);
  return kept + writeGlyphs(masks + bytes);
}

/** Labels the cells that are text, and those beside. @returns cells of text. */
function labelText(): i32 {
  let found = 0;
  for (let y = 0; y < ROWS; y++) {
    for (let x = 0; x < COLUMNS; x++) {
      if (around(DAMAGE, x, y) < DAMAGED || !standsStill(x, y, DETAILED, AGAINST)) continue;
      if (!isCrossed(x, y, RESTLESS_SHARE)) continue;
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
      if (load<u8>(label) !== 0) continue;
      if (standsStill(u, v, DETAILED_BESIDE, AGAINST_BESIDE)) store<u8>(label, BESIDE_TEXT);
    }
  }
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

/** Rows of marks that a cell's mask is made of, 16 samples from LEFT before the cell; MARGIN more above and below. */
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

function markLine(x: i32, row: i32): i32 {
  if (row < REACH || row >= HEIGHT - REACH) return 0;
  const at = <usize>row * STRIDE + x - LEFT;
  return i8x16.bitmask(marksAt(A, B, BEFORE, AFTER, at, STRIDE)) & inner(x - LEFT, WIDTH);
}

function stillLine(x: i32, row: i32): i32 {
  return i8x16.bitmask(stillAt(A, B, BEFORE, AFTER, <usize>row * STRIDE + x - LEFT));
}
