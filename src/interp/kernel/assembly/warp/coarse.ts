/**
 * To and from half resolution: a network that sees frames at half size does a quarter of the work.
 */
import { clampInt, strideOf } from '../i420';

/**
 * The luma of an I420 frame at half its size, rounded up, as the luma plane of a frame of that size
 * at `out`: 2 × 2 box means, the last column and row repeated where they have no neighbour.
 */
export function halveLuma(frame: usize, width: i32, height: i32, out: usize): void {
  const stride = strideOf(width);
  const columns = (width + 1) >> 1;
  const rows = (height + 1) >> 1;
  const outStride = strideOf(columns);
  const two = i16x8.splat(2);
  for (let y = 0; y < rows; y++) {
    const upper = frame + 2 * y * stride;
    const lower = frame + min(2 * y + 1, height - 1) * stride;
    const row = out + y * outStride;
    // Rows of frames are whole registers; what is beyond the width is never looked at.
    for (let x = 0; x < columns; x += 8) {
      const sum = i16x8.add(
        i16x8.extadd_pairwise_i8x16_u(v128.load(upper + 2 * x)),
        i16x8.extadd_pairwise_i8x16_u(v128.load(lower + 2 * x)),
      );
      const mean = i16x8.shr_u(i16x8.add(sum, two), 2);
      v128.store64_lane(row + x, i8x16.narrow_i16x8_u(mean, mean), 0);
    }
    if ((width & 1) !== 0) {
      const last = <i32>load<u8>(upper + width - 1) + <i32>load<u8>(lower + width - 1);
      store<u8>(row + columns - 1, <u8>((last + 1) >> 1));
    }
  }
}

/** Three quarters of the cells at `near` and a quarter of those at `far`. */
// @inline
function between(near: usize, far: usize): v128 {
  return f32x4.add(f32x4.mul(v128.load(near), f32x4.splat(0.75)), f32x4.mul(v128.load(far), f32x4.splat(0.25)));
}

/**
 * A field of half a frame (float32 [6·motions][fromHeight][fromWidth]) as that of the whole one
 * ([6·motions][gridHeight][gridWidth]), its rows [rowBegin, rowEnd): bilinear between the centres of cells,
 * motion doubled.
 */
export function expandField(
  from: usize,
  fromWidth: i32,
  fromHeight: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  motions: i32,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const fromPlane = <usize>((fromWidth * fromHeight) << 2);
  const plane = <usize>((gridWidth * gridHeight) << 2);
  for (let c = 0; c < 6 * motions; c++) {
    const scale: f32 = c % 6 < 4 ? 2 : 1;
    const source = from + c * fromPlane;
    for (let y = rowBegin; y < rowEnd; y++) {
      const near = source + ((clampInt(y >> 1, 0, fromHeight - 1) * fromWidth) << 2);
      const far = source + ((clampInt((y >> 1) + ((y & 1) !== 0 ? 1 : -1), 0, fromHeight - 1) * fromWidth) << 2);
      const out = field + c * plane + ((y * gridWidth) << 2);
      const whole = min(gridWidth, fromWidth << 1) - 8;
      for (let x = 0; x < gridWidth; x++) {
        // Eight cells from four, where all have neighbours; the same by single cells towards the
        // ends.
        if (x >= 2 && (x & 1) === 0 && x < whole) {
          const at = <usize>((x >> 1) << 2);
          const here = between(near + at, far + at);
          const left = between(near + at - 4, far + at - 4);
          const right = between(near + at + 4, far + at + 4);
          const middle = f32x4.mul(here, f32x4.splat(0.75 * scale));
          const even = f32x4.add(middle, f32x4.mul(left, f32x4.splat(0.25 * scale)));
          const odd = f32x4.add(middle, f32x4.mul(right, f32x4.splat(0.25 * scale)));
          v128.store(out + (x << 2), v128.shuffle<i32>(even, odd, 0, 4, 1, 5));
          v128.store(out + (x << 2), v128.shuffle<i32>(even, odd, 2, 6, 3, 7), 16);
          x += 7;
          continue;
        }
        const i = <usize>(clampInt(x >> 1, 0, fromWidth - 1) << 2);
        const j = <usize>(clampInt((x >> 1) + ((x & 1) !== 0 ? 1 : -1), 0, fromWidth - 1) << 2);
        const upper = load<f32>(near + i) * 0.75 + load<f32>(near + j) * 0.25;
        const lower = load<f32>(far + i) * 0.75 + load<f32>(far + j) * 0.25;
        store<f32>(out + (x << 2), (upper * 0.75 + lower * 0.25) * scale);
      }
    }
  }
}
