import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InterpEngine, type InterpEngineOptions } from '../../src/interp/engine/engine.ts';
import { findModel, type ModelSpec } from '../../src/interp/models/manifest.ts';
import { Arena } from '../../src/media/arena.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import type { Graph, Port } from '../support/engine-onnx.ts';
import { type RgbNetworkOptions, rgbNetwork } from '../support/engine-rgb-onnx.ts';
import {
  colourAt,
  distance,
  noise,
  type Picture,
  pictureOf,
  type Rgb,
  samplesOf,
  toFrame,
} from '../support/rgb-scalar.ts';

let directory: string;
let arena: Arena;
let written = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'framelift-'));
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(() => {
  arena = new Arena(64);
});
afterEach(() => {
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

async function start(
  options: RgbNetworkOptions,
  changes: Partial<ModelSpec> = {},
  more: Partial<InterpEngineOptions> = {},
): Promise<InterpEngine> {
  written += 1;
  const path = join(directory, `net${written}.onnx`);
  await writeFile(path, rgbNetwork(options));
  const model = { ...(await findModel(path)), ...changes };
  return InterpEngine.start({ arena, clock: systemClock, events: noEvents, model, threads: 1, ...more });
}

async function ask(engine: InterpEngine, a: Picture, b: Picture, timesteps: readonly number[]) {
  const [from, to] = [toFrame(arena, a, 0), toFrame(arena, b, 40)];
  try {
    const result = await engine.interpolate({ stream: 's', a: from, b: to, timesteps });
    if (result.status !== 'done') throw new Error(`refused: ${result.reason}`);
    const pictures = result.frames.map((f) => ({ samples: samplesOf(f), pts: f.pts, provenance: f.provenance }));
    for (const frame of result.frames) frame.release();
    // Rule 2: source frames are untouched.
    expect([distance(samplesOf(from), a), distance(samplesOf(to), b)]).toEqual([0, 0]);
    return { pictures, confidence: result.confidence, spanMicros: result.spanMicros };
  } finally {
    from.release();
    to.release();
  }
}

/** What {@link rgbNetwork} makes, not rounded: the mix, and of a mirror the padded picture's. */
function mixed(a: Picture, b: Picture, t: number, mirrored = 0): Picture {
  const { width, height } = a;
  return pictureOf(width, height, (x, y) => {
    const column = mirrored ? Math.min(width - 1, mirrored - 1 - x) : x;
    const [from, to] = [colourAt(a, column, y), colourAt(b, column, y)];
    const mix = (i: 0 | 1 | 2): number => from[i] + (to[i] - from[i]) * t;
    return [mix(0), mix(1), mix(2)] satisfies Rgb;
  });
}

const rounded = (picture: Picture): Picture => ({ ...picture, samples: Array.from(picture.samples, Math.round) });

const nine = { name: 'input', shape: [1, 9, 'H', 'W'] };

/** Gives the picture twice, one after the other along an axis. */
function twice(axis: number, shape: Port['shape']): (graph: Graph) => Graph {
  return (graph) => {
    const nodes = graph.nodes.map((node) => (node.output === 'output' ? { ...node, output: 'once' } : node));
    const concat = { op: 'Concat', inputs: ['once', 'once'], output: 'output', attributes: { axis } };
    return { ...graph, nodes: [...nodes, concat], outputs: [{ name: 'output', shape }] };
  };
}

/** Rounding to a level, and what numbers of that type lose on top of it. */
const NEAR = { float32: 0.502, float16: 0.85 };

const FORMS: [string, RgbNetworkOptions][] = [
  ['vs-mlrt v1', { input: 11 }],
  ['vs-mlrt v2 and VSGAN v2', { input: 7 }],
  ['VSGAN v1', { input: 8 }],
  ['TheAnimeScripter', { input: 'images' }],
  ['two images and a number', { input: 'images', timestep: [1] }],
  ['two images and a scalar', { input: 'images', timestep: [] }],
  ['two images and a plane of one sample', { input: 'images', timestep: [1, 1, 1, 1] }],
];

/** A network's file is named with every picture that it makes. */
const HASH: unknown = expect.stringMatching(/^[0-9a-f]{16}$/);

describe('InterpEngine with an rgb network', () => {
  it.each(
    FORMS.flatMap(([name, form]) => (['float32', 'float16'] as const).map((type) => [name, type, form] as const)),
  )('%s, %s: makes the picture of each time, and knows any', async (_, type, form) => {
    await using engine = await start({ ...form, type, mirror: true });
    expect(engine.times).toBe('any');
    await engine.warmUp(322, 182);
    const [a, b] = [noise(322, 182, 1), noise(322, 182, 2)];
    for (let round = 0; round < 2; round++) {
      const timesteps = [0.25, 0.5, 0.75];
      const { pictures, confidence, spanMicros } = await ask(engine, a, b, timesteps);
      for (const [i, t] of timesteps.entries()) {
        expect(distance(pictures[i]?.samples ?? [], mixed(a, b, t, 352))).toBeLessThan(NEAR[type]);
        expect(pictures[i]?.pts).toBe(40_000 * t);
        expect(pictures[i]?.provenance).toEqual({
          kind: 'synthetic',
          t,
          model: engine.model,
          hash: HASH,
          confidence: undefined,
        });
      }
      expect(confidence).toBeUndefined();
      expect(spanMicros.network).toBeGreaterThan(0);
    }
  });

  it.each(['float32', 'float16'] as const)('two equal frames come back bit-exact through %s', async (type) => {
    await using engine = await start({ type });
    for (const [width, height] of [
      [131, 87],
      [2, 2],
      [64, 32],
    ] as const) {
      const a = noise(width, height, 3);
      const { pictures } = await ask(engine, a, a, [0.5]);
      expect(distance(pictures[0]?.samples ?? [], a)).toBe(0);
    }
  });

  it('may read one type and write another', async () => {
    await using engine = await start({ type: 'float16', outputType: 'float32' });
    const [a, b] = [noise(70, 46, 1), noise(70, 46, 2)];
    const { pictures } = await ask(engine, a, b, [0.25]);
    expect(distance(pictures[0]?.samples ?? [], mixed(a, b, 0.25))).toBeLessThan(NEAR.float16);
  });

  it.each([
    ['scale', 8, { channel: 7, gain: 0.5, bias: 0 }, () => 0.5],
    ['x grid', 11, { channel: 7, gain: 0.5, bias: 0.5 }, (x: number) => x / 95],
    ['y grid', 11, { channel: 8, gain: 0.5, bias: 0.5 }, (_: number, y: number) => y / 63],
    ['2/(W−1)', 11, { channel: 9, gain: 20, bias: 0 }, () => 40 / 95],
    ['2/(H−1)', 11, { channel: 10, gain: 20, bias: 0 }, () => 40 / 63],
  ] as const)('gives the network the %s of the padded picture', async (_, input, show, value) => {
    await using engine = await start({ input, show });
    const a = noise(70, 46, 1);
    const wanted = pictureOf(70, 46, (x, y) => [value(x, y), value(x, y), value(x, y)]);
    // A second run shows that it is still there.
    for (let round = 0; round < 2; round++) {
      const { pictures } = await ask(engine, a, a, [0.5]);
      expect(distance(pictures[0]?.samples ?? [], wanted)).toBeLessThan(NEAR.float32);
    }
  });

  it.each([
    [32, 288],
    [64, 320],
    [128, 384],
  ])('finds out that a network needs multiples of %d', async (multiple, padded) => {
    for (const input of [11, 7, 'images'] as const) {
      await using engine = await start({ input, multiple, mirror: true });
      const [a, b] = [noise(260, 40, 1), noise(260, 40, 2)];
      const { pictures } = await ask(engine, a, b, [0.25]);
      expect(distance(pictures[0]?.samples ?? [], mixed(a, b, 0.25, padded))).toBeLessThan(NEAR.float32);
    }
  });

  it("pads to the manifest's multiple, which is the least that is tried", async () => {
    for (const [multiple, padded] of [
      [8, 264],
      [128, 384],
    ] as const) {
      await using engine = await start({ mirror: true }, { kind: 'rgb', multiple });
      const [a, b] = [noise(260, 40, 1), noise(260, 40, 2)];
      const { pictures } = await ask(engine, a, b, [0.25]);
      expect(distance(pictures[0]?.samples ?? [], mixed(a, b, 0.25, padded))).toBeLessThan(NEAR.float32);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'shows the nearer parent for a picture of %d, without confidence',
    async (add) => {
      await using engine = await start({ add });
      const [a, b] = [noise(70, 46, 1), noise(70, 46, 2)];
      const { pictures, confidence } = await ask(engine, a, b, [0.25, 0.75]);
      expect(confidence).toBe(0);
      expect(pictures.map(({ provenance }) => provenance)).toMatchObject([{ confidence: 0 }, { confidence: 0 }]);
      expect([distance(pictures[0]?.samples ?? [], a), distance(pictures[1]?.samples ?? [], b)]).toEqual([0, 0]);
    },
  );

  it.each([2, -2])('clips what is outside of 0…1 (%d)', async (add) => {
    await using engine = await start({ add });
    const [a, b] = [noise(70, 46, 1), noise(70, 46, 2)];
    const { pictures, confidence } = await ask(engine, a, b, [0.5]);
    const luma = pictures[0]?.samples.subarray(0, 70 * 46) ?? [];
    expect([new Set(luma), confidence]).toEqual([new Set([add > 0 ? 255 : 0]), undefined]);
  });

  it('serves pictures of several sizes in turn with bounded scratch', async () => {
    await using engine = await start({ input: 11 }, {}, { workers: 2 });
    let most = 0;
    for (let n = 0; n < 24; n++) {
      const width = 64 + 32 * (n % 4);
      await ask(engine, noise(width, 48, n), noise(width, 48, n + 1), [0.5]);
      most = Math.max(most, arena.usedBytes);
    }
    // Fourteen planes of four bytes a sample at four sizes, for each worker.
    expect(most).toBeLessThan(2 * 14 * 4 * 64 * (64 + 96 + 128 + 160) + 100_000);
  });
});

describe('InterpEngine with an rgb network that only knows the middle', () => {
  it.each<[string, RgbNetworkOptions, Partial<ModelSpec>]>([
    ['for want of a channel', { input: 6 }, {}],
    ['for want of a timestep', { input: 'images', timestep: null }, {}],
    ['by the manifest', { input: 7 }, { times: 'half' }],
  ])('halves again for quarters and eighths, %s', async (_, options, changes) => {
    await using engine = await start({ ...options, mirror: true }, changes);
    expect(engine.times).toBe('half');
    const [a, b] = [noise(71, 45, 1), noise(71, 45, 2)];
    const { pictures } = await ask(engine, a, b, [0.125, 0.25, 0.5, 0.75, 0.875]);
    const made = (i: number): Picture => ({ ...a, samples: pictures[i]?.samples ?? [] });
    // Each from what stands beside it, as it came out.
    for (const [i, from, to] of [
      [0, a, made(1)],
      [1, a, made(2)],
      [2, a, b],
      [3, made(2), b],
      [4, made(3), b],
    ] as const) {
      expect(distance(made(i).samples, mixed(from, to, 0.5, 96))).toBeLessThan(NEAR.float32);
    }
    // The same without the frames between.
    const alone = await ask(engine, a, b, [0.875, 0.2]);
    expect(distance(alone.pictures[0]?.samples ?? [], made(4))).toBe(0);
    expect(distance(alone.pictures[1]?.samples ?? [], made(1))).toBe(0);
    expect(alone.pictures[1]?.provenance).toMatchObject({ t: 0.25 });
  });
});

describe('InterpEngine and rgb files', () => {
  it('runs a fixed size for frames that are little smaller, cropped by the file or not', async () => {
    for (const crop of [undefined, [100, 52]] as const) {
      await using engine = await start({ size: [128, 64], mirror: crop === undefined, ...(crop ? { crop } : {}) });
      const [a, b] = [noise(99, 51, 1), noise(99, 51, 2)];
      const { pictures } = await ask(engine, a, b, [0.25]);
      const wanted = mixed(a, b, 0.25, crop ? 0 : 128);
      expect(distance(pictures[0]?.samples ?? [], wanted)).toBeLessThan(NEAR.float32);
    }
  });

  it('refuses other sizes than a file fixes, and stays alive', async () => {
    await using engine = await start({ size: [128, 64], crop: [100, 52] });
    for (const [width, height] of [
      [129, 64],
      [101, 52],
      [100, 53],
    ] as const) {
      await expect(engine.warmUp(width, height)).rejects.toMatchObject({
        code: 'model.invalid',
        message: expect.stringContaining(
          `only takes images of 128 × 64 and makes 100 × 52; frames of ${width} × ${height} do not fit`,
        ),
      });
    }
    await using wide = await start({ size: [128, 64], change: twice(3, [1, 3, 64, 256]) });
    await expect(wide.warmUp(128, 64)).rejects.toThrow(/128 × 64 and makes 256 × 64; frames of 128 × 64 do not fit/);
    await using large = await start({ size: [320, 320] });
    await expect(large.warmUp(128, 320)).rejects.toThrow(
      /images of 320 × 320 and makes 320 × 320; frames of 128 × 320/,
    );
    const a = noise(100, 52, 1);
    const { pictures } = await ask(engine, a, a, [0.5]);
    expect(distance(pictures[0]?.samples ?? [], rounded(a))).toBe(0);
  });

  it.each<[string, RgbNetworkOptions, RegExp]>([
    ['a multiple beyond all', { multiple: 96 }, /runs on no images padded to multiples of 32, 64, 128: .*Add/],
    [
      'an output larger than the input',
      { change: twice(3, [1, 3, 'H', 'W2']) },
      /runs on no images padded to multiples of 32, 64, 128/,
    ],
    [
      'another number of planes',
      { change: (graph) => ({ ...graph, inputs: [nine] }) },
      /inputs are input float32\[1,9,H,W\]/,
    ],
    ['no image', { change: twice(1, [1, 6, 'H', 'W']) }, /0 outputs are images, not one/],
  ])('refuses %s at the start, and says why', async (_, options, message) => {
    await expect(start(options)).rejects.toMatchObject({
      code: 'model.invalid',
      message: expect.stringMatching(message),
    });
  });

  it('cannot add grain', async () => {
    await expect(start({}, {}, { grain: 1 })).rejects.toMatchObject({ code: 'config.invalid' });
  });
});
