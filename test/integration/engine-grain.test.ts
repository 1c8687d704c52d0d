import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InterpEngine, type InterpEngineOptions } from '../../src/interp/engine/engine.ts';
import { findModel, type ModelSpec } from '../../src/interp/models/manifest.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { micros, systemClock } from '../../src/time.ts';
import { seedNetwork, twoMotionNetwork } from '../support/engine-onnx.ts';
import { seededRandom } from '../support/random.ts';

const [WIDTH, HEIGHT] = [328, 250];
let directory: string;
let grainy: ModelSpec;
let twice: ModelSpec;
let arena: Arena;

/** A model of a manifest that asks for grain. */
async function listed(id: string, bytes: Uint8Array): Promise<ModelSpec> {
  await writeFile(join(directory, `${id}.onnx`), bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const manifest = join(directory, `${id}.json`);
  await writeFile(manifest, JSON.stringify({ models: [{ id, kind: 'flow', file: `${id}.onnx`, sha256, grain: 1 }] }));
  return findModel(id, manifest);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'framelift-'));
  grainy = await listed('grainy', seedNetwork());
  twice = await listed('twice', twoMotionNetwork({ share: 0.5 }));
});
afterAll(() => rm(directory, { recursive: true }));

beforeEach(() => {
  arena = new Arena(64);
});
afterEach(() => {
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

const clean = (x: number, y: number): number => 110 + 60 * Math.sin(x / 31) * Math.cos(y / 27);

/** A still picture with Gaussian noise whose power is in proportion to the grey, times `noise`. */
function picture(seed: number, noise: number): Frame {
  const next = seededRandom(seed);
  const at = micros(40_000 * seed);
  const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, WIDTH, HEIGHT, info);
  frame.bytes.fill(128);
  const { strideY } = frame.layout;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      frame.bytes[y * strideY + x] = Math.round(clean(x, y) + Math.sqrt((noise * clean(x, y)) / 10) * normal);
    }
  }
  return frame;
}

/** Noise power of the luma. */
function power(frame: Frame): number {
  const { strideY } = frame.layout;
  let sum = 0;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) sum += ((frame.bytes[y * strideY + x] ?? 0) - clean(x, y)) ** 2;
  }
  return sum / (WIDTH * HEIGHT);
}

/** The luma samples, without the rows' padding. */
function visible({ bytes, layout }: Frame): Buffer {
  const rows = Array.from({ length: HEIGHT }, (_, y) => bytes.subarray(y * layout.strideY, y * layout.strideY + WIDTH));
  return Buffer.concat(rows);
}

/** What an engine makes of two pictures; the source frames must come out as they went in. */
async function made(options: Pick<InterpEngineOptions, 'model' | 'grain'>, noise = 1, timesteps = [0.25, 0.5, 0.75]) {
  await using engine = await InterpEngine.start({
    arena,
    clock: systemClock,
    events: noEvents,
    threads: 1,
    ...options,
  });
  const sources = [picture(1, noise), picture(2, noise)] as const;
  const before = sources.map((frame) => Buffer.from(frame.bytes));
  const result = await engine.interpolate({ stream: 's', a: sources[0], b: sources[1], timesteps });
  if (result.status !== 'done') throw new Error('refused');
  expect(sources.every((frame, i) => before[i]?.equals(frame.bytes))).toBe(true);
  const real = (power(sources[0]) + power(sources[1])) / 2;
  const found = result.frames.map((frame) => ({
    share: power(frame) / real,
    provenance: frame.provenance,
    luma: visible(frame),
    chroma: Buffer.from(frame.bytes.subarray(frame.layout.u, frame.layout.bytes - 64)),
  }));
  for (const frame of [...result.frames, ...sources]) frame.release();
  return found;
}

describe('grain through the engine', () => {
  it.each(['one motion', 'two motions'])('interpolated frames are as noisy as real ones, %s', async (kind) => {
    const model = kind === 'one motion' ? grainy : twice;
    const [without, grained] = [await made({ model, grain: 0 }), await made({ model })];
    for (const [i, frame] of grained.entries()) {
      expect(Math.abs(frame.share - 1)).toBeLessThan(0.15);
      expect(frame.provenance).toMatchObject({ kind: 'synthetic', grain: 1 });
      expect(without[i]?.share).toBeLessThan(0.72);
      expect(without[i]?.provenance).not.toHaveProperty('grain');
      expect(without[i]?.chroma.equals(frame.chroma)).toBe(true);
    }
  });

  it('gives the same frames in every run, and each its own grain', async () => {
    const [one, again] = [await made({ model: grainy }), await made({ model: grainy })];
    for (const [i, frame] of one.entries()) expect(again[i]?.luma.equals(frame.luma)).toBe(true);
    const plain = await made({ model: grainy, grain: 0 });
    const grain = (i: number): number[] => [...(one[i]?.luma ?? [])].map((v, k) => v - (plain[i]?.luma[k] ?? 0));
    const [first, last] = [grain(0), grain(2)];
    const dot = (x: number[], y: number[]): number => x.reduce((sum, v, k) => sum + v * (y[k] ?? 0), 0);
    expect(Math.abs(dot(first, last) / Math.sqrt(dot(first, first) * dot(last, last)))).toBeLessThan(0.1);
  });

  it('leaves pictures without noise as they are', async () => {
    const [plain, grained] = [await made({ model: 'search' }, 0), await made({ model: 'search', grain: 1 }, 0)];
    for (const [i, frame] of grained.entries()) expect(plain[i]?.luma.equals(frame.luma)).toBe(true);
  });

  it('brings as much as it is told', async () => {
    const [frame] = await made({ model: 'search', grain: 0.75 }, 1, [0.5]);
    expect(Math.abs((frame?.share ?? 0) - 0.75)).toBeLessThan(0.12);
  });

  it.each(['blend', 'repeat'] as const)('is refused of %s', async (model) => {
    await expect(made({ model, grain: 1 })).rejects.toMatchObject({
      code: 'config.invalid',
      message: `model ${model} cannot add grain`,
    });
  });
});
