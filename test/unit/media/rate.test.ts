import { describe, expect, it } from 'vitest';
import { exactRate, parseRate, perSecond, rateFrom, times } from '../../../src/media/rate.ts';

const FILM = { num: 24_000, den: 1001 };

describe('rateFrom', () => {
  it.each([
    [59.94, 60_000],
    [23.976, 24_000],
    [29.97, 30_000],
    [47.952, 48_000],
    [119.88, 120_000],
    [143.856, 144_000],
  ])('%d beside a source of the same family is %i/1001', (fps, num) => {
    expect(rateFrom(fps, FILM)).toEqual({ num, den: 1001 });
    expect(rateFrom(fps, { num: 30_000, den: 1001 })).toEqual({ num, den: 1001 });
    expect(rateFrom(fps, { num: 2997, den: 100 })).toEqual({ num, den: 1001 });
    expect(rateFrom(fps, undefined)).toEqual({ num, den: 1001 });
  });

  it('59.94 beside 25 or 30 is what it says; a fraction always is', () => {
    expect(rateFrom(59.94, { num: 25, den: 1 })).toEqual({ num: 2997, den: 50 });
    expect(rateFrom(59.94, { num: 30, den: 1 })).toEqual({ num: 2997, den: 50 });
    expect(rateFrom(60_000 / 1001, { num: 25, den: 1 })).toEqual({ num: 60_000, den: 1001 });
  });

  it.each([1, 24, 25, 30, 48, 50, 60, 100, 120, 144, 240])('%i is itself', (fps) => {
    expect(rateFrom(fps, FILM)).toEqual({ num: fps, den: 1 });
  });

  it.each([61.7, 12.5, 7.5, 33.333])('%d is a fraction that is that number', (fps) => {
    expect(perSecond(rateFrom(fps, FILM))).toBeCloseTo(fps, 9);
  });
});

describe('exactRate', () => {
  it('takes rounded rates for what they mean, and leaves others', () => {
    expect(exactRate({ num: 2997, den: 100 })).toEqual({ num: 30_000, den: 1001 });
    expect(exactRate({ num: 23_976, den: 1000 })).toEqual(FILM);
    expect(exactRate({ num: 50, den: 2 })).toEqual({ num: 25, den: 1 });
    expect(exactRate({ num: 92, den: 15 })).toEqual({ num: 92, den: 15 });
  });
});

it('times multiplies exactly', () => {
  expect(times(FILM, 2)).toEqual({ num: 48_000, den: 1001 });
  expect(times({ num: 25, den: 2 }, 4)).toEqual({ num: 50, den: 1 });
});

it('parseRate reads what people write', () => {
  expect(['60', ' 59.94 ', '60000/1001', '30:1'].map(parseRate)).toEqual([60, 59.94, 60_000 / 1001, 30]);
  expect(['', 'x', '1/0', '-1', '1e3'].map(parseRate)).toEqual(Array(5).fill(undefined));
});
