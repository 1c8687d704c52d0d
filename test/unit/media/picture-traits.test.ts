import { expect, test } from 'vitest';
import { displayWidth, sameTraits, sampleAspect } from '../../../src/media/picture-traits.ts';

test.each([
  [16, 11, { num: 16, den: 11 }],
  [64, 44, { num: 16, den: 11 }],
  [1, 1, undefined],
  [4320, 4320, undefined],
  [0, 1, undefined],
  [1, 0, undefined],
  [0, 0, undefined],
  [-16, 11, undefined],
  [65_535, 1, undefined],
  [1, 65_535, undefined],
  [8, 1, { num: 8, den: 1 }],
])('a sample of %i:%i', (num, den, expected) => {
  expect(sampleAspect(num, den)).toEqual(expected);
});

test.each([
  [720, { num: 64, den: 45 }, 1024],
  [1440, { num: 4, den: 3 }, 1920],
  [640, undefined, 640],
])('%i samples are shown as wide as %o makes them', (width, aspect, expected) => {
  expect(displayWidth(width, aspect)).toBe(expected);
});

test('what is absent is the same as what is usual', () => {
  const colour = { matrix: 'bt601', range: 'full' } as const;
  expect(sameTraits({ colour }, { colour, interlaced: false })).toBe(true);
  expect(sameTraits({ colour }, { colour, interlaced: true })).toBe(false);
  expect(sameTraits({ colour }, { colour: { ...colour, range: 'limited' } })).toBe(false);
  expect(sameTraits({ colour }, { colour, sampleAspect: { num: 4, den: 3 } })).toBe(false);
  expect(sameTraits({ colour }, undefined)).toBe(false);
  expect(sameTraits(undefined, undefined)).toBe(true);
});

test('how a file stores its pictures counts', () => {
  const colour = { matrix: 'bt601', range: 'full' } as const;
  const codes = { matrix: 1, primaries: 1, transfer: 1, range: 'full', chromaLocation: 1 } as const;
  const form = { model: 'yuv', bits: 10, shiftX: 1, shiftY: 0, alpha: false } as const;
  const stored = { form, codes, hdr: { light: new Uint8Array([1, 2]) } };
  expect(
    sameTraits({ colour, stored }, { colour, stored: { ...stored, hdr: { light: new Uint8Array([1, 2]) } } }),
  ).toBe(true);
  expect(sameTraits({ colour, stored }, { colour })).toBe(false);
  for (const other of [
    { ...stored, form: { ...form, bits: 12 } },
    { ...stored, codes: { ...codes, transfer: 16 } },
    { ...stored, hdr: { light: new Uint8Array([1, 3]) } },
    { ...stored, hdr: { mastering: new Uint8Array([1, 2]) } },
    { ...stored, left: ['an ICC colour profile'] },
  ]) {
    expect(sameTraits({ colour, stored }, { colour, stored: other })).toBe(false);
  }
});
