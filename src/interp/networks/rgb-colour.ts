/**
 * I420 frames as planar RGB and back, for networks that take images as they come from a PNG. Source
 * frames are never converted: only what a network sees, and what it gives. Pure.
 *
 * The samples are read over the full range (0…255 is 0…1), also those of video of the limited range
 * (16…235): what lies outside of it survives, and nothing is clipped that another range would have
 * been right for. Values are not clipped on the way in. Each chroma sample is that of its 2 × 2
 * luma samples, and the mean of theirs on the way back: an image that a network leaves alone comes
 * back bit-exact.
 */
import type { PlaneLayout } from '../../media/frame.ts';

/** What networks of this kind read and write: 32-bit or 16-bit numbers. */
export type Samples = Float32Array | Float16Array;

/** Weights of red, green and blue in luma (ITU-R BT.601-7, 2.5.1; BT.709-6, 3.2). */
export interface LumaWeights {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

const BT601: LumaWeights = { red: 0.299, green: 0.587, blue: 0.114 };
const BT709: LumaWeights = { red: 0.2126, green: 0.7152, blue: 0.0722 };

/** BT.709 from 720 rows on and BT.601 below, as players read video that does not say. */
export function lumaWeights(height: number): LumaWeights {
  return height >= 720 ? BT709 : BT601;
}

/** An image in planar RGB: three planes of `width` × `height` samples from `samples[0]` on. */
export interface RgbImage {
  readonly samples: Samples;
  readonly width: number;
  readonly height: number;
}

/**
 * Fills an image from the frame whose block starts at `offset`, and pads it right and bottom by
 * repeating the last column and row. The image is at least as large as the frame.
 */
export function fillRgb(
  { samples, width, height }: RgbImage,
  bytes: Uint8Array,
  offset: number,
  frame: PlaneLayout,
  weights: LumaWeights,
): void {
  const plane = width * height;
  const redV = (2 * (1 - weights.red)) / 255;
  const blueU = (2 * (1 - weights.blue)) / 255;
  const greenV = (-redV * weights.red) / weights.green;
  const greenU = (-blueU * weights.blue) / weights.green;
  for (let y = 0; y < frame.height; y++) {
    const rowY = offset + frame.y + y * frame.strideY;
    const rowU = offset + frame.u + (y >> 1) * frame.strideC;
    const rowV = offset + frame.v + (y >> 1) * frame.strideC;
    const red = y * width;
    const green = red + plane;
    const blue = green + plane;
    for (let x = 0; x < frame.width; x++) {
      const luma = (bytes[rowY + x] ?? 0) / 255;
      const u = (bytes[rowU + (x >> 1)] ?? 0) - 128;
      const v = (bytes[rowV + (x >> 1)] ?? 0) - 128;
      samples[red + x] = luma + redV * v;
      samples[green + x] = luma + greenU * u + greenV * v;
      samples[blue + x] = luma + blueU * u;
    }
  }
  for (let at = 0; at < 3 * plane; at += plane) extend(samples, at, frame, width, height);
}

/** Repeats the last column and row of the plane at `at`. */
function extend(samples: Samples, at: number, frame: PlaneLayout, width: number, height: number): void {
  if (width > frame.width) {
    for (let y = 0; y < frame.height; y++) {
      const end = at + y * width + frame.width;
      samples.fill(samples[end - 1] ?? 0, end, end + width - frame.width);
    }
  }
  const last = at + (frame.height - 1) * width;
  for (let y = frame.height; y < height; y++) samples.copyWithin(at + y * width, last, last + width);
}

/**
 * Fills the frame whose block starts at `offset` from the top left of an image, rounded and clipped
 * to 0…255. The image is at least as large as the frame. Returns whether all that was read are
 * finite numbers.
 */
export function fillFrame(
  bytes: Uint8ClampedArray,
  offset: number,
  frame: PlaneLayout,
  image: RgbImage,
  weights: LumaWeights,
): boolean {
  const total = fillLuma(bytes, offset, frame, image, weights);
  fillChroma(bytes, offset, frame, image, weights);
  return Number.isFinite(total);
}

/**
 * Returns the sum of all luma, which every sample counts in: it is no finite number when one of
 * them is none.
 */
function fillLuma(
  bytes: Uint8ClampedArray,
  offset: number,
  frame: PlaneLayout,
  { samples, width, height }: RgbImage,
  weights: LumaWeights,
): number {
  const [red, green, blue] = [255 * weights.red, 255 * weights.green, 255 * weights.blue];
  const plane = width * height;
  let total = 0;
  for (let y = 0; y < frame.height; y++) {
    const row = y * width;
    const into = offset + frame.y + y * frame.strideY;
    for (let x = 0; x < frame.width; x++) {
      const at = row + x;
      const luma =
        red * (samples[at] ?? 0) + green * (samples[plane + at] ?? 0) + blue * (samples[2 * plane + at] ?? 0);
      bytes[into + x] = luma;
      total += luma;
    }
  }
  return total;
}

/** Chroma of the mean colour of each 2 × 2; at odd edges the last column or row counts twice. */
function fillChroma(
  bytes: Uint8ClampedArray,
  offset: number,
  frame: PlaneLayout,
  { samples, width, height }: RgbImage,
  weights: LumaWeights,
): void {
  const plane = width * height;
  const [perU, perV] = [255 / 8 / (1 - weights.blue), 255 / 8 / (1 - weights.red)];
  for (let cy = 0; cy < frame.chromaHeight; cy++) {
    const row0 = 2 * cy * width;
    const row1 = Math.min(2 * cy + 1, frame.height - 1) * width;
    const u = offset + frame.u + cy * frame.strideC;
    const v = offset + frame.v + cy * frame.strideC;
    for (let cx = 0; cx < frame.chromaWidth; cx++) {
      const x0 = 2 * cx;
      const x1 = Math.min(x0 + 1, frame.width - 1);
      const red = sumOf4(samples, row0 + x0, row0 + x1, row1 + x0, row1 + x1);
      const green = sumOf4(samples, plane + row0 + x0, plane + row0 + x1, plane + row1 + x0, plane + row1 + x1);
      const b = 2 * plane;
      const blue = sumOf4(samples, b + row0 + x0, b + row0 + x1, b + row1 + x0, b + row1 + x1);
      const luma = weights.red * red + weights.green * green + weights.blue * blue;
      bytes[u + cx] = 128 + perU * (blue - luma);
      bytes[v + cx] = 128 + perV * (red - luma);
    }
  }
}

function sumOf4(samples: Samples, a: number, b: number, c: number, d: number): number {
  return (samples[a] ?? 0) + (samples[b] ?? 0) + (samples[c] ?? 0) + (samples[d] ?? 0);
}
