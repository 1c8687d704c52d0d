import { describe, expect, it } from 'vitest';
import { Ladder, rungsOf } from '../../../src/interp/ladder.ts';
import { fromMs, ZERO } from '../../../src/time.ts';
import { type Load, lateShare, simulate } from '../../support/ladder-sim.ts';
import { seededRandom } from '../../support/random.ts';

/**
 * 30 fps, 30 ms of headroom beyond an interval of 33: the large model takes 24 ms, the search 10,
 * two middles 6.
 */
const CALM: Load = { fps: 30, seconds: 30, work: [24, 10, 6], slowdown: () => 1 };

/** A load of `times` from one second to another. */
const step =
  (times: number, from: number, to: number) =>
  (seconds: number): number =>
    seconds >= from && seconds < to ? times : 1;

describe('rungsOf', () => {
  it('goes down the models, then to fewer timesteps where there are several, then to hold', () => {
    const names = (several: boolean): string[] => rungsOf(['flow-s', 'search'], several).map(({ name }) => name);
    expect(names(false)).toEqual(['flow-s', 'search', 'hold']);
    expect(names(true)).toEqual(['flow-s', 'search', 'search-middle', 'hold']);
    expect(rungsOf([], true)).toEqual([{ name: 'hold', tier: undefined, timesteps: 'all' }]);
  });
});

describe('Ladder', () => {
  it('stays at the top while pairs are in time', () => {
    const course = simulate(CALM);
    expect(course.changes).toEqual([]);
    expect(lateShare(course, 0)).toBe(0);
  });

  it.each([
    ['the search', 2.5, 'search'],
    ['hold', 8, 'hold'],
  ])('falls to %s within a second of a load, and is back at the top within 10 s of its end', (_, times, rung) => {
    const course = simulate({ ...CALM, slowdown: step(times, 5, 40), seconds: 60 });
    expect(course.at(5)).toBe('large');
    expect(course.at(6)).toBe(rung);
    expect(course.at(39)).toBe(rung);
    expect(course.at(50)).toBe('large');
    // Once it has settled, trials of the better rung are all that is late.
    expect(lateShare(course, 6, 40)).toBeLessThan(rung === 'hold' ? 1.01 : 0.01);
  });

  it('says what changed and with what numbers', () => {
    const { changes } = simulate({ ...CALM, slowdown: step(2.5, 5, 10), seconds: 30 });
    expect(changes.map(({ from, to, reason }) => [from, to, reason])).toEqual([
      ['large', 'search', 'late'],
      ['search', 'large', 'recovered'],
    ]);
    expect(changes[0]?.detail).toMatch(
      /^large: its pairs (took \d+ ms|could not be ready in time), the budget leaves 40 ms$/,
    );
    expect(changes[1]?.detail).toBe('large: its pairs take 24 ms, the budget leaves 40 ms');
  });

  it('tells a debug log of falls and trials with their figures, and of no ordinary pair', () => {
    const { decisions } = simulate({ ...CALM, slowdown: step(2.5, 5, 10), seconds: 30 });
    const [fall, scout, , ...later] = decisions;
    expect(fall).toMatchObject({ kind: 'fell', rung: 'large', current: 'large', headroom: fromMs(40) });
    expect(['late', 'refused']).toContain(fall?.why);
    expect(scout).toMatchObject({ kind: 'trial-started', rung: 'large', current: 'search', why: 'due' });
    const failed = decisions.filter(({ kind }) => kind === 'trial-failed');
    expect(failed.length).toBeGreaterThan(0);
    for (const { why, cost, elapsed } of failed) {
      expect(why).toBe('late');
      expect(cost).toBe(fromMs(60));
      expect(elapsed).toBeGreaterThan(fromMs(40));
    }
    expect(later.at(-1)).toMatchObject({
      ...{ kind: 'trial-passed', rung: 'large', current: 'search', why: 'in-time' },
      ...{ cost: fromMs(24), elapsed: fromMs(24), period: fromMs(1000 / 30) },
    });
    // Each trial that starts ends.
    expect(decisions.filter(({ kind }) => kind === 'trial-started').length).toBe(failed.length + 1);
    expect(decisions).toHaveLength(2 * failed.length + 3);
  });

  it.each([
    ['too much work', { work: [28, 10] }, 'too-much-work'],
    ['the engine fails', { work: [24, 10], fails: (at: number) => at > 1 && at < 20 }, 'failed'],
  ])('says why a trial failed: %s', (_, load, why) => {
    const { decisions } = simulate({ ...CALM, slowdown: step(3, 1, 3), ...load, seconds: 12 });
    expect(decisions.find(({ kind }) => kind === 'trial-failed')?.why).toBe(why);
  });

  it('makes fewer timesteps before it gives up', () => {
    const course = simulate({
      ...CALM,
      several: true,
      work: [45, 26, 8],
      slowdown: step(2, 5, 20),
      seconds: 40,
      headroomMs: 40,
    });
    expect(course.at(1)).toBe('search');
    expect(course.at(19)).toBe('search-middle');
    expect(course.at(32)).toBe('search');
  });

  it('falls for what queues up, although each pair alone would be in time', () => {
    const course = simulate({ ...CALM, work: [36, 10] });
    expect(course.at(3)).toBe('search');
    expect(course.changes.filter(({ to }) => to === 'large')).toEqual([]);
  });

  it('does not fall for a stall, nor for one late pair in twenty', () => {
    const burst = simulate({ ...CALM, slowdown: step(3, 5, 5.06) });
    expect(burst.pairs.filter(({ late }) => late).length).toBeGreaterThanOrEqual(2);
    expect(burst.changes).toEqual([]);
    const now_and_then = simulate({ ...CALM, slowdown: (at) => (Math.round(at * 30) % 20 === 7 ? 1.9 : 1) });
    expect(now_and_then.pairs.filter(({ late }) => late).length).toBeGreaterThan(30);
    expect(now_and_then.changes).toEqual([]);
  });

  it('falls when one pair in six is late for good', () => {
    const course = simulate({ ...CALM, slowdown: (at) => (Math.round(at * 30) % 6 === 5 ? 1.9 : 1), seconds: 6 });
    expect(course.changes[0]?.to).toBe('search');
  });

  it('follows a slow drift down once and up once', () => {
    const drift = (at: number): number => 1 + 1.6 * Math.sin((Math.PI * Math.min(at, 120)) / 120);
    const { changes, pairs } = simulate({ ...CALM, slowdown: drift, seconds: 150 });
    const large = changes.filter(({ to }) => to === 'large').length;
    expect(changes.at(-1)?.to).toBe('large');
    // At the edge it may try the rung that has just become too slow.
    expect(large).toBeLessThanOrEqual(3);
    expect(pairs.filter(({ late }) => late).length / pairs.length).toBeLessThan(0.02);
  });

  it('tries a rung that is too much work three times, then once a minute, each time with one pair', () => {
    const trials = (large: number): number =>
      simulate({ ...CALM, work: [large, 10], slowdown: step(3, 1, 3), seconds: 124 }).pairs.filter(
        ({ rung, at }) => rung === 'large' && at > 4,
      ).length;
    expect(trials(90)).toBeLessThanOrEqual(4);
    expect(trials(42)).toBeLessThanOrEqual(4);
    expect(trials(28)).toBeLessThanOrEqual(4);
  });

  it('a late scout harms no more than the pair behind it, and is no reason to fall', () => {
    const { pairs, changes } = simulate({ ...CALM, work: [60, 10], seconds: 20 });
    expect(changes).toHaveLength(1);
    const settled = pairs.filter(({ at }) => at > 1);
    const scouts = settled.filter(({ rung }) => rung === 'large').length;
    expect(scouts).toBeGreaterThan(0);
    expect(settled.filter(({ late }) => late).length).toBeLessThanOrEqual(2 * scouts);
  });

  it('steps down when the engine fails, and comes back', () => {
    const { changes } = simulate({ ...CALM, fails: (at) => at > 5 && at < 12 });
    expect(changes.slice(0, 2).map(({ to, reason }) => [to, reason])).toEqual([
      ['search', 'failed'],
      ['hold', 'failed'],
    ]);
    expect(changes.slice(2).map(({ to }) => to)).toEqual(['search', 'large']);
  });

  it('does not fall for pairs whose frames came late themselves, and makes a trial again that met one', () => {
    const limits = { headroom: fromMs(40), period: fromMs(33) };
    const ladder = new Ladder(rungsOf(['a', 'b'], false), ZERO);
    for (let i = 0; i < 100; i += 1) {
      expect(ladder.settle(ladder.choose(ZERO, limits), { kind: 'misplaced' }, ZERO, limits)).toBeUndefined();
    }
    expect(ladder.rung.name).toBe('a');
    for (let i = 0; i < 6; i += 1) ladder.settle(ladder.choose(ZERO, limits), { kind: 'refused' }, ZERO, limits);
    expect(ladder.rung.name).toBe('b');
    const later = fromMs(60_000);
    const done = { kind: 'done', elapsed: fromMs(5), cost: fromMs(5) } as const;
    const misplaced = ladder.choose(later, limits);
    expect(misplaced.isTrial).toBe(true);
    ladder.settle(misplaced, { kind: 'misplaced' }, later, limits);
    for (let i = 0; i < 8; i += 1) ladder.settle(ladder.choose(later, limits), done, later, limits);
    expect(ladder.rung.name).toBe('a');
  });

  it('ignores what comes late of a rung that it has left', () => {
    const limits = { headroom: fromMs(40), period: fromMs(33) };
    const ladder = new Ladder(rungsOf(['a', 'b'], false), ZERO);
    const old = Array.from({ length: 12 }, () => ladder.choose(ZERO, limits));
    const settled = old.map((attempt) => ladder.settle(attempt, { kind: 'refused' }, ZERO, limits));
    expect(settled.filter((change) => change !== undefined)).toHaveLength(1);
    expect(ladder.rung.name).toBe('b');
  });

  it.each(Array.from({ length: 12 }, (_, seed) => seed + 1))(
    'seed %i: whatever the load, it neither flaps nor stays down',
    (seed) => {
      const random = seededRandom(seed);
      const spans = Array.from({ length: 8 }, () => ({
        times: 0.6 + 6 * random() ** 2,
        noise: 0.5 * random(),
        burst: random() < 0.5,
      }));
      const fps = [7.5, 15, 25, 30, 60][seed % 5] ?? 30;
      const interval = 1000 / fps;
      const noise = seededRandom(seed + 100);
      const slowdown = (at: number): number => {
        const span = spans[Math.floor(at / 10)];
        if (!span) return 0.9;
        return span.times * (1 + span.noise * noise()) * (span.burst && noise() < 0.02 ? 4 : 1);
      };
      const work = [0.75, 0.35, 0.2].map((share) => share * Math.min(interval, 40));
      const course = simulate({ fps, seconds: 95, work, slowdown, several: seed % 2 === 0 });
      expect(course.changes.length).toBeLessThan(40);
      for (const [i, change] of course.changes.entries()) {
        const before = course.changes[i - 1];
        if (change.reason === 'recovered' && before?.reason === 'late')
          expect(change.at - before.at).toBeGreaterThan(1.9);
      }
      // The load has ended at 80 s.
      expect(course.at(90)).toBe('large');
      expect(lateShare(course, 90)).toBe(0);
      // All that is shown was ready within the budget.
      for (const { late, elapsedMs, rung } of course.pairs) {
        if (!late && rung !== 'hold') expect(elapsedMs).toBeLessThanOrEqual(40);
      }
    },
  );
});
