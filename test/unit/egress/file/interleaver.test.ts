import { describe, expect, it } from 'vitest';
import { Interleaver } from '../../../../src/egress/file/interleaver.ts';
import { seededRandom } from '../../../support/random.ts';

describe('Interleaver', () => {
  it('puts packets where their times are, in whatever order they come; equals stay in order', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = seededRandom(seed);
      const waiting = new Interleaver<{ at: number; nth: number }>();
      const out: { at: number; nth: number }[] = [];
      for (let nth = 0; nth < 40; nth++) {
        const at = Math.floor(random() * 10);
        waiting.add({ at, nth }, at, 1);
      }
      for (let video = -1; video <= 5; video++) {
        const before = [...waiting.until(video)];
        expect(before.every(({ at }) => at === video || (video === -1 && at <= -1))).toBe(true);
        out.push(...before);
      }
      out.push(...waiting.rest());
      expect(out).toHaveLength(40);
      expect(out).toEqual(out.toSorted((a, b) => a.at - b.at || a.nth - b.nth));
    }
  });

  it('holds no more than its room, and drops nothing', () => {
    const waiting = new Interleaver<number>(100);
    const out: number[] = [];
    for (let i = 0; i < 50; i++) {
      waiting.add(i, i, 10);
      out.push(...waiting.excess());
      expect(i + 1 - out.length).toBeLessThanOrEqual(10);
    }
    expect([...out, ...waiting.rest()]).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});
