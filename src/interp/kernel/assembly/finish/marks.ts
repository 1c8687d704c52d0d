/**
 * Which samples stand still in sharp detail: alike in all frames that are known of a scene, and
 * far from a neighbour's level in both parents. Strokes of text are made of them; what moves has
 * few, by chance.
 */

/** Levels by which samples that stand still may differ from frame to frame. */
export const STILL: u8 = 6;
/** Levels from a sample to one of its neighbours that make it detail. */
export const CONTRAST: u8 = 40;
/** How far off these neighbours are, in samples: about as wide as strokes are. */
export const REACH = 2;

/** Of so many samples that move behind text, one at least is restless. */
export const RESTLESS_SHARE = 16;
/** Levels from what still samples are that a frame made may be off. */
export const DAMAGED: u8 = 12;
/** Levels from which on a sample moves. */
export const MOTION: u8 = 13;
/** Levels between two parents that are a change, and from which on the brighter of them is bright. */
export const CHANGE: u8 = 64;
export const BRIGHT: u8 = 200;

/** Absolute difference of bytes. */
// @inline
export function apart(a: v128, b: v128): v128 {
  return v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a));
}

/** Where bytes are at most `most`. */
// @inline
export function within(value: v128, most: u8): v128 {
  return i8x16.le_u(value, i8x16.splat(<i8>most));
}

/** Where 16 samples of two places stand within {@link STILL}. */
// @inline
export function alike(a: usize, b: usize): v128 {
  return within(apart(v128.load(a), v128.load(b)), STILL);
}

/** Where 16 samples are detail. Reads {@link REACH} samples and rows around them. */
// @inline
export function detail(at: usize, stride: usize): v128 {
  return stands(i8x16.max_u(contrastAcross(at), contrastDown(at, stride)));
}

/** The same along rows alone. */
// @inline
export function detailAcross(at: usize): v128 {
  return stands(contrastAcross(at));
}

/** The same along columns alone. */
// @inline
export function detailDown(at: usize, stride: usize): v128 {
  return stands(contrastDown(at, stride));
}

// @inline
function stands(contrast: v128): v128 {
  return i8x16.ge_u(contrast, i8x16.splat(<i8>CONTRAST));
}

// @inline
function contrastAcross(at: usize): v128 {
  const here = v128.load(at);
  return i8x16.max_u(apart(here, v128.load(at - REACH)), apart(here, v128.load(at + REACH)));
}

// @inline
function contrastDown(at: usize, stride: usize): v128 {
  const here = v128.load(at);
  const rows = <usize>REACH * stride;
  return i8x16.max_u(apart(here, v128.load(at - rows)), apart(here, v128.load(at + rows)));
}

/** The frames of a scene; `before` and `after` are 0 where they are not known. */
// @inline
export function stillAt(a: usize, b: usize, before: usize, after: usize, at: usize): v128 {
  let still = alike(a + at, b + at);
  if (before !== 0) still = v128.and(still, alike(before + at, a + at));
  if (after !== 0) still = v128.and(still, alike(after + at, b + at));
  return still;
}

/** Where 16 samples stand still and are detail in both parents. */
// @inline
export function marksAt(a: usize, b: usize, before: usize, after: usize, at: usize, stride: usize): v128 {
  return marksOf(stillAt(a, b, before, after, at), a, b, at, stride);
}

/** Those of 16 samples, which are alike in both parents, that are detail in both. */
// @inline
export function marksOf(alikes: v128, a: usize, b: usize, at: usize, stride: usize): v128 {
  if (!v128.any_true(alikes)) return alikes;
  const sharp = v128.and(alikes, detail(a + at, stride));
  if (!v128.any_true(sharp)) return sharp;
  return v128.and(sharp, detail(b + at, stride));
}
