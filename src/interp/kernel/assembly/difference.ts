/** How much two frames differ, for duplicate and cut detection. */
import { strideOf } from './i420';

/** Sum of absolute differences of 16 columns over `rows` rows, every second one. */
// @inline
function blockSum(a: usize, b: usize, stride: i32, rows: i32): u32 {
  let sum = i16x8.splat(0);
  for (let r = 0; r < rows; r += 2) {
    const va = v128.load(a + r * stride);
    const vb = v128.load(b + r * stride);
    sum = i16x8.add(sum, i16x8.extadd_pairwise_i8x16_u(i8x16.sub(i8x16.max_u(va, vb), i8x16.min_u(va, vb))));
  }
  const wide = i32x4.extadd_pairwise_i16x8_u(sum);
  return (
    i32x4.extract_lane(wide, 0) +
    i32x4.extract_lane(wide, 1) +
    i32x4.extract_lane(wide, 2) +
    i32x4.extract_lane(wide, 3)
  );
}

/** The same for a block cut by the right border. */
function partialSum(a: usize, b: usize, stride: i32, columns: i32, rows: i32): u32 {
  let sum: u32 = 0;
  for (let r = 0; r < rows; r += 2) {
    for (let x = 0; x < columns; x++) {
      sum += abs(<i32>load<u8>(a + r * stride + x) - <i32>load<u8>(b + r * stride + x));
    }
  }
  return sum;
}

/**
 * Luma difference of two frames over every second row, in blocks of 16 × 16. Writes at `result`
 * (float32): mean absolute difference, largest block mean, share of blocks whose mean exceeds
 * `threshold`.
 */
export function frameDifference(a: usize, b: usize, width: i32, height: i32, threshold: f32, result: usize): void {
  const stride = strideOf(width);
  let total: u64 = 0;
  let largest: f32 = 0;
  let over = 0;
  let blocks = 0;
  for (let y = 0; y < height; y += 16) {
    const rows = min(16, height - y);
    const sampled = (rows + 1) >> 1;
    for (let x = 0; x < width; x += 16) {
      const columns = min(16, width - x);
      const at = <usize>(y * stride + x);
      const sum =
        columns === 16 ? blockSum(a + at, b + at, stride, rows) : partialSum(a + at, b + at, stride, columns, rows);
      total += sum;
      const mean = <f32>sum / <f32>(sampled * columns);
      if (mean > largest) largest = mean;
      if (mean > threshold) over += 1;
      blocks += 1;
    }
  }
  const rowsSampled = (height + 1) >> 1;
  store<f32>(result, <f32>total / <f32>(rowsSampled * width));
  store<f32>(result + 4, largest);
  store<f32>(result + 8, <f32>over / <f32>blocks);
}
