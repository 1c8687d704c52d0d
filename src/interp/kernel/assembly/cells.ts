/** Planes of floats on the grid of cells, read at places between the cells, four at a time. */

/** A place along one side of the grid, within 0…`last`; what is no number is 0. */
// @inline
export function within(place: v128, last: v128): v128 {
  return f32x4.pmin(last, f32x4.pmax(f32x4.splat(0), place));
}

/**
 * The lower of the two cells that a place within the grid lies between; `most`: the last but one, so
 * that there is another behind it, or 0.
 */
// @inline
export function lower(place: v128, most: v128): v128 {
  return f32x4.pmin(most, f32x4.floor(place));
}

/** Bytes from the start of a plane to the cells in four columns and rows, which are whole numbers. */
// @inline
export function cellBytes(x: v128, y: v128, gridWidth: v128): v128 {
  return i32x4.shl(i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(y, gridWidth), x)), 2);
}

/** Two neighbours of a row from each of two places. */
// @inline
function couples(a: usize, b: usize): v128 {
  return v128.load64_lane(b, v128.load64_zero(a), 1);
}

/** Between the two neighbours of rows at four places; `alone`: all ones where a row has one cell. */
// @inline
function across(plane: usize, cells: v128, along: v128, alone: v128): v128 {
  const first = couples(plane + i32x4.extract_lane(cells, 0), plane + i32x4.extract_lane(cells, 1));
  const second = couples(plane + i32x4.extract_lane(cells, 2), plane + i32x4.extract_lane(cells, 3));
  const left = v128.shuffle<i32>(first, second, 0, 2, 4, 6);
  const right = v128.bitselect(left, v128.shuffle<i32>(first, second, 1, 3, 5, 7), alone);
  return f32x4.add(left, f32x4.mul(f32x4.sub(right, left), along));
}

/**
 * Bilinear samples of a plane at four places: `cells` from {@link cellBytes} of their {@link lower}
 * cells, `along` and `down` what is left of the places. `below`: bytes to the next row, 0 where there
 * is only one. Four bytes behind a grid that is one cell wide are read.
 */
// @inline
export function readCells(plane: usize, cells: v128, along: v128, down: v128, below: usize, alone: v128): v128 {
  const upper = across(plane, cells, along, alone);
  const under = across(plane + below, cells, along, alone);
  return f32x4.add(upper, f32x4.mul(f32x4.sub(under, upper), down));
}

/** Stores the first `count` lanes. */
// @inline
export function storeLanes(at: usize, value: v128, count: i32): void {
  if (count >= 4) {
    v128.store(at, value);
    return;
  }
  store<f32>(at, f32x4.extract_lane(value, 0));
  if (count > 1) store<f32>(at, f32x4.extract_lane(value, 1), 4);
  if (count > 2) store<f32>(at, f32x4.extract_lane(value, 2), 8);
}
