/** Whether what was made of detail that stands still is that detail, faded, and not something that passes in front of it. */
import { alike, apart, CONTRAST, DAMAGED, marksOf, REACH, RESTLESS_SHARE, STILL } from './marks';
import { A, B, HEIGHT, inner, isCrossed, OUT, STRIDE, WIDTH } from './scene';
import { ANY_SHARE, isDrawing } from './writing';

/** Of so many damaged samples one at most is outside of what stands around them, and one at least leans as it did. */
const OUTSIDE_SHARE = 10;
const LEANING_SHARE = 3;

/**
 * Whether the damaged samples of 3 × 3 cells lie between the darkest and the brightest that a parent has around each, as
 * detail does that a model mixes with its ground, and still lean from their neighbours the way they did, or are a drawing
 * behind which something moves that they may have been mixed with. What passes in front hides detail and does not fade it.
 */
export function isFaded(x: i32, y: i32): bool {
  let all = 0;
  let outside = 0;
  let leaning = 0;
  for (let row = max(8 * y - 8, REACH); row < min(8 * y + 16, HEIGHT - REACH); row++) {
    for (let i = 0; i < 2; i++) {
      const left = 8 * x - 8 + 16 * i;
      const bits = inner(left, WIDTH) & (i === 0 ? 0xffff : 0xff);
      if (bits === 0) continue;
      const at = <usize>row * STRIDE + left;
      const middle = i8x16.avgr_u(v128.load(A + at), v128.load(B + at));
      const off = i8x16.gt_u(apart(v128.load(OUT + at), middle), i8x16.splat(<i8>DAMAGED));
      const still = v128.and(off, alike(A + at, B + at));
      if (!v128.any_true(still)) continue;
      const damaged = marksOf(still, A, B, at, STRIDE);
      const here = i8x16.bitmask(damaged) & bits;
      if (here === 0) continue;
      all += popcnt(here);
      outside += popcnt(i8x16.bitmask(beyond(at)) & here);
      leaning += popcnt(i8x16.bitmask(leans(at)) & here);
    }
  }
  if (all === 0 || OUTSIDE_SHARE * outside > all) return false;
  return LEANING_SHARE * leaning >= all || (isCrossed(x, y, RESTLESS_SHARE) && isDrawing(x, y, ANY_SHARE));
}

/** Where samples made are darker or brighter than all that a parent has within {@link REACH}. */
// @inline
function beyond(at: usize): v128 {
  const rows = <usize>REACH * STRIDE;
  const out = v128.load(OUT + at);
  let low = i8x16.splat(-1);
  let high = i8x16.splat(0);
  for (let line = A + at - rows; line <= A + at + rows; line += rows) {
    for (let i: usize = 0; i <= 2 * REACH; i += REACH) {
      const around = v128.load(line + i - REACH);
      low = i8x16.min_u(low, around);
      high = i8x16.max_u(high, around);
    }
  }
  return i8x16.gt_u(v128.or(i8x16.sub_sat_u(low, out), i8x16.sub_sat_u(out, high)), i8x16.splat(<i8>STILL));
}

/** Where samples made have a quarter of a parent's contrast, the same way, to a neighbour that detail stands out from. */
// @inline
function leans(at: usize): v128 {
  const rows = <usize>REACH * STRIDE;
  const across = v128.or(leansFrom(at, at - REACH), leansFrom(at, at + REACH));
  return v128.or(across, v128.or(leansFrom(at, at - rows), leansFrom(at, at + rows)));
}

// @inline
function leansFrom(at: usize, neighbour: usize): v128 {
  const a = v128.load(A + at);
  const aside = v128.load(A + neighbour);
  const out = v128.load(OUT + at);
  const outAside = v128.load(OUT + neighbour);
  const up = i8x16.sub_sat_u(a, aside);
  const down = i8x16.sub_sat_u(aside, a);
  const upMade = fourfold(i8x16.sub_sat_u(out, outAside));
  const downMade = fourfold(i8x16.sub_sat_u(outAside, out));
  const least = i8x16.splat(<i8>CONTRAST);
  const leansUp = v128.and(i8x16.ge_u(up, least), i8x16.ge_u(upMade, up));
  return v128.or(leansUp, v128.and(i8x16.ge_u(down, least), i8x16.ge_u(downMade, down)));
}

// @inline
function fourfold(x: v128): v128 {
  const twice = i8x16.add_sat_u(x, x);
  return i8x16.add_sat_u(twice, twice);
}
