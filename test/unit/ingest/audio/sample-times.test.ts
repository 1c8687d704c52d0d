import { describe, expect, it } from 'vitest';
import { SampleTimes, ticksOf } from '../../../../src/ingest/audio/sample-times.ts';

describe('ticksOf', () => {
  it.each([
    // RFC 6716 section 3.1: configuration in the upper five bits, frames in the lower two.
    [[(31 << 3) | 0, 1], 960],
    [[(28 << 3) | 0, 1], 120],
    [[(0 << 3) | 1, 1], 960],
    [[(3 << 3) | 0], 2880],
    [[(31 << 3) | 3, 0x83], 2880],
    [[(15 << 3) | 2, 1], 1920],
    [[], 0],
  ])('knows how long Opus %j lasts', (data, ticks) => expect(ticksOf('opus', Uint8Array.from(data))).toBe(ticks));

  it('never says more than 120 ms', () => expect(ticksOf('opus', Uint8Array.of((3 << 3) | 3, 63))).toBe(5760));
  it('counts the samples of G.711', () => expect(ticksOf('pcma', new Uint8Array(160))).toBe(160));
});

describe('SampleTimes', () => {
  it('evens out what a careless camera stamps', () => {
    const times = new SampleTimes('opus');
    const stamps = Array.from({ length: 500 }, (_, i) => 1000 + 960 * i + ((i * 37) % 200) - 100);
    const placed = stamps.map((stamp) => times.place(stamp, 960));
    expect(placed.slice(1).every((at, i) => at - (placed[i] ?? 0) === 960)).toBe(true);
  });

  it('keeps gaps: what is lost, and what was not sent because it was silent', () => {
    const times = new SampleTimes('opus');
    expect([0, 960, 4800, 5760, 24_960].map((stamp) => times.place(stamp, 960))).toEqual([0, 960, 4800, 5760, 24_960]);
  });

  it('lets no drift of the stamps add up', () => {
    const times = new SampleTimes('pcmu');
    // The stamps run 1 % too fast.
    for (let i = 0; i < 5000; i += 1) {
      const stamp = Math.round(i * 161.6);
      expect(Math.abs(times.place(stamp, 160) - stamp)).toBeLessThanOrEqual(0.045 * 8000);
    }
  });

  it('goes on across the end of 32 bits', () => {
    const times = new SampleTimes('opus');
    expect([2 ** 32 - 960, 30, 960].map((stamp) => times.place(stamp, 960))).toEqual([2 ** 32 - 960, 0, 960]);
  });
});
