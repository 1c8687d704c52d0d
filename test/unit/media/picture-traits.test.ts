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
