import { describe, expect, it } from 'vitest';
import { fillDeepFromRgba, fillFromRgba, hasRgb, RGB_FORM, rgbOf, rgbOfI420 } from '../../../src/eval/rgb.ts';
import { Arena } from '../../../src/media/arena.ts';
import { Frame, SOURCE } from '../../../src/media/frame.ts';
import { ZERO } from '../../../src/time.ts';

const INFO = { pts: ZERO, arrival: ZERO, capture: ZERO, discontinuity: false, provenance: SOURCE };

/** A frame of these pixels; `deep`: with its colours beside I420. */
function frameOf(width: number, height: number, rgba: Uint8Array, deep: boolean): Frame {
  const frame = Frame.allocate(new Arena(16), width, height, INFO, deep ? RGB_FORM : undefined);
  fillFromRgba(frame.bytes, frame.layout, rgba);
  if (frame.deep) fillDeepFromRgba(frame.deep.bytes, frame.deep.layout, rgba);
  return frame;
}

const pixels = (width: number, height: number, at: (x: number, y: number) => readonly number[]): Uint8Array =>
  Uint8Array.from({ length: 4 * width * height }, (_, k) => {
    const i = k >> 2;
    return k % 4 === 3 ? 255 : (at(i % width, Math.floor(i / width))[k % 4] ?? 0);
  });

describe('the colours of a frame', () => {
  it('that holds them beside I420 are those of the picture, odd sizes included', () => {
    const rgba = pixels(19, 17, (x, y) => [x * 13, y * 15, (x * y) % 256]);
    const frame = frameOf(19, 17, rgba, true);
    expect(hasRgb(frame)).toBe(true);
    const { planes } = rgbOf(frame);
    for (const [c, plane] of planes.entries()) {
      expect([...plane]).toEqual(Array.from({ length: 19 * 17 }, (_, i) => rgba[4 * i + c]));
    }
  });

  it('of I420 are those of the picture where these are even, within rounding', () => {
    const rgba = pixels(16, 16, () => [200, 40, 90]);
    const frame = frameOf(16, 16, rgba, false);
    expect(hasRgb(frame)).toBe(false);
    const { planes } = rgbOf(frame);
    for (const [c, wanted] of [200, 40, 90].entries()) {
      for (const value of planes[c] ?? []) expect(Math.abs(value - wanted)).toBeLessThanOrEqual(2);
    }
  });

  it('of grey I420 are grey, exactly', () => {
    const rgba = pixels(18, 16, (x, y) => Array(3).fill((x * 9 + y * 5) % 256));
    const { planes } = rgbOfI420(frameOf(18, 16, rgba, false));
    for (const plane of planes) expect([...plane]).toEqual(Array.from({ length: 18 * 16 }, (_, i) => rgba[4 * i]));
  });

  it('of I420 follow a slope of chroma: samples stand between two of luma', () => {
    const rgba = pixels(32, 16, (x) => [100 + 2 * x, 100, 100]);
    const red = rgbOfI420(frameOf(32, 16, rgba, false)).planes[0];
    for (let x = 2; x < 30; x++) expect(Math.abs((red[8 * 32 + x] ?? 0) - (100 + 2 * x))).toBeLessThanOrEqual(2);
  });
});
