import { describe, expect, it } from 'vitest';
import { PresentationTimes } from '../../../../src/ingest/file/presentation.ts';
import { type Micros, micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';

const INTERVAL = micros(40_000);

/** The times that stamps in milliseconds get, in milliseconds; items must stay in order. */
function play(stamps: readonly number[]): number[] {
  const times = new PresentationTimes<number>();
  const out = stamps.flatMap((stamp, i) => times.push(i, micros(stamp * 1000), INTERVAL));
  out.push(...times.end(INTERVAL));
  expect(out.map((timed) => timed.item)).toEqual(stamps.map((_, i) => i));
  return out.map((timed) => timed.pts / 1000);
}

describe('PresentationTimes', () => {
  it.each<[string, number[], number[]]>([
    ['good stamps as they are', [-80, -40, 0, 45, 79], [-80, -40, 0, 45, 79]],
    ['doubled ones spread', [0, 0, 80, 80, 160], [0, 40, 80, 120, 160]],
    ['ones that a muxer moved by a tick', [0, 1, 80, 81, 160], [0, 40, 80, 120, 160]],
    ['one that goes back', [0, 40, 20, 120], [0, 40, 80, 120]],
    ['the last ones at the usual interval', [0, 40, 40, 40], [0, 40, 80, 120]],
    ['many equal ones', [0, 0, 0, 0, 160], [0, 40, 80, 120, 160]],
  ])('%s', (_, stamps, expected) => {
    expect(play(stamps)).toEqual(expected);
  });

  it('any stamps at all: times only increase, and every frame has one', () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = seededRandom(seed);
      const out = play(
        Array.from({ length: 100 }, (_, i) => Math.floor(i * 40 + (random() < 0.3 ? random() * 2e4 - 1e4 : 0))),
      );
      for (let i = 1; i < out.length; i += 1) expect(out[i]).toBeGreaterThan(out[i - 1] ?? 0);
    }
  });

  it('gives back what waits', () => {
    const times = new PresentationTimes<string>();
    const at: Micros = micros(0);
    times.push('a', at, INTERVAL);
    times.push('b', at, INTERVAL);
    expect(times.clear()).toEqual(['b']);
    expect(times.mended).toBe(1);
  });
});
