import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fillFrame, fillRgb, lumaWeights, type RgbImage } from '../../../../src/interp/networks/rgb-colour.ts';
import { Arena } from '../../../../src/media/arena.ts';
import { distance, type I420Image, noise, samplesOf, toFrame } from '../../../support/i420-images.ts';
import { BT601, BT709, colourAt, imageOf } from '../../../support/rgb-scalar.ts';

let arena: Arena;
beforeEach(() => {
  arena = new Arena(16);
});
afterEach(() => {
  expect(arena.liveFrames).toBe(0);
});

const blank = (width: number, height: number, half = false): RgbImage => ({
  samples: half ? new Float16Array(3 * width * height) : new Float32Array(3 * width * height),
  width,
  height,
});

/** The image as RGB, padded to a size. */
function converted(source: I420Image, width: number, height: number, half = false): RgbImage {
  const rgb = blank(width, height, half);
  const frame = toFrame(arena, source);
  fillRgb(rgb, arena.u8, frame.offset, frame.layout, lumaWeights(source.height));
  frame.release();
  return rgb;
}

/** What comes back of an image, and whether it was all numbers. */
function back(rgb: RgbImage, width: number, height: number): { samples: Uint8Array; finite: boolean } {
  const frame = toFrame(arena, noise(width, height, 99));
  const clamped = new Uint8ClampedArray(arena.memory.buffer);
  const finite = fillFrame(clamped, frame.offset, frame.layout, rgb, lumaWeights(height));
  const samples = samplesOf(frame);
  frame.release();
  return { samples, finite };
}

const SIZES = [
  [64, 32, 64, 32],
  [322, 182, 352, 192],
  [33, 17, 64, 32],
  [1, 1, 32, 32],
  [16, 720, 32, 736],
] as const;

describe('fillRgb', () => {
  it.each(SIZES)('agrees with the published matrices at %d × %d, padded to %d × %d', (w, h, width, height) => {
    const source = noise(w, h, 1);
    const { samples } = converted(source, width, height);
    const matrix = h >= 720 ? BT709 : BT601;
    let worst = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const wanted = colourAt(source, Math.min(x, w - 1), Math.min(y, h - 1), matrix);
        wanted.forEach((value, plane) => {
          worst = Math.max(worst, Math.abs(value - (samples[plane * width * height + y * width + x] ?? Number.NaN)));
        });
      }
    }
    expect(worst).toBeLessThan(2e-6);
  });

  it('makes white of 255 and black of 0, and keeps what is outside of the cube', () => {
    const pixel = (y: number, u: number, v: number): number[] => [
      ...converted({ width: 1, height: 1, samples: [y, u, v] }, 1, 1).samples,
    ];
    expect(pixel(255, 128, 128)).toEqual([1, 1, 1]);
    expect(pixel(0, 128, 128)).toEqual([0, 0, 0]);
    expect(pixel(255, 128, 255)[0]).toBeGreaterThan(1.6);
    expect(pixel(0, 0, 128)[2]).toBeLessThan(-0.8);
  });
});

describe('fillFrame', () => {
  it.each(SIZES)(
    'gives back exactly what fillRgb made of %d × %d samples, padded to %d × %d',
    (w, h, width, height) => {
      for (const half of [false, true]) {
        const source = noise(w, h, 2);
        const { samples, finite } = back(converted(source, width, height, half), w, h);
        expect([distance(samples, source), finite]).toEqual([0, true]);
      }
    },
  );

  it.each([
    [40, 24],
    [41, 23],
  ])('rounds and clips colours of %d × %d pixels', (width, height) => {
    const rgb = blank(48, 32);
    const values = noise(48, 64, 3).samples;
    // −0.5 … 1.5: half of it outside of the cube.
    for (let i = 0; i < rgb.samples.length; i++) rgb.samples[i] = (values[i] ?? 0) / 127.5 - 0.5;
    const at = (plane: number, x: number, y: number): number => rgb.samples[(plane * 32 + y) * 48 + x] ?? Number.NaN;
    const wanted = imageOf(width, height, (x, y) => [at(0, x, y), at(1, x, y), at(2, x, y)]);
    const { samples, finite } = back(rgb, width, height);
    expect(distance(samples, wanted)).toBeLessThan(0.501);
    expect(finite).toBe(true);
    expect([Math.min(...samples), Math.max(...samples)]).toEqual([0, 255]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('tells of a single %d', (value) => {
    for (const half of [false, true]) {
      for (const plane of [0, 1, 2]) {
        const rgb = converted(noise(20, 10, 4), 32, 32, half);
        rgb.samples[(plane * 32 + 9) * 32 + 19] = value;
        expect(back(rgb, 20, 10).finite).toBe(false);
      }
    }
  });

  it('does not look at the padding', () => {
    const source = noise(20, 10, 5);
    const rgb = converted(source, 32, 32);
    for (let i = 0; i < rgb.samples.length; i++) {
      const [x, y] = [i % 32, Math.floor(i / 32) % 32];
      if (x >= 20 || y >= 10) rgb.samples[i] = Number.NaN;
    }
    const { samples, finite } = back(rgb, 20, 10);
    expect([distance(samples, source), finite]).toEqual([0, true]);
  });
});
