/** Where a frame made between two parents is to be looked at: detail that they hold still is not there, or something bright changed. */
import { apart, BRIGHT, CHANGE, DAMAGED, marksOf, REACH, STILL, within } from './marks';
import { A, B, beginScene, CHANGED, COLUMNS, COUNTED, clearRow, DAMAGE, inner, OUT, STRIDE } from './scene';

/**
 * Counts damaged samples in cells of 8 × 8, a byte a cell, and, in a second plane of them at the next multiple of 64 bytes,
 * samples that are bright in one parent and far darker in the other; of the rows of cells from rowBegin to rowEnd.
 */
export function stillDamage(
  a: usize,
  b: usize,
  before: usize,
  after: usize,
  out: usize,
  width: i32,
  height: i32,
  work: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  beginScene(a, b, before, after, out, width, height, work);
  for (let row = rowBegin; row < rowEnd; row++) {
    clearRow(row);
    let any = 0;
    const last = min(8 * row + 8, height - REACH);
    for (let y = max(8 * row, REACH); y < last; y++) any |= countLine(y, width, row * COLUMNS);
    if (any) store<u8>(COUNTED + row, 1);
  }
}

/** Counts a line of samples in the row of cells that begins at `cells`. @returns whether there are any. */
function countLine(y: i32, width: i32, cells: i32): i32 {
  // Variables of the module are read anew each time.
  const a = A;
  const b = B;
  const out = OUT;
  const stride = STRIDE;
  const changed = CHANGED + cells;
  const damaged = DAMAGE + cells;
  const line = <usize>y * stride;
  let any = 0;
  for (let x = 0; x < width; x += 16) {
    const at = line + x;
    const va = v128.load(a + at);
    const vb = v128.load(b + at);
    const apartFrom = apart(va, vb);
    const change = i8x16.ge_u(apartFrom, i8x16.splat(<i8>CHANGE));
    const off = i8x16.gt_u(apart(v128.load(out + at), i8x16.avgr_u(va, vb)), i8x16.splat(<i8>DAMAGED));
    const still = v128.and(off, within(apartFrom, STILL));
    if (!v128.any_true(v128.or(change, still))) continue;
    const bright = i8x16.ge_u(i8x16.max_u(va, vb), i8x16.splat(<i8>BRIGHT));
    any |= add(changed + (x >> 3), i8x16.bitmask(v128.and(change, bright)) & inner(x, width));
    // Most of what is off moves: it need not be looked at more closely.
    if (!v128.any_true(still)) continue;
    const marks = marksOf(still, a, b, at, stride);
    any |= add(damaged + (x >> 3), i8x16.bitmask(marks) & inner(x, width));
  }
  return any;
}

/** Adds the bits of 16 samples to the counts of their two cells. @returns whether there are any. */
// @inline
function add(cell: usize, bits: i32): i32 {
  if (bits === 0) return 0;
  store<u8>(cell, load<u8>(cell) + <u8>popcnt(bits & 0xff));
  // The last register of a row may hold a single cell.
  if (bits > 0xff) store<u8>(cell + 1, load<u8>(cell + 1) + <u8>popcnt(bits >> 8));
  return 1;
}
