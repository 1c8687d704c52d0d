/**
 * The placement of I420 planes in a frame's block; must agree with planeLayout() in
 * src/media/frame.ts.
 */

/** Bytes from one luma row to the next; chroma rows have half of it. */
// @inline
export function strideOf(width: i32): i32 {
  return (width + 63) & ~63;
}

/** `value` within low…high. */
// @inline
export function clampInt(value: i32, low: i32, high: i32): i32 {
  return min(max(value, low), high);
}
