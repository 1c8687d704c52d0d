import { describe, expect, it } from 'vitest';
import { fromMs } from '../../../src/time.ts';
import { type Answer, OutputRig, type RigOptions } from '../../support/pacing-rig.ts';

const double = { kind: 'factor', factor: 2 } as const;
const COUNT = 90;
/** The frame that is late or lost. */
const MISSING = 60;

interface Trouble {
  readonly lateMs?: number;
  readonly lost?: boolean;
  readonly options?: Partial<RigOptions>;
  readonly answer?: (times: readonly number[]) => Answer;
  /** Of the model on the rung below. */
  readonly search?: Answer;
}

/** 30 frames a second, one of which does not come in time. */
async function withTrouble({ lateMs = 0, lost = false, options = {}, answer, search }: Trouble): Promise<OutputRig> {
  const rig = new OutputRig({ target: double, extrapolates: true, ...options });
  if (answer) rig.engine.answer = (_, { timesteps }) => answer(timesteps);
  if (search) rig.search.answer = () => search;
  const due = (i: number): number => 1000 + (i * 1000) / 30;
  for (let i = 0; i < COUNT; i++) {
    if (lost && i === MISSING) continue;
    // Nothing overtakes what is late.
    const at = i < MISSING ? due(i) : Math.max(due(i), due(MISSING) + lateMs + i - MISSING);
    rig.clock.at(fromMs(at), () => rig.push(fromMs(due(i))));
  }
  await rig.run(3300);
  return rig;
}

/** What was released but for what stands after the last source frame, where all is missing. */
const released = ({ released: all }: OutputRig) => all.filter(({ pts }) => pts <= fromMs(1000 + 2967));
const extrapolated = (rig: OutputRig) => released(rig).filter(({ provenance: { kind } }) => kind === 'extrapolated');
const kinds = (rig: OutputRig) => released(rig).map(({ provenance: { kind } }) => kind);
const kindsAround = (rig: OutputRig, count: number) => {
  const at = released(rig).findIndex(({ pts }) => pts >= fromMs(1000 + ((MISSING - 1) * 1000) / 30 - 1));
  return kinds(rig).slice(at, at + count);
};

describe('a source frame that is late', () => {
  it('is made up for by the motion before it, once, and then takes its place untouched', async () => {
    const rig = await withTrouble({ lateMs: 60 });
    expect(extrapolated(rig)).toHaveLength(1);
    expect(extrapolated(rig)[0]?.provenance).toMatchObject({ t: 1.5, confidence: 1 });
    expect(rig.kind('source')).toHaveLength(COUNT);
    for (const { pts, level, offset } of rig.kind('source')) {
      expect([level, offset]).toEqual([rig.sent.get(pts)?.level, rig.sent.get(pts)?.offset]);
    }
    expect(kindsAround(rig, 3)).toEqual(['source', 'extrapolated', 'source']);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('is shown no later than without anything in its place, and so are those after it', async () => {
    const times = async (extrapolates: boolean) => {
      const rig = await withTrouble({ lateMs: 60, options: { extrapolates } });
      const shown = new Map(rig.kind('source').map(({ pts, at }) => [pts, at]));
      await rig.stop();
      return shown;
    };
    const without = await times(false);
    for (const [pts, at] of await times(true)) {
      // The delay bends by other measured needs, a fraction of a millisecond.
      expect(at).toBeLessThanOrEqual((without.get(pts) ?? 0) + 500);
    }
  });

  it('costs nothing while frames come in time, jitter included', async () => {
    const rig = new OutputRig({ target: double, extrapolates: true });
    rig.schedule(30, 150, { lateMs: (i) => 8 * Math.abs(Math.sin(i * 12.9898)) });
    await rig.run(4990);
    expect(rig.engine.jobs.flatMap(({ timesteps }) => timesteps).filter((t) => t > 1).length).toBeLessThanOrEqual(3);
    expect(rig.repeats).toEqual({});
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('does not wait for what is being made in its place', async () => {
    const rig = await withTrouble({
      lateMs: 45,
      answer: (times) => ({ ms: (times[0] ?? 0) > 1 ? 80 : 5, confidence: 1 }),
    });
    expect(extrapolated(rig)).toEqual([]);
    expect(rig.kind('source')).toHaveLength(COUNT);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });
});

describe('a source frame that is lost', () => {
  it('is made up for until the next one comes, and all goes on as before', async () => {
    const rig = await withTrouble({ lost: true });
    expect(extrapolated(rig)).toHaveLength(1);
    expect(rig.kind('source')).toHaveLength(COUNT - 1);
    expect(kindsAround(rig, 2)).toEqual(['source', 'extrapolated']);
    expect(new Set(kinds(rig).slice(-40))).toEqual(new Set(['source', 'synthetic']));
    const dues = rig.released.map(({ due }) => due);
    expect(dues).toEqual(dues.toSorted((a, b) => a - b));
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('never takes the picture back: after a frame that was carried on comes no older one', async () => {
    const rig = await withTrouble({ lost: true, options: { target: { kind: 'factor', factor: 4 } } });
    const from = rig.released.findIndex(({ provenance: { kind } }) => kind === 'extrapolated');
    const next = rig.released.slice(from).findIndex(({ provenance: { kind } }) => kind !== 'extrapolated');
    const older = rig.released
      .slice(from, from + next + 4)
      .filter(({ provenance }) => provenance.kind === 'repeated' && provenance.t < 0.5);
    expect(older).toEqual([]);
    await rig.stop();
  });
});

describe('nothing is made up', () => {
  it.each([
    ['the model cannot carry motion on', { options: { extrapolates: false } }],
    ['it is unsure', { answer: (t: readonly number[]) => ({ ms: 5, confidence: (t[0] ?? 0) > 1 ? 0.1 : 1 }) }],
    [
      'the engine has no time',
      {
        answer: (t: readonly number[]) =>
          (t[0] ?? 0) > 1 ? ({ ms: 1, refuse: 'late' } as const) : { ms: 5, confidence: 1 },
      },
    ],
    [
      'the engine fails',
      { answer: (t: readonly number[]) => ((t[0] ?? 0) > 1 ? { ms: 1, fail: 'broken' } : { ms: 5, confidence: 1 }) },
    ],
    ['the budget leaves nothing between source frames either', { options: { budgetMs: 5 } }],
  ] as const)('where %s', async (_, trouble) => {
    const rig = await withTrouble({ lateMs: 60, ...trouble });
    expect(extrapolated(rig)).toEqual([]);
    expect(rig.kind('source')).toHaveLength(COUNT);
    await rig.stop();
    expect(rig.arena.liveFrames).toBe(0);
  });

  it('under overload: a ladder that holds', async () => {
    const slow: Answer = { ms: 70, confidence: 1 };
    const rig = await withTrouble({ lateMs: 60, options: { ladder: true }, answer: () => slow, search: slow });
    expect(extrapolated(rig)).toEqual([]);
    expect(rig.ladderChanges.at(-1)?.to).toBe('hold');
    expect(rig.kind('source')).toHaveLength(COUNT);
    await rig.stop();
  });
});
