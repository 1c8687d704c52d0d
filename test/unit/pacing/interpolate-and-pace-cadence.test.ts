import { describe, expect, it } from 'vitest';
import { fromMs, minus } from '../../../src/time.ts';
import { OutputRig } from '../../support/pacing-rig.ts';

/**
 * All source frames that were released are the very pixels that went in, in order; returns how
 * many.
 */
function expectSourceUntouched(rig: OutputRig): number {
  const sources = rig.kind('source');
  for (const frame of sources) {
    const sent = rig.sent.get(frame.pts);
    expect([frame.level, frame.offset]).toEqual([sent?.level, sent?.offset]);
  }
  expect(sources.map((f) => f.pts)).toEqual(sources.map((f) => f.pts).toSorted((a, b) => a - b));
  return sources.length;
}

describe('interpolateAndPace on a good day', () => {
  it.each([
    ['15 → 60', 15, { kind: 'fps', fps: 60 }, 60],
    ['30 → 60', 30, { kind: 'fps', fps: 60 }, 60],
    ['30 × 4', 30, { kind: 'factor', factor: 4 }, 120],
  ] as const)('%s: an even cadence, every source frame untouched, every gap filled', async (_, fps, target, out) => {
    const rig = new OutputRig({ target });
    const count = fps * 12;
    rig.schedule(fps, count);
    await rig.run(12_500);
    expect(rig.released).toHaveLength(1 + ((count - 1) * out) / fps);
    expect(expectSourceUntouched(rig)).toBe(count);
    expect(rig.repeats).toEqual({});
    expect(rig.events.count('drop')).toEqual({});
    expect(rig.events.of('deadline-miss')).toEqual([]);
    // The pacer bends its delay by at most 5 % of the time between two source frames, and in the
    // end not at all.
    const interval = 1000 / out;
    for (const gap of rig.gaps()) expect(Math.abs(gap - interval)).toBeLessThan(0.06 * (1000 / fps));
    for (const gap of rig.gaps(rig.released.length - 2 * out)) {
      expect(Math.abs(gap - interval)).toBeLessThan(0.01 * interval);
    }
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('7.5 × 2: the delay grows to the floor of so slow a source within three frames, then every gap is filled', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 2 } });
    rig.schedule(7.5, 60);
    await rig.run(9000);
    expect(rig.released).toHaveLength(119);
    expect(expectSourceUntouched(rig)).toBe(60);
    expect(rig.kind('repeated').every(({ pts }) => pts < fromMs(1000 + 400))).toBe(true);
    expect(rig.kind('synthetic').length).toBeGreaterThanOrEqual(56);
    for (const gap of rig.gaps(90)) expect(Math.abs(gap - 1000 / 15)).toBeLessThan(0.8);
    await rig.stop();
  });

  it('25 → 60: an even grid; source frames that fall on it are untouched, the others are not shown', async () => {
    const rig = new OutputRig({ target: { kind: 'fps', fps: 60 } });
    rig.schedule(25, 250);
    await rig.run(10_500);
    expect(Math.abs(rig.released.length - 598)).toBeLessThanOrEqual(2);
    const shown = rig.kind('source');
    for (const frame of shown) expect([...rig.sent.values()].map((s) => s.offset)).toContain(frame.offset);
    expect(shown).toHaveLength(50);
    expect(rig.repeats).toEqual({});
    for (const gap of rig.gaps(3)) expect(Math.abs(gap - 1000 / 60)).toBeLessThan(1);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('gives the engine each pair once, with the last moment at which it can be started for its last slot', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 4 } });
    rig.schedule(15, 20);
    await rig.run(2000);
    expect(rig.engine.jobs).toHaveLength(19);
    const sent = [...rig.sent.keys()];
    rig.engine.jobs.forEach((job, i) => {
      expect([job.a, job.b]).toEqual([sent[i], sent[i + 1]]);
      expect(job.timesteps).toEqual([0.25, 0.5, 0.75]);
      // Its slot, 50 ms after the earlier frame, may be held back by the floor of 50 ms and the
      // budget of 40 beyond it.
      const work = i === 0 ? 0 : 5;
      expect(Math.abs(minus(job.deadline ?? fromMs(0), job.a) / 1000 - (140 - work))).toBeLessThan(0.1);
    });
    await rig.stop();
  });

  it('labels each synthetic frame with its place between the parents', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 2 } });
    rig.engine.answer = () => ({ ms: 3, confidence: 0.75 });
    rig.schedule(30, 10);
    await rig.run(600);
    const made = rig.kind('synthetic');
    expect(made).toHaveLength(9);
    for (const frame of made) {
      expect(frame.provenance).toEqual({ kind: 'synthetic', t: 0.5, model: 'scripted', confidence: 0.75 });
      expect(frame.level).toBe(255);
    }
    expect(rig.events.count('frame')).toEqual({ source: 10, interpolated: 9 });
    await rig.stop();
  });

  it('settles at the delay that the engine needs: sooner than the budget, later than the need', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 2 }, budgetMs: 77 });
    rig.engine.answer = () => ({ ms: 20, confidence: 1 });
    rig.schedule(30, 30 * 25);
    await rig.run(25_000, 2);
    const last = rig.kind('source').at(-1);
    const held = minus(last?.due ?? rig.clock.now(), rig.sent.get(last?.pts ?? rig.clock.now())?.arrival ?? fromMs(0));
    expect(held / 1000 - 1000 / 60).toBeGreaterThan(20);
    expect(held / 1000 - 1000 / 60).toBeLessThan(27);
    expect(rig.repeats).toEqual({});
    await rig.stop();
  });

  it('never holds a frame longer than the budget, however slow the engine', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 2 }, budgetMs: 47 });
    rig.engine.answer = () => ({ ms: 70, confidence: 1 });
    rig.schedule(30, 30 * 10);
    await rig.run(10_500, 2);
    for (const { pts, due } of rig.kind('source').slice(30)) {
      const arrival = rig.sent.get(pts)?.arrival ?? fromMs(0);
      expect(due - arrival).toBeLessThanOrEqual(fromMs(47) + 2);
    }
    expect(rig.kind('synthetic')).toEqual([]);
    expect(rig.kind('source')).toHaveLength(300);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('ignores 8 ms of jitter on the way in', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 2 } });
    rig.schedule(30, 300, { lateMs: (i) => 8 * Math.abs(Math.sin(i * 12.9898)) });
    await rig.run(10_500);
    expect(rig.repeats).toEqual({});
    for (const gap of rig.gaps(3)) expect(Math.abs(gap - 1000 / 60)).toBeLessThan(1.2);
    expect(rig.released).toHaveLength(599);
    await rig.stop();
  });

  it('takes the jitter that it smooths out of the budget: frames that come early wait no longer than it', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 2 }, budgetMs: 50 });
    // So slow an engine that the delay is all of the budget.
    rig.engine.answer = () => ({ ms: 60, confidence: 1 });
    rig.schedule(30, 600, { lateMs: (i) => 20 * Math.abs(Math.sin(i * 12.9898)) });
    await rig.run(20_500);
    const held = rig.kind('source').map(({ pts, at }) => minus(at, rig.sent.get(pts)?.arrival ?? at) / 1000);
    expect(held).toHaveLength(600);
    const settled = held.slice(120);
    // One in twenty came earlier than what counts as the fastest. Unbounded, they would wait 60 ms
    // and more.
    expect(settled.filter((ms) => ms > 50.1).length).toBeLessThan(0.07 * settled.length);
    expect(Math.max(...settled)).toBeLessThan(54);
    expect(Math.max(...settled)).toBeGreaterThan(48);
    await rig.stop();
  });

  it('counts times of a source that starts anywhere', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 2 } });
    rig.schedule(30, 60, { from: fromMs(-5_000_000) });
    await rig.run(2500);
    expect(rig.released).toHaveLength(119);
    expect(rig.released[0]?.pts).toBe(fromMs(-5_000_000));
    expect(rig.kind('source')).toHaveLength(60);
    await rig.stop();
  });
});
