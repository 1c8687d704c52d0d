import { expect, it } from 'vitest';
import { fromMs } from '../../../src/time.ts';
import { OutputRig } from '../../support/pacing-rig.ts';

const FACTOR_4 = { kind: 'factor', factor: 4 } as const;

it('tells the engine of the pair before, by its times, and of none across a cut, a repetition or a gap', async () => {
  const rig = new OutputRig({ target: FACTOR_4 });
  const sources = [
    { at: 0, level: 100 },
    { at: 60, level: 104 },
    { at: 120, level: 108 },
    { at: 240, level: 112 },
    // Another scene.
    { at: 300, level: 220 },
    { at: 360, level: 216 },
    { at: 420, level: 212 },
    { at: 480, level: 212 },
    { at: 540, level: 208 },
    { at: 1240, level: 204 },
    { at: 1300, level: 200 },
    { at: 1360, level: 196 },
  ];
  let at = 0;
  for (const { at: next, level } of sources) {
    await rig.run(next - at);
    at = next;
    rig.push(fromMs(next), { level });
  }
  await rig.run(300);
  const pairs = rig.engine.jobs.map(({ a, b, before }) =>
    [a, b, before?.[0], before?.[1]].map((v, i) => (i < 3 ? v && v / 1000 : v)),
  );
  expect(pairs).toEqual([
    [0, 60, undefined, undefined],
    [60, 120, 0, 1],
    [120, 240, 60, 0.5],
    [300, 360, undefined, undefined],
    [360, 420, 300, 1],
    [480, 540, undefined, undefined],
    [1240, 1300, undefined, undefined],
    [1300, 1360, 1240, 1],
  ]);
  await rig.stop();
  expect([rig.arena.liveFrames, rig.arena.usedBytes]).toEqual([0, 0]);
});

it.each(['nothing is ready', 'the ladder holds', 'nothing fits the budget'])(
  'leaves no frame behind while %s',
  async (why) => {
    const rig = new OutputRig({
      target: FACTOR_4,
      ladder: true,
      ...(why === 'nothing fits the budget' ? { budgetMs: 1 } : {}),
    });
    if (why === 'nothing is ready') rig.lineup = undefined;
    if (why === 'the ladder holds') rig.engine.answer = rig.search.answer = () => ({ ms: 5, fail: 'crash' });
    rig.schedule(15, 40);
    await rig.run(4000);
    expect(rig.released.length).toBeGreaterThan(30);
    await rig.stop();
    expect([rig.arena.liveFrames, rig.arena.usedBytes]).toEqual([0, 0]);
  },
);
