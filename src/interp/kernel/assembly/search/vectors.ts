/** Integer vectors, packed: x in the low, y in the high 16 bits of an i32. */
import { clampInt } from '../i420';

/** Both components in one number. */
// @inline
export function pack(x: i32, y: i32): i32 {
  return (x & 0xffff) | (y << 16);
}

/** x of a packed vector, with its sign. */
// @inline
export function unpackX(v: i32): i32 {
  return (v << 16) >> 16;
}

/** y of a packed vector, with its sign. */
// @inline
export function unpackY(v: i32): i32 {
  return v >> 16;
}

/** The vector of block (i, j), coordinates clamped to the grid. */
// @inline
export function vectorAt(vectors: usize, gridWidth: i32, gridHeight: i32, i: i32, j: i32): i32 {
  return load<i32>(vectors + ((clampInt(j, 0, gridHeight - 1) * gridWidth + clampInt(i, 0, gridWidth - 1)) << 2));
}

/** Where row j of a grid of vectors begins, clamped to the grid. */
// @inline
export function vectorRow(vectors: usize, gridWidth: i32, gridHeight: i32, j: i32): usize {
  return vectors + ((clampInt(j, 0, gridHeight - 1) * gridWidth) << 2);
}

/** The vector to the left of block i of a row, clamped to its end. */
// @inline
export function leftOf(row: usize, i: i32): i32 {
  return load<i32>(row + (max(i - 1, 0) << 2));
}

/** The vector to the right of block i of a row, clamped to its end. */
// @inline
export function rightOf(row: usize, i: i32, gridWidth: i32): i32 {
  return load<i32>(row + (min(i + 1, gridWidth - 1) << 2));
}
