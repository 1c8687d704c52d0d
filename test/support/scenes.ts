/** Luma scenes as functions of place, and the thumbnails of them. */
import { planeLayout } from '../../src/media/frame.ts';
import { Thumbnail } from '../../src/pairing/thumbnail.ts';
import { seededRandom } from './random.ts';

/**
 * Pictures are described at 640 × 360; the detector reads 256 × 144 points of them, so no more are
 * computed.
 */
export const FULL = planeLayout(640, 360);
const POINTS = planeLayout(256, 144);

/** Luma at a place of the 640 × 360 picture. */
export type Scene = (x: number, y: number) => number;

/** A smooth scene with structure at all scales, from a seed. */
export function scene(seed: number, mean = 120, contrast = 1): Scene {
  const random = seededRandom(seed);
  const waves = Array.from({ length: 5 }, () => ({
    kx: (random() - 0.5) * 0.12,
    ky: (random() - 0.5) * 0.12,
    phase: random() * 6.28,
    size: 6 + random() * 21,
  }));
  return (x, y) => {
    let sum = mean;
    for (const { kx, ky, phase, size } of waves) sum += contrast * size * Math.sin(kx * x + ky * y + phase);
    return sum;
  };
}

/** What the detector sees of it. */
export function thumbnail(picture: Scene, layout = POINTS): Thumbnail {
  const scale = layout === POINTS ? 2.5 : 1;
  const bytes = new Uint8Array(layout.bytes).fill(128);
  for (let y = 0; y < layout.height; y++) {
    for (let x = 0; x < layout.width; x++) {
      bytes[y * layout.strideY + x] = Math.max(0, Math.min(255, Math.round(picture(x * scale, y * scale))));
    }
  }
  const thumb = new Thumbnail();
  thumb.read(bytes, layout);
  return thumb;
}

/** Moves a scene. */
export const shift =
  (picture: Scene, dx: number, dy = 0): Scene =>
  (x, y) =>
    picture(x - dx, y - dy);
/** A dissolve: t of `b`. */
export const mix =
  (a: Scene, b: Scene, t: number): Scene =>
  (x, y) =>
    (1 - t) * a(x, y) + t * b(x, y);
/** Adds levels. */
export const brighter =
  (picture: Scene, by: number): Scene =>
  (x, y) =>
    picture(x, y) + by;

/** Adds noise of ± `level`, different for each `seed`. */
export function noisy(picture: Scene, level: number, seed: number): Scene {
  const random = seededRandom(seed);
  return (x, y) => picture(x, y) + (random() * 2 - 1) * level;
}
