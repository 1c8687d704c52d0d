import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InterpEngine, type InterpEngineOptions } from '../../src/interp/engine/engine.ts';
import type { InterpJob, Tier } from '../../src/interp/engine/job.ts';
import { resolveModel } from '../../src/interp/models/manifest.ts';
import { Arena } from '../../src/media/arena.ts';
import type { Frame } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { texture } from '../support/flow-rig.ts';
import { samplesOf, toFrame } from '../support/i420-images.ts';

const [WIDTH, HEIGHT] = [160, 96];

let arena: Arena;
let frames: Frame[];

/** A texture that gathers speed: frame `nth` of it. */
function picture(nth: number): Frame {
  const samples = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) samples[y * WIDTH + x] = 255 * texture(x - 4 * nth - 2 * nth * nth, y + 3 * nth);
  }
  return toFrame(arena, { width: WIDTH, height: HEIGHT, samples }, 40 * nth);
}

beforeAll(() => {
  arena = new Arena(192);
  frames = [0, 1, 2, 3, 4].map(picture);
});
afterAll(() => {
  for (const frame of frames) frame.release();
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});
// Engines give back all that they keep of pairs.
afterEach(() => expect(arena.liveFrames).toBe(frames.length));

async function start(name: string, more: Partial<InterpEngineOptions>): Promise<InterpEngine> {
  const model = await resolveModel(name);
  return InterpEngine.start({ ...{ arena, clock: systemClock, events: noEvents, model, threads: 1 }, ...more });
}

/** The pair from frame `i` on, with both pairs beside it where there are such. */
function job(i: number, sides = { before: true, after: true }): InterpJob {
  const [earlier, a, b, later] = [-1, 0, 1, 2].map((k) => frames[i + k]);
  if (!a || !b) throw new Error('no such pair');
  return {
    ...{ stream: 's', a, b, timesteps: [0.5, 0.75] },
    ...(sides.before && earlier ? { before: { frame: earlier, ratio: 1 } } : {}),
    ...(sides.after && later ? { after: { frame: later, ratio: 1 } } : {}),
  };
}

/** What a tier makes of a pair: the samples of its frames, and which pairs beside they were made by. */
async function make(tier: Pick<Tier, 'interpolate'>, one: InterpJob) {
  const result = await tier.interpolate(one);
  if (result.status !== 'done') throw new Error(result.reason);
  const made = result.frames.map((frame) => {
    const { provenance } = frame;
    return { samples: samplesOf(frame), by: provenance.kind === 'synthetic' ? provenance.acceleration : 'no model' };
  });
  for (const frame of result.frames) frame.release();
  return made;
}

describe.each(['search', 'flow-s', 'flow-s@0.5'])('%s, for files', (name) => {
  it('makes the same of a pair whatever came before it, and whoever makes it', async () => {
    await using whole = await start(name, { searchBeside: true });
    const inOrder: Awaited<ReturnType<typeof make>>[] = [];
    for (const i of [0, 1, 2, 3]) inOrder.push(await make(whole, job(i)));
    expect(inOrder.map(([frame]) => frame?.by)).toEqual(['after', 'both', 'both', 'before']);
    await using midway = await start(name, { searchBeside: true });
    expect(await make(midway, job(2))).toEqual(inOrder[2]);
    await using crowd = await start(name, { searchBeside: true, workers: 2 });
    expect(await Promise.all([2, 3, 1, 0].map((i) => make(crowd, job(i))))).toEqual(
      [2, 3, 1, 0].map((i) => inOrder[i]),
    );
    const alone = await make(whole, job(1, { before: false, after: false }));
    expect(alone.map(({ by }) => by)).toEqual([undefined, undefined]);
    expect(Buffer.compare(alone[0]?.samples ?? Buffer.of(), inOrder[1]?.[0]?.samples ?? Buffer.of())).not.toBe(0);
  });
});

describe('live', () => {
  const sides = { before: true, after: false };

  it('uses what the last pair has left, and nothing across a change of the rung that works at another size', async () => {
    await using engine = await start('flow-s', {});
    const [half, search] = engine.lower;
    if (!half || !search) throw new Error('no lower tiers');
    const by: unknown[] = [];
    for (const [tier, i] of [
      [engine, 0],
      [engine, 1],
      [half, 2],
      [half, 3],
      [search, 2],
    ] as const) {
      by.push((await make(tier, job(i, sides)))[0]?.by);
    }
    // The search alone works at the size of the whole; its pair before was made there, earlier.
    expect(by).toEqual([undefined, 'before', undefined, 'before', 'before']);
  });

  it('makes of it what a file has', async () => {
    await using live = await start('search', {});
    await using file = await start('search', { searchBeside: true });
    await make(live, job(1, sides));
    expect(await make(live, job(2, sides))).toEqual(await make(file, job(2, sides)));
  });

  it('releases the frames of a pair that is refused, or is of another size', async () => {
    await using engine = await start('search', { capacity: 1 });
    const results = await Promise.all([0, 1, 2, 3].map((i) => engine.interpolate(job(i))));
    expect(results.filter(({ status }) => status === 'refused').length).toBeGreaterThan(0);
    for (const result of results) {
      if (result.status === 'done') for (const frame of result.frames) frame.release();
    }
    const odd = toFrame(arena, { width: 64, height: 64, samples: new Uint8Array(6144) });
    await expect(engine.interpolate({ ...job(1), before: { frame: odd, ratio: 1 } })).rejects.toThrow('one size');
    odd.release();
  });
});
