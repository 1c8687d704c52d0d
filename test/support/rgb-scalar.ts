/** I420 pictures and their colours, one pixel at a time, with the published decimals: what the `rgb` kind is compared with. */
import type { Arena } from '../../src/media/arena.ts';
import { Frame, type PlaneLayout, SOURCE } from '../../src/media/frame.ts';
import { micros } from '../../src/time.ts';
import { seededRandom } from './random.ts';

/** Luma and both chroma planes without stride, plane after plane. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly samples: ArrayLike<number>;
}

/** Red, green and blue of one pixel; 0…1 inside the colour cube. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** JFIF 1.02, page 3. */
export const BT601 = {
  toRgb: (y: number, cb: number, cr: number): Rgb => [
    y + 1.402 * cr,
    y - 0.344136 * cb - 0.714136 * cr,
    y + 1.772 * cb,
  ],
  fromRgb: ([r, g, b]: Rgb): readonly number[] => [
    0.299 * r + 0.587 * g + 0.114 * b,
    -0.168736 * r - 0.331264 * g + 0.5 * b,
    0.5 * r - 0.418688 * g - 0.081312 * b,
  ],
};

/** ITU-R BT.709-6, with the decimals of its inverse. */
export const BT709: typeof BT601 = {
  toRgb: (y, cb, cr) => [y + 1.5748 * cr, y - 0.187324 * cb - 0.468124 * cr, y + 1.8556 * cb],
  fromRgb: ([r, g, b]) => [
    0.2126 * r + 0.7152 * g + 0.0722 * b,
    -0.114572 * r - 0.385428 * g + 0.5 * b,
    0.5 * r - 0.454153 * g - 0.045847 * b,
  ],
};

/** Noise in all three planes over the whole range, the same for the same seed. */
export function noise(width: number, height: number, seed: number): Picture {
  const random = seededRandom(seed);
  const chroma = Math.ceil(width / 2) * Math.ceil(height / 2);
  const samples = Uint8Array.from({ length: width * height + 2 * chroma }, () => random() * 256);
  return { width, height, samples };
}

/** The colour at a pixel; each chroma sample covers 2 × 2. */
export function colourAt({ width, height, samples }: Picture, x: number, y: number, matrix = BT601): Rgb {
  const [columns, rows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const chroma = width * height + Math.floor(y / 2) * columns + Math.floor(x / 2);
  const [luma = 0, cb = 0, cr = 0] = [y * width + x, chroma, chroma + columns * rows].map((at) => samples[at]);
  return matrix.toRgb(luma / 255, (cb - 128) / 255, (cr - 128) / 255);
}

/** The picture of these colours, not rounded: chroma is the mean of the pixels of each 2 × 2 that there are. */
export function pictureOf(
  width: number,
  height: number,
  colour: (x: number, y: number) => Rgb,
  matrix = BT601,
): Picture {
  const planes: [number[], number[], number[]] = [[], [], []];
  const level = (value: number): number => Math.min(255, Math.max(0, value));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) planes[0].push(level(255 * (matrix.fromRgb(colour(x, y))[0] ?? 0)));
  }
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const pixels = [
        [x, y],
        [x + 1, y],
        [x, y + 1],
        [x + 1, y + 1],
      ].filter(([px = 0, py = 0]) => px < width && py < height);
      for (const plane of [1, 2] as const) {
        const values = pixels.map(([px = 0, py = 0]) => matrix.fromRgb(colour(px, py))[plane] ?? 0);
        planes[plane].push(level(128 + (255 * values.reduce((sum, value) => sum + value, 0)) / values.length));
      }
    }
  }
  return { width, height, samples: planes.flat() };
}

/** The greatest distance of any sample, in levels; Infinity where there are not as many samples. */
export function distance(actual: ArrayLike<number>, { samples }: Picture): number {
  if (actual.length !== samples.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < samples.length; i++) worst = Math.max(worst, Math.abs((actual[i] ?? 0) - (samples[i] ?? 0)));
  return worst;
}

/** Offsets of the rows of a frame's three planes, in order, with their lengths. */
function rows({ width, height, chromaWidth, chromaHeight, strideY, strideC, y, u, v }: PlaneLayout) {
  const plane = (at: number, stride: number, length: number, count: number) =>
    Array.from({ length: count }, (_, row) => ({ at: at + row * stride, length }));
  return [
    ...plane(y, strideY, width, height),
    ...plane(u, strideC, chromaWidth, chromaHeight),
    ...plane(v, strideC, chromaWidth, chromaHeight),
  ];
}

/** A source frame with these pixels; what lies between rows is 255, so that it shows when it is read. */
export function toFrame(arena: Arena, { width, height, samples }: Picture, ms = 0): Frame {
  const at = micros(ms * 1000);
  const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, width, height, info);
  const pixels = Uint8Array.from(samples);
  frame.bytes.fill(255);
  let from = 0;
  for (const row of rows(frame.layout)) {
    frame.bytes.set(pixels.subarray(from, from + row.length), row.at);
    from += row.length;
  }
  return frame;
}

/** The samples of a frame, without what lies between rows. */
export function samplesOf(frame: Frame): Uint8Array {
  return Buffer.concat(rows(frame.layout).map(({ at, length }) => frame.bytes.slice(at, at + length)));
}
