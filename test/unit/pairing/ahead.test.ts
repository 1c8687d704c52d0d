import { describe, expect, it } from 'vitest';
import { AheadScheduler, timesAhead } from '../../../src/pairing/ahead.ts';
import { fromMs, micros } from '../../../src/time.ts';

const [ten, twenty, forty] = [fromMs(10), fromMs(20), fromMs(40)];
const after = (outputInterval: ReturnType<typeof micros>, gap = forty) =>
  timesAhead({ before: fromMs(0), pts: gap, sourceInterval: forty, outputInterval });

describe('timesAhead', () => {
  it('stands at output times after the newest frame, up to half of a source interval', () => {
    expect(after(twenty)).toEqual([{ pts: fromMs(60), t: 1.5 }]);
    expect(after(ten)).toEqual([
      { pts: fromMs(50), t: 1.25 },
      { pts: fromMs(60), t: 1.5 },
    ]);
    expect(after(forty)).toEqual([]);
    expect(after(fromMs(21))).toEqual([]);
  });

  it('measures t by the pair: half as far where a frame between was lost', () => {
    expect(after(twenty, fromMs(80))).toEqual([{ pts: fromMs(100), t: 1.25 }]);
  });

  it('takes jitter for jitter, and nothing beyond it', () => {
    expect(after(twenty, fromMs(36))).toEqual([{ pts: fromMs(56), t: 1.5 }]);
    expect(after(twenty, fromMs(20))).toEqual([]);
    expect(after(twenty, fromMs(0))).toEqual([]);
  });
});

describe('AheadScheduler', () => {
  it('shows every source frame at its own time and needs the frames after it one output interval later', () => {
    const scheduler = new AheadScheduler({ kind: 'factor', factor: 4 });
    expect(scheduler.next(fromMs(0), false)).toMatchObject({ between: [], show: 0 });
    const plan = scheduler.next(forty, true);
    expect(plan.show).toBe(forty);
    expect(plan.between.map(({ t }) => t)).toEqual([1.25, 1.5]);
    expect(scheduler.floor).toBe(-ten);
    expect(scheduler.ahead).toBe(true);
  });

  it('shows source frames that are off the grid of an exact rate, too', () => {
    const scheduler = new AheadScheduler({ kind: 'fps', fps: 60 });
    for (let i = 0; i < 40; i++) expect(scheduler.next(fromMs(i * 40), i > 0).show).toBe(fromMs(i * 40));
    const [only, ...more] = scheduler.next(fromMs(1600), true).between;
    expect([only?.pts, more]).toEqual([micros(1_616_667), []]);
    expect(only?.t).toBeCloseTo(1 + 50 / 3 / 40, 4);
  });

  it('plans nothing across what breaks, nor where no frame fits', () => {
    const scheduler = new AheadScheduler({ kind: 'factor', factor: 2 });
    scheduler.next(fromMs(0), false);
    expect(scheduler.next(forty, false).between).toEqual([]);
    expect(scheduler.next(fromMs(80), true).between).toHaveLength(1);
    const single = new AheadScheduler({ kind: 'factor', factor: 1 });
    single.next(fromMs(0), false);
    expect(single.next(forty, true).between).toEqual([]);
    expect(single.floor).toBe(0);
  });
});
