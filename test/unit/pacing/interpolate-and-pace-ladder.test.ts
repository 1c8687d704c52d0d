import { describe, expect, it } from 'vitest';
import type { InterpJob } from '../../../src/interp/engine/job.ts';
import { fromMs, type Micros, minus, plus } from '../../../src/time.ts';
import { type Answer, OutputRig, type RigOptions, type ScriptedEngine } from '../../support/pacing-rig.ts';
import { seededRandom } from '../../support/random.ts';

const DOUBLE = { kind: 'factor', factor: 2 } as const;

/**
 * One worker behind both tiers of a rig: jobs wait for each other, and are refused when they cannot
 * start before their deadline.
 */
function shareWorker(
  rig: OutputRig,
  workMs: Record<'engine' | 'search', number>,
  slowdown: (ms: number) => number,
): void {
  let free: Micros = rig.clock.now();
  const began = free;
  const serve = (engine: ScriptedEngine, work: number): void => {
    engine.answer = (_, job: InterpJob): Answer => {
      const now = rig.clock.now();
      const start = free > now ? free : now;
      const waited = minus(start, now) / 1000;
      if (job.deadline !== undefined && start > job.deadline) return { ms: waited, refuse: 'late' };
      const ms = work * (0.4 + 0.6 * job.timesteps.length) * slowdown(minus(now, began) / 1000);
      free = plus(start, fromMs(ms));
      return { ms: waited + ms, workMs: ms, confidence: 1 };
    };
  };
  serve(rig.engine, workMs.engine);
  serve(rig.search, workMs.search);
}

/**
 * A rig at 30 fps whose model takes 18 ms and whose search takes 8, under this load, run to the
 * end.
 */
async function under(
  slowdown: (ms: number) => number,
  seconds: number,
  options: Partial<RigOptions> = {},
): Promise<OutputRig> {
  const rig = new OutputRig({ target: DOUBLE, ladder: true, ...options });
  shareWorker(rig, { engine: 18, search: 8 }, slowdown);
  rig.schedule(30, 30 * seconds);
  await rig.run(seconds * 1000 + 500);
  return rig;
}

const during =
  (times: number, from: number, to: number) =>
  (ms: number): number =>
    ms >= from && ms < to ? times : 1;

/** Every source frame was shown, evenly, and none was held back longer than this. */
async function expectContract(rig: OutputRig, budgetMs: number, factor = 2): Promise<void> {
  expect(rig.kind('source')).toHaveLength(rig.sent.size);
  expect(rig.released).toHaveLength(factor * (rig.sent.size - 1) + 1);
  for (const { pts, at } of rig.kind('source')) {
    expect(minus(at, rig.sent.get(pts)?.arrival ?? at) / 1000).toBeLessThan(budgetMs + 0.1);
  }
  // At 5 % the delay may slew by 1.7 ms between two source frames.
  for (const gap of rig.gaps(3)) expect(Math.abs(gap - 1000 / (30 * factor))).toBeLessThan(1.8);
  await rig.stop();
  expect([rig.arena.liveFrames, rig.arena.usedBytes]).toEqual([0, 0]);
}

const FLOOR_2 = 1000 / 60;

describe('interpolateAndPace on a ladder', () => {
  it('stays on the model that was asked for while it is in time', async () => {
    const rig = await under(() => 1, 10);
    expect(rig.ladderChanges).toEqual([]);
    expect(rig.decisions).toEqual([]);
    expect(rig.repeats).toEqual({});
    await expectContract(rig, FLOOR_2 + 40);
  });

  it('shows the search under load, and the model again within 10 s of its end', async () => {
    const rig = await under(during(3, 5000, 15_000), 27);
    expect(rig.ladderChanges.map(({ to }) => to)).toEqual(['search', 'scripted']);
    const kinds = rig.decisions.map(({ kind }) => kind);
    expect([kinds[0], kinds[1], kinds.at(-1)]).toEqual(['fell', 'trial-started', 'trial-passed']);
    const [fell, rose] = rig.ladderChanges.map(({ at }) => minus(at, fromMs(1000)) / 1000);
    expect(fell).toBeLessThan(5700);
    expect(rose).toBeGreaterThan(15_000);
    expect(rose).toBeLessThan(25_000);
    const made = rig
      .kind('synthetic')
      .map(({ provenance }) => (provenance.kind === 'synthetic' ? provenance.model : ''));
    expect(made.filter((model) => model === 'search').length).toBeGreaterThan(0.9 * 9 * 30);
    // While it fell, and in trials.
    expect(rig.kind('repeated').length).toBeLessThan(25);
    await expectContract(rig, FLOOR_2 + 40);
  });

  it('holds under a load that leaves nothing: all source frames on time, repeats called an overload', async () => {
    const rig = await under(during(12, 3000, 13_000), 25);
    expect(rig.lineup?.ladder.rung.name).toBe('scripted');
    expect(rig.repeats.overload).toBeGreaterThan(0.9 * 9 * 30);
    expect(rig.repeats.deadline).toBeLessThan(30);
    await expectContract(rig, FLOOR_2 + 40);
  });

  it('makes the middle alone where all three would take too long', async () => {
    // Per pair, at 4x: model 39 ms, search 18, its middle alone 8.
    const rig = await under(during(2.4, 3000, 20_000), 20, { target: { kind: 'factor', factor: 4 } });
    expect(rig.lineup?.ladder.rung.name).toBe('search-middle');
    const last = rig.released.slice(-41, -1).map(({ provenance }) => provenance);
    expect(last.filter(({ kind }) => kind === 'synthetic')).toHaveLength(10);
    expect(last.flatMap((p) => (p.kind === 'repeated' ? [p.reason] : []))).toEqual(Array(20).fill('overload'));
    expect(last.flatMap((p) => (p.kind === 'synthetic' ? [p.t] : []))).toEqual(Array(10).fill(0.5));
    await expectContract(rig, 25 + 40, 4);
  });

  it('keeps a budget of 30 ms in all, which leaves 13 beyond the floor: the search, never the model', async () => {
    const rig = await under(() => 1, 10, { budgetMs: 30 });
    expect(rig.ladderChanges.map(({ to }) => to)).toEqual(['search']);
    await expectContract(rig, 30);
  });

  it('interpolates nothing in a budget below the floor: source frames at their own rate, within it', async () => {
    const rig = await under(() => 1, 5, { budgetMs: 12 });
    expect(rig.engine.jobs).toEqual([]);
    // Until the rate is known, the floor is that of 30 fps, as it is in fact.
    expect(rig.released.map(({ provenance }) => provenance.kind)).toEqual(Array(150).fill('source'));
    for (const { pts, at } of rig.released)
      expect(minus(at, rig.sent.get(pts)?.arrival ?? at)).toBeLessThanOrEqual(12_000);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('shows every source frame within a budget below the floor on a free grid, too', async () => {
    const rig = new OutputRig({ target: { kind: 'fps', fps: 60 }, budgetMs: 20 });
    rig.schedule(25, 100);
    await rig.run(4500);
    expect(rig.released.map(({ provenance }) => provenance.kind)).toEqual(Array(100).fill('source'));
    expect(rig.events.count('drop')).toEqual({});
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('repeats source frames while there is no model, and begins with one between two pairs', async () => {
    const rig = new OutputRig({ target: DOUBLE });
    const ready = rig.lineup;
    rig.lineup = undefined;
    rig.schedule(30, 60);
    await rig.run(1000);
    expect(rig.repeats).toEqual({ 'no-model': rig.kind('repeated').length });
    expect(rig.engine.jobs).toEqual([]);
    rig.lineup = ready;
    await rig.run(1500);
    expect(rig.kind('synthetic').length).toBeGreaterThan(28);
    await expectContract(rig, FLOOR_2 + 40);
  });

  it.each([1, 2, 3, 4])('random load %i: the budget is kept and every source frame is shown', async (seed) => {
    const random = seededRandom(seed);
    const spans = Array.from({ length: 6 }, () => 0.5 + 9 * random() ** 3);
    const noise = seededRandom(seed + 50);
    const slowdown = (ms: number): number =>
      (spans[Math.floor(ms / 4000)] ?? 1) * (1 + 0.4 * noise()) * (noise() < 0.01 ? 6 : 1);
    const rig = await under(slowdown, 24);
    expect(rig.ladderChanges.length).toBeLessThan(16);
    await expectContract(rig, FLOOR_2 + 40);
  });
});
