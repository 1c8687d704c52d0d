import { describe, expect, it } from 'vitest';
import { rateTarget, Scheduler } from '../../../src/pairing/scheduler.ts';
import { type Micros, micros } from '../../../src/time.ts';
import { seededRandom } from '../../support/random.ts';

/** Runs a scheduler over source times and returns all output times with what they show. */
function run(scheduler: Scheduler, times: readonly Micros[]): { pts: number; source: boolean; t: number }[] {
  const out: { pts: number; source: boolean; t: number }[] = [];
  times.forEach((pts, i) => {
    const plan = scheduler.next(pts, i > 0);
    for (const step of plan.between) out.push({ pts: step.pts, source: false, t: step.t });
    if (plan.show !== undefined) out.push({ pts: plan.show, source: true, t: 0 });
  });
  return out;
}

const regular = (fps: number, count: number, jitter: (i: number) => number = () => 0): Micros[] =>
  Array.from({ length: count }, (_, i) => micros((i * 1e6) / fps + jitter(i)));

describe('rateTarget', () => {
  it.each([0, -1, Number.NaN, 241, Number.POSITIVE_INFINITY])('refuses fps %s, naming key, value and range', (fps) => {
    expect(() => rateTarget({ fps })).toThrow(/^fps .* is outside 1…240$/);
  });
  it.each([0, 1.5, 17, -2])('refuses factor %s', (factor) => {
    expect(() => rateTarget({ factor })).toThrow(/factor .* is not a whole number/);
  });
  it('refuses both at once', () => {
    expect(() => rateTarget({ factor: 2, fps: 60 })).toThrow(/exclude each other/);
  });
  it('defaults to twice the rate', () => {
    expect(rateTarget({})).toEqual({ kind: 'factor', factor: 2 });
  });
});

describe('Scheduler, factor', () => {
  it.each([2, 3, 4])('factor %i gives N·(n−1)+1 outputs, all sources kept at their own times', (factor) => {
    const times = regular(30, 10);
    const out = run(new Scheduler({ kind: 'factor', factor }), times);
    expect(out).toHaveLength(factor * 9 + 1);
    expect(out.filter((o) => o.source).map((o) => o.pts)).toEqual(times);
    expect(out.slice(1, factor).map((o) => o.t)).toEqual(
      Array.from({ length: factor - 1 }, (_, k) => (k + 1) / factor),
    );
  });

  it('fills the gap of a lost frame so that the output rate stays', () => {
    const times = [0, 1, 2, 3, 5, 6].map((i) => micros((i * 1e6) / 30));
    const out = run(new Scheduler({ kind: 'factor', factor: 2 }), times);
    const gaps = out.slice(1).map((o, i) => o.pts - (out[i]?.pts ?? 0));
    for (const gap of gaps) expect(Math.abs(gap - 1e6 / 60)).toBeLessThan(2);
  });

  it('a file of varying rate gets N − 1 frames in every gap', () => {
    const times = [0, 1, 2, 5, 6, 9, 10].map((i) => micros((i * 1e6) / 30));
    expect(run(new Scheduler({ kind: 'factor', factor: 2 }, { fps: 30 }), times)).toHaveLength(13);
  });

  it('a file that has lost frames gets their places filled', () => {
    const scheduler = new Scheduler({ kind: 'factor', factor: 2 }, { fps: 30 });
    run(scheduler, regular(30, 10));
    expect(scheduler.next(micros((12 * 1e6) / 30), true, true).between).toHaveLength(5);
    expect(scheduler.next(micros((15 * 1e6) / 30), true).between).toHaveLength(1);
  });

  it('starts anew after a discontinuity, backwards too', () => {
    const scheduler = new Scheduler({ kind: 'factor', factor: 2 });
    run(scheduler, regular(30, 5));
    expect(scheduler.next(micros(0), false)).toMatchObject({ between: [], show: 0 });
    expect(scheduler.next(micros(33_333), true).between).toHaveLength(1);
  });
});

describe('Scheduler, factor with a limit', () => {
  it.each([
    [7.5, 4],
    [15, 4],
    [20, 3],
    [25, 2],
    [29.97, 2],
    [30, 2],
    [60, 1],
  ])('%f fps get %i pictures for each of theirs, at most 60 a second', (fps, multiple) => {
    const jitter = seededRandom(5);
    const scheduler = new Scheduler({ kind: 'factor', factor: 4, maxFps: 60 });
    const out = run(
      scheduler,
      regular(fps, 40, () => 4000 * (jitter() - 0.5)),
    );
    expect(scheduler.multiple).toBe(multiple);
    expect(scheduler.floor).toBeCloseTo((((multiple - 1) / multiple) * 1e6) / fps, -4);
    expect(out.filter((o) => o.source)).toHaveLength(40);
    expect(out.slice(-multiple).filter((o) => !o.source)).toHaveLength(multiple - 1);
  });
});

describe('Scheduler, target rate', () => {
  it('25 → 60: an even grid, every fifth source frame falls on it and is shown as it is', () => {
    const out = run(new Scheduler({ kind: 'fps', fps: 60 }), regular(25, 51));
    out.forEach((o, i) => {
      expect(Math.abs(o.pts - (i * 1e6) / 60)).toBeLessThanOrEqual(1);
    });
    expect(out).toHaveLength(121);
    expect(out.filter((o) => o.source)).toHaveLength(11);
    for (const o of out) if (!o.source) expect(o.t > 0 && o.t < 1).toBe(true);
  });

  it.each([61.7, 48, 23.976, 59.94])('30 → %f: as even, and at the exact rate', (fps) => {
    const out = run(new Scheduler({ kind: 'fps', fps }, { fps: 30 }), regular(30, 301));
    const intervals = out.slice(1).map((o, i) => o.pts - (out[i]?.pts ?? 0));
    const mean = intervals.reduce((a, b) => a + b, 0) / intervals.length;
    expect(Math.abs(mean - 1e6 / fps) / (1e6 / fps)).toBeLessThan(fps === 59.94 ? 0.002 : 0.0005);
    for (const gap of intervals) expect(Math.abs(gap - mean)).toBeLessThan(3);
  });

  it('30 fps with ±4 ms of jitter → 60: locks on, keeps every source frame', () => {
    const noise = (i: number): number => Math.sin(i * 12.9898) * 4000;
    const times = regular(30, 300, noise);
    const out = run(new Scheduler({ kind: 'fps', fps: 60 }), times);
    expect(out.filter((o) => o.source)).toHaveLength(300);
    expect(out).toHaveLength(599);
  });

  it('30 fps with a busy camera (jitter of 15 ms, lost frames) → 60: stays locked, keeps every source frame', () => {
    const random = seededRandom(5);
    const times = Array.from({ length: 900 }, (_, i) => i)
      .filter(() => random() > 0.05)
      .map((i) => micros((i * 1e6) / 30 + random() * 15_000));
    const out = run(new Scheduler({ kind: 'fps', fps: 60 }), times);
    expect(out.filter((o) => o.source)).toHaveLength(times.length);
    expect(Math.abs(out.length - 1800)).toBeLessThan(40);
  });

  it.each([25, 24, 50, 20, 15.5])('jitter of 4 ms does not make %f fps a divisor of 60 unless it is one', (fps) => {
    const random = seededRandom(6);
    const out = run(
      new Scheduler({ kind: 'fps', fps: 60 }),
      regular(fps, 400, () => random() * 4000),
    );
    const late = out.slice(out.length / 2);
    const intervals = late.slice(1).map((o, i) => o.pts - (late[i]?.pts ?? 0));
    const mean = intervals.reduce((a, b) => a + b, 0) / intervals.length;
    expect(Math.abs(mean - 1e6 / 60) / (1e6 / 60)).toBeLessThan(0.002);
  });

  it('29.97 → 60 follows the source clock and keeps every source frame', () => {
    const scheduler = new Scheduler({ kind: 'fps', fps: 60 });
    const out = run(scheduler, regular(30_000 / 1001, 300));
    expect(out.filter((o) => o.source)).toHaveLength(300);
    expect(scheduler.outputInterval).toBeCloseTo(16_683, -1);
  });

  it('60 → 30 keeps every second frame and invents none', () => {
    const out = run(new Scheduler({ kind: 'fps', fps: 30 }), regular(60, 121));
    expect(out).toHaveLength(61);
    expect(out.every((o) => o.source)).toBe(true);
  });

  it('follows a source that changes its rate', () => {
    const scheduler = new Scheduler({ kind: 'fps', fps: 60 });
    run(scheduler, regular(30, 30));
    const start = 29 * (1e6 / 30);
    const slow = Array.from({ length: 30 }, (_, i) => micros(start + ((i + 1) * 1e6) / 15));
    const out = slow.flatMap((pts) => scheduler.next(pts, true).between.length);
    expect(out.slice(1).every((n) => n === 3)).toBe(true);
  });
});

describe('Scheduler.multiple', () => {
  it('is the factor; at a rate, what the source turns out to need', () => {
    expect(new Scheduler({ kind: 'factor', factor: 3 }).multiple).toBe(3);
    const scheduler = new Scheduler({ kind: 'fps', fps: 60 });
    expect(scheduler.multiple).toBeUndefined();
    run(scheduler, regular(15, 40));
    expect(scheduler.multiple).toBe(4);
    const grid = new Scheduler({ kind: 'fps', fps: 60 });
    run(grid, regular(25, 40));
    expect(grid.multiple).toBe(0);
    expect(new Scheduler({ kind: 'fps', fps: 60 }, { fps: 30 }).multiple).toBe(2);
  });
});

describe('Scheduler.floor', () => {
  it('is (N−1)/N of a source interval', () => {
    const scheduler = new Scheduler({ kind: 'factor', factor: 4 });
    run(scheduler, regular(15, 10));
    expect(scheduler.floor).toBe(50_000);
  });
});
