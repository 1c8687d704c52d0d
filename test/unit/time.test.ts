import { describe, expect, it } from 'vitest';
import { fromMs, ManualClock, type Micros, micros, minus, plus, systemClock, toMs, toSeconds } from '../../src/time.ts';

describe('Micros', () => {
  it('is a whole number whatever goes in', () => {
    expect(micros(1e6 / 60)).toBe(16_667);
    expect(fromMs(0.0004)).toBe(0);
    expect(toMs(fromMs(12.5))).toBe(12.5);
    expect(toSeconds(fromMs(250))).toBe(0.25);
    expect(minus(plus(micros(5), micros(7)), micros(7))).toBe(5);
  });
});

describe('ManualClock', () => {
  it('fires timers in order of their due times, each at its own, and ends where it was told', () => {
    const clock = new ManualClock(fromMs(100));
    const fired: [string, Micros][] = [];
    for (const [name, ms] of [
      ['late', 130],
      ['first', 110],
      ['second', 110],
      ['past', 50],
      ['beyond', 141],
    ] as const) {
      clock.at(fromMs(ms), () => fired.push([name, clock.now()]));
    }
    clock.advance(fromMs(40));
    expect(fired).toEqual([
      ['past', 100_000],
      ['first', 110_000],
      ['second', 110_000],
      ['late', 130_000],
    ]);
    expect(clock.now()).toBe(140_000);
  });

  it('fires timers that are set while others fire, if they fall due in time', () => {
    const clock = new ManualClock();
    const fired: number[] = [];
    const tick = (): void => {
      fired.push(toMs(clock.now()));
      clock.at(plus(clock.now(), fromMs(10)), tick);
    };
    clock.at(fromMs(10), tick);
    clock.advance(fromMs(35));
    expect(fired).toEqual([10, 20, 30]);
  });

  it('does not fire what was cancelled, even by a timer of the same moment', () => {
    const clock = new ManualClock();
    let fired = 0;
    let cancelSecond = (): void => {};
    clock.at(fromMs(1), () => cancelSecond());
    cancelSecond = clock.at(fromMs(1), () => {
      fired += 1;
    });
    const cancelled = clock.at(fromMs(2), () => {
      fired += 1;
    });
    cancelled();
    cancelled();
    clock.advance(fromMs(5));
    expect(fired).toBe(0);
  });

  it('tells a wall time that runs along', () => {
    const clock = new ManualClock(fromMs(3), micros(1e15));
    clock.advance(fromMs(2));
    expect(clock.wall()).toBe(1e15 + 5000);
  });
});

describe('systemClock', () => {
  it('never fires before the due time, and does not fire what was cancelled', async () => {
    const early: number[] = [];
    let cancelledFired = false;
    for (let i = 0; i < 20; i++) {
      const due = plus(systemClock.now(), micros(700 + 97 * i));
      const cancel = systemClock.at(due, () => {
        cancelledFired = true;
      });
      await new Promise<void>((resolve) => {
        systemClock.at(due, () => {
          if (systemClock.now() < due) early.push(minus(due, systemClock.now()));
          resolve();
        });
        cancel();
      });
    }
    expect(early).toEqual([]);
    expect(cancelledFired).toBe(false);
  });

  it('fires at once for a time that has passed', async () => {
    const before = systemClock.now();
    await new Promise<void>((resolve) => systemClock.at(micros(-5e6), resolve));
    expect(minus(systemClock.now(), before)).toBeLessThan(1e6);
  });

  it('tells Unix time', () => {
    expect(Math.abs(toMs(systemClock.wall()) - Date.now())).toBeLessThan(5000);
  });
});
