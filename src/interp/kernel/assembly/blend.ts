/** Linear cross-fade of two frames without motion: the `blend` reference interpolator. */
import { strideOf } from './i420';

/**
 * out = a + (b − a) · weight / 32768, `bytes` a multiple of 16, all three planes and their padding
 * alike.
 */
function fade(a: usize, b: usize, out: usize, bytes: i32, weight: i32): void {
  const w = i16x8.splat(<i16>weight);
  const half = i16x8.splat(64);
  for (let i = 0; i < bytes; i += 16) {
    const va = v128.load(a + i);
    const vb = v128.load(b + i);
    const lowA = i16x8.shl(i16x8.extend_low_i8x16_u(va), 7);
    const highA = i16x8.shl(i16x8.extend_high_i8x16_u(va), 7);
    const lowB = i16x8.shl(i16x8.extend_low_i8x16_u(vb), 7);
    const highB = i16x8.shl(i16x8.extend_high_i8x16_u(vb), 7);
    const low = i16x8.add(lowA, i16x8.q15mulr_sat_s(i16x8.sub(lowB, lowA), w));
    const high = i16x8.add(highA, i16x8.q15mulr_sat_s(i16x8.sub(highB, highA), w));
    v128.store(
      out + i,
      i8x16.narrow_i16x8_u(i16x8.shr_u(i16x8.add(low, half), 7), i16x8.shr_u(i16x8.add(high, half), 7)),
    );
  }
}

/**
 * Rows [rowBegin, rowEnd) of luma (rowBegin even, rowEnd even or height) and the chroma rows under
 * them. `weight` is t in 1/32768.
 */
export function blendFrames(
  a: usize,
  b: usize,
  out: usize,
  width: i32,
  height: i32,
  weight: i32,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const stride = strideOf(width);
  const strideC = stride >> 1;
  const luma = rowBegin * stride;
  fade(a + luma, b + luma, out + luma, (rowEnd - rowBegin) * stride, weight);
  const chromaBegin = rowBegin >> 1;
  const chromaBytes = (((rowEnd + 1) >> 1) - chromaBegin) * strideC;
  const u = stride * height + chromaBegin * strideC;
  const v = u + strideC * ((height + 1) >> 1);
  fade(a + u, b + u, out + u, chromaBytes, weight);
  fade(a + v, b + v, out + v, chromaBytes, weight);
}

/**
 * The same of planes of 16-bit words: out = a + (b − a) · weight, `bytes` a multiple of 16, padding
 * like the rest.
 */
export function blendDeep(a: usize, b: usize, out: usize, bytes: i32, weight: f32): void {
  const w = f32x4.splat(weight);
  for (let i = 0; i < bytes; i += 16) {
    const low = faded(a + i, b + i, w);
    const high = faded(a + i + 8, b + i + 8, w);
    v128.store(out + i, i16x8.narrow_i32x4_u(low, high));
  }
}

/** Four words of a blend. */
// @inline
function faded(a: usize, b: usize, weight: v128): v128 {
  const from = f32x4.convert_i32x4_s(v128.load_ext<u16>(a));
  const to = f32x4.convert_i32x4_s(v128.load_ext<u16>(b));
  const mixed = f32x4.add(from, f32x4.mul(f32x4.sub(to, from), weight));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(mixed, f32x4.splat(0.5)));
}
