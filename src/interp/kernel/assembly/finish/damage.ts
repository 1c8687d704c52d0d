/** Where a frame made between two parents shows something else than detail that both of them hold still. */
import { strideOf } from '../i420';
import { apart, marksAt, REACH } from './marks';

/** Levels from what still samples are that a frame made may be off. */
const DAMAGE: u8 = 12;

/**
 * Counts damaged samples in cells of 8 × 8, one byte a cell, of the rows of cells from rowBegin to
 * rowEnd. @returns whether there are any.
 */
export function stillDamage(
  a: usize,
  b: usize,
  before: usize,
  after: usize,
  out: usize,
  width: i32,
  height: i32,
  damage: usize,
  rowBegin: i32,
  rowEnd: i32,
): i32 {
  const stride = <usize>strideOf(width);
  const columns = (width + 7) >> 3;
  let any = 0;
  for (let row = rowBegin; row < rowEnd; row++) {
    const counts = damage + row * columns;
    memory.fill(counts, 0, columns);
    const first = max(8 * row, REACH);
    const last = min(8 * row + 8, height - REACH);
    for (let y = first; y < last; y++) {
      const line = <usize>y * stride;
      for (let x = 0; x < width; x += 16) {
        const at = line + x;
        const middle = i8x16.avgr_u(v128.load(a + at), v128.load(b + at));
        const off = i8x16.gt_u(apart(v128.load(out + at), middle), i8x16.splat(<i8>DAMAGE));
        if (!v128.any_true(off)) continue;
        const marks = v128.and(off, marksAt(a, b, before, after, at, stride));
        const bits = i8x16.bitmask(marks) & inner(x, width);
        if (bits === 0) continue;
        any = 1;
        const cell = counts + (x >> 3);
        store<u8>(cell, load<u8>(cell) + <u8>popcnt(bits & 0xff));
        // The last register of a row may hold a single cell.
        if (bits > 0xff) store<u8>(cell + 1, load<u8>(cell + 1) + <u8>popcnt(bits >> 8));
      }
    }
  }
  return any;
}

/** Bits of the 16 samples at x whose neighbours are all in the picture. */
// @inline
export function inner(x: i32, width: i32): i32 {
  const begin = max(REACH - x, 0);
  const end = min(width - REACH - x, 16);
  return begin < end ? ((1 << end) - 1) & ~((1 << begin) - 1) : 0;
}
