import { describe, expect, it } from 'vitest';
import { fromMs, ZERO } from '../../src/time.ts';
import { TokenBucket } from '../../src/token-bucket.ts';
import { seededRandom } from '../support/random.ts';

describe('a token bucket', () => {
  it('lets a burst of its capacity through and nothing more', () => {
    const bucket = new TokenBucket({ perSecond: 10, capacity: 3 });
    const taken = Array.from({ length: 5 }, () => bucket.take(1, ZERO));
    expect(taken).toEqual([true, true, true, false, false]);
  });

  it('takes none when there are too few, so that a smaller request still passes', () => {
    const bucket = new TokenBucket({ perSecond: 1, capacity: 10 });
    expect(bucket.take(11, ZERO)).toBe(false);
    expect(bucket.take(10, ZERO)).toBe(true);
  });

  it('fills up again with time, to its capacity at most', () => {
    const bucket = new TokenBucket({ perSecond: 10, capacity: 5 });
    bucket.take(5, ZERO);
    expect(bucket.take(1, fromMs(99))).toBe(false);
    expect(bucket.take(1, fromMs(100))).toBe(true);
    expect(bucket.take(6, fromMs(3_600_000))).toBe(false);
    expect(bucket.take(5, fromMs(3_600_000))).toBe(true);
  });

  it('never passes more than capacity and rate allow, however requests come', () => {
    const next = seededRandom(7);
    const bucket = new TokenBucket({ perSecond: 100, capacity: 20 });
    let [now, passed] = [0, 0];
    for (let i = 0; i < 5000; i += 1) {
      // Times stand still and jump.
      now += next() < 0.5 ? 0 : next() * 20;
      const tokens = Math.ceil(next() * 8);
      if (bucket.take(tokens, fromMs(now))) passed += tokens;
      expect(passed).toBeLessThanOrEqual(20 + (now / 1000) * 100 + 1e-6);
    }
    expect(passed).toBeGreaterThan((now / 1000) * 100 * 0.9);
  });
});
