/**
 * Where motions meet, sample by sample: four samples that share one vector (sample-table.ts) show as
 * a mosaic there.
 */
import { clampInt } from '../i420';

/** Luma samples by which vectors of neighbouring cells differ at a seam: 2 from quad to quad. */
const SEAM: f32 = 4;

// @inline
function splat(value: f32): v128 {
  return f32x4.splat(value);
}

/** The float nearest to `value` within low…high; not a number → low. */
// @inline
function limited(value: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(high, f32x4.pmax(low, value));
}

// @inline
function towards(from: v128, to: v128, weight: v128): v128 {
  return f32x4.add(from, f32x4.mul(f32x4.sub(to, from), weight));
}

/** Whether one of four channels at `one` differs by a seam from that at `other`. */
// @inline
function apart(one: usize, other: usize, plane: usize): bool {
  for (let c: usize = 0; c < 4; c++) {
    if (abs(load<f32>(one + c * plane) - load<f32>(other + c * plane)) > SEAM) return true;
  }
  return false;
}

/** Whether a cell borders on one that moves otherwise. */
// @inline
function borders(field: usize, plane: usize, gridWidth: i32, gridHeight: i32, i: i32, j: i32): bool {
  const cell = field + ((j * gridWidth + i) << 2);
  const row = <usize>(gridWidth << 2);
  return (
    (i > 0 && apart(cell, cell - 4, plane)) ||
    (i + 1 < gridWidth && apart(cell, cell + 4, plane)) ||
    (j > 0 && apart(cell, cell - row, plane)) ||
    (j + 1 < gridHeight && apart(cell, cell + row, plane))
  );
}

/** Offsets of the columns and rows around a sample, and the weights between them. */
let west: usize = 0;
let middle: usize = 0;
let east: usize = 0;
let rowStep: usize = 0;
let down: f32 = 0;
let along: v128 = i8x16.splat(0);

/** A column of a channel between its rows. */
// @inline
function node(at: usize): f32 {
  const top = load<f32>(at);
  return top + (load<f32>(at + rowStep) - top) * down;
}

/** A channel at four samples. */
// @inline
function channel(plane: usize): v128 {
  const here = node(plane + middle);
  const before = splat(here - node(plane + west));
  const after = splat(node(plane + east) - here);
  const slope = v128.bitselect(after, before, f32x4.ge(along, splat(0)));
  return f32x4.add(splat(here), f32x4.mul(slope, along));
}

// @inline
function load1(at: usize, deep: bool): f32 {
  return deep ? <f32>(<i32>load<u16>(at)) : <f32>(<i32>load<u8>(at));
}

// @inline
function sample1(plane: usize, stride: i32, x: i32, y: i32, farX: i32, farY: i32, fx: f32, fy: f32, deep: bool): f32 {
  const shift = deep ? 1 : 0;
  const upper = plane + y * stride;
  const lower = plane + min(y + 1, farY) * stride;
  const right = <usize>(min(x + 1, farX) << shift);
  const left = <usize>(x << shift);
  const a = load1(upper + left, deep);
  const c = load1(lower + left, deep);
  const top = a + (load1(upper + right, deep) - a) * fx;
  const bottom = c + (load1(lower + right, deep) - c) * fx;
  return top + (bottom - top) * fy;
}

/** Four samples of one frame at x, y, limited to the plane. */
// @inline
function gather(plane: usize, stride: i32, x: v128, y: v128, farX: i32, farY: i32, deep: bool): v128 {
  const px = limited(x, splat(0), splat(<f32>farX));
  const py = limited(y, splat(0), splat(<f32>farY));
  const ix = i32x4.trunc_sat_f32x4_s(px);
  const iy = i32x4.trunc_sat_f32x4_s(py);
  const fx = f32x4.sub(px, f32x4.convert_i32x4_s(ix));
  const fy = f32x4.sub(py, f32x4.convert_i32x4_s(iy));
  let out = splat(
    sample1(
      plane,
      stride,
      i32x4.extract_lane(ix, 0),
      i32x4.extract_lane(iy, 0),
      farX,
      farY,
      f32x4.extract_lane(fx, 0),
      f32x4.extract_lane(fy, 0),
      deep,
    ),
  );
  out = f32x4.replace_lane(
    out,
    1,
    sample1(
      plane,
      stride,
      i32x4.extract_lane(ix, 1),
      i32x4.extract_lane(iy, 1),
      farX,
      farY,
      f32x4.extract_lane(fx, 1),
      f32x4.extract_lane(fy, 1),
      deep,
    ),
  );
  out = f32x4.replace_lane(
    out,
    2,
    sample1(
      plane,
      stride,
      i32x4.extract_lane(ix, 2),
      i32x4.extract_lane(iy, 2),
      farX,
      farY,
      f32x4.extract_lane(fx, 2),
      f32x4.extract_lane(fy, 2),
      deep,
    ),
  );
  return f32x4.replace_lane(
    out,
    3,
    sample1(
      plane,
      stride,
      i32x4.extract_lane(ix, 3),
      i32x4.extract_lane(iy, 3),
      farX,
      farY,
      f32x4.extract_lane(fx, 3),
      f32x4.extract_lane(fy, 3),
      deep,
    ),
  );
}

/** −1 where x, y lies in the plane or at most half a sample outside. */
// @inline
function inside(x: v128, y: v128, farX: i32, farY: i32): v128 {
  const low = splat(-0.5);
  const acrossIt = v128.and(f32x4.ge(x, low), f32x4.le(x, splat(<f32>farX + 0.5)));
  return v128.and(acrossIt, v128.and(f32x4.ge(y, low), f32x4.le(y, splat(<f32>farY + 0.5))));
}

/** One motion's four samples at x, y. */
// @inline
function moved(
  a: usize,
  b: usize,
  stride: i32,
  x: v128,
  y: v128,
  farX: i32,
  farY: i32,
  scaleX: v128,
  scaleY: v128,
  field: usize,
  plane: usize,
  deep: bool,
): v128 {
  const x0 = f32x4.add(x, f32x4.mul(channel(field), scaleX));
  const y0 = f32x4.add(y, f32x4.mul(channel(field + plane), scaleY));
  const x1 = f32x4.add(x, f32x4.mul(channel(field + 2 * plane), scaleX));
  const y1 = f32x4.add(y, f32x4.mul(channel(field + 3 * plane), scaleY));
  const in0 = inside(x0, y0, farX, farY);
  const in1 = inside(x1, y1, farX, farY);
  // A position inside the frame beats one outside.
  let m = limited(channel(field + 4 * plane), splat(0), splat(1));
  m = v128.bitselect(splat(1), m, v128.andnot(in0, in1));
  m = v128.andnot(m, v128.andnot(in1, in0));
  return towards(gather(b, stride, x1, y1, farX, farY, deep), gather(a, stride, x0, y0, farX, farY, deep), m);
}

// @inline
function put(row: usize, x: i32, value: i32, deep: bool): void {
  if (deep) store<u16>(row + (x << 1), <u16>value);
  else store<u8>(row + x, <u8>value);
}

/** Renders the samples of one cell. */
function cell(
  a: usize,
  b: usize,
  out: usize,
  width: i32,
  height: i32,
  stride: i32,
  shiftX: i32,
  shiftY: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  motions: i32,
  i: i32,
  j: i32,
  deep: bool,
): void {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const beginX = i << (3 - shiftX);
  const endX = min(beginX + (8 >> shiftX), width);
  const beginY = j << (3 - shiftY);
  const endY = min(beginY + (8 >> shiftY), height);
  const stepX = <f32>(1 << shiftX) * 0.125;
  const stepY = <f32>(1 << shiftY) * 0.125;
  const scaleX = splat(<f32>1 / <f32>(1 << shiftX));
  const scaleY = splat(<f32>1 / <f32>(1 << shiftY));
  const lanes = f32x4(0, 1, 2, 3);
  for (let y = beginY; y < endY; y++) {
    const position = (<f32>y + 0.5) * stepY - 0.5;
    const base = floor(position);
    const top = clampInt(<i32>base, 0, gridHeight - 1);
    const bottom = clampInt(<i32>base + 1, 0, gridHeight - 1);
    down = position - base;
    rowStep = <usize>(((bottom - top) * gridWidth) << 2);
    middle = <usize>((top * gridWidth + i) << 2);
    west = i > 0 ? middle - 4 : middle;
    east = i + 1 < gridWidth ? middle + 4 : middle;
    const rowY = splat(<f32>y);
    for (let x = beginX; x < endX; x += 4) {
      const rowX = f32x4.add(splat(<f32>x), lanes);
      along = f32x4.sub(f32x4.mul(f32x4.add(rowX, splat(0.5)), splat(stepX)), splat(<f32>i + 0.5));
      let mixed = moved(a, b, stride, rowX, rowY, width - 1, height - 1, scaleX, scaleY, field, plane, deep);
      if (motions > 1) {
        const second = field + 6 * plane;
        const share = limited(channel(second + 5 * plane), splat(0), splat(1));
        if (v128.any_true(f32x4.gt(share, splat(0)))) {
          const other = moved(a, b, stride, rowX, rowY, width - 1, height - 1, scaleX, scaleY, second, plane, deep);
          mixed = towards(mixed, other, share);
        }
      }
      const whole = i32x4.trunc_sat_f32x4_s(f32x4.add(mixed, splat(0.5)));
      const at = out + y * stride;
      const left = endX - x;
      put(at, x, i32x4.extract_lane(whole, 0), deep);
      if (left > 1) put(at, x + 1, i32x4.extract_lane(whole, 1), deep);
      if (left > 2) put(at, x + 2, i32x4.extract_lane(whole, 2), deep);
      if (left > 3) put(at, x + 3, i32x4.extract_lane(whole, 3), deep);
    }
  }
}

/**
 * Renders the cells of rows [rowBegin, rowEnd) of the grid anew that border on cells whose motion
 * differs by more than 4 luma samples: every sample by its own vector, bilinear between the cells.
 * One plane of samples of 8 bits (`deep` = 0) or 16; the rest as for warpDeep().
 */
export function renderSeams(
  a: usize,
  b: usize,
  out: usize,
  width: i32,
  height: i32,
  stride: i32,
  shiftX: i32,
  shiftY: i32,
  deep: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  motions: i32,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const columns = ((width << shiftX) + 7) >> 3;
  for (let j = rowBegin; j < rowEnd; j++) {
    for (let i = 0; i < columns; i++) {
      let seam = borders(field, plane, gridWidth, gridHeight, i, j);
      if (!seam && motions > 1) {
        const second = field + 6 * plane;
        const share = load<f32>(second + 5 * plane + ((j * gridWidth + i) << 2));
        seam = share > 0 && borders(second, plane, gridWidth, gridHeight, i, j);
      }
      if (!seam) continue;
      if (deep)
        cell(a, b, out, width, height, stride, shiftX, shiftY, field, gridWidth, gridHeight, motions, i, j, true);
      else cell(a, b, out, width, height, stride, shiftX, shiftY, field, gridWidth, gridHeight, motions, i, j, false);
    }
  }
}
