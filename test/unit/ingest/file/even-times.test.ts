import { expect, it } from 'vitest';
import { EvenTimes } from '../../../../src/ingest/file/even-times.ts';
import { micros } from '../../../../src/time.ts';
import { seededRandom } from '../../../support/random.ts';

const MILLISECOND = { num: 1, den: 1000 };
const play = (even: EvenTimes, stamps: readonly number[]): number[] => stamps.map((ms) => even.of(micros(ms * 1000)));

it('rounded stamps are brought back to the even grid, also behind a hole', () => {
  const even = new EvenTimes({ num: 30, den: 1 }, MILLISECOND);
  expect(play(even, [0, 33, 67, 100, 200, 233])).toEqual([0, 33_333, 66_667, 100_000, 200_000, 233_333]);
});

it('a rate that varies keeps its times', () => {
  const even = new EvenTimes({ num: 30, den: 1 }, MILLISECOND);
  expect(play(even, [0, 41, 97, 113, 160])).toEqual([0, 41_000, 97_000, 113_000, 160_000]);
});

it('nothing is done without a rate, or where ticks are as long as frames', () => {
  const stamps = [0, 41, 82, 126];
  const raw = stamps.map((ms) => ms * 1000);
  expect(play(new EvenTimes(undefined, MILLISECOND), stamps)).toEqual(raw);
  expect(play(new EvenTimes({ num: 24, den: 1 }, { num: 1, den: 24 }), stamps)).toEqual(raw);
});

it('any times that increase still do, and move by a tick at most', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const random = seededRandom(seed);
    const even = new EvenTimes({ num: 24_000, den: 1001 }, MILLISECOND);
    let at = 0;
    let last = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < 200; i += 1) {
      at += 1 + Math.floor(random() * 60);
      const time = even.of(micros(at * 1000));
      expect(Math.abs(time - at * 1000)).toBeLessThanOrEqual(1001);
      expect(time).toBeGreaterThan(last);
      last = time;
    }
  }
});
