import { describe, expect, it } from 'vitest';
import { TrialSchedule } from '../../../src/interp/trial-schedule.ts';
import { fromMs, type Micros, plus, ZERO } from '../../../src/time.ts';

/** Work that is never foreseen to be too much. */
const ANY = Number.POSITIVE_INFINITY;

/** Seconds from `from` until a trial is due, in steps of a tenth; at most two minutes. */
function wait(trials: TrialSchedule, from: Micros, current?: number, maxWork = ANY): number {
  for (let tenths = 0; tenths < 1200; tenths++) {
    if (trials.isDue(0, plus(from, fromMs(100 * tenths)), current, maxWork)) return tenths / 10;
  }
  return Number.POSITIVE_INFINITY;
}

describe('TrialSchedule', () => {
  it('waits two seconds after a fall, then four, then five', () => {
    const trials = new TrialSchedule(ZERO);
    trials.fell(ZERO);
    const waits = [wait(trials, ZERO)];
    for (let i = 0; i < 4; i++) {
      trials.failed(0, undefined, ZERO);
      waits.push(wait(trials, ZERO));
    }
    expect(waits).toEqual([2, 4, 5, 5, 5]);
  });

  it('goes on to the next rung half a second after a climb', () => {
    const trials = new TrialSchedule(ZERO);
    trials.passed(1, ZERO);
    expect(wait(trials, ZERO)).toBe(0.5);
  });

  it.each([
    ['soon after a climb counts as a failed trial', 9000, 4],
    ['later begins anew', 11_000, 2],
  ])('a fall %s', (_, afterMs, expected) => {
    const trials = new TrialSchedule(ZERO);
    trials.fell(ZERO);
    trials.passed(0, ZERO);
    trials.fell(fromMs(afterMs));
    expect(wait(trials, fromMs(afterMs))).toBe(expected);
  });

  it('foresees from three failed trials, by the best of them; tries all the same once a minute', () => {
    const trials = new TrialSchedule(ZERO);
    const failed = (ratio: number): number => {
      trials.failed(0, ratio, ZERO);
      return wait(trials, ZERO, 10, 25);
    };
    expect([failed(3), failed(4)]).toEqual([4, 5]);
    expect(failed(5)).toBe(60);
    // What the rung in force costs now says what the better one would.
    expect(wait(trials, ZERO, 8, 25)).toBe(5);
    expect(wait(trials, ZERO, undefined, 25)).toBe(5);
    expect(failed(2)).toBe(5);
  });

  it('forgets what it foresaw of a rung that was climbed to', () => {
    const trials = new TrialSchedule(ZERO);
    for (let i = 0; i < 3; i++) trials.failed(0, 9, ZERO);
    expect(wait(trials, ZERO, 10, 25)).toBe(60);
    trials.passed(0, ZERO);
    expect(wait(trials, ZERO, 10, 25)).toBe(0.5);
  });
});
