import { describe, expect, it } from 'vitest';
import { SoundClock } from '../../../../src/egress/audio/sound-clock.ts';
import { fromMs, micros, toMs } from '../../../../src/time.ts';

/** Pictures at 60 a second, delayed by `delayMs` at each time. */
function run(delayMs: (ms: number) => number, fromTo: [number, number], clock = new SoundClock()) {
  const times: { ms: number; delay: number; jump: boolean; skew: number }[] = [];
  for (let ms = fromTo[0]; ms < fromTo[1]; ms += 20) {
    for (const at of [ms, ms + 10]) clock.picture(fromMs(at), fromMs(at + delayMs(at)));
    const time = clock.time(fromMs(ms), false);
    if (time) times.push({ ms, delay: toMs(time.due) - ms, jump: time.jump, skew: toMs(time.skew) });
  }
  return { clock, times };
}

describe('SoundClock', () => {
  it('delays sound by exactly what pictures are delayed by', () => {
    const { times } = run(() => 41.7, [0, 2000]);
    expect(times.every(({ delay }) => Math.abs(delay - 41.7) < 0.01)).toBe(true);
    expect(times.filter(({ jump }) => jump)).toHaveLength(1);
  });

  it('follows a delay that moves by half a percent at most, and gets there', () => {
    const { times } = run((ms) => (ms < 2000 ? 40 : 80), [0, 14_000]);
    const steps = times.slice(1).map(({ delay }, i) => delay - (times[i]?.delay ?? 0));
    expect(Math.max(...steps.map(Math.abs))).toBeLessThanOrEqual(0.005 * 20 + 1e-6);
    expect(times.at(-1)?.delay).toBeCloseTo(80, 2);
    expect(times.filter(({ jump }) => jump)).toHaveLength(1);
    // 40 ms at 0.5 % take eight seconds.
    const there = times.find(({ ms, skew }) => ms > 2500 && Math.abs(skew) < 1)?.ms ?? 0;
    expect(there - 2000).toBeGreaterThan(7000);
    expect(there - 2000).toBeLessThan(9500);
  });

  it('is not moved by pictures that leave unevenly', () => {
    const { times } = run((ms) => 20 + ((ms * 7) % 30), [0, 5000]);
    const delays = times.slice(50).map(({ delay }) => delay);
    expect(Math.max(...delays) - Math.min(...delays)).toBeLessThan(8);
  });

  it('jumps where the delay has become another one altogether, after three pictures that agree', () => {
    const { clock } = run(() => 40, [0, 2000]);
    clock.picture(fromMs(2000), fromMs(2400));
    expect(clock.time(fromMs(2000), false)?.jump).toBe(false);
    clock.picture(fromMs(2016), fromMs(2416));
    clock.picture(fromMs(2033), fromMs(2433));
    const time = clock.time(fromMs(2040), false);
    expect([time?.jump, toMs(time?.due ?? micros(0))]).toEqual([true, 2440]);
  });

  it('is there at once where nobody listens', () => {
    const { clock } = run(() => 40, [0, 2000]);
    for (let ms = 2000; ms < 4000; ms += 16) clock.picture(fromMs(ms), fromMs(ms + 70));
    expect(clock.time(fromMs(4000), true)).toMatchObject({ due: fromMs(4070), jump: true, skew: 0 });
  });

  it('goes on when the picture ceases', () => {
    const { clock } = run(() => 40, [0, 1000]);
    for (let ms = 1000; ms < 20_000; ms += 20)
      expect(toMs(clock.time(fromMs(ms), false)?.due ?? fromMs(0))).toBe(ms + 40);
  });

  it('knows nothing before the first picture, nor of sound of another timeline', () => {
    const clock = new SoundClock();
    expect(clock.time(fromMs(0), false)).toBeUndefined();
    clock.picture(fromMs(100_000), fromMs(100_040));
    expect(clock.time(fromMs(0), false)).toBeUndefined();
    expect(clock.time(fromMs(100_020), false)?.due).toBe(fromMs(100_060));
  });
});
