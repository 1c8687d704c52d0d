/** Runs that several pairs share: the same pictures as alone, and what never shares one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InterpEngine, type InterpEngineOptions } from '../../src/interp/engine/engine.ts';
import type { Tier } from '../../src/interp/engine/job.ts';
import { findModel, type ModelSpec, resolveModel } from '../../src/interp/models/manifest.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import type { MetricEvent } from '../../src/metrics/events.ts';
import { fromMs, ManualClock, type Micros, micros, plus, systemClock } from '../../src/time.ts';
import { i420Network } from '../support/engine-i420-onnx.ts';
import { twoMotionNetwork } from '../support/engine-onnx.ts';
import { samplesOf } from '../support/i420-images.ts';

const SCRIPT = new URL('../support/engine-scripted-worker.ts', import.meta.url);

let directory: string;
let arena: Arena;
let events: MetricEvent[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'framelift-'));
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(() => {
  arena = new Arena(128);
  events = [];
});
afterEach(() => {
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

const start = (model: ModelSpec, batch: number, more: Partial<InterpEngineOptions> = {}): Promise<InterpEngine> =>
  InterpEngine.start({
    arena,
    clock: systemClock,
    events: { emit: (event) => events.push(event) },
    model,
    threads: 1,
    batch,
    ...more,
  });

async function file(name: string, bytes: Uint8Array, changes: Partial<ModelSpec> = {}): Promise<ModelSpec> {
  const path = join(directory, `${name}.onnx`);
  await writeFile(path, bytes);
  return { ...(await findModel(path)), ...changes };
}

/** A texture of its own for each `seed`, moved by `shift` luma samples. */
function picture(width: number, height: number, seed: number, shift: number): Frame {
  const at = micros(shift * 1000);
  const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, width, height, info);
  const { bytes, layout } = frame;
  const planes = [
    [layout.y, width, height, layout.strideY, 1],
    [layout.u, layout.chromaWidth, layout.chromaHeight, layout.strideC, 2],
    [layout.v, layout.chromaWidth, layout.chromaHeight, layout.strideC, 2],
  ] as const;
  bytes.fill(0);
  for (const [offset, w, h, stride, scale] of planes) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const [px, py] = [scale * x - shift, scale * y];
        bytes[offset + y * stride + x] =
          128 + 50 * Math.sin(px / (5 + seed) + py / 17) + 50 * Math.cos(py / (4 + seed) - px / 23);
      }
    }
  }
  return frame;
}

/** One pair that is asked for. */
interface Pair {
  readonly stream: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly timesteps: readonly number[];
}

/** What came of a pair: the samples of each interpolated frame, or why there are none. */
type Made = { readonly pictures: readonly Uint8Array[]; readonly confidence: number | undefined } | string;

async function ask(tier: Pick<Tier, 'interpolate'>, { stream, width, height, seed, timesteps }: Pair): Promise<Made> {
  const [a, b] = [picture(width, height, seed, 0), picture(width, height, seed, 6 + seed)];
  const asked = tier.interpolate({ stream, a, b, timesteps });
  a.release();
  b.release();
  const result = await asked;
  if (result.status !== 'done') return result.reason;
  const pictures = result.frames.map(samplesOf);
  for (const frame of result.frames) frame.release();
  return { pictures, confidence: result.confidence };
}

/** Pairs of each run so far. */
const runs = (): readonly number[] => events.flatMap((event) => (event.type === 'inference' ? [event.jobs] : []));

const pairs = (width: number, height: number, count: number, timesteps: readonly number[]): Pair[] =>
  Array.from({ length: count }, (_, i) => ({ stream: `s${i}`, width, height, seed: i + 1, timesteps }));

/** Asks for all at once: the first occupies the worker, the others share the next run. Then one by one, by an engine that shares none: gives both. */
async function bothWays(
  model: ModelSpec,
  asked: readonly Pair[],
  more: Partial<InterpEngineOptions> = {},
): Promise<{ together: Made[]; alone: Made[] }> {
  let together: Made[];
  {
    await using engine = await start(model, 4, more);
    expect(engine.batch).toBe(4);
    together = await Promise.all(asked.map((pair) => ask(engine, pair)));
    expect(runs()).toEqual([1, asked.length - 1]);
  }
  await using engine = await start(model, 1, more);
  const alone: Made[] = [];
  for (const pair of asked) alone.push(await ask(engine, pair));
  return { together, alone };
}

async function compare(...asked: Parameters<typeof bothWays>): Promise<void> {
  const { together, alone } = await bothWays(...asked);
  expect(together).toEqual(alone);
}

/** As {@link compare}, for networks whose sums the runtime may take in another order: a few samples by one level. */
async function compareNearly(...asked: Parameters<typeof bothWays>): Promise<void> {
  const { together, alone } = await bothWays(...asked);
  for (const [i, one] of alone.entries()) {
    const other = together[i];
    if (typeof one === 'string' || other === undefined || typeof other === 'string') throw new Error('refused');
    expect(other.confidence).toBeCloseTo(one.confidence ?? -1, 6);
    for (const [n, picture] of one.pictures.entries()) {
      const differences = picture.map((value, at) => Math.abs(value - (other.pictures[n]?.[at] ?? 255)));
      expect(Math.max(...differences)).toBeLessThanOrEqual(1);
      expect(differences.filter((d) => d > 0).length / differences.length).toBeLessThan(0.0005);
    }
  }
}

describe('a run of several pairs gives the pictures of runs of one', () => {
  it.each([
    ['flow-s', 192, 128],
    ['flow-s', 131, 87],
    ['fluoro-s', 99, 70],
  ])('%s at %d × %d', async (name, width, height) => {
    const model = await resolveModel(name);
    if (typeof model === 'string') throw new Error('no network');
    await compareNearly(model, pairs(width, height, 4, [0.25, 0.5, 0.75]));
  });

  it.each([
    [128, 96],
    [71, 45],
  ])('a tiny flow network of two motions at %d × %d, with grain', async (width, height) => {
    const model = await file('two', twoMotionNetwork({ share: 0.5, batches: true }));
    await compare(model, pairs(width, height, 3, [0.5, 0.75]), { grain: 0.5 });
  });

  it.each([
    ['any time', { mirror: true, error: 0.05 }, {}],
    ['any time, with a seed', { seed: true }, {}],
    ['any time, with costs', { costs: true }, {}],
    ['the middle', { mirror: true, time: false }, {}],
  ] as const)('an i420 network that knows %s', async (name, options, changes) => {
    const model = await file(name, i420Network({ ...options, batches: true }), changes);
    await compare(model, pairs(71, 45, 4, [0.25, 0.5, 0.625]));
  });

  it('at times of their own', async () => {
    const model = await file('times', i420Network({ error: 0.05, batches: true }));
    const times = [0.5, 0.25, 0.3125, 0.9];
    await compare(
      model,
      pairs(64, 48, 4, []).map((pair, i) => ({ ...pair, timesteps: [times[i] ?? 0.5] })),
    );
  });
});

describe('what shares no run', () => {
  it('pairs of several sizes', async () => {
    const model = await file('sizes', twoMotionNetwork({ batches: true }));
    await using engine = await start(model, 4);
    const mixed = [0, 1, 2, 3, 4, 5].map((i) => ({
      ...(pairs(i % 2 ? 96 : 64, 48, 1, [0.5])[0] ?? expect.fail()),
      stream: `s${i}`,
    }));
    await Promise.all(mixed.map((pair) => ask(engine, pair)));
    // The first one alone, then three of 96 × 48, and the two that are left of 64 × 48.
    expect(runs()).toEqual([1, 3, 2]);
  });

  it('pairs of the search alone, or of half the picture with whole ones', async () => {
    const model = await file('tiers', twoMotionNetwork({ batches: true }));
    await using engine = await start(model, 4);
    const [half, search] = engine.lower;
    if (!half || !search) throw new Error('no lower tiers');
    const asked = pairs(64, 48, 6, [0.5]);
    await Promise.all(asked.map((pair, i) => ask(i % 2 ? search : engine, pair)));
    expect(runs()).toEqual([1, 1, 2, 1, 1]);
    events = [];
    await Promise.all(asked.map((pair, i) => ask(i % 2 ? half : engine, pair)));
    expect(runs()).toEqual([1, 3, 2]);
  });

  it('i420 pairs with different numbers of timesteps, or that halve at other times', async () => {
    const more = [[0.5], [0.25, 0.75], [0.5], [0.25, 0.75], [0.5]].map((timesteps, i) => ({
      ...(pairs(64, 48, 1, timesteps)[0] ?? expect.fail()),
      stream: `s${i}`,
    }));
    for (const options of [{}, { time: false }]) {
      await using engine = await start(await file('steps', i420Network({ ...options, batches: true })), 4);
      events = [];
      await Promise.all(more.map((pair) => ask(engine, pair)));
      expect(runs()).toEqual([1, 2, 2]);
    }
  });

  it('pairs of a network whose file fixes the first dimension', async () => {
    for (const bytes of [twoMotionNetwork(), i420Network()]) {
      await using engine = await start(await file('fixed', bytes), 4);
      expect(engine.batch).toBe(1);
      events = [];
      await engine.warmUp(64, 48);
      await Promise.all(pairs(64, 48, 3, [0.5]).map((pair) => ask(engine, pair)));
      expect(runs()).toEqual([1, 1, 1]);
    }
  });
});

describe('InterpEngine that waits for company', () => {
  let clock: ManualClock;
  let engine: InterpEngine;
  let parents: readonly [Frame, Frame];

  /** An engine whose runs take 20 ms, and that has heard of a stream `b` every 40 ms: 5 ms before its next job. */
  beforeEach(async () => {
    clock = new ManualClock();
    const model = await file('wait', twoMotionNetwork({ batches: true }));
    engine = await start(model, 2, { clock });
    parents = [picture(64, 48, 1, 0), picture(64, 48, 1, 4)];
    for (let n = 0; n < 40; n++) {
      clock.advance(fromMs(20));
      const run = one('b');
      clock.advance(fromMs(20));
      expect(await run).toBe('done');
    }
    clock.advance(fromMs(15));
    events = [];
  });
  afterEach(async () => {
    for (const frame of parents) frame.release();
    await engine.close();
    expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
  });

  async function one(stream: string, deadline?: Micros): Promise<string> {
    const [a, b] = parents;
    const result = await engine.interpolate({ stream, a, b, timesteps: [0.5], ...(deadline ? { deadline } : {}) });
    if (result.status !== 'done') return result.reason;
    for (const frame of result.frames) frame.release();
    return result.status;
  }

  it('starts when the one that is expected has come', async () => {
    const first = one('a');
    clock.advance(fromMs(4));
    expect(engine.stats).toMatchObject({ queued: 1, running: 0 });
    const second = one('b');
    expect(engine.stats).toMatchObject({ queued: 0, running: 1 });
    expect(await Promise.all([first, second])).toEqual(['done', 'done']);
    expect(runs()).toEqual([2]);
  });

  it('starts alone when that one does not come', async () => {
    const first = one('a');
    clock.advance(fromMs(4.9));
    expect(engine.stats).toMatchObject({ queued: 1, running: 0 });
    clock.advance(fromMs(0.3));
    expect(engine.stats).toMatchObject({ queued: 0, running: 1 });
    expect(await first).toBe('done');
    expect(runs()).toEqual([1]);
  });

  it('starts at its deadline less the time of a run', async () => {
    const first = one('a', plus(clock.now(), fromMs(22)));
    clock.advance(fromMs(1.9));
    expect(engine.stats).toMatchObject({ queued: 1, running: 0 });
    clock.advance(fromMs(0.2));
    expect(engine.stats).toMatchObject({ queued: 0, running: 1 });
    expect(await first).toBe('done');
  });

  it('starts at once at a deadline that leaves no time to wait', async () => {
    const first = one('a', plus(clock.now(), fromMs(19)));
    expect(engine.stats).toMatchObject({ queued: 0, running: 1 });
    expect(await first).toBe('done');
  });

  it('refuses what waits when it is closed, and sets no timer any more', async () => {
    const first = one('a');
    await engine.close();
    expect(await first).toBe('closed');
    clock.advance(fromMs(100));
    expect(runs()).toEqual([]);
  });
});

describe('InterpEngine that is closed', () => {
  it('lets a run of several pairs finish when it is closed, and refuses what waits', async () => {
    const model = await file('close', twoMotionNetwork({ batches: true }));
    const engine = await start(model, 2);
    const asked = pairs(320, 192, 5, [0.5]).map((pair) => ask(engine, pair));
    // The first alone; then two share a run.
    await asked[0];
    const closed = engine.close();
    const outcomes = await Promise.all(asked);
    await closed;
    expect(outcomes.map((o) => (typeof o === 'string' ? o : 'done'))).toEqual([
      'done',
      'done',
      'done',
      'closed',
      'closed',
    ]);
    expect(runs()).toEqual([1, 2]);
    await engine.close();
  });
});

describe('a run of several pairs that fails', () => {
  it('fails all of them and no other, without a second attempt', async () => {
    await using engine = await start(await file('script', twoMotionNetwork({ batches: true })), 2, {
      workerScript: SCRIPT,
    });
    expect(engine.batch).toBe(2);
    const outcome = async (t: number, i: number): Promise<string> =>
      ask(engine, { stream: `s${i}`, width: 64, height: 48, seed: 1, timesteps: [t] }).then(
        () => 'done',
        (error: Error) => error.message,
      );
    const outcomes = await Promise.all([0.5, 0.75, 0.5, 0.5].map(outcome));
    expect(outcomes).toEqual(['done', 'scripted failure', 'scripted failure', 'done']);
    expect(engine.stats).toMatchObject({ done: 2, failed: 2, restarts: 0 });
  });
});
