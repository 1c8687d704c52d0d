/** Four places of a plane of 8 bits at once, each between two samples of a row and the two below. */

/** Two neighbouring samples of a row and of the one below: left, right, lower left, lower right. */
// @inline
function taps(at: usize, below: usize): v128 {
  return v128.load16_lane(at + below, v128.load16_splat(at), 1);
}

// @inline
function towards(from: v128, to: v128, weight: v128): v128 {
  return f32x4.add(from, f32x4.mul(f32x4.sub(to, from), weight));
}

/**
 * Bilinear samples, 0…255: `at` are offsets of the upper left samples in the plane, `below` bytes to the
 * row below, `fx` and `fy` weights of the right and the lower samples.
 */
// @inline
export function between(plane: usize, at: v128, below: v128, fx: v128, fy: v128): v128 {
  const first = taps(plane + i32x4.extract_lane(at, 0), i32x4.extract_lane(below, 0));
  const second = taps(plane + i32x4.extract_lane(at, 1), i32x4.extract_lane(below, 1));
  const third = taps(plane + i32x4.extract_lane(at, 2), i32x4.extract_lane(below, 2));
  const fourth = taps(plane + i32x4.extract_lane(at, 3), i32x4.extract_lane(below, 3));
  const low = v128.shuffle<i32>(first, second, 0, 4, 0, 4);
  const high = v128.shuffle<i32>(third, fourth, 0, 4, 0, 4);
  const all = v128.shuffle<i64>(low, high, 0, 2);
  const byte = i32x4.splat(255);
  const a = f32x4.convert_i32x4_s(v128.and(all, byte));
  const b = f32x4.convert_i32x4_s(v128.and(i32x4.shr_u(all, 8), byte));
  const c = f32x4.convert_i32x4_s(v128.and(i32x4.shr_u(all, 16), byte));
  const d = f32x4.convert_i32x4_s(i32x4.shr_u(all, 24));
  return towards(towards(a, b, fx), towards(c, d, fx), fy);
}
