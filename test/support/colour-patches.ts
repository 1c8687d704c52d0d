/** Uniform patches of known colours, as samples of any matrix, range, subsampling and depth, and back. */
import type { Colour } from '../../src/media/colour.ts';
import type { Frame } from '../../src/media/frame.ts';

export type Rgb = readonly [red: number, green: number, blue: number];

/** Side by side, from left to right. */
export const PATCHES: readonly Rgb[] = [
  [255, 255, 255],
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
  [0, 255, 255],
  [128, 128, 128],
  [200, 100, 50],
];

/** The same for pictures without colour. */
export const GREYS: readonly Rgb[] = [0, 16, 40, 90, 128, 180, 235, 255].map((level) => [level, level, level]);

/** Samples across and down; a patch is 16 across. */
export const WIDTH = 128;
export const HEIGHT = 64;
const PATCH = WIDTH / PATCHES.length;

/** Weights of red and blue in luma (ITU-R BT.601-7, BT.709-6, BT.2020-2). */
const WEIGHTS: Readonly<Record<Colour['matrix'], readonly [red: number, blue: number]>> = {
  bt601: [0.299, 0.114],
  bt709: [0.2126, 0.0722],
  bt2020: [0.2627, 0.0593],
};

/** Luma and chroma of a colour, in levels of 8 bits, not rounded. */
export function toYuv([red, green, blue]: Rgb, { matrix, range }: Colour): [number, number, number] {
  const [kr, kb] = WEIGHTS[matrix];
  const luma = (kr * red + (1 - kr - kb) * green + kb * blue) / 255;
  const cb = (blue / 255 - luma) / (2 * (1 - kb));
  const cr = (red / 255 - luma) / (2 * (1 - kr));
  return range === 'full'
    ? [255 * luma, 128 + 255 * cb, 128 + 255 * cr]
    : [16 + 219 * luma, 128 + 224 * cb, 128 + 224 * cr];
}

/** The colour of samples that mean `colour`, clipped to what a screen shows. */
export function toRgb(y: number, u: number, v: number, { matrix, range }: Colour): Rgb {
  const [kr, kb] = WEIGHTS[matrix];
  const full = range === 'full';
  const luma = full ? y / 255 : (y - 16) / 219;
  const [cb, cr] = [u - 128, v - 128].map((chroma) => chroma / (full ? 255 : 224)) as [number, number]; // of two
  const red = luma + 2 * (1 - kr) * cr;
  const blue = luma + 2 * (1 - kb) * cb;
  const green = (luma - kr * red - kb * blue) / (1 - kr - kb);
  const level = (value: number) => Math.min(255, Math.max(0, Math.round(value * 255)));
  return [level(red), level(green), level(blue)];
}

/** How chroma is subsampled: 400 has none. */
export type Sampling = '400' | '420' | '422' | '444';

/** The patches as planes, one after the other, little endian where a sample has more than 8 bits. */
export function rawPatches(sampling: Sampling, depth: 8 | 10 | 12, colour: Colour): Buffer {
  const planes = sampling === '400' ? [0] : [0, 1, 2];
  const patches = sampling === '400' ? GREYS : PATCHES;
  const [acrossChroma, downChroma] = sampling === '444' ? [1, 1] : sampling === '422' ? [2, 1] : [2, 2];
  const maximum = 2 ** depth - 1;
  // The limited range is shifted, the full range stretched (BT.2100-2, table 9).
  const scale = colour.range === 'full' ? maximum / 255 : 2 ** (depth - 8);
  const bytes = depth === 8 ? 1 : 2;
  const parts = planes.map((plane) => {
    const [across, down] = plane === 0 ? [1, 1] : [acrossChroma, downChroma];
    const [width, height] = [WIDTH / across, HEIGHT / down];
    const samples = Buffer.alloc(width * height * bytes);
    for (let index = 0; index < width * height; index += 1) {
      const patch = patches[Math.floor(((index % width) * across) / PATCH)] ?? [0, 0, 0];
      const level = toYuv(patch, colour)[plane] ?? 0;
      const neutral = plane === 0 ? 0 : 128;
      const exact = plane === 0 ? level * scale : neutral * 2 ** (depth - 8) + (level - neutral) * scale;
      const value = Math.min(maximum, Math.max(0, Math.round(exact)));
      if (bytes === 1) samples[index] = value;
      else samples.writeUInt16LE(value, index * 2);
    }
    return samples;
  });
  return Buffer.concat(parts);
}

/** FFmpeg's name of the format of {@link rawPatches}. */
export function formatOf(sampling: Sampling, depth: 8 | 10 | 12): string {
  const base = sampling === '400' ? 'gray' : `yuv${sampling}p`;
  return depth === 8 ? base : `${base}${depth}le`;
}

/** Luma and chroma in the middle of each patch. */
export function samplesOf(frame: Frame): [number, number, number][] {
  const { layout, bytes } = frame;
  return PATCHES.map((_, patch) => {
    const x = Math.round((patch + 0.5) * PATCH);
    const y = HEIGHT / 2;
    const chroma = (y >> 1) * layout.strideC + (x >> 1);
    return [bytes[layout.y + y * layout.strideY + x], bytes[layout.u + chroma], bytes[layout.v + chroma]].map(
      (sample) => sample ?? Number.NaN,
    ) as [number, number, number]; // of three
  });
}

/** The largest difference between two lists of colours, in levels. */
export function largestDifference(seen: readonly Rgb[], expected: readonly Rgb[]): number {
  return Math.max(
    ...expected.flatMap((patch, index) => patch.map((level, part) => Math.abs(level - (seen[index]?.[part] ?? 999)))),
  );
}
