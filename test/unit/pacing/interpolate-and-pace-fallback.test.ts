import { describe, expect, it } from 'vitest';
import { fromMs, plus } from '../../../src/time.ts';
import { type Answer, OutputRig, type RigOptions } from '../../support/pacing-rig.ts';

const DOUBLE = { kind: 'factor', factor: 2 } as const;

/** A second of 30 fps through a rig whose engine answers like this. */
async function second(answer: (job: number) => Answer, options: Partial<RigOptions> = {}): Promise<OutputRig> {
  const rig = new OutputRig({ target: DOUBLE, ...options });
  rig.engine.answer = answer;
  rig.schedule(30, 30);
  await rig.run(1500);
  return rig;
}

/**
 * The stream went on as if nothing had happened: 59 releases, even, all source frames, none left
 * behind.
 */
async function expectUnharmed(rig: OutputRig): Promise<void> {
  expect(rig.released).toHaveLength(59);
  expect(rig.kind('source')).toHaveLength(30);
  for (const gap of rig.gaps(3)) expect(Math.abs(gap - 1000 / 60)).toBeLessThan(1.2);
  await rig.stop();
  expect(rig.engine.pending).toBe(0);
  expect(rig.arena.liveFrames).toBe(0);
  expect(rig.arena.usedBytes).toBe(0);
}

describe('interpolateAndPace when interpolation fails', () => {
  it('late results: the source frame is repeated on time, the result is dropped and counted', async () => {
    const rig = await second(() => ({ ms: 60, confidence: 1 }));
    expect(rig.repeats).toEqual({ deadline: 29 });
    expect(rig.events.of('deadline-miss')).toHaveLength(29);
    expect(rig.events.of('drop').filter((d) => d.stage === 'interpolate')).toHaveLength(29);
    await expectUnharmed(rig);
  });

  it('a single late result costs a single frame', async () => {
    const rig = await second((job) => ({ ms: job === 12 ? 100 : 5, confidence: 1 }));
    expect(rig.repeats).toEqual({ deadline: 1 });
    expect(rig.kind('synthetic')).toHaveLength(28);
    await expectUnharmed(rig);
  });

  it.each([
    ['late', 'deadline'],
    ['dropped', 'overload'],
    ['closed', 'overload'],
  ] as const)('refusal "%s": repeated for reason "%s"', async (refuse, reason) => {
    const rig = await second(() => ({ ms: 5, refuse }));
    expect(rig.repeats).toEqual({ [reason]: 29 });
    expect(rig.events.of('deadline-miss')).toHaveLength(reason === 'deadline' ? 29 : 0);
    await expectUnharmed(rig);
  });

  it('errors: repeated, and reported each time', async () => {
    const rig = await second((job) => (job % 2 ? { ms: 5, fail: `crash ${job}` } : { ms: 5, confidence: 1 }));
    expect(rig.repeats).toEqual({ 'engine-error': 14 });
    expect(rig.engineErrors).toHaveLength(14);
    expect(rig.engineErrors[0]).toBe('crash 1');
    await expectUnharmed(rig);
  });

  it('an engine that throws instead of rejecting does no more harm', async () => {
    const rig = new OutputRig({ target: DOUBLE });
    rig.engine.answer = () => {
      throw new TypeError('broken engine');
    };
    rig.schedule(30, 30);
    await rig.run(1500);
    expect(rig.repeats).toEqual({ 'engine-error': 29 });
    expect(rig.engineErrors[0]).toBe('broken engine');
    await expectUnharmed(rig);
  });

  it('an unsure result is not shown', async () => {
    const rig = await second((job) => ({ ms: 5, confidence: job % 2 ? 0.19 : 0.2 }), { minConfidence: 0.2 });
    expect(rig.repeats).toEqual({ unsure: 14 });
    expect(rig.kind('synthetic')).toHaveLength(15);
    await expectUnharmed(rig);
  });

  it('a result that its model does not judge is shown, and no confidence is reported', async () => {
    const rig = await second(() => ({ ms: 5, confidence: undefined }), { minConfidence: 0.2 });
    expect(rig.kind('synthetic')).toHaveLength(29);
    expect(rig.events.of('confidence')).toEqual([]);
    await expectUnharmed(rig);
  });

  it('repeats the nearer source frame, and says for which time', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 4 } });
    rig.engine.answer = () => ({ ms: 1, fail: 'no' });
    rig.push(rig.clock.now(), { level: 100, discontinuity: true });
    await rig.run(40);
    rig.push(rig.clock.now(), { level: 104 });
    await rig.run(200);
    const shown = rig.released.map((r) => [
      r.level,
      r.discontinuity,
      r.provenance.kind === 'repeated' && r.provenance.t,
    ]);
    expect(shown).toEqual([
      [100, true, false],
      [100, false, 0.25],
      [104, false, 0.5],
      [104, false, 0.75],
      [104, false, false],
    ]);
    // A repeat stands at its own time.
    expect(rig.released.map((r) => (r.pts - fromMs(1000)) / 1000)).toEqual([0, 10, 20, 30, 40]);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });
});

describe('interpolateAndPace where nothing may be invented', () => {
  it('a cut: only the earlier scene until the later one begins', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 4 } });
    for (let i = 0; i < 20; i++) {
      rig.clock.at(plus(fromMs(1000), fromMs(40 * i)), () =>
        rig.push(rig.clock.now(), { level: (i < 10 ? 40 : 200) + 2 * (i % 2) }),
      );
    }
    await rig.run(1000);
    expect(rig.engine.jobs).toHaveLength(18);
    expect(rig.repeats).toEqual({ cut: 3 });
    const repeated = rig.kind('repeated');
    expect(repeated.map((r) => r.level)).toEqual([42, 42, 42]);
    expect(rig.released).toHaveLength(77);
    const levels = rig.released.map((r) => r.level).filter((level) => level !== 255);
    expect(levels.findLastIndex((level) => level < 100)).toBeLessThan(levels.findIndex((level) => level > 100));
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('duplicates: shown again without asking the engine, and without counting as a miss', async () => {
    const rig = new OutputRig({ target: DOUBLE });
    for (let i = 0; i < 30; i++) {
      rig.clock.at(plus(fromMs(1000), fromMs(40 * i)), () => rig.push(rig.clock.now(), { level: 90 }));
    }
    await rig.run(1500);
    expect(rig.engine.jobs).toEqual([]);
    expect(rig.repeats).toEqual({ duplicate: 29 });
    expect(rig.events.of('deadline-miss')).toEqual([]);
    expect(rig.released).toHaveLength(59);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('a change of size: no frame between the two, none lost', async () => {
    const rig = new OutputRig({ target: DOUBLE });
    for (let i = 0; i < 20; i++) {
      rig.clock.at(plus(fromMs(1000), fromMs(40 * i)), () =>
        rig.push(rig.clock.now(), { level: 90 + 2 * (i % 2), size: i < 10 ? 16 : 32 }),
      );
    }
    await rig.run(1200);
    expect(rig.engine.jobs).toHaveLength(18);
    expect(rig.kind('source')).toHaveLength(20);
    expect(rig.kind('repeated')).toEqual([]);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it.each([
    ['the same timeline', 0],
    ['one that starts again', -3_000_000],
    ['one far ahead', 3_000_000],
  ])('a source that is back after two seconds, on %s', async (_, shiftMs) => {
    const rig = new OutputRig({ target: DOUBLE });
    rig.schedule(30, 30);
    await rig.run(3000);
    const back = plus(rig.clock.now(), fromMs(shiftMs));
    rig.push(back, { discontinuity: true });
    await rig.run(1000 / 30);
    rig.schedule(30, 29, { from: plus(back, fromMs(1000 / 30)) });
    await rig.run(2000);
    expect(rig.kind('source')).toHaveLength(60);
    expect(rig.kind('synthetic')).toHaveLength(58);
    expect(rig.repeats).toEqual({});
    expect(rig.events.count('drop')).toEqual({});
    // Nothing was invented across the gap.
    expect(rig.engine.jobs.every((job) => job.b - job.a < 40_000)).toBe(true);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('a timeline that jumps back without a pause: what waits is still shown', async () => {
    const rig = new OutputRig({ target: DOUBLE });
    rig.schedule(30, 30);
    await rig.run(1000);
    rig.push(fromMs(5), { discontinuity: true });
    await rig.run(1000 / 30);
    rig.schedule(30, 29, { from: fromMs(5 + 1000 / 30) });
    await rig.run(2000);
    expect(rig.kind('source')).toHaveLength(60);
    expect(rig.released.length).toBeGreaterThanOrEqual(117);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });
});
