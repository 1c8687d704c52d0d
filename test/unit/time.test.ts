import { describe, expect, it } from 'vitest';
import {
  awaitAnswer,
  fromMs,
  ManualClock,
  type Micros,
  micros,
  minus,
  plus,
  stoodStill,
  systemClock,
  toMs,
  toSeconds,
  Watchdog,
  ZERO,
} from '../../src/time.ts';
import { seededRandom } from '../support/random.ts';

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

describe('stoodStill', () => {
  it('counts what is more than a timer is ever late', () => {
    expect(stoodStill(fromMs(1000), fromMs(1400))).toBe(ZERO);
    expect(stoodStill(fromMs(1000), fromMs(990))).toBe(ZERO);
    expect(stoodStill(fromMs(1000), fromMs(13_000))).toBe(fromMs(12_000));
  });
});

describe('Watchdog', () => {
  const LIMIT = fromMs(5000);

  function rig() {
    const clock = new ManualClock(fromMs(100));
    let expired = 0;
    const watchdog = new Watchdog({ clock, limit: LIMIT, expired: () => (expired += 1) });
    return { clock, watchdog, expired: () => expired };
  }

  it('expires once, after the limit without a sign, and not when it was stopped', () => {
    const { clock, watchdog, expired } = rig();
    clock.advance(fromMs(4000));
    watchdog.feed();
    clock.advance(fromMs(4999));
    expect(expired()).toBe(0);
    clock.advance(fromMs(1));
    clock.advance(fromMs(60_000));
    expect(expired()).toBe(1);
    const other = rig();
    other.watchdog.stop();
    other.clock.advance(fromMs(60_000));
    expect(other.expired()).toBe(0);
  });

  it('never expires of pauses alone, whenever they come: signs that waited count first', () => {
    const next = seededRandom(7);
    const { clock, watchdog, expired } = rig();
    for (let round = 0; round < 500; round += 1) {
      // Signs come once a second, and are read when the process runs again.
      clock.advance(fromMs(1000 * next()));
      watchdog.feed();
      clock.advance(fromMs(1000 * next()));
      clock.standStill(fromMs(30_000 * next()));
      clock.advance(ZERO);
    }
    expect(expired()).toBe(0);
  });

  it('counts the silence before and after a pause', () => {
    const { clock, watchdog, expired } = rig();
    clock.advance(fromMs(3000));
    clock.standStill(fromMs(12_000));
    expect(watchdog.silence).toBeLessThanOrEqual(fromMs(4500));
    clock.advance(fromMs(900));
    expect(expired()).toBe(0);
    clock.advance(fromMs(600));
    expect(expired()).toBe(1);
  });

  it('still expires where every look is late', () => {
    const { clock, expired } = rig();
    for (let round = 0; round < 20; round += 1) {
      clock.standStill(fromMs(2000));
      clock.advance(ZERO);
    }
    expect(expired()).toBe(1);
  });
});

describe('awaitAnswer', () => {
  it('waits as long as it was told, not counting a pause, and can be cancelled', () => {
    const clock = new ManualClock();
    const late: string[] = [];
    awaitAnswer(clock, fromMs(5000), () => late.push('a'));
    const cancel = awaitAnswer(clock, fromMs(5000), () => late.push('b'));
    clock.advance(fromMs(4900));
    cancel();
    clock.standStill(fromMs(12_000));
    clock.advance(ZERO);
    expect(late).toEqual([]);
    clock.advance(fromMs(1000));
    expect(late).toEqual(['a']);
  });
});
