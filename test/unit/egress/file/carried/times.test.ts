import { describe, expect, it } from 'vitest';
import { CopiedTimes, type TimeBase } from '../../../../../src/egress/file/carried/times.ts';
import { seededRandom } from '../../../../support/random.ts';

const BASES: readonly TimeBase[] = [
  { num: 1, den: 1000 },
  { num: 1, den: 90_000 },
  { num: 1, den: 44_100 },
  { num: 1, den: 48_000 },
  { num: 1001, den: 30_000 },
];
const seconds = (ticks: bigint, { num, den }: TimeBase): number => (Number(ticks) * num) / den;

describe('times of copied packets', () => {
  it('are the input’s to half a tick of either time base, moved by the shift, however long the film', () => {
    const random = seededRandom(7);
    for (const from of BASES) {
      for (const to of BASES) {
        const times = new CopiedTimes({ from, to });
        const shift = Math.round((random() - 0.5) * 1e9);
        for (let hour = 0; hour < 100; hour += 1) {
          const pts = BigInt(Math.round((hour * 3600 * from.den) / from.num) + Math.floor(random() * 1000));
          const { pts: out = 0n } = times.next({ pts, dts: undefined }, shift);
          const wrong = seconds(out, to) - seconds(pts, from) - shift / 1e6;
          expect(Math.abs(wrong)).toBeLessThanOrEqual(seconds(1n, to) / 2 + 1e-7);
        }
      }
    }
  });

  it('sound of two hours in milliseconds follows on to the sample, and drifts by less than a millisecond', () => {
    const [from, to] = [
      { num: 1, den: 1000 },
      { num: 1, den: 44_100 },
    ];
    const times = new CopiedTimes({ from, to, length: 1024n });
    let before: bigint | undefined;
    let resettled = 0;
    for (let i = 0; i < (7200 * 44_100) / 1024; i += 1) {
      const exact = (i * 1024) / 44_100 + 0.123;
      const { pts = 0n } = times.next({ pts: BigInt(Math.round(exact * 1000)), dts: undefined }, 0);
      expect(Math.abs(Number(pts) / 44_100 - exact)).toBeLessThan(0.001);
      if (before !== undefined && pts - before !== 1024n) resettled += 1;
      before = pts;
    }
    expect(resettled).toBeLessThanOrEqual(2);
  });

  it('a gap in the sound stays a gap', () => {
    const base = { num: 1, den: 44_100 };
    const times = new CopiedTimes({ from: { num: 1, den: 1000 }, to: base, length: 1024n });
    const at = (ms: number): bigint => times.next({ pts: BigInt(ms), dts: undefined }, 0).pts ?? 0n;
    expect([at(0), at(23), at(523), at(546)]).toEqual([0n, 1024n, 23_064n, 24_088n]);
  });

  it('decoding times increase, and nothing is shown before it is decoded', () => {
    const times = new CopiedTimes({ from: { num: 1, den: 90_000 }, to: { num: 1, den: 1000 } });
    const out = [0n, 10n, 20n, 30n, 180n].map((pts) => times.next({ pts, dts: pts }, 0));
    for (const [i, { pts, dts }] of out.entries()) {
      if (i > 0) expect(dts).toBeGreaterThan(out[i - 1]?.dts ?? 0n);
      expect(pts).toBeGreaterThanOrEqual(dts ?? 0n);
    }
  });

  it('what has no time gets none', () => {
    const times = new CopiedTimes({ from: { num: 1, den: 1000 }, to: { num: 1, den: 1000 } });
    expect(times.next({ pts: undefined, dts: undefined }, 5)).toEqual({ pts: undefined, dts: undefined });
  });
});
