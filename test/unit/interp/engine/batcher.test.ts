/** Which jobs share a run, and when it starts. */
import { describe, expect, it } from 'vitest';
import { Batcher, type BatchJob } from '../../../../src/interp/engine/batcher.ts';
import { fromMs, type Micros, minus, plus, toMs, ZERO } from '../../../../src/time.ts';

const GROUP = '640x360';
const job = (stream: string, more: { group?: string | undefined; deadlineMs?: number } = {}): BatchJob => ({
  stream,
  group: 'group' in more ? more.group : GROUP,
  deadline: more.deadlineMs === undefined ? undefined : fromMs(more.deadlineMs),
});
const at = fromMs;
const streams = (jobs: readonly BatchJob[] | undefined): string | undefined => jobs?.map((j) => j.stream).join(' ');

/** A batcher that knows what runs cost, in milliseconds for 1, 2, … jobs. */
function experienced(size: number, ...costs: readonly number[]): Batcher {
  const batcher = new Batcher(size);
  for (const [i, ms] of costs.entries()) batcher.ran(GROUP, i + 1, fromMs(ms));
  return batcher;
}

/** Jobs of a stream at an even distance; the last one at `lastMs`. */
function heard(batcher: Batcher, stream: string, intervalMs: number, lastMs: number): void {
  for (let n = 60; n >= 0; n--) batcher.arrived({ stream, group: GROUP }, at(lastMs - n * intervalMs));
}

describe('Batcher', () => {
  it('has nothing to run when nothing waits', () => {
    expect(new Batcher(4).next([], ZERO, false)).toBeUndefined();
  });

  it('never waits and never joins at a size of 1', () => {
    const batcher = experienced(1, 8, 8);
    heard(batcher, 'b', 40, 1000);
    const batch = batcher.next([job('a'), job('b')], at(1039), false);
    expect([streams(batch?.jobs), batch?.closes]).toEqual(['a', at(1039)]);
  });

  describe('which jobs', () => {
    const next = (size: number, ...jobs: BatchJob[]): string | undefined =>
      streams(new Batcher(size).next(jobs, ZERO, false)?.jobs);

    it('share a run: those of the group of the oldest, as many as there is room for', () => {
      expect(next(4, job('a'), job('b', { group: 'other' }), job('c'))).toBe('a c');
      expect(next(2, job('a'), job('b'), job('c'))).toBe('a b');
    });

    it('run alone: those of no group', () => {
      expect(next(4, job('a', { group: undefined }), job('b', { group: undefined }))).toBe('a');
      expect(next(4, job('a'), job('b', { group: undefined }), job('c'))).toBe('a c');
    });

    it('are never ahead of an older one of their own stream', () => {
      const older = job('b', { group: 'other' });
      expect(next(4, job('a'), older, job('b'), job('c'))).toBe('a c');
      expect(next(4, job('a'), job('a'), job('b'))).toBe('a a b');
    });
  });

  describe('starts at once', () => {
    const NOW = at(1035);
    /** `b` is expected at 1040, 5 ms from now: worth it for a run of two. */
    const waiting = (): Batcher => {
      const batcher = experienced(4, 20, 21, 22, 23);
      heard(batcher, 'b', 40, 1000);
      return batcher;
    };
    const closes = (batcher: Batcher, jobs: readonly BatchJob[], helped = false): number =>
      toMs(minus(batcher.next(jobs, NOW, helped)?.closes ?? ZERO, NOW));

    it('unless there is reason to wait', () => {
      expect(closes(waiting(), [job('a')])).toBe(5);
    });

    it('when it is full', () => {
      expect(closes(waiting(), [job('c'), job('d'), job('e'), job('f')])).toBe(0);
    });

    it('when something else waits, which cannot join', () => {
      expect(closes(waiting(), [job('a'), job('c', { group: 'other' })])).toBe(0);
    });

    it('when another worker is idle', () => {
      expect(closes(waiting(), [job('a')], true)).toBe(0);
    });

    it('while it is not known what a run costs', () => {
      const batcher = new Batcher(4);
      heard(batcher, 'b', 40, 1000);
      expect(closes(batcher, [job('a')])).toBe(0);
    });

    it('when the job that is expected is of a stream that is in the batch, or of another size', () => {
      expect(closes(waiting(), [job('b')])).toBe(0);
      const batcher = waiting();
      batcher.arrived({ stream: 'b', group: 'other' }, at(1000.001));
      expect(closes(batcher, [job('a')])).toBe(0);
    });

    it('when the job that is expected is overdue: its stream has stopped', () => {
      const batcher = experienced(4, 20, 21);
      heard(batcher, 'b', 40, 980);
      expect(closes(batcher, [job('a')])).toBe(0);
    });
  });

  it('waits exactly where the mean latency falls by it', () => {
    // From now: both end at 5 + two, or one at 20 and one at 40.
    for (const [two, waitMs] of [
      [21, 5],
      [24.9, 5],
      [25, 0],
      [40, 0],
    ] as const) {
      const batcher = experienced(4, 20, two);
      heard(batcher, 'b', 40, 1000);
      const now = at(1035);
      expect(toMs(minus(batcher.next([job('a')], now, false)?.closes ?? ZERO, now))).toBe(waitMs);
    }
  });

  it('takes a number of jobs that was not tried yet to cost as much as the next smaller one', () => {
    const batcher = experienced(4, 20);
    heard(batcher, 'b', 40, 1000);
    expect(batcher.next([job('a')], at(1031), false)?.closes).toBe(at(1040));
    expect(batcher.next([job('a')], at(1030), false)?.closes).toBe(at(1030));
  });

  it('closes at the earliest deadline less the time of the run that it waits for', () => {
    const batcher = experienced(4, 20, 22, 24);
    heard(batcher, 'c', 40, 1000);
    const jobs = [job('a', { deadlineMs: 1070 }), job('b', { deadlineMs: 1061 })];
    expect(batcher.next(jobs, at(1036), false)?.closes).toBe(at(1037));
    const late = [job('a', { deadlineMs: 1040 })];
    expect(batcher.next(late, at(1036), false)?.closes).toBeLessThanOrEqual(at(1036));
  });

  it('follows what runs cost', () => {
    const batcher = experienced(2, 20, 21);
    heard(batcher, 'b', 40, 1000);
    for (let n = 0; n < 30; n++) batcher.ran(GROUP, 2, fromMs(40));
    expect(batcher.next([job('a')], at(1035), false)?.closes).toBe(at(1035));
  });

  it('expects a stream that jitters a little later than on average', () => {
    const batcher = experienced(4, 20, 21);
    for (let n = 0; n <= 60; n++) batcher.arrived({ stream: 'b', group: GROUP }, at(n * 40 + (n % 2)));
    const closes = toMs(batcher.next([job('a')], at(2436), false)?.closes ?? ZERO);
    expect(closes).toBeGreaterThan(2440);
    expect(closes).toBeLessThan(2445);
  });
});

describe('streams in a simulated engine', () => {
  interface Outcome {
    readonly stream: string;
    readonly arrived: Micros;
    readonly started: Micros;
    readonly ended: Micros;
    readonly together: number;
  }

  /** One worker; streams of one interval, shifted against each other. Runs of n jobs take costs[n − 1] ms. */
  function simulate(size: number, costs: readonly number[], shifts: readonly number[], intervalMs = 40): Outcome[] {
    const batcher = new Batcher(size);
    const arrivals = shifts
      .flatMap((shift, i) =>
        Array.from({ length: 50 }, (_, n) => ({ stream: `s${i}`, time: at(n * intervalMs + shift) })),
      )
      .toSorted((a, b) => a.time - b.time);
    const waiting: (BatchJob & { readonly arrived: Micros })[] = [];
    const outcomes: Outcome[] = [];
    let now = ZERO;
    while (arrivals.length > 0 || waiting.length > 0) {
      while ((arrivals[0]?.time ?? Number.POSITIVE_INFINITY) <= now) {
        const { stream, time } = arrivals.shift() ?? { stream: '', time: ZERO };
        batcher.arrived({ stream, group: GROUP }, time);
        waiting.push({ stream, group: GROUP, arrived: time, deadline: plus(time, at(30)) });
      }
      const batch = batcher.next(waiting, now, false);
      const coming = arrivals[0]?.time;
      if (!batch || batch.closes > now) {
        now = at(
          toMs(Math.min(batch?.closes ?? Number.POSITIVE_INFINITY, coming ?? Number.POSITIVE_INFINITY) as Micros),
        );
        continue;
      }
      const span = at(costs[batch.jobs.length - 1] ?? 0);
      for (const { stream, arrived } of batch.jobs) {
        waiting.splice(
          waiting.findIndex((w) => w.stream === stream && w.arrived === arrived),
          1,
        );
        outcomes.push({ stream, arrived, started: now, ended: plus(now, span), together: batch.jobs.length });
      }
      now = plus(now, span);
      batcher.ran(GROUP, batch.jobs.length, span);
    }
    return outcomes;
  }

  const settled = (outcomes: readonly Outcome[]): readonly Outcome[] => outcomes.slice(outcomes.length / 2);

  it('share runs when they fall close together, and keep the order of each stream and every deadline', () => {
    const outcomes = simulate(4, [10, 11, 12, 13], [0, 2, 4]);
    expect(settled(outcomes).every((o) => o.together === 3)).toBe(true);
    for (const name of ['s0', 's1', 's2']) {
      const starts = outcomes.filter((o) => o.stream === name).map((o) => o.arrived);
      expect(starts).toEqual(starts.toSorted((a, b) => a - b));
      expect(starts.length).toBe(50);
    }
    expect(outcomes.every((o) => o.started <= plus(o.arrived, at(30)))).toBe(true);
  });

  it('run alone, without a wait, when they are far apart', () => {
    const outcomes = settled(simulate(4, [10, 11, 12, 13], [0, 20]));
    expect(outcomes.every((o) => o.together === 1 && o.started === o.arrived)).toBe(true);
  });

  it('that are too much for runs of one are carried by runs of four', () => {
    const worst = (size: number): number =>
      Math.max(...settled(simulate(size, [12, 13, 14, 15], [0, 10, 20, 30])).map((o) => o.ended - o.arrived));
    expect(worst(1)).toBeGreaterThan(at(150));
    expect(worst(4)).toBeLessThan(at(30));
  });
});
