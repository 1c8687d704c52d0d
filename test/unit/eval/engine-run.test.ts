import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineRun } from '../../../src/eval/engine-run.ts';
import type { Gap } from '../../../src/eval/gaps.ts';
import type { InterpJob, InterpResult } from '../../../src/interp/engine/job.ts';
import { Arena } from '../../../src/media/arena.ts';
import type { Frame } from '../../../src/media/frame.ts';
import { fromMs, systemClock } from '../../../src/time.ts';
import { flatFrame } from '../../support/frames.ts';

let arena: Arena;
beforeEach(() => {
  arena = new Arena(16);
});
afterEach(() => {
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

/** Levels of the kept frames: the third begins another scene. */
const LEVELS = [100, 104, 220, 216, 212, 208];

/** What was asked for each gap: levels of its frames and of those beside, and what was filled when. */
async function run(lookAhead: boolean, failAt = -1) {
  const asked: (number | undefined)[][] = [];
  const filled: number[][] = [];
  const tier = {
    interpolate: async ({ before, a, b, after, timesteps }: InterpJob): Promise<InterpResult> => {
      asked.push([before?.frame, a, b, after?.frame].map((frame) => frame?.bytes[0]));
      if (asked.length === failAt) throw new Error('broken');
      const frames = timesteps.map(() => a.share());
      return { status: 'done', frames, confidence: 1, spanMicros: { search: 0, network: 0, kernel: 0 } };
    },
  };
  const frames: Frame[] = LEVELS.map((level, i) => flatFrame(arena, fromMs(800 * i), level));
  try {
    using at = new EngineRun({ tier, clock: systemClock, lookAhead });
    const take = async (what: ReturnType<typeof at.push>): Promise<void> => {
      const all = await what;
      filled.push(all.map(({ gap }) => gap));
      for (const frame of all.flatMap((one) => one.frames)) frame.release();
    };
    for (const [index, b] of frames.slice(1).entries()) {
      const a = frames[index] ?? b;
      const gap: Gap = { index, a, b, timesteps: [0.5], truths: [] };
      await take(at.push(gap));
    }
    await take(at.finish());
  } finally {
    for (const frame of frames) frame.release();
  }
  return { asked, filled };
}

describe('EngineRun', () => {
  it('fills every gap, and tells of the pairs beside where a stream would: not across a cut', async () => {
    const live = await run(false);
    expect(live.asked).toEqual([
      [undefined, 100, 104, undefined],
      [undefined, 104, 220, undefined],
      [undefined, 220, 216, undefined],
      [220, 216, 212, undefined],
      [216, 212, 208, undefined],
    ]);
    expect(live.filled).toEqual([[0], [1], [2], [3], [4], []]);
  });

  it('with look-ahead answers a gap later, and tells of the pair after, too', async () => {
    const file = await run(true);
    expect(file.asked.map(([, a, , after]) => [a, after])).toEqual([
      [100, undefined],
      [104, undefined],
      [220, 212],
      [216, 208],
      [212, undefined],
    ]);
    expect(file.filled).toEqual([[], [0], [1], [2], [3], [4]]);
  });

  it.each([false, true])('leaves no frame behind when a gap fails (look-ahead %s)', async (lookAhead) => {
    await expect(run(lookAhead, 3)).rejects.toThrow('broken');
  });
});
