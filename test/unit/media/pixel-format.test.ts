import { describe, expect, it } from 'vitest';
import type { SampleForm } from '../../../src/media/deep-layout.ts';
import { nameOfSampling, pixelFormatOf, planarFormat } from '../../../src/media/pixel-format.ts';

const yuv = (bits: number, shiftX: number, shiftY: number, alpha = false): SampleForm => {
  return { model: 'yuv', bits, shiftX, shiftY, alpha };
};
const flat = (model: 'rgb' | 'grey', bits: number, alpha = false): SampleForm => {
  return { model, bits, shiftX: 0, shiftY: 0, alpha };
};

describe('pixelFormatOf', () => {
  it.each<[string, SampleForm]>([
    ['yuv420p', yuv(8, 1, 1)],
    ['yuvj422p', yuv(8, 1, 0)],
    ['yuv440p12be', yuv(12, 0, 1)],
    ['yuv411p', yuv(8, 2, 0)],
    ['yuv410p', yuv(8, 2, 2)],
    ['yuva444p16le', yuv(16, 0, 0, true)],
    ['nv12', yuv(8, 1, 1)],
    ['nv24', yuv(8, 0, 0)],
    ['p010le', yuv(10, 1, 1)],
    ['y210le', yuv(10, 1, 0)],
    ['uyyvyy411', yuv(8, 2, 0)],
    ['vuya', yuv(8, 0, 0, true)],
    ['gray', flat('grey', 8)],
    ['gray10le', flat('grey', 10)],
    ['ya8', flat('grey', 8, true)],
    ['ya16be', flat('grey', 16, true)],
    ['gbrp', flat('rgb', 8)],
    ['gbrap14le', flat('rgb', 14, true)],
    ['rgb24', flat('rgb', 8)],
    ['0bgr', flat('rgb', 8)],
    ['bgra', flat('rgb', 8, true)],
    ['rgb48be', flat('rgb', 16)],
    ['rgba64le', flat('rgb', 16, true)],
    ['x2rgb10le', flat('rgb', 10)],
    ['rgb565be', flat('rgb', 8)],
    ['pal8', flat('rgb', 8, true)],
    ['monow', flat('rgb', 8)],
  ])('%s', (name, form) => {
    expect(pixelFormatOf(name)).toEqual({ form });
  });

  it('says what it leaves of floating-point, raw and XYZ samples', () => {
    expect(pixelFormatOf('gbrapf32le')).toEqual({ form: flat('rgb', 16, true), beyond: 'floating-point samples' });
    expect(pixelFormatOf('grayf16le')).toEqual({ form: flat('grey', 16), beyond: 'floating-point samples' });
    expect(pixelFormatOf('bayer_rggb8')).toEqual({ form: flat('rgb', 8), beyond: "the sensor's raw pattern" });
    expect(pixelFormatOf('xyz12le')).toEqual({ form: flat('rgb', 16), beyond: 'XYZ samples' });
  });

  it.each(['cuda', 'vaapi', 'gray32le', 'rgb96le', 'none', ''])('knows nothing of "%s"', (name) => {
    expect(pixelFormatOf(name)).toBeUndefined();
  });
});

it('names the planar format of every form, which holds it', () => {
  for (const alpha of [false, true]) {
    for (const bits of [8, 9, 10, 12, 14, 16]) {
      const chroma = [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
        [2, 0],
        [2, 2],
      ] as const;
      const forms = [
        ...chroma.map(([x, y]) => yuv(bits, x, y, alpha)),
        flat('rgb', bits, alpha),
        flat('grey', bits, alpha),
      ];
      for (const form of forms) expect(pixelFormatOf(planarFormat(form)), planarFormat(form)).toEqual({ form });
    }
  }
});

it('calls chroma what people call it', () => {
  expect([yuv(8, 1, 1), yuv(8, 0, 1), yuv(8, 2, 0), flat('rgb', 8), flat('grey', 8)].map(nameOfSampling)).toEqual([
    ...['4:2:0', '4:4:0', '4:1:1', 'RGB', 'grey'],
  ]);
});
