/** Which cells hold text or an overlay that was damaged, and which samples of them are kept as both parents have them. */
import { isFaded } from './faded';
import { writeGlyphs } from './glyphs';
import { inkToCopy, inkToKeep, readInk } from './ink';
import { marksAt, REACH, RESTLESS_SHARE, stillAt } from './marks';
import {
  A,
  AFTER,
  around,
  B,
  BEFORE,
  beginScene,
  COLUMNS,
  COUNTED,
  candidates,
  DAMAGE,
  edge,
  FOUND,
  GLYPHS,
  HAS_GLYPHS,
  HAS_TEXT,
  HEIGHT,
  INKS,
  inner,
  isCrossed,
  isThirdKnown,
  LABELS,
  linesOf,
  ROWS,
  STRIDE,
  spread,
  standsInParents,
  standsStill,
  WIDTH,
} from './scene';
import { ANY_SHARE, AROUND_Y, DRAWN_SHARE, isDrawing, isOverMotion, writingLevel } from './writing';

/**
 * Sums over 3 × 3 cells from which on a cell is text: samples that are damaged; that are detail and
 * stand still; and such for one that would agree as well aside, as stripes and chance give them.
 */
const DAMAGED = 6;
const DETAILED = 10;
const AGAINST: f32 = 0.3;
/** The same sum of what a model faded. */
const FADED = 30;
/** The same of a cell beside text, and how many cells beside may be text. */
const DETAILED_BESIDE = 5;
const AGAINST_BESIDE: f32 = 0.2;
const BESIDE_X = 1;
const BESIDE_Y = 1;
/** How far from text a model may have put what it made of it, in cells. */
const NEAR_X = 4;
const NEAR_Y = 2;
/** Labels: text; beside it; near text behind which all moves. */
const TEXT: u8 = 1;
const BESIDE_TEXT: u8 = 2;
const OVER_MOTION: u8 = 4;
/** Text that is writing and of which all moves behind. */
const WRITING: u8 = 8;
/** Text that the parents alone agree in. */
const PARENTAL: u8 = 16;

/**
 * Finds text among the cells in which `stillDamage` counted something, of the rows of cells from rowBegin to rowEnd, and
 * writes masks of 64 bits a cell, that of sample (x, y) is 8y + x, of what to copy from the nearer parent: behind those for
 * all cells of what to keep, which are cleared. `work`: fourteen planes of a byte a cell, each at a multiple of 64 bytes, then
 * 16 bytes and 162 a row of cells.
 */
export function stillLabels(
  a: usize,
  b: usize,
  before: usize,
  after: usize,
  out: usize,
  width: i32,
  height: i32,
  work: usize,
  masks: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  beginScene(a, b, before, after, out, width, height, work);
  const bytes = 8 * COLUMNS * ROWS;
  for (let row = rowBegin; row < rowEnd; row++) {
    memory.fill(masks + 8 * row * COLUMNS, 0, 8 * COLUMNS);
    memory.fill(masks + bytes + 8 * row * COLUMNS, 0, 8 * COLUMNS);
    if (!isCounted(row)) continue;
    const found = (labelRow(row) ? HAS_TEXT : 0) | (writeGlyphs(row, masks + bytes) ? HAS_GLYPHS : 0);
    if (found) store<u8>(FOUND + row, found);
  }
}

/** Whether anything was counted in a row of cells or beside it. */
function isCounted(row: i32): bool {
  for (let v = max(row - 1, 0); v <= min(row + 1, ROWS - 1); v++) if (load<u8>(COUNTED + v)) return true;
  return false;
}

/**
 * What of the text that `stillLabels` found is to be kept as both parents have it: the masks for all cells. @returns whether
 * there is anything to keep or to copy.
 */
export function stillText(
  a: usize,
  b: usize,
  before: usize,
  after: usize,
  out: usize,
  width: i32,
  height: i32,
  work: usize,
  masks: usize,
): i32 {
  beginScene(a, b, before, after, out, width, height, work);
  let found: u8 = 0;
  for (let row = 0; row < ROWS; row++) {
    const here = load<u8>(FOUND + row);
    if (here & HAS_TEXT) for (let x = 0; x < COLUMNS; x++) if (isText(x, row)) labelBeside(x, row);
    if (here & HAS_GLYPHS) copyBeside(row, masks + 8 * COLUMNS * ROWS);
    found |= here;
  }
  if (found & HAS_TEXT) writeMasks(masks, masks + 8 * COLUMNS * ROWS);
  return found === 0 ? 0 : 1;
}

/** Copies what changed of the text beside the glyphs of a row: little of it may, and yet it is a part of a glyph. */
function copyBeside(row: i32, copy: usize): void {
  for (let x = 0; x < COLUMNS; x++) {
    const level = load<u8>(GLYPHS + row * COLUMNS + x);
    if (level === 0) continue;
    for (let v = max(row - 1, 0); v <= min(row + 1, ROWS - 1); v++) {
      for (let u = max(x - 1, 0); u <= min(x + 1, COLUMNS - 1); u++) {
        const cell = v * COLUMNS + u;
        if (load<u8>(GLYPHS + cell) !== 0) continue;
        readInk(u, v, level);
        const mask = copy + (cell << 3);
        store<u64>(mask, load<u64>(mask) | inkToCopy(u, v));
      }
    }
  }
}

// @inline
function isText(x: i32, y: i32): bool {
  return (load<u8>(LABELS + y * COLUMNS + x) & TEXT) !== 0;
}

/** Labels the cells of a row that are text. @returns whether there are any. */
function labelRow(y: i32): bool {
  let found = false;
  for (let left = 0; left < COLUMNS; left += 16) {
    for (let bits = candidates(DAMAGE, left, y, <u8>DAMAGED); bits !== 0; bits &= bits - 1) {
      const x = left + ctz(bits);
      if (around(DAMAGE, x, y) < DAMAGED) continue;
      const level = isOverMotion(x, y) ? writingLevel(x, y, AROUND_Y) : 0;
      const label = level === 0 ? stillLabel(x, y) : TEXT | WRITING;
      if (label === 0) continue;
      store<u8>(LABELS + y * COLUMNS + x, label);
      store<u8>(INKS + y * COLUMNS + x, <u8>level);
      found = true;
    }
  }
  return found;
}

/**
 * Label of a cell that holds a drawing behind which something moves, or where a model faded what stands still: whatever it is
 * if all frames known agree; of the parents alone it has to be writing, which may have just come. 0: there is no such thing.
 */
function stillLabel(x: i32, y: i32): u8 {
  if (isThirdKnown() && standsStill(x, y, DETAILED, AGAINST)) {
    if (isCrossed(x, y, RESTLESS_SHARE) && isDrawing(x, y, DRAWN_SHARE)) return TEXT;
    if (standsStill(x, y, FADED, AGAINST) && isFaded(x, y)) return TEXT;
  }
  if (!standsInParents(x, y, FADED, AGAINST) || !isFaded(x, y)) return 0;
  return writingLevel(x, y, AROUND_Y, ANY_SHARE) === 0 ? 0 : TEXT | PARENTAL;
}

function labelBeside(x: i32, y: i32): void {
  const own = load<u8>(LABELS + y * COLUMNS + x);
  const over = (own & WRITING) !== 0;
  const level = load<u8>(INKS + y * COLUMNS + x);
  const nearX = over ? NEAR_X : BESIDE_X;
  const nearY = over ? NEAR_Y : BESIDE_Y;
  for (let v = max(y - nearY, 0); v <= min(y + nearY, ROWS - 1); v++) {
    for (let u = max(x - nearX, 0); u <= min(x + nearX, COLUMNS - 1); u++) {
      const cell = v * COLUMNS + u;
      let label = load<u8>(LABELS + cell);
      if (over) {
        label |= OVER_MOTION;
        store<u8>(INKS + cell, max(load<u8>(INKS + cell), level));
      }
      const isBeside = abs(u - x) <= BESIDE_X && abs(v - y) <= BESIDE_Y;
      if ((label & (TEXT | BESIDE_TEXT)) === 0 && isBeside) label |= besideLabel(u, v, own);
      store<u8>(LABELS + cell, label);
    }
  }
}

/** Label of a cell beside text, by the label of that text. 0: nothing stands still there. */
function besideLabel(x: i32, y: i32, text: u8): u8 {
  if (standsStill(x, y, DETAILED_BESIDE, AGAINST_BESIDE)) return BESIDE_TEXT;
  if ((text & PARENTAL) === 0 || !standsInParents(x, y, DETAILED_BESIDE, AGAINST_BESIDE)) return 0;
  return BESIDE_TEXT | PARENTAL;
}

/** Writes the samples to keep and to copy of all labelled cells. */
function writeMasks(keep: usize, copy: usize): void {
  for (let y = 0; y < ROWS; y++) {
    for (let x = 0; x < COLUMNS; x++) {
      const cell = y * COLUMNS + x;
      const label = load<u8>(LABELS + cell);
      if (label === 0) continue;
      let kept = label & (TEXT | BESIDE_TEXT) ? keptOf(x, y, (label & PARENTAL) !== 0) : 0;
      if (label & OVER_MOTION) {
        readInk(x, y, load<u8>(INKS + cell));
        kept |= inkToKeep(x, y);
        store<u64>(copy + (cell << 3), load<u64>(copy + (cell << 3)) | inkToCopy(x, y));
      }
      store<u64>(keep + (cell << 3), kept);
    }
  }
}

/** Rows of marks that a cell's mask is made of, 16 samples from LEFT before the cell; MARGIN more above and below. */
const MARGIN = 3;
const LEFT = 4;

/**
 * The samples of a cell to keep: marks that have company, what is one sample from them (edges are
 * mixed with what moves behind), and what stands still within two. `parental`: in the parents alone.
 */
function keptOf(x: i32, y: i32, parental: bool): u64 {
  const lines = linesOf(y);
  const before = parental ? 0 : BEFORE;
  const after = parental ? 0 : AFTER;
  for (let i = 0; i < 8 + 2 * MARGIN; i++)
    store<i32>(lines + (i << 2), markLine(8 * x, 8 * y + i - MARGIN, before, after));
  let mask: u64 = 0;
  for (let i = 0; i < 8; i++) {
    const row = 8 * y + i;
    if (row >= HEIGHT) break;
    const at = lines + ((i + MARGIN) << 2);
    const near = spread(core(at - 4) | core(at) | core(at + 4));
    const far = spread(spread(near | core(at - 8) | core(at + 8)));
    const bits = ((near | (far & stillLine(8 * x, row, before, after))) >> LEFT) & 0xff;
    mask |= (<u64>(bits & edge(8 * x))) << (8 * i);
  }
  return mask;
}

/** Marks of a line that have another beside them. */
// @inline
function core(line: usize): i32 {
  const here = load<i32>(line);
  const above = load<i32>(line - 4);
  const below = load<i32>(line + 4);
  return here & (spread(above | below) | (here << 1) | (here >> 1));
}

function markLine(x: i32, row: i32, before: usize, after: usize): i32 {
  if (row < REACH || row >= HEIGHT - REACH) return 0;
  const at = <usize>row * STRIDE + x - LEFT;
  return i8x16.bitmask(marksAt(A, B, before, after, at, STRIDE)) & inner(x - LEFT, WIDTH);
}

function stillLine(x: i32, row: i32, before: usize, after: usize): i32 {
  return i8x16.bitmask(stillAt(A, B, before, after, <usize>row * STRIDE + x - LEFT));
}
