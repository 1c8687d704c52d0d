/**
 * Where motions meet, sample by sample: four samples that share one vector (sample-table.ts) show as
 * a mosaic there.
 */
import { clampInt } from '../i420';
import { between } from '../taps';

/** Luma samples by which vectors of neighbouring cells differ at a seam: 2 from quad to quad. */
const SEAM: f32 = 4;
/** Deviation of a cell's samples, in grey levels, below which no seam is seen. */
const FLAT: f32 = 4;

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

/** All ones where four channels at four cells differ by a seam from what a neighbour has. */
// @inline
function apart(here: v128, other: v128): v128 {
  return f32x4.gt(f32x4.abs(f32x4.sub(here, other)), splat(SEAM));
}

/**
 * All ones where cells i … i + 3 of row j border on one that moves otherwise; `last`: all ones from the
 * last column on.
 */
// @inline
function borders(field: usize, plane: usize, gridWidth: i32, gridHeight: i32, i: i32, j: i32, last: v128): v128 {
  const row = <usize>(gridWidth << 2);
  const up: usize = j > 0 ? row : 0;
  const down: usize = j + 1 < gridHeight ? row : 0;
  let found = i8x16.splat(0);
  let cell = field + ((j * gridWidth + i) << 2);
  for (let c = 0; c < 4; c++) {
    const here = v128.load(cell);
    let left = v128.load(cell - 4);
    if (i === 0) left = f32x4.replace_lane(left, 0, f32x4.extract_lane(here, 0));
    const right = v128.bitselect(here, v128.load(cell + 4), last);
    const across = v128.or(apart(here, left), apart(here, right));
    const along = v128.or(apart(here, v128.load(cell - up)), apart(here, v128.load(cell + down)));
    found = v128.or(found, v128.or(across, along));
    cell += plane;
  }
  return found;
}

/** Where the cells beside and at a sample begin; rows between them; the weights. */
let start: usize = 0;
let isFirst: bool = false;
let isLast: bool = false;
let rowStep: usize = 0;
let down: v128 = i8x16.splat(0);
let along: v128 = i8x16.splat(0);

/** A channel at the cell to the left, the cell itself and the one to the right, of one row; ends repeated. */
// @inline
function beside(at: usize): v128 {
  let cells = v128.load(at);
  if (isFirst) cells = v128.shuffle<i32>(cells, cells, 0, 0, 1, 2);
  if (isLast) cells = v128.shuffle<i32>(cells, cells, 0, 1, 1, 3);
  return cells;
}

/** A channel at the row of the sample, at the cell to the left, the cell itself and the one to the right. */
// @inline
function row(plane: usize): v128 {
  const top = beside(plane + start);
  return f32x4.add(top, f32x4.mul(f32x4.sub(beside(plane + start + rowStep), top), down));
}

/** A channel at four samples. */
// @inline
function channel(nodes: v128): v128 {
  const here = v128.shuffle<i32>(nodes, nodes, 1, 1, 1, 1);
  const before = f32x4.sub(here, v128.shuffle<i32>(nodes, nodes, 0, 0, 0, 0));
  const after = f32x4.sub(v128.shuffle<i32>(nodes, nodes, 2, 2, 2, 2), here);
  const slope = v128.bitselect(after, before, f32x4.ge(along, splat(0)));
  return f32x4.add(here, f32x4.mul(slope, along));
}

// @inline
function load1(at: usize): f32 {
  return <f32>(<i32>load<u16>(at));
}

/** A sample of a plane of 16 bits. */
// @inline
function sample1(plane: usize, stride: i32, x: i32, y: i32, farX: i32, farY: i32, fx: f32, fy: f32): f32 {
  const upper = plane + y * stride;
  const lower = plane + min(y + 1, farY) * stride;
  const right = <usize>(min(x + 1, farX) << 1);
  const left = <usize>(x << 1);
  const a = load1(upper + left);
  const c = load1(lower + left);
  const top = a + (load1(upper + right) - a) * fx;
  const bottom = c + (load1(lower + right) - c) * fx;
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
  if (!deep) {
    // At the last column and row there is nothing behind, and no weight to it: what is read does not count.
    const below = v128.and(i32x4.lt_s(iy, i32x4.splat(farY)), i32x4.splat(stride));
    return between(plane, i32x4.add(i32x4.mul(iy, i32x4.splat(stride)), ix), below, fx, fy);
  }
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
  f0x: v128,
  f0y: v128,
  f1x: v128,
  f1y: v128,
  weight: v128,
  deep: bool,
): v128 {
  const x0 = f32x4.add(x, f32x4.mul(channel(f0x), scaleX));
  const y0 = f32x4.add(y, f32x4.mul(channel(f0y), scaleY));
  const x1 = f32x4.add(x, f32x4.mul(channel(f1x), scaleX));
  const y1 = f32x4.add(y, f32x4.mul(channel(f1y), scaleY));
  const in0 = inside(x0, y0, farX, farY);
  const in1 = inside(x1, y1, farX, farY);
  // A position inside the frame beats one outside.
  let m = limited(channel(weight), splat(0), splat(1));
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
  const farX = width - 1;
  const farY = height - 1;
  for (let y = beginY; y < endY; y++) {
    const position = (<f32>y + 0.5) * stepY - 0.5;
    const base = floor(position);
    const top = clampInt(<i32>base, 0, gridHeight - 1);
    const bottom = clampInt(<i32>base + 1, 0, gridHeight - 1);
    down = splat(position - base);
    rowStep = <usize>(((bottom - top) * gridWidth) << 2);
    isFirst = i === 0;
    isLast = i + 1 === gridWidth;
    start = <usize>((top * gridWidth + max(i - 1, 0)) << 2);
    const rowY = splat(<f32>y);
    const f0x = row(field);
    const f0y = row(field + plane);
    const f1x = row(field + 2 * plane);
    const f1y = row(field + 3 * plane);
    const weight = row(field + 4 * plane);
    for (let x = beginX; x < endX; x += 4) {
      const rowX = f32x4.add(splat(<f32>x), lanes);
      along = f32x4.sub(f32x4.mul(f32x4.add(rowX, splat(0.5)), splat(stepX)), splat(<f32>i + 0.5));
      let mixed = moved(a, b, stride, rowX, rowY, farX, farY, scaleX, scaleY, f0x, f0y, f1x, f1y, weight, deep);
      if (motions > 1) {
        const second = field + 6 * plane;
        const share = limited(channel(row(second + 5 * plane)), splat(0), splat(1));
        if (v128.any_true(f32x4.gt(share, splat(0)))) {
          const g0x = row(second);
          const g0y = row(second + plane);
          const g1x = row(second + 2 * plane);
          const g1y = row(second + 3 * plane);
          const own = row(second + 4 * plane);
          const other = moved(a, b, stride, rowX, rowY, farX, farY, scaleX, scaleY, g0x, g0y, g1x, g1y, own, deep);
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
 * Finds the cells of rows [rowBegin, rowEnd) of the grid that border on cells whose motion differs by
 * more than 4 luma samples and whose samples deviate by 4 grey levels or more (`detail`, float32
 * [gridHeight][gridWidth]). `marks`: a byte for each of `columns` cells of a row, rows of
 * 4 · ⌈columns/4⌉ bytes, row rowBegin first.
 */
export function findSeams(
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  columns: i32,
  motions: i32,
  detail: usize,
  marks: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  let mark = marks;
  for (let j = rowBegin; j < rowEnd; j++) {
    for (let i = 0; i < columns; i += 4) {
      const column = i32x4.add(i32x4.splat(i), i32x4(0, 1, 2, 3));
      const last = i32x4.ge_s(column, i32x4.splat(gridWidth - 1));
      let seams = borders(field, plane, gridWidth, gridHeight, i, j, last);
      if (motions > 1) {
        const second = field + 6 * plane;
        const share = v128.load(second + 5 * plane + ((j * gridWidth + i) << 2));
        const shares = f32x4.gt(share, splat(0));
        if (v128.any_true(shares)) {
          const others = borders(second, plane, gridWidth, gridHeight, i, j, last);
          seams = v128.or(seams, v128.and(shares, others));
        }
      }
      const seen = f32x4.ge(v128.load(detail + ((j * gridWidth + i) << 2)), splat(FLAT));
      const shown = v128.and(seen, i32x4.lt_s(column, i32x4.splat(columns)));
      const words = v128.and(seams, shown);
      const halves = i16x8.narrow_i32x4_s(words, words);
      v128.store32_lane(mark, i8x16.narrow_i16x8_s(halves, halves), 0);
      mark += 4;
    }
  }
}

/**
 * Renders the cells of rows [rowBegin, rowEnd) of the grid anew that findSeams() has marked: every
 * sample by its own vector, bilinear between the cells. One plane of samples of 8 bits (`deep` = 0) or
 * 16; the rest as for warpDeep().
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
  marks: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const columns = ((width << shiftX) + 7) >> 3;
  let mark = marks;
  for (let j = rowBegin; j < rowEnd; j++) {
    for (let i = 0; i < columns; i += 4) {
      const four = load<u32>(mark);
      mark += 4;
      if (four === 0) continue;
      for (let k = 0; k < 4; k++) {
        if (((four >> (k << 3)) & 1) === 0) continue;
        const n = i + k;
        if (deep)
          cell(a, b, out, width, height, stride, shiftX, shiftY, field, gridWidth, gridHeight, motions, n, j, true);
        else cell(a, b, out, width, height, stride, shiftX, shiftY, field, gridWidth, gridHeight, motions, n, j, false);
      }
    }
  }
}
