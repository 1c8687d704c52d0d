import { describe, expect, it } from 'vitest';
import { fromMs, minus } from '../../../src/time.ts';
import { OutputRig, type RigOptions } from '../../support/pacing-rig.ts';

const double = { kind: 'factor', factor: 2 } as const;
const jitter = (i: number): number => 12 * Math.abs(Math.sin(i * 12.9898));
/** Source frames as they were released. */
async function sources(options: Partial<RigOptions>, lateMs = jitter) {
  const rig = new OutputRig({ target: double, ahead: true, ...options });
  rig.schedule(30, 90, { lateMs });
  await rig.run(3300);
  const shown = rig.kind('source').map(({ pts, at, due }) => ({ pts, at, due }));
  await rig.stop();
  expect(rig.arena.liveFrames).toBe(0);
  return { rig, shown };
}

describe('with nothing held back', () => {
  it('doubles the rate by frames after each source frame, named as what they are', async () => {
    const { rig } = await sources({}, () => 0);
    expect(rig.kind('source')).toHaveLength(90);
    const made = rig.kind('extrapolated');
    expect(made).toHaveLength(89);
    expect(made[5]?.provenance).toEqual({ kind: 'extrapolated', t: 1.5, model: 'scripted', confidence: 1 });
    expect(rig.events.count('frame')).toEqual({ source: 90, extrapolated: 89 });
    for (const gap of rig.gaps(3)) expect(Math.abs(gap - 1000 / 60)).toBeLessThan(1.1);
    expect(rig.repeats).toEqual({});
  });

  it.each([
    ['in time', { ms: 5, confidence: 1 }],
    ['always late', { ms: 30, confidence: 1 }],
    ['refused', { ms: 1, refuse: 'late' }],
    ['unsure', { ms: 5, confidence: 0.1 }],
  ] as const)('releases source frames when pass-through does, whatever is made is %s', async (_, answer) => {
    const through = await sources({ ahead: false, budgetMs: 0 });
    const rig = new OutputRig({ target: double, ahead: true });
    rig.engine.answer = () => answer;
    rig.schedule(30, 90, { lateMs: jitter });
    await rig.run(3300);
    const shown = rig.kind('source').map(({ pts, at, due }) => ({ pts, at, due }));
    expect(shown).toHaveLength(90);
    expect(shown).toEqual(through.shown);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('holds each source frame back for the jitter of its arrival and nothing else', async () => {
    const { rig, shown } = await sources({});
    const held = shown.slice(45).map(({ pts, at }) => minus(at, rig.sent.get(pts)?.arrival ?? at) / 1000);
    expect(Math.max(...held)).toBeLessThanOrEqual(13);
    expect(Math.min(...held)).toBeLessThanOrEqual(1);
  });

  it('drops what comes late, counts it, and repeats the newest frame in its place', async () => {
    const rig = new OutputRig({ target: double, ahead: true });
    rig.engine.answer = () => ({ ms: 25, confidence: 1 });
    rig.schedule(30, 60);
    await rig.run(2300);
    expect(rig.kind('extrapolated')).toEqual([]);
    expect(rig.repeats.deadline).toBeGreaterThan(50);
    expect(rig.events.count('drop').late).toBeGreaterThan(50);
    for (const { pts, level } of rig.kind('repeated')) expect(level).toBe(rig.sent.get(pts)?.level ?? level);
    await rig.stop();
  });

  it('shows a source frame that comes sooner than expected at once, and not what stood for a later time', async () => {
    const rig = new OutputRig({ target: double, ahead: true });
    // 15 a second, then 60: after each of the first, something stands where the next one comes.
    const times = Array.from({ length: 80 }, (_, i) => fromMs(1000 + Math.min(i, 30) * 67 + Math.max(0, i - 30) * 17));
    for (const pts of times) rig.clock.at(pts, () => rig.push(pts));
    await rig.run(3200);
    expect(rig.kind('source').map(({ pts, at }) => [pts, minus(at, pts)])).toEqual(times.map((pts) => [pts, 0]));
    const dues = rig.released.map(({ due }) => due);
    expect(dues).toEqual(dues.toSorted((a, b) => a - b));
    expect(new Set(dues).size).toBe(dues.length);
    expect(rig.events.count('drop').overtaken).toBeGreaterThan(0);
  });

  it('makes what stands within half of an interval at four times the rate, then the last one stays', async () => {
    const rig = new OutputRig({ target: { kind: 'factor', factor: 4 }, ahead: true });
    rig.schedule(15, 30);
    await rig.run(2300);
    const times = rig.kind('extrapolated').map(({ provenance }) => ('t' in provenance ? provenance.t : 0).toFixed(3));
    expect(times).toEqual(Array.from({ length: 29 }, () => ['1.250', '1.500']).flat());
    expect(rig.released).toHaveLength(30 + 58);
    await rig.stop();
  });

  it('makes nothing across a cut, and says why', async () => {
    const rig = new OutputRig({ target: double, ahead: true });
    for (let i = 0; i < 20; i++) {
      rig.push(fromMs(1000 + i * 33), { level: i < 10 ? 40 + i : 200 + i });
      await rig.run(33);
    }
    expect(rig.repeats).toEqual({ cut: 1 });
    const [held] = rig.kind('repeated');
    expect(held?.level).toBe(210);
    await rig.stop();
  });

  it('steps down its ladder where the work takes longer than the time until the frame is due', async () => {
    const rig = new OutputRig({ target: double, ahead: true, ladder: true });
    rig.engine.answer = () => ({ ms: 22, confidence: 1 });
    rig.schedule(30, 90);
    await rig.run(3300);
    expect(rig.ladderChanges[0]).toMatchObject({ from: 'scripted', to: 'search', reason: 'late' });
    expect(rig.kind('extrapolated').length).toBeGreaterThan(60);
    expect(rig.kind('source')).toHaveLength(90);
    await rig.stop();
  });
});
