/** A parent's samples in the place of an interpolated frame's, where its cells give way. */
import { clampInt } from '../i420';

/** Weights of the cells of one row of samples, between their rows, as float32. False: all are 0. */
// @inline
function weightsOf(way: usize, gridWidth: i32, gridHeight: i32, position: f32, columns: i32, row: usize): bool {
  const base = floor(position);
  const part = position - base;
  const upper = way + ((clampInt(<i32>base, 0, gridHeight - 1) * gridWidth) << 2);
  const lower = way + ((clampInt(<i32>base + 1, 0, gridHeight - 1) * gridWidth) << 2);
  const w = f32x4.splat(part);
  let any = f32x4.splat(0);
  for (let i = 0; i < columns; i += 4) {
    const at = <usize>(i << 2);
    const top = v128.load(upper + at);
    const value = f32x4.add(top, f32x4.mul(f32x4.sub(v128.load(lower + at), top), w));
    any = v128.or(any, f32x4.gt(value, f32x4.splat(0)));
    v128.store(row + at, value);
  }
  return v128.any_true(any);
}

/** One sample moved to its parent's. */
// @inline
function put(parent: usize, out: usize, x: i32, weight: f32, deep: bool): void {
  const at = <usize>(deep ? x << 1 : x);
  const from = <f32>(deep ? <i32>load<u16>(out + at) : <i32>load<u8>(out + at));
  const to = <f32>(deep ? <i32>load<u16>(parent + at) : <i32>load<u8>(parent + at));
  const mixed = <i32>floor<f32>(from + (to - from) * weight + 0.5);
  if (deep) store<u16>(out + at, <u16>mixed);
  else store<u8>(out + at, <u8>mixed);
}

/** A row of samples. */
// @inline
function row(parent: usize, out: usize, width: i32, step: f32, columns: i32, weights: usize, deep: bool): void {
  // Samples whose weight lies between those of cells `left` and `left` + 1.
  let begin = 0;
  for (let left = -1; left < columns && begin < width; left++) {
    const end = min(<i32>ceil<f32>((<f32>left + 1.5) / step - 0.5), width);
    const near = load<f32>(weights + (max(left, 0) << 2));
    const far = load<f32>(weights + (min(left + 1, columns - 1) << 2));
    if (near > 0 || far > 0) {
      for (let x = begin; x < end; x++) {
        const part = (<f32>x + 0.5) * step - 0.5 - <f32>left;
        put(parent, out, x, near + (far - near) * part, deep);
      }
    }
    begin = max(begin, end);
  }
}

/**
 * out = out + (parent − out)·w for rows [rowBegin, rowEnd) of one plane, w bilinear between the
 * centres of cells, whose `way` (float32 [gridHeight][gridWidth], 0…1) it is. `stride` in bytes;
 * luma has 2^shiftX × 2^shiftY samples for each of the plane's; `deep`: samples of 16 bits, else
 * 8. `gridHeight`: rows of cells that lie in the frame. Scratch: a float32 for each cell of a row.
 */
export function giveWay(
  parent: usize,
  out: usize,
  width: i32,
  stride: i32,
  shiftX: i32,
  shiftY: i32,
  deep: i32,
  way: usize,
  gridWidth: i32,
  gridHeight: i32,
  scratch: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const stepX = <f32>(1 << shiftX) * 0.125;
  const stepY = <f32>(1 << shiftY) * 0.125;
  const columns = min(((width << shiftX) + 7) >> 3, gridWidth);
  for (let y = rowBegin; y < rowEnd; y++) {
    const position = (<f32>y + 0.5) * stepY - 0.5;
    if (!weightsOf(way, gridWidth, gridHeight, position, columns, scratch)) continue;
    const at = <usize>(y * stride);
    if (deep) row(parent + at, out + at, width, stepX, columns, scratch, true);
    else row(parent + at, out + at, width, stepX, columns, scratch, false);
  }
}
