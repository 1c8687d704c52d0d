import { describe, expect, it } from 'vitest';
import { bitsPerSecond, imageRate } from '../../../../src/commands/convert/values.ts';

describe('bitsPerSecond', () => {
  it.each([
    ['6M', 6e6],
    ['800k', 800e3],
    ['1.5m', 1.5e6],
    ['2500000', 2.5e6],
  ])('%s', (text, value) => expect(bitsPerSecond(text)).toBe(value));

  it.each(['', 'six', '6 M', '-6M', '6MB', '6e6', '1,5M'])('"%s" is none', (text) => {
    expect(() => bitsPerSecond(text)).toThrow('expected bits per second');
  });
});

describe('imageRate', () => {
  it.each([
    ['24', 24, 1],
    ['23.976', 24_000, 1001],
    ['24000/1001', 24_000, 1001],
    ['1/90', 1, 90],
    ['0.5', 1, 2],
  ])('%s', (text, num, den) => expect(imageRate(text)).toEqual({ num, den }));

  it.each(['', '0', '24/0', '-24', '1001', 'film', '24fps'])('"%s" is none', (text) => {
    expect(() => imageRate(text)).toThrow('expected images per second');
  });
});
