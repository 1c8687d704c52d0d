import { Observable, Subject, takeUntil } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Arena } from '../../../src/media/arena.ts';
import type { PairDecision } from '../../../src/media/pair-decision.ts';
import { Neighbours, withPairBefore } from '../../../src/pairing/neighbours.ts';
import { releaseStep, type Scheduled } from '../../../src/pairing/operators.ts';
import { PairPlanner } from '../../../src/pairing/pair-planner.ts';
import { Scheduler } from '../../../src/pairing/scheduler.ts';
import { fromMs, type Micros } from '../../../src/time.ts';
import { type Cartoon, cartoonFrame, heldFor, pulledDown } from '../../support/cartoon.ts';
import { flatFrame } from '../../support/frames.ts';

let arena: Arena;
beforeEach(() => {
  arena = new Arena(64);
});
afterEach(() => {
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

/** A source frame: its time, and the decision for it and the one before. */
type Source = readonly [ms: number, decision?: PairDecision | undefined];

/** What a step says of the pairs beside: times of the frames of these, and ratios. */
interface Told {
  readonly pair: readonly [number | undefined, number];
  readonly before: readonly [number, number] | undefined;
  readonly after: readonly [number, number] | undefined;
}

function step([ms, decision]: Source, [from]: Source = [0]): Scheduled {
  const times = { timesteps: [], show: fromMs(ms), interval: fromMs(20) };
  const frame = flatFrame(arena, fromMs(ms));
  if (decision === undefined) return { before: undefined, frame, decision, from: undefined, to: fromMs(ms), ...times };
  return { before: flatFrame(arena, fromMs(from)), frame, decision, from: fromMs(from), to: fromMs(ms), ...times };
}

function told(one: Scheduled): Told {
  const ms = (pts: Micros): number => pts / 1000;
  const { before, frame, pairBefore, pairAfter } = one;
  const result: Told = {
    pair: [before && ms(before.pts), ms(frame.pts)],
    before: pairBefore && [ms(pairBefore.frame.pts), pairBefore.ratio],
    after: pairAfter && [ms(pairAfter.frame.pts), pairAfter.ratio],
  };
  releaseStep(one);
  return result;
}

function run(sources: readonly Source[], lookAhead: boolean): Told[] {
  const neighbours = new Neighbours({ lookAhead });
  const steps = sources.flatMap((source, i) => neighbours.push([step(source, sources[i - 1])]));
  const all = [...steps, ...neighbours.end()].map(told);
  neighbours.close();
  return all;
}

describe('Neighbours', () => {
  it('tells each pair of the one before at once, and with look-ahead, a step later, of the one after', () => {
    const sources: Source[] = [[0], [40, 'interpolate'], [80, 'interpolate'], [120, 'interpolate']];
    expect(run(sources, false)).toEqual([
      { pair: [undefined, 0], before: undefined, after: undefined },
      { pair: [0, 40], before: undefined, after: undefined },
      { pair: [40, 80], before: [0, 1], after: undefined },
      { pair: [80, 120], before: [40, 1], after: undefined },
    ]);
    expect(run(sources, true)).toEqual([
      { pair: [undefined, 0], before: undefined, after: undefined },
      { pair: [0, 40], before: undefined, after: [80, 1] },
      { pair: [40, 80], before: [0, 1], after: [120, 1] },
      { pair: [80, 120], before: [40, 1], after: undefined },
    ]);
    const neighbours = new Neighbours({ lookAhead: true });
    const counts = sources.map((source, i) => neighbours.push([step(source, sources[i - 1])]).map(told).length);
    expect(counts).toEqual([0, 1, 1, 1]);
    neighbours.close();
  });

  it.each<PairDecision>(['cut', 'flash', 'duplicate', 'discontinuity', 'size-change'])(
    'tells of nothing across a %s',
    (decision) => {
      const sources: Source[] = [[0], [40, 'interpolate'], [80, decision], [120, 'interpolate'], [160, 'interpolate']];
      expect(run(sources, true).map(({ before, after }) => [before?.[0], after?.[0]])).toEqual([
        [undefined, undefined],
        [undefined, undefined],
        [undefined, undefined],
        [undefined, 160],
        [80, undefined],
      ]);
    },
  );

  it('gives the ratio of the times by the pictures, and tells of nothing where it is beyond four', () => {
    const at = [0, 40, 120, 280, 290, 300, 341];
    const sources = at.map((ms, i): Source => (i === 0 ? [ms] : [ms, 'interpolate']));
    const pairs = run(sources, true).slice(1);
    expect(pairs.map(({ before }) => before?.[1])).toEqual([undefined, 0.5, 0.5, undefined, 1, undefined]);
    expect(pairs.map(({ after }) => after?.[1])).toEqual([2, 2, undefined, 1, undefined, undefined]);
  });

  it('takes no pair for the one before whose picture was held until later', () => {
    const neighbours = new Neighbours({ lookAhead: true });
    const held = { ...step([120, 'interpolate'], [40]), from: fromMs(80) };
    const steps = [step([0]), step([40, 'interpolate'], [0]), held];
    const all = [...neighbours.push(steps), ...neighbours.end()].map(told);
    expect(all.every(({ before, after }) => before === undefined && after === undefined)).toBe(true);
    neighbours.close();
  });

  it.each([false, true])('releases what it holds when it is closed midway (look-ahead %s)', (lookAhead) => {
    const neighbours = new Neighbours({ lookAhead });
    const sources: Source[] = [[0], [40, 'interpolate'], [80, 'interpolate']];
    for (const [i, source] of sources.entries()) neighbours.push([step(source, sources[i - 1])]).forEach(releaseStep);
    expect(arena.liveFrames).toBe(lookAhead ? 4 : 1);
    neighbours.close();
    neighbours.close();
  });

  it.each([
    ['twos', 24, heldFor(2), 1 / 12],
    ['24 in 30', 30, pulledDown(24, 30), 1 / 24],
  ])('goes by the even times that a cadence gives the pictures of %s', (_, fps, pictureOf, interval) => {
    const cartoon: Cartoon = { frames: 72, fps, pictureOf, grain: 8 };
    const scheduler = new Scheduler({ kind: 'factor', factor: 2 }, { fps });
    const planner = new PairPlanner({ scheduler, cadence: true, lookAhead: 64 * 2 ** 20 });
    const neighbours = new Neighbours({ lookAhead: true });
    const steps: Scheduled[] = [];
    for (let i = 0; i < cartoon.frames; i++)
      steps.push(...neighbours.push(planner.push(cartoonFrame(arena, cartoon, i))));
    steps.push(...neighbours.push(planner.end()), ...neighbours.end());
    const pictures = steps.slice(4, -4);
    expect(pictures.length).toBeGreaterThan(20);
    for (const { from, to, pairBefore, pairAfter } of pictures) {
      expect((to - (from ?? to)) / 1e6).toBeCloseTo(interval, 2);
      expect([pairBefore?.ratio, pairAfter?.ratio].map((ratio) => ratio?.toFixed(1))).toEqual(['1.0', '1.0']);
    }
    for (const one of steps) releaseStep(one);
    planner.close();
    neighbours.close();
  });
});

describe('withPairBefore', () => {
  it('owns the frames that pass, and leaves none behind when its source ends, fails, or is left', () => {
    const sources: Source[] = [[0], [40, 'interpolate'], [80, 'interpolate'], [120, 'interpolate']];
    const passed: Told[] = [];
    for (const end of ['complete', 'error', 'leave'] as const) {
      const source = new Subject<Scheduled>();
      const subscription = source.pipe(withPairBefore()).subscribe({
        next: (one) => passed.push(told(one)),
        error: () => {},
      });
      for (const [i, one] of sources.entries()) source.next(step(one, sources[i - 1]));
      expect(arena.liveFrames).toBe(1);
      if (end === 'complete') source.complete();
      else if (end === 'error') source.error(new Error('broken'));
      subscription.unsubscribe();
      expect(arena.liveFrames).toBe(0);
    }
    expect(passed.filter(({ before }) => before !== undefined)).toHaveLength(6);
  });

  it('releases what a source still gives when its reader has left', () => {
    const leave = new Subject<void>();
    const sources: Source[] = [[0], [40, 'interpolate'], [80, 'interpolate'], [120, 'interpolate']];
    const source = new Observable<Scheduled>((subscriber) => {
      for (const [i, one] of sources.entries()) {
        if (i === 2) leave.next();
        subscriber.next(step(one, sources[i - 1]));
      }
    });
    let taken = 0;
    source.pipe(withPairBefore(), takeUntil(leave)).subscribe((one) => {
      releaseStep(one);
      taken += 1;
    });
    expect(taken).toBe(2);
  });
});
