import { expect, it } from 'vitest';
import { deepLayout, fitsI420, type SampleForm, sameForm } from '../../../src/media/deep-layout.ts';

const YUV422P10: SampleForm = { model: 'yuv', bits: 10, shiftX: 1, shiftY: 0, alpha: false };

it.each<[SampleForm, [number, number][]]>([
  [
    YUV422P10,
    [
      [33, 17],
      [17, 17],
      [17, 17],
    ],
  ],
  [
    { ...YUV422P10, shiftY: 1, alpha: true },
    [
      [33, 17],
      [17, 9],
      [17, 9],
      [33, 17],
    ],
  ],
  [{ model: 'grey', bits: 12, shiftX: 0, shiftY: 0, alpha: false }, [[33, 17]]],
  [
    { model: 'rgb', bits: 8, shiftX: 0, shiftY: 0, alpha: true },
    [
      [33, 17],
      [33, 17],
      [33, 17],
      [33, 17],
    ],
  ],
])('gives %j its planes, none over another', (form, sizes) => {
  const { planes, bytes } = deepLayout(form, 33, 17);
  expect(planes.map(({ width, height }) => [width, height])).toEqual(sizes);
  let end = 0;
  for (const { offset, stride, width, height } of planes) {
    expect(offset).toBe(end);
    expect(offset % 64).toBe(0);
    expect(stride).toBeGreaterThanOrEqual(2 * width);
    end += stride * height;
  }
  expect(bytes).toBe(end + 64);
});

it('knows what I420 holds, and which forms are the same', () => {
  expect(fitsI420({ model: 'yuv', bits: 8, shiftX: 1, shiftY: 1, alpha: false })).toBe(true);
  expect(fitsI420(YUV422P10)).toBe(false);
  expect(fitsI420({ model: 'grey', bits: 8, shiftX: 0, shiftY: 0, alpha: false })).toBe(true);
  expect(fitsI420({ model: 'grey', bits: 8, shiftX: 0, shiftY: 0, alpha: true })).toBe(false);
  expect(fitsI420({ model: 'rgb', bits: 8, shiftX: 0, shiftY: 0, alpha: false })).toBe(false);
  expect(sameForm(YUV422P10, { ...YUV422P10 })).toBe(true);
  expect(sameForm(YUV422P10, { ...YUV422P10, bits: 12 })).toBe(false);
  expect(sameForm(undefined, undefined)).toBe(true);
  expect(sameForm(YUV422P10, undefined)).toBe(false);
});
