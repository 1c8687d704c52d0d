/** The inputs of a flow network, from pyramids and a seed; and a field straight from a seed. */
import { storeLanes } from '../cells';
import { clampInt } from '../i420';
import { between } from '../taps';
import { levelOrigin, levelSize, levelStride } from './pyramid';

/** Level of the network's lumas: quarter resolution. */
const LEVEL: i32 = 2;

/** One row of a level as floats 0…1, replicated up to `columns`, an even number. */
function plainRow(row: usize, width: i32, columns: i32, out: usize): void {
  const scale = f32x4.splat(1.0 / 255.0);
  // The border has copies of the last sample.
  for (let x = 0; x < columns; x += 2) {
    const two = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load16_splat(row + min(x, width - 1))));
    v128.store64_lane(out + (x << 2), f32x4.mul(f32x4.convert_i32x4_s(two), scale), 0);
  }
}

/** Bilinear samples of a level, 0…1; positions far outside read the edge. */
// @inline
function samples(origin: usize, stride: i32, x: v128, y: v128, lastX: v128, lastY: v128): v128 {
  const zero = f32x4.splat(0);
  const cx = f32x4.min(f32x4.max(x, zero), lastX);
  const cy = f32x4.min(f32x4.max(y, zero), lastY);
  const ix = i32x4.trunc_sat_f32x4_s(cx);
  const iy = i32x4.trunc_sat_f32x4_s(cy);
  const wx = f32x4.sub(cx, f32x4.convert_i32x4_s(ix));
  const wy = f32x4.sub(cy, f32x4.convert_i32x4_s(iy));
  // The border makes the right and lower taps of the last samples readable.
  const at = i32x4.add(i32x4.mul(iy, i32x4.splat(stride)), ix);
  const mixed = between(origin, at, i32x4.splat(stride), wx, wy);
  return f32x4.mul(mixed, f32x4.splat(1.0 / 255.0));
}

/** Values of two cells at the quarters between them and their neighbours: two of each. */
// @inline
function betweenCells(at: usize): v128 {
  const both = v128.load(at - 4);
  const near = v128.shuffle<i32>(both, both, 1, 1, 2, 2);
  const far = v128.shuffle<i32>(both, both, 0, 2, 1, 3);
  return f32x4.add(near, f32x4.mul(f32x4.sub(far, near), f32x4.splat(0.25)));
}

/**
 * For pyramids of width × height (padded) frames, whose seed is ⌈height/8⌉ × ⌈width/8⌉: float32
 * [4][2·seedHeight][2·seedWidth] at `images`: P_2 of both frames /255, then both warped to t = ½ by
 * the seed (bilinear, half_pixel upsampling of the seed). Edges replicated beyond the frame. Rows
 * rowBegin to rowEnd of the seed, twice as many of the images. Scratch: 2·(seedWidth + 2) float32.
 */
export function prepareImages(
  pyramid0: usize,
  pyramid1: usize,
  width: i32,
  height: i32,
  seed: usize,
  images: usize,
  scratch: usize,
  rowBegin: i32,
  rowEnd: i32,
): void {
  const seedWidth = (width + 7) >> 3;
  const seedHeight = (height + 7) >> 3;
  const w = levelSize(width, LEVEL);
  const h = levelSize(height, LEVEL);
  const stride = levelStride(width, LEVEL);
  const origin0 = pyramid0 + levelOrigin(width, height, LEVEL);
  const origin1 = pyramid1 + levelOrigin(width, height, LEVEL);
  const columns = seedWidth << 1;
  const rows = seedHeight << 1;
  const plane = (columns * rows) << 2;
  const seedPlane = (seedWidth * seedHeight) << 2;
  // Seed row at this height, one replicated cell on either side.
  const rowX = scratch + 4;
  const rowY = rowX + ((seedWidth + 2) << 2);
  // Full-resolution samples of half the motion to quarter-resolution samples.
  const scale: f32 = 0.125;
  const lastX = f32x4.splat(<f32>(w - 1));
  const lastY = f32x4.splat(<f32>(h - 1));
  for (let y = rowBegin << 1; y < rowEnd << 1; y++) {
    const out = images + ((y * columns) << 2);
    const source = clampInt(y, 0, h - 1);
    plainRow(origin0 + source * stride, w, columns, out);
    plainRow(origin1 + source * stride, w, columns, out + plane);
    const near = y >> 1;
    const far = clampInt(near + ((y & 1) !== 0 ? 1 : -1), 0, seedHeight - 1);
    const nearRow = seed + ((near * seedWidth) << 2);
    const farRow = seed + ((far * seedWidth) << 2);
    for (let i = 0; i < seedWidth; i++) {
      const at = i << 2;
      const nx = load<f32>(nearRow + at);
      const ny = load<f32>(nearRow + seedPlane + at);
      store<f32>(rowX + at, (nx + (load<f32>(farRow + at) - nx) * 0.25) * scale);
      store<f32>(rowY + at, (ny + (load<f32>(farRow + seedPlane + at) - ny) * 0.25) * scale);
    }
    const end = (seedWidth - 1) << 2;
    store<f32>(rowX - 4, load<f32>(rowX));
    store<f32>(rowY - 4, load<f32>(rowY));
    store<f32>(rowX + end + 4, load<f32>(rowX + end));
    store<f32>(rowY + end + 4, load<f32>(rowY + end));
    const rowAt = f32x4.splat(<f32>y);
    for (let x = 0; x < columns; x += 4) {
      const count = columns - x;
      const at = (x >> 1) << 2;
      const vx = betweenCells(rowX + at);
      const vy = betweenCells(rowY + at);
      const column = f32x4.add(f32x4.splat(<f32>x), f32x4(0, 1, 2, 3));
      const cell = out + (x << 2);
      const x0 = f32x4.sub(column, vx);
      const y0 = f32x4.sub(rowAt, vy);
      storeLanes(cell + 2 * plane, samples(origin0, stride, x0, y0, lastX, lastY), count);
      const x1 = f32x4.add(column, vx);
      const y1 = f32x4.add(rowAt, vy);
      storeLanes(cell + 3 * plane, samples(origin1, stride, x1, y1, lastX, lastY), count);
    }
  }
}

/**
 * A field without any network: f0 = −v/2, f1 = v/2, m = ½, e = the matching cost. `cells` = cells
 * of the grid, a multiple of 4.
 */
export function seedField(seed: usize, field: usize, cells: i32): void {
  const plane = cells << 2;
  const half = f32x4.splat(0.5);
  for (let i = 0; i < plane; i += 16) {
    const x = f32x4.mul(v128.load(seed + i), half);
    const y = f32x4.mul(v128.load(seed + plane + i), half);
    v128.store(field + i, f32x4.neg(x));
    v128.store(field + plane + i, f32x4.neg(y));
    v128.store(field + 2 * plane + i, x);
    v128.store(field + 3 * plane + i, y);
    v128.store(field + 4 * plane + i, half);
    v128.store(field + 5 * plane + i, v128.load(seed + 2 * plane + i));
  }
}
