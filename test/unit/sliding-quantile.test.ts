import { describe, expect, it } from 'vitest';
import { SlidingQuantile } from '../../src/sliding-quantile.ts';
import { seededRandom } from '../support/random.ts';

const SHARES = [0, 0.05, 0.5, 0.9, 0.98, 1];

/** What a plain sort of the values says. */
function sorted(values: readonly number[], share: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)];
}

describe('SlidingQuantile', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))('seed %i: agrees with a sort of the window', (seed) => {
    const random = seededRandom(seed);
    const capacity = 1 + Math.floor(random() * 40);
    const span = random() < 0.5 ? 5 + 20 * random() : Number.POSITIVE_INFINITY;
    const window = new SlidingQuantile({ capacity, span });
    let kept: { value: number; at: number }[] = [];
    let at = 0;
    for (let i = 0; i < 2000; i++) {
      at += random() < 0.01 ? 30 : random();
      // Few different values, so that many are equal; now and then what no budget covers.
      const value = random() < 0.02 ? Number.POSITIVE_INFINITY : Math.floor(random() * 12) - 6;
      const what = random();
      if (what < 0.005) {
        window.clear();
        kept = [];
      } else if (what < 0.2) {
        window.replace(value, at);
        kept.pop();
        kept.push({ value, at });
      } else {
        window.observe(value, at);
        kept.push({ value, at });
      }
      kept = kept.filter((sample) => at - sample.at <= span).slice(-capacity);
      const values = kept.map((sample) => sample.value);
      expect(window.size).toBe(values.length);
      for (const share of SHARES) expect(window.quantile(share)).toBe(sorted(values, share));
    }
  });

  it('knows nothing before the first value', () => {
    const window = new SlidingQuantile({ capacity: 4 });
    expect([window.quantile(0.5), window.nth(0)]).toEqual([undefined, undefined]);
  });

  it('gives the values by rank, and none beyond them', () => {
    const window = new SlidingQuantile({ capacity: 4 });
    for (const value of [9, 3, 7]) window.observe(value);
    expect([-1, 0, 1, 2, 3].map((rank) => window.nth(rank))).toEqual([undefined, 3, 7, 9, undefined]);
  });
});
