/**
 * Vector constants of the warp, as globals. V8 rebuilds a literal vector with four instructions at
 * each use and does not hoist it out of loops; a global is one load. They are set from memory at
 * run time, or the optimiser would make literals of them again: a fifth of the warp's time.
 */

const BYTES = memory.data<u8>(
  [
    0, 255, 1, 255, 2, 255, 3, 255, 8, 255, 9, 255, 10, 255, 11, 255, 1, 255, 2, 255, 3, 255, 4, 255, 9, 255, 10, 255,
    11, 255, 12, 255, 0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3,
  ],
  16,
);
const HALVES = memory.data<i16>([-3, -1, 1, 3, -3, -1, 1, 3], 16);
const STARTS = memory.data<f32>([0, 8, 16, 24], 16);
const FLOATS = memory.data<f32>(
  [12582912, 256, 0.25, 0.0625, -5, -1, -0.125, 0.125, 32768, 32767, 1, -2, -0.5, 4, 32],
  4,
);
const INTS = memory.data<i32>([0x4b400000, 255, 0xffff, 0x7fff, 0x400040], 4);

/** Swizzle of two 8-byte windows: bytes 0…3 of each as 16-bit lanes; bytes 1…4. */
export let LEFT_TAPS: v128 = i8x16.splat(0);
export let RIGHT_TAPS: v128 = i8x16.splat(0);
/** Swizzle of two 16-bit values: each into four lanes. */
export let SPREAD: v128 = i8x16.splat(0);
/** Twice the distance of a quad's samples from its centre. */
export let ALONG: v128 = i8x16.splat(0);
/**
 * 1.5 · 2²³: adding it rounds a float to an integer, which then stands in the low bits; and its own
 * bits.
 */
export let ROUND: v128 = i8x16.splat(0);
export let ROUND_BITS: v128 = i8x16.splat(0);
export let F256: v128 = i8x16.splat(0);
export let QUARTER: v128 = i8x16.splat(0);
export let SIXTEENTH: v128 = i8x16.splat(0);
export let MINUS_FIVE: v128 = i8x16.splat(0);
export let MINUS_ONE: v128 = i8x16.splat(0);
export let MINUS_EIGHTH: v128 = i8x16.splat(0);
export let EIGHTH: v128 = i8x16.splat(0);
export let F32768: v128 = i8x16.splat(0);
export let F32767: v128 = i8x16.splat(0);
export let ONE: v128 = i8x16.splat(0);
export let MINUS_TWO: v128 = i8x16.splat(0);
export let MINUS_HALF: v128 = i8x16.splat(0);
export let FOUR: v128 = i8x16.splat(0);
export let THIRTY_TWO: v128 = i8x16.splat(0);
/** First columns of the first quads of four pairs. */
export let FIRST_QUADS: v128 = i8x16.splat(0);
export let LOW_BYTE: v128 = i8x16.splat(0);
export let LOW_HALF: v128 = i8x16.splat(0);
/** The largest weight, 32767. */
export let MOST: v128 = i8x16.splat(0);
/** Half a grey level in 1/128. */
export let ROUNDING: v128 = i8x16.splat(0);

/** Sets the globals. Cheap: once per call of the kernel. */
export function loadConstants(): void {
  LEFT_TAPS = v128.load(BYTES);
  RIGHT_TAPS = v128.load(BYTES, 16);
  SPREAD = v128.load(BYTES, 32);
  ALONG = v128.load(HALVES);
  ROUND = v128.load32_splat(FLOATS);
  F256 = v128.load32_splat(FLOATS, 4);
  QUARTER = v128.load32_splat(FLOATS, 8);
  SIXTEENTH = v128.load32_splat(FLOATS, 12);
  MINUS_FIVE = v128.load32_splat(FLOATS, 16);
  MINUS_ONE = v128.load32_splat(FLOATS, 20);
  MINUS_EIGHTH = v128.load32_splat(FLOATS, 24);
  EIGHTH = v128.load32_splat(FLOATS, 28);
  F32768 = v128.load32_splat(FLOATS, 32);
  F32767 = v128.load32_splat(FLOATS, 36);
  ONE = v128.load32_splat(FLOATS, 40);
  MINUS_TWO = v128.load32_splat(FLOATS, 44);
  MINUS_HALF = v128.load32_splat(FLOATS, 48);
  FOUR = v128.load32_splat(FLOATS, 52);
  THIRTY_TWO = v128.load32_splat(FLOATS, 56);
  FIRST_QUADS = v128.load(STARTS);
  ROUND_BITS = v128.load32_splat(INTS);
  LOW_BYTE = v128.load32_splat(INTS, 4);
  LOW_HALF = v128.load32_splat(INTS, 8);
  MOST = v128.load32_splat(INTS, 12);
  ROUNDING = v128.load32_splat(INTS, 16);
}
