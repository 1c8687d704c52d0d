import { describe, expect, it } from 'vitest';
import { ImagePattern, missingNumbers } from '../../../src/media/image-pattern.ts';

describe('ImagePattern', () => {
  it.each([
    ['frames/%06d.png', 7, 'frames/000007.png'],
    ['frames/%06d.png', 1_234_567, 'frames/1234567.png'],
    ['%d.png', 12, '12.png'],
    ['a/shot_%03d_v2.png', 4, 'a/shot_004_v2.png'],
    ['100%%/x.png', undefined, undefined],
    ['a/50%%_%02d.png', 3, 'a/50%_03.png'],
    ['plain.png', undefined, undefined],
  ])('%s, %s: %s', (text, number, path) => {
    if (text.startsWith('100')) return expect(() => ImagePattern.parse(text)).toThrow('no pattern');
    const pattern = ImagePattern.parse(text);
    expect(number === undefined ? pattern : pattern?.path(number)).toBe(path);
  });

  it.each(['%s.png', 'a%.png', '%d_%d.png', '%04d/%04d.png', '%d/1.png', '%6d.png', '%-3d.png', '%x.png', '%099d.png'])(
    '%s: one whole number with zeros before it, and nothing else',
    (text) => {
      expect(() => ImagePattern.parse(text)).toThrow(
        expect.objectContaining({ code: 'config.invalid', remedy: expect.stringContaining('frames/%06d.png') }),
      );
    },
  );

  it('finds its own files among others, by number', () => {
    const pattern = ImagePattern.parse('f/a%03d.png');
    const names = [
      'a010.png',
      'a002.png',
      'a1000.png',
      'a01.png',
      'a0003.png',
      'b002.png',
      'a002.jpg',
      'a.png',
      'a-01.png',
    ];
    expect(pattern?.numbers(names)).toEqual([2, 10, 1000]);
  });

  it.each([
    ['f/a003.png', 'f/a%03d.png', 3],
    ['f/a12.png', 'f/a%d.png', 12],
    ['f/v2_0001.tif', 'f/v2_%04d.tif', 1],
    ['7.jpg', '%d.jpg', 7],
  ])('%s is one of %s', (path, text, number) => {
    const found = ImagePattern.ofFile(path);
    expect([found?.pattern.text, found?.number, found?.pattern.path(number)]).toEqual([text, number, path]);
  });

  it.each(['a.png', 'a1b.png', 'a1', 'a1.mp4x1'])('%s has no number before its ending', (path) => {
    expect(ImagePattern.ofFile(path)).toBeUndefined();
  });
});

describe('missingNumbers', () => {
  it.each([
    [[], []],
    [[5], []],
    [[1, 2, 3], []],
    [
      [1, 3, 4, 8],
      [
        [2, 2],
        [5, 7],
      ],
    ],
  ])('%j: %j', (numbers, gaps) => expect(missingNumbers(numbers)).toEqual(gaps));
});
