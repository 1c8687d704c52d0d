/** Whether what stands still is writing, by its levels, and whether all moves behind it. */
import { alike, apart, BRIGHT, detailAcross, detailDown, marksOf, REACH, within } from './marks';
import {
  A,
  B,
  COLUMNS,
  HEIGHT,
  inner,
  isThirdKnown,
  knowMoved,
  knowStill,
  LEVELS,
  LOWEST,
  MOVED,
  RESTLESS,
  ROWS,
  SHINING,
  STRIDE,
  WIDTH,
} from './scene';

/** Cells to each side that are looked at, and shares of their samples that move, and of these that are restless, as behind text all is. */
const AROUND_X = 3;
export const AROUND_Y = 1;
const MOVING_SHARE: f32 = 0.4;
const STILL_SHARE: f32 = 0.2;
const RESTLESS_SHARE: f32 = 0.3;

/** Whether all moves behind a cell and around it: not an object alone that passes. Without a third frame none is restless. */
export function isOverMotion(x: i32, y: i32): bool {
  return shareAround(MOVED, x, y) >= MOVING_SHARE && (!isThirdKnown() || isRestless(x, y));
}

/** Whether little moves behind a cell and around it, no more than a few glyphs that change. */
export function isOverStill(x: i32, y: i32): bool {
  return shareAround(MOVED, x, y) < STILL_SHARE;
}

function isRestless(x: i32, y: i32): bool {
  return shareAround(RESTLESS, x, y) >= RESTLESS_SHARE * shareAround(MOVED, x, y);
}

/** Share of the samples of the cells around that were counted in a plane of what moves. */
function shareAround(plane: usize, x: i32, y: i32): f32 {
  let samples = 0;
  let sum = 0;
  for (let v = max(y - AROUND_Y, 0); v <= min(y + AROUND_Y, ROWS - 1); v++) {
    for (let u = max(x - AROUND_X, 0); u <= min(x + AROUND_X, COLUMNS - 1); u++) {
      knowMoved(u, v);
      samples += 64;
      sum += load<u8>(plane + v * COLUMNS + u);
    }
  }
  return <f32>sum / <f32>samples;
}

/** Samples of one level that a line of text has at least in these cells, and levels by which they may differ. */
const WRITTEN = 40;
/** Of so many samples that stand in sharp detail, one at least has that level: of writing, of any drawing; of either, however much
 * else stands around. */
const WRITTEN_SHARE = 3;
export const DRAWN_SHARE = 4;
export const ANY_SHARE = 256;
/** So many levels are tried. */
const BRIGHTER = 3;
export const TOLERANCE: u8 = 12;
/** Of so many samples that stand out along their row or column, one at least does the other way: strokes go both ways. */
const ONE_WAY = 2;

/** Where the cells around a cell begin and end, in cells, and the highest and the lowest level that stands there in sharp detail. */
let TOP: i32 = 0;
let BOTTOM: i32 = 0;
let FIRST: i32 = 0;
let LAST: i32 = 0;
let HIGHEST: i32 = 0;
let DARKEST: i32 = 0;
/** Samples of the last level tried that stand out along their row, and such that stand out along their column. */
let ACROSS: i32 = 0;
let DOWN: i32 = 0;

/**
 * Whether what stands around a cell in sharp detail, in the parents alone, is bright, and much of it of one level, as
 * writing is, with an outline or without; and whether what has this level is thin. @returns that level, or 0. @param rows of cells that are
 * looked at above and below. @param share of so many samples that stand in sharp detail, one at least has the level.
 */
export function writingLevel(x: i32, y: i32, rows: i32, share: i32 = WRITTEN_SHARE): i32 {
  if (lookAround(x, y, rows) < WRITTEN) return 0;
  // Something else that is brighter may stand there, too; of two frames alone much does by chance.
  const tries = isThirdKnown() ? BRIGHTER : 1;
  for (let i = 0; i < tries && HIGHEST >= <i32>BRIGHT; i++) {
    if (isOfOneLevel(HIGHEST, share) && goesBothWays(ACROSS, DOWN)) return HIGHEST;
    HIGHEST = levelBelow(HIGHEST - TOLERANCE);
  }
  return 0;
}

/** The highest level of a cell around that is below another. */
function levelBelow(level: i32): i32 {
  let highest = 0;
  for (let v = TOP; v <= BOTTOM; v++) {
    for (let u = FIRST; u <= LAST; u++) {
      const here = <i32>load<u8>(LEVELS + v * COLUMNS + u);
      if (here < level) highest = max(highest, here);
    }
  }
  return highest;
}

/** The same of a drawing of any level that is the brightest or the darkest there, whichever way it goes. */
export function isDrawing(x: i32, y: i32, share: i32): bool {
  lookAround(x, y, AROUND_Y);
  return HIGHEST > DARKEST && (isOfOneLevel(HIGHEST, share) || isOfOneLevel(DARKEST, share));
}

/** @returns how many bright samples stand around a cell in sharp detail. */
function lookAround(x: i32, y: i32, rows: i32): i32 {
  TOP = max(y - rows, 0);
  BOTTOM = min(y + rows, ROWS - 1);
  FIRST = max(x - AROUND_X, 0);
  LAST = min(x + AROUND_X, COLUMNS - 1);
  HIGHEST = 0;
  DARKEST = 255;
  let bright = 0;
  for (let v = TOP; v <= BOTTOM; v++) {
    for (let u = FIRST; u <= LAST; u++) {
      const cell = v * COLUMNS + u;
      knowStill(u, v);
      bright += load<u8>(SHINING + cell);
      HIGHEST = max(HIGHEST, <i32>load<u8>(LEVELS + cell));
      DARKEST = min(DARKEST, <i32>load<u8>(LOWEST + cell));
    }
  }
  return bright;
}

/** As {@link writingLevel}, of one level. */
function isOfOneLevel(level: i32, share: i32): bool {
  const ink = i8x16.splat(<i8>level);
  let marks = 0;
  let inked = 0;
  let written = 0;
  let grounded = 0;
  let across = 0;
  let down = 0;
  const ground = i8x16.splat(<i8>DARKEST);
  for (let row = max(8 * TOP, REACH); row < min(8 * BOTTOM + 8, HEIGHT - REACH); row++) {
    for (let begin = 8 * FIRST; begin <= 8 * LAST; begin += 16) {
      const at = <usize>row * STRIDE + begin;
      const alikes = alike(A + at, B + at);
      if (!v128.any_true(alikes)) continue;
      const like = within(apart(v128.load(A + at), ink), TOLERANCE);
      const bits = inner(begin, WIDTH) & (begin + 8 <= 8 * LAST ? 0xffff : 0xff);
      inked += popcnt(i8x16.bitmask(v128.and(alikes, like)) & bits);
      const marked = marksOf(alikes, A, B, at, STRIDE);
      marks += popcnt(i8x16.bitmask(marked) & bits);
      const ours = v128.and(marked, like);
      if (v128.any_true(ours)) {
        written += popcnt(i8x16.bitmask(ours) & bits);
        across += popcnt(i8x16.bitmask(v128.and(ours, detailAcross(A + at))) & bits);
        down += popcnt(i8x16.bitmask(v128.and(ours, detailDown(A + at, STRIDE))) & bits);
      }
      grounded += popcnt(i8x16.bitmask(v128.and(marked, within(apart(v128.load(A + at), ground), TOLERANCE))) & bits);
    }
  }
  ACROSS = across;
  DOWN = down;
  if (written < WRITTEN || 2 * written < inked) return false;
  if (share * written >= marks) return true;
  // On a box, or with an outline. Two frames alone show two levels by chance.
  return isThirdKnown() && 5 * written >= marks && 5 * (written + grounded) >= 3 * marks;
}

/**
 * Whether samples of ink stand out both along their row and along their column, so many each: an edge that moves
 * along itself stands still, too, but is an edge one way alone.
 */
export function goesBothWays(across: i32, down: i32): bool {
  return ONE_WAY * min(across, down) >= max(across, down);
}
