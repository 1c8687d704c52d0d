import { describe, expect, it } from 'vitest';
import { growth, powerLaw, quantile, rounded, spread } from './statistics.ts';

describe('quantile', () => {
  it('is the nearest rank, whatever the order', () => {
    expect(quantile([5, 1, 4, 2, 3], 0.5)).toBe(3);
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
    expect(
      quantile(
        Array.from({ length: 100 }, (_, i) => i + 1),
        0.99,
      ),
    ).toBe(99);
    expect(quantile([7], 0)).toBe(7);
    expect(quantile([7], 1)).toBe(7);
  });

  it('is no number without values, and null in a report', () => {
    expect(quantile([], 0.5)).toBeNaN();
    expect(spread((share) => quantile([], share))).toEqual({ p50: null, p95: null, p99: null });
    expect(rounded(Number.POSITIVE_INFINITY)).toBeNull();
    expect(rounded(1.23456)).toBe(1.23);
  });
});

describe('growth', () => {
  it('compares the medians of the first and the last quarter', () => {
    expect(growth([100, 101, 999, 150, 150, 150, 150, 150, 150, 110, 1, 111])).toEqual({
      first: 101,
      last: 110,
      percent: expect.closeTo(8.91, 2),
    });
  });

  it('is negative for what shrinks and not known from too few samples', () => {
    expect(growth([200, 0, 0, 100])?.percent).toBe(-50);
    expect(growth([1, 2, 3])).toBeUndefined();
  });
});

describe('powerLaw', () => {
  it('finds the exponent', () => {
    expect(powerLaw([1e5, 2e5, 9e5].map((pixels) => [pixels, 3 * pixels]))).toBeCloseTo(1, 9);
    expect(powerLaw([1e5, 2e5, 9e5].map((pixels) => [pixels, pixels ** 1.5]))).toBeCloseTo(1.5, 9);
  });

  it('needs two sizes', () => {
    expect(powerLaw([[1e5, 3]])).toBeNaN();
  });
});
