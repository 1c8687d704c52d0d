import { describe, expect, it } from 'vitest';
import { TickClock } from '../../../../src/egress/file/tick.ts';
import { micros } from '../../../../src/time.ts';

const RATES = [
  [24, 1],
  [24000, 1001],
  [48000, 1001],
  [60000, 1001],
  [120000, 1001],
  [25, 1],
  [60, 1],
  [240, 1],
  [15, 2],
  [617, 10],
  [1, 90],
  [59940, 1000],
] as const;

describe('TickClock', () => {
  it.each(RATES)('%i/%i: every frame of a day is a whole number of ticks, exactly', (num, den) => {
    const clock = new TickClock({ num, den }, false);
    const { base, interval } = clock;
    // A frame's ticks are a frame's time: no rounding.
    expect(BigInt(interval) * BigInt(base.num) * BigInt(num)).toBe(BigInt(base.den) * BigInt(den));
    const day = Math.floor((86_400 * num) / den);
    for (const frame of [0, 1, 2, 3, 7, 1000, 86_399, day - 1, day]) {
      const at = micros((frame * 1e6 * den) / num);
      expect(clock.of(at)).toBe(BigInt(frame) * BigInt(interval));
    }
    // Muxers take a 31-bit number.
    expect(base.den).toBeLessThan(2 ** 31);
  });

  it.each(RATES)('%i/%i: times off the grid are kept to 6 µs', (num, den) => {
    const clock = new TickClock({ num, den }, false);
    const { base } = clock;
    for (const at of [5, 1234, 333_333, 1_000_007, 7_200_123_456]) {
      const seconds = (Number(clock.of(micros(at))) * base.num) / base.den;
      expect(Math.abs(seconds * 1e6 - at)).toBeLessThanOrEqual(6);
    }
  });

  it.each(RATES)('%i/%i: counting frames, a tick is one', (num, den) => {
    const clock = new TickClock({ num, den }, true);
    expect(clock.interval).toBe(1);
    expect(BigInt(clock.base.num) * BigInt(num)).toBe(BigInt(clock.base.den) * BigInt(den));
    for (const frame of [0, 1, 2, 500, 12_345]) expect(clock.of(micros((frame * 1e6 * den) / num))).toBe(BigInt(frame));
  });

  it('takes a rate in lowest terms', () => {
    expect(new TickClock({ num: 59_940, den: 1000 }, true).fps).toEqual({ num: 2997, den: 50 });
  });
});
