/**
 * Text that changes at once beside text that stands still, as the digits of a counter do: nothing
 * between two of them can be read, so they are copied from the nearer parent.
 */
import { apart, CHANGE, detail, detailAcross, detailDown, REACH, RESTLESS_SHARE, within } from './marks';
import {
  A,
  around,
  B,
  CHANGED,
  COLUMNS,
  candidates,
  edge,
  GLYPHS,
  HEIGHT,
  inner,
  isCrossed,
  linesOf,
  movedAround,
  ROWS,
  SOURCES,
  STRIDE,
  spread,
  standsStill,
  UNKNOWN,
  WIDTH,
} from './scene';
import { AROUND_Y, goesBothWays, isOverStill, TOLERANCE, writingLevel } from './writing';

/** Sums over 3 × 3 cells from which on still detail is text that has a level of its own; as in label.ts. */
const DETAILED = 16;
const AGAINST: f32 = 0.5;
/** Samples that changed in 3 × 3 cells. */
const CHANGES = 8;
/** Samples of the text's level in both parents together, and the most in one. */
const INK = 24;
const MOST_INK = 350;
/** Share of what changed that is the text's level in one parent alone, and of that level that is thin. */
const OWN: f32 = 0.6;
const THIN: f32 = 0.8;
/** How far text stands from text, in cells. */
const NEAR_X = 2;
const NEAR_Y = 1;

/** Writes a mask of the samples to copy for each cell of a row. @returns whether there are any. */
export function writeGlyphs(y: i32, masks: usize): bool {
  let found = false;
  let more = false;
  for (let left = 0; left < COLUMNS; left += 16) {
    for (let bits = candidates(CHANGED, left, y, <u8>CHANGES); bits !== 0; bits &= bits - 1) {
      const x = left + ctz(bits);
      if (around(CHANGED, x, y) < CHANGES) continue;
      if (writeGlyph(x, y, masks)) found = true;
      else more = true;
    }
  }
  // A glyph stands beside a glyph that stands beside text, to either side.
  if (found && more) {
    for (let x = COLUMNS - 1; x >= 0; x--) {
      if (load<u8>(GLYPHS + y * COLUMNS + x) === 0 && around(CHANGED, x, y) >= CHANGES) writeGlyph(x, y, masks);
    }
  }
  return found;
}

function writeGlyph(x: i32, y: i32, masks: usize): bool {
  const level = max(textLevel(x, y), glyphLevel(x, y));
  if (level === 0 || !isGlyph(x, y, i8x16.splat(<i8>level))) return false;
  store<u64>(masks + ((y * COLUMNS + x) << 3), inkOf(x, y, i8x16.splat(<i8>level)));
  store<u8>(GLYPHS + y * COLUMNS + x, <u8>level);
  return true;
}

/** Level of the glyphs nearby in the row, 0: there are none. */
function glyphLevel(x: i32, y: i32): i32 {
  let level = 0;
  for (let u = max(x - NEAR_X, 0); u <= min(x + NEAR_X, COLUMNS - 1); u++) {
    level = max(level, <i32>load<u8>(GLYPHS + y * COLUMNS + u));
  }
  return level;
}

/** Level of the text nearby, 0: there is none. */
function textLevel(x: i32, y: i32): i32 {
  let level = 0;
  for (let v = max(y - NEAR_Y, 0); v <= min(y + NEAR_Y, ROWS - 1); v++) {
    for (let u = max(x - NEAR_X, 0); u <= min(x + NEAR_X, COLUMNS - 1); u++) {
      const source = SOURCES + v * COLUMNS + u;
      if (load<u8>(source) === UNKNOWN) store<u8>(source, sourceLevel(u, v));
      level = max(level, <i32>load<u8>(source));
    }
  }
  return level;
}

function sourceLevel(x: i32, y: i32): u8 {
  if (!standsStill(x, y, DETAILED, AGAINST)) return 0;
  let level = writingLevel(x, y, AROUND_Y);
  // What stands around text that stands is not of its level: then a single row is looked at.
  if (level === 0 && isOverStill(x, y)) level = writingLevel(x, y, 0);
  return <u8>min(level, <i32>UNKNOWN - 1);
}

/** Whether what changed in 3 × 3 cells is thin, of the text's level, and no edge that moves. */
function isGlyph(x: i32, y: i32, level: v128): bool {
  let changed = 0;
  let own = 0;
  let gone = 0;
  let ink = 0;
  let inkA = 0;
  let inkB = 0;
  let across = 0;
  let down = 0;
  for (let row = max(8 * y - 8, REACH); row < min(8 * y + 16, HEIGHT - REACH); row++) {
    for (let i = 0; i < 2; i++) {
      const left = 8 * x - 8 + 16 * i;
      const bits = inner(left, WIDTH) & (i === 0 ? 0xffff : 0xff);
      if (bits === 0) continue;
      const at = <usize>row * STRIDE + left;
      const a = v128.load(A + at);
      const b = v128.load(B + at);
      const inA = within(apart(a, level), TOLERANCE);
      const inB = within(apart(b, level), TOLERANCE);
      const change = i8x16.ge_u(apart(a, b), i8x16.splat(<i8>CHANGE));
      changed += popcnt(i8x16.bitmask(change) & bits);
      gone += popcnt(i8x16.bitmask(v128.and(change, v128.andnot(inA, inB))) & bits);
      const owned = v128.and(change, v128.xor(inA, inB));
      if (v128.any_true(owned)) {
        own += popcnt(i8x16.bitmask(owned) & bits);
        const sharpAcross = v128.bitselect(detailAcross(A + at), detailAcross(B + at), inA);
        const sharpDown = v128.bitselect(detailDown(A + at, STRIDE), detailDown(B + at, STRIDE), inA);
        across += popcnt(i8x16.bitmask(v128.and(owned, sharpAcross)) & bits);
        down += popcnt(i8x16.bitmask(v128.and(owned, sharpDown)) & bits);
      }
      inkA += popcnt(i8x16.bitmask(inA) & bits);
      inkB += popcnt(i8x16.bitmask(inB) & bits);
      if (v128.any_true(inA)) ink += popcnt(i8x16.bitmask(v128.and(inA, detail(A + at, STRIDE))) & bits);
      if (v128.any_true(inB)) ink += popcnt(i8x16.bitmask(v128.and(inB, detail(B + at, STRIDE))) & bits);
    }
  }
  if (own < CHANGES || <f32>own < OWN * <f32>changed || !goesBothWays(across, down)) return false;
  // What passes over text that stands still changes more than the text, or hides it alone.
  if (!isCrossed(x, y, RESTLESS_SHARE)) {
    const moved = movedAround(x, y);
    if (4 * own < moved || (2 * own < moved && 4 * min(gone, own - gone) < own)) return false;
  }
  const all = inkA + inkB;
  return all >= INK && max(inkA, inkB) <= MOST_INK && <f32>ink >= THIN * <f32>all;
}

const MARGIN = 2;
const LEFT = 4;

/** The samples of a cell within two of either parent's ink. */
function inkOf(x: i32, y: i32, level: v128): u64 {
  const lines = linesOf(y);
  for (let i = 0; i < 8 + 2 * MARGIN; i++) store<i32>(lines + (i << 2), inkLine(8 * x, 8 * y + i - MARGIN, level));
  let mask: u64 = 0;
  for (let i = 0; i < 8 && 8 * y + i < HEIGHT; i++) {
    let near = 0;
    for (let j = 0; j <= 2 * MARGIN; j++) near |= load<i32>(lines + ((i + j) << 2));
    const bits = (spread(spread(near)) >> LEFT) & edge(8 * x);
    mask |= (<u64>bits) << (8 * i);
  }
  return mask;
}

function inkLine(x: i32, row: i32, level: v128): i32 {
  if (row < REACH || row >= HEIGHT - REACH) return 0;
  const at = <usize>row * STRIDE + x - LEFT;
  const inA = within(apart(v128.load(A + at), level), TOLERANCE);
  const inB = within(apart(v128.load(B + at), level), TOLERANCE);
  return i8x16.bitmask(v128.or(inA, inB)) & inner(x - LEFT, WIDTH);
}
