/** Puts what both parents have in place of what was made. */
import { strideOf } from '../i420';

/**
 * Cross-fades the samples that the masks of `stillText` name to keep, and the chroma under them, into
 * an I420 frame, and copies those to copy. `weight`: t in 1/256.
 */
export function stillKeep(a: usize, b: usize, out: usize, width: i32, height: i32, weight: i32, masks: usize): void {
  const stride = strideOf(width);
  const columns = (width + 7) >> 3;
  const rows = (height + 7) >> 3;
  fade(a, b, out, stride, height, columns, rows, weight, masks);
  fade(a, b, out, stride, height, columns, rows, nearer(weight, 256), masks + 8 * columns * rows);
}

/** Weight of the parent that is nearer in time; in the middle, the later one. */
// @inline
function nearer(weight: i32, whole: i32): i32 {
  return 2 * weight < whole ? 0 : whole;
}

function fade(
  a: usize,
  b: usize,
  out: usize,
  stride: i32,
  height: i32,
  columns: i32,
  rows: i32,
  weight: i32,
  masks: usize,
): void {
  const u = stride * height;
  const v = u + (stride >> 1) * ((height + 1) >> 1);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const mask = load<u64>(masks + ((y * columns + x) << 3));
      if (mask === 0) continue;
      const at = 8 * (y * stride + x);
      for (let i = 0; i < 8; i++) keepRow(a, b, out, at + i * stride, <i32>(mask >> (8 * i)) & 0xff, weight);
      const chroma = 4 * (y * (stride >> 1) + x);
      for (let i = 0; i < 4; i++) {
        const two = <i32>(mask >> (16 * i)) & 0xffff;
        const bits = (two | (two >> 8)) & 0xff;
        const line = chroma + i * (stride >> 1);
        keepRow(a, b, out, u + line, halved(bits), weight);
        keepRow(a, b, out, v + line, halved(bits), weight);
      }
    }
  }
}

/** Four bits, each of two that lie beside each other. */
// @inline
function halved(bits: i32): i32 {
  const both = bits | (bits >> 1);
  return (both & 1) | ((both >> 1) & 2) | ((both >> 2) & 4) | ((both >> 3) & 8);
}

function keepRow(a: usize, b: usize, out: usize, at: usize, bits: i32, weight: i32): void {
  for (let i = 0; bits !== 0; i++, bits >>= 1) {
    if ((bits & 1) === 0) continue;
    const from = <i32>load<u8>(a + at + i);
    const to = <i32>load<u8>(b + at + i);
    store<u8>(out + at + i, <u8>(from + (((to - from) * weight + 128) >> 8)));
  }
}

/**
 * {@link stillKeep} of one plane of 16-bit words, which has a 2^-shiftX of luma's columns and a
 * 2^-shiftY of its rows; masks of `columns` × `rows` cells. `stride` in bytes; `weight` 0…1.
 */
export function stillKeepDeep(
  a: usize,
  b: usize,
  out: usize,
  width: i32,
  height: i32,
  stride: i32,
  shiftX: i32,
  shiftY: i32,
  weight: f32,
  masks: usize,
  columns: i32,
  rows: i32,
): void {
  for (let cell = 0; cell < 2 * columns * rows; cell++) {
    const mask = load<u64>(masks + (cell << 3));
    if (mask === 0) continue;
    const copy = cell >= columns * rows;
    const share: f32 = copy ? (weight < 0.5 ? 0 : 1) : weight;
    const left = 8 * (cell % columns);
    const top = 8 * ((cell / columns) % rows);
    for (let y = top >> shiftY; y < min((top + 8) >> shiftY, height); y++) {
      for (let x = left >> shiftX; x < min((left + 8) >> shiftX, width); x++) {
        if ((mask & under(x, y, shiftX, shiftY)) === 0) continue;
        const at = <usize>(y * stride + 2 * x);
        const from = <f32>load<u16>(a + at);
        const to = <f32>load<u16>(b + at);
        store<u16>(out + at, <u16>(from + (to - from) * share + 0.5));
      }
    }
  }
}

/** Bits of a mask that lie under a sample of a plane. */
// @inline
function under(x: i32, y: i32, shiftX: i32, shiftY: i32): u64 {
  const u = (x << shiftX) & 7;
  const v = (y << shiftY) & 7;
  const across = <u64>(((1 << (1 << shiftX)) - 1) << u);
  let bits: u64 = 0;
  for (let i = 0; i < 1 << shiftY; i++) bits |= across << (8 * (v + i));
  return bits;
}
