/** The median of nine, in SIMD lanes. */

/**
 * Median of nine in each 16-bit lane: columns of three sorted, then the median of the middle
 * candidates.
 */
// @inline
export function median9(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128, k: v128): v128 {
  let t = i16x8.min_s(b, c);
  c = i16x8.max_s(b, c);
  b = t;
  t = i16x8.min_s(e, f);
  f = i16x8.max_s(e, f);
  e = t;
  t = i16x8.min_s(h, k);
  k = i16x8.max_s(h, k);
  h = t;
  t = i16x8.min_s(a, b);
  b = i16x8.max_s(a, b);
  a = t;
  t = i16x8.min_s(d, e);
  e = i16x8.max_s(d, e);
  d = t;
  t = i16x8.min_s(g, h);
  h = i16x8.max_s(g, h);
  g = t;
  t = i16x8.min_s(b, c);
  c = i16x8.max_s(b, c);
  b = t;
  t = i16x8.min_s(e, f);
  f = i16x8.max_s(e, f);
  e = t;
  t = i16x8.min_s(h, k);
  k = i16x8.max_s(h, k);
  h = t;
  // Largest of the minima, median of the medians, smallest of the maxima; then their median.
  const low = i16x8.max_s(i16x8.max_s(a, d), g);
  const high = i16x8.min_s(i16x8.min_s(c, f), k);
  const middle = i16x8.max_s(i16x8.min_s(b, e), i16x8.min_s(i16x8.max_s(b, e), h));
  return i16x8.max_s(i16x8.min_s(low, middle), i16x8.min_s(i16x8.max_s(low, middle), high));
}
