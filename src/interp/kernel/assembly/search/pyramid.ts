/**
 * The luma pyramid of one frame: levels 1 (half) … 5 (1/32), each with a border of replicated
 * edges.
 */
import { strideOf } from '../i420';

/** Samples of replicated border on every side of a level. */
export const BORDER: i32 = 16;
/** Levels of a pyramid; the frame itself is none of them. */
export const LEVELS: i32 = 5;

/** ceil(size / 2^level). */
// @inline
export function levelSize(size: i32, level: i32): i32 {
  return (size + (1 << level) - 1) >> level;
}

/** Bytes from one row of a level to the next, border included. */
// @inline
export function levelStride(width: i32, level: i32): i32 {
  return (levelSize(width, level) + 2 * BORDER + 15) & ~15;
}

/**
 * Byte offset of sample (0, 0) of a level in a pyramid; level LEVELS + 1 gives BORDER · (stride +
 * 1) past the end.
 */
export function levelOrigin(width: i32, height: i32, level: i32): i32 {
  let offset = 0;
  for (let l = 1; l < level; l++) offset += levelStride(width, l) * (levelSize(height, l) + 2 * BORDER);
  return offset + BORDER * levelStride(width, level) + BORDER;
}

/** 2 × 2 box means of 32 columns of two rows: 16 samples. */
// @inline
function box(upper: usize, lower: usize): v128 {
  const two = i16x8.splat(2);
  const left = i16x8.add(
    i16x8.extadd_pairwise_i8x16_u(v128.load(upper)),
    i16x8.extadd_pairwise_i8x16_u(v128.load(lower)),
  );
  const right = i16x8.add(
    i16x8.extadd_pairwise_i8x16_u(v128.load(upper, 16)),
    i16x8.extadd_pairwise_i8x16_u(v128.load(lower, 16)),
  );
  return i8x16.narrow_i16x8_u(i16x8.shr_u(i16x8.add(left, two), 2), i16x8.shr_u(i16x8.add(right, two), 2));
}

/** Replicates the edges of a level into its border. */
function extend(origin: usize, width: i32, height: i32, stride: i32): void {
  for (let y = 0; y < height; y++) {
    const row = origin + y * stride;
    v128.store(row - BORDER, i8x16.splat(load<u8>(row)));
    v128.store(row + width, i8x16.splat(load<u8>(row + width - 1)));
  }
  const first = origin - BORDER;
  const last = first + (height - 1) * stride;
  for (let y = 1; y <= BORDER; y++) {
    memory.copy(first - y * stride, first, width + 2 * BORDER);
    memory.copy(last + y * stride, last, width + 2 * BORDER);
  }
}

/**
 * Level 1 from a frame, which has no border: everything beyond its last column and row repeats
 * them.
 */
function halve(frame: usize, width: i32, height: i32, origin: usize, stride: i32, columns: i32, rows: i32): void {
  const frameStride = strideOf(width);
  const whole = width >> 1;
  for (let y = 0; y < rows; y++) {
    const upper = frame + min(2 * y, height - 1) * frameStride;
    const lower = frame + min(2 * y + 1, height - 1) * frameStride;
    const out = origin + y * stride;
    for (let x = 0; x < whole; x += 16) v128.store(out + x, box(upper + 2 * x, lower + 2 * x));
    const last = 2 * (<i32>load<u8>(upper + width - 1) + <i32>load<u8>(lower + width - 1));
    memory.fill(out + whole, <u8>((last + 2) >> 2), columns - whole);
  }
}

/**
 * Fills the pyramid of the frame at `frame` as if it had been padded right and bottom to
 * paddedWidth × paddedHeight by repeating its last column and row.
 */
export function buildPyramid(
  frame: usize,
  width: i32,
  height: i32,
  paddedWidth: i32,
  paddedHeight: i32,
  pyramid: usize,
): void {
  let source: usize = 0;
  let sourceStride = 0;
  for (let level = 1; level <= LEVELS; level++) {
    const w = levelSize(paddedWidth, level);
    const h = levelSize(paddedHeight, level);
    const stride = levelStride(paddedWidth, level);
    const origin = pyramid + levelOrigin(paddedWidth, paddedHeight, level);
    if (level === 1) halve(frame, width, height, origin, stride, w, h);
    else {
      for (let y = 0; y < h; y++) {
        const upper = source + 2 * y * sourceStride;
        const out = origin + y * stride;
        for (let x = 0; x < w; x += 16) v128.store(out + x, box(upper + 2 * x, upper + sourceStride + 2 * x));
      }
    }
    extend(origin, w, h, stride);
    source = origin;
    sourceStride = stride;
  }
}
