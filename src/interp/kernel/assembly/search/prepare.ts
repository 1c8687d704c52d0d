/** The inputs of a flow network, from pyramids and a seed; and a field straight from a seed. */
import { clampInt } from '../i420';
import { levelOrigin, levelSize, levelStride } from './pyramid';

/** Level of the network's lumas: quarter resolution. */
const LEVEL: i32 = 2;

/** One row of a level as floats 0…1, replicated up to `columns`. */
function plainRow(row: usize, width: i32, columns: i32, out: usize): void {
  const scale: f32 = 1.0 / 255.0;
  const inner = min(width, columns);
  let x = 0;
  for (; x < inner; x++) store<f32>(out + (x << 2), <f32>load<u8>(row + x) * scale);
  const last = <f32>load<u8>(row + width - 1) * scale;
  for (; x < columns; x++) store<f32>(out + (x << 2), last);
}

/** Bilinear sample of a level, 0…1; positions far outside read the edge. */
// @inline
function sample(origin: usize, stride: i32, x: f32, y: f32, width: i32, height: i32): f32 {
  const cx = min(max(x, <f32>0), <f32>(width - 1));
  const cy = min(max(y, <f32>0), <f32>(height - 1));
  // The border makes the right and lower taps of the last samples readable.
  const ix = <i32>cx;
  const iy = <i32>cy;
  const wx = cx - <f32>ix;
  const wy = cy - <f32>iy;
  const at = origin + iy * stride + ix;
  const a = <f32>load<u8>(at);
  const b = <f32>load<u8>(at + 1);
  const c = <f32>load<u8>(at + stride);
  const d = <f32>load<u8>(at + stride + 1);
  const upper = a + (b - a) * wx;
  const lower = c + (d - c) * wx;
  return (upper + (lower - upper) * wy) * <f32>(1.0 / 255.0);
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
    for (let x = 0; x < columns; x++) {
      const at = (x >> 1) << 2;
      const side = (x & 1) !== 0 ? at + 4 : at - 4;
      const nx = load<f32>(rowX + at);
      const ny = load<f32>(rowY + at);
      const vx = nx + (load<f32>(rowX + side) - nx) * 0.25;
      const vy = ny + (load<f32>(rowY + side) - ny) * 0.25;
      const cell = out + (x << 2);
      store<f32>(cell + 2 * plane, sample(origin0, stride, <f32>x - vx, <f32>y - vy, w, h));
      store<f32>(cell + 3 * plane, sample(origin1, stride, <f32>x + vx, <f32>y + vy, w, h));
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
