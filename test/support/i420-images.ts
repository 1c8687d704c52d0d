/** I420 images without stride, to make frames of and to compare frames with. */
import type { Arena } from '../../src/media/arena.ts';
import { Frame, type PlaneLayout, SOURCE } from '../../src/media/frame.ts';
import { micros } from '../../src/time.ts';
import { seededRandom } from './random.ts';

/** Luma and both chroma planes without stride, plane after plane. */
export interface I420Image {
  readonly width: number;
  readonly height: number;
  readonly samples: ArrayLike<number>;
}

/** One plane of an image: its place among the samples, and its size. */
export interface ImagePlane {
  readonly offset: number;
  readonly width: number;
  readonly height: number;
}

/** The planes of an image of this size: luma, then both of chroma. */
export function planesOfImage(width: number, height: number): readonly [ImagePlane, ImagePlane, ImagePlane] {
  const chroma = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) };
  const u = width * height;
  return [
    { offset: 0, width, height },
    { offset: u, ...chroma },
    { offset: u + chroma.width * chroma.height, ...chroma },
  ];
}

/** Noise in all three planes over the whole range, the same for the same seed. */
export function noise(width: number, height: number, seed: number): I420Image {
  const random = seededRandom(seed);
  const length = planesOfImage(width, height).reduce((sum, plane) => sum + plane.width * plane.height, 0);
  return { width, height, samples: Uint8Array.from({ length }, () => random() * 256) };
}

/** The greatest distance of any sample, in levels; Infinity where there are not as many samples. */
export function distance(actual: ArrayLike<number>, { samples }: I420Image): number {
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

/** A source frame with these samples; what lies between rows is 255, so that it shows when it is read. */
export function toFrame(arena: Arena, { width, height, samples }: I420Image, ms = 0): Frame {
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
