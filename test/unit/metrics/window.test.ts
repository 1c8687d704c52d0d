import { describe, expect, it } from 'vitest';
import { Cadence, RecentValues, SlidingSum } from '../../../src/metrics/window.ts';
import { fromMs, micros } from '../../../src/time.ts';

const WINDOW = fromMs(5000);

describe('SlidingSum', () => {
  it('forgets what is older than the window', () => {
    const sum = new SlidingSum(WINDOW);
    sum.add(3, fromMs(0));
    sum.add(4, fromMs(2600));
    expect(sum.sum(fromMs(4900))).toBe(7);
    expect(sum.sum(fromMs(5600))).toBe(4);
    expect(sum.sum(fromMs(60_000))).toBe(0);
  });

  it('gives the rate of complete buckets, from the first value on', () => {
    const sum = new SlidingSum(WINDOW);
    expect(sum.perSecond(fromMs(100))).toBe(0);
    for (let ms = 0; ms < 20_000; ms += 10) {
      sum.add(25, fromMs(ms));
      if (ms >= 1000) expect(sum.perSecond(fromMs(ms))).toBeCloseTo(2500, 6);
    }
    expect(sum.perSecond(fromMs(40_000))).toBe(0);
  });
});

describe('RecentValues', () => {
  it('gives nearest-rank quantiles of the window', () => {
    const values = new RecentValues(WINDOW);
    for (let i = 1; i <= 100; i += 1) values.add(101 - i, fromMs(i));
    expect(values.quantiles(fromMs(200), [0.5, 0.95, 1])).toEqual([50, 95, 100]);
  });

  it('is empty again after the window', () => {
    const values = new RecentValues(WINDOW);
    expect(values.quantiles(fromMs(0), [0.5])).toBeUndefined();
    values.add(7, fromMs(0));
    expect(values.quantiles(fromMs(5000), [0.5])).toEqual([7]);
    expect(values.quantiles(fromMs(5001), [0.5])).toBeUndefined();
  });

  it('keeps the newest values when there are more than it holds', () => {
    const values = new RecentValues(WINDOW, 4);
    for (let i = 0; i < 11; i += 1) values.add(i, fromMs(i));
    expect(values.quantiles(fromMs(11), [0, 1])).toEqual([7, 10]);
  });
});

describe('Cadence', () => {
  it('is exact for an even cadence, whenever it is read', () => {
    const cadence = new Cadence(WINDOW);
    for (let i = 0; i < 1000; i += 1) {
      cadence.mark(micros((i * 1e6) / 60));
      if (i > 0) expect(cadence.perSecond(micros((i * 1e6) / 60 + 4000))).toBeCloseTo(60, 2);
    }
  });

  it('falls when the next event is overdue and ends at zero', () => {
    const cadence = new Cadence(WINDOW);
    for (let i = 0; i < 300; i += 1) cadence.mark(fromMs(i * 20));
    const last = 299 * 20;
    expect(cadence.perSecond(fromMs(last + 20))).toBeCloseTo(50, 6);
    const late = cadence.perSecond(fromMs(last + 2500));
    expect(late).toBeGreaterThan(20);
    expect(late).toBeLessThan(35);
    expect(cadence.perSecond(fromMs(last + 6000))).toBe(0);
  });

  it('is right at once after a long pause', () => {
    const cadence = new Cadence(WINDOW);
    cadence.mark(fromMs(0));
    for (let i = 0; i < 10; i += 1) cadence.mark(fromMs(60_000 + i * 40));
    expect(cadence.perSecond(fromMs(60_360))).toBeCloseTo(25, 6);
  });
});
