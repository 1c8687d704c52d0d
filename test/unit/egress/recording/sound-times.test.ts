import { describe, expect, it } from 'vitest';
import { G711Transcoder, SoundTimes } from '../../../../src/egress/recording/sound-times.ts';
import { fromMs, micros, plus } from '../../../../src/time.ts';
import { soundUnit } from '../../../support/recorded.ts';

const START = fromMs(5000);
const opus = (ms: number, ticks: number) => soundUnit('opus', plus(START, fromMs(ms)), ticks);

describe('SoundTimes', () => {
  it('places the first piece by its time, and what follows by its samples', () => {
    const times = new SoundTimes('opus', START);
    // Slewed: its time runs 0.1 ms a piece ahead of its samples.
    const placed = [0, 1, 2].map((piece) => times.place(opus(10 + 20.1 * piece, 777 + 960 * piece)));
    expect(placed.map((piece) => [piece?.at, piece?.ticks])).toEqual([
      [480, 960],
      [1440, 960],
      [2400, 960],
    ]);
  });

  it('goes by time again where samples are further from it than 20 ms', () => {
    const times = new SoundTimes('opus', START);
    expect(times.place(opus(0, 0))?.at).toBe(0);
    expect(times.place(opus(39, 960))?.at).toBe(960);
    expect(times.place(opus(61, 1920))?.at).toBe(2928);
  });

  it('leaves out what is before the segment, or there already', () => {
    const times = new SoundTimes('opus', START);
    expect(times.place(opus(-30, 0))).toBeUndefined();
    expect(times.place(opus(0, 5000))?.at).toBe(0);
    expect(times.place(opus(-25, 3800))).toBeUndefined();
  });
});

it('makes Opus of G.711, at the same time', () => {
  const transcoder = new G711Transcoder('pcma');
  const made = Array.from({ length: 10 }, (_, piece) =>
    transcoder.push(soundUnit('pcma', plus(START, fromMs(20 * piece)))),
  ).flat();
  transcoder.close();
  transcoder.close();
  expect(made.length).toBeGreaterThanOrEqual(8);
  expect(made.every(({ codec }) => codec === 'opus')).toBe(true);
  const [first] = made;
  expect(Math.abs((first?.due ?? micros(0)) - START)).toBeLessThan(20_000);
  expect(made.slice(1).map(({ ticks }, i) => ticks - (made[i]?.ticks ?? 0))).toEqual(made.slice(1).map(() => 960));
});
