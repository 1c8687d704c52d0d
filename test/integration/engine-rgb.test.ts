import { describe, expect, it } from 'vitest';
import type { InterpEngine, InterpEngineOptions } from '../../src/interp/engine/engine.ts';
import type { ModelSpec } from '../../src/interp/models/manifest.ts';
import type { Graph, Port } from '../support/engine-onnx.ts';
import { type RgbNetworkOptions, rgbNetwork } from '../support/engine-rgb-onnx.ts';
import { HASH, useEngines } from '../support/engine-rig.ts';
import { distance, type I420Image, noise } from '../support/i420-images.ts';
import { colourAt, imageOf, type Rgb } from '../support/rgb-scalar.ts';

const rig = useEngines(64);

const start = (
  options: RgbNetworkOptions,
  changes: Partial<ModelSpec> = {},
  more: Partial<InterpEngineOptions> = {},
): Promise<InterpEngine> => rig.start(rgbNetwork(options), changes, more);

/** What {@link rgbNetwork} gives, not rounded: the mix, and of a mirror the padded image's. */
function mixed(a: I420Image, b: I420Image, t: number, mirrored = 0): I420Image {
  const { width, height } = a;
  return imageOf(width, height, (x, y) => {
    const column = mirrored ? Math.min(width - 1, mirrored - 1 - x) : x;
    const [from, to] = [colourAt(a, column, y), colourAt(b, column, y)];
    const mix = (i: 0 | 1 | 2): number => from[i] + (to[i] - from[i]) * t;
    return [mix(0), mix(1), mix(2)] satisfies Rgb;
  });
}

const rounded = (image: I420Image): I420Image => ({ ...image, samples: Array.from(image.samples, Math.round) });

const nine = { name: 'input', shape: [1, 9, 'H', 'W'] };

/** Gives the image twice, one after the other along an axis. */
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

describe('InterpEngine with an rgb network', () => {
  it.each(
    FORMS.flatMap(([name, form]) => (['float32', 'float16'] as const).map((type) => [name, type, form] as const)),
  )('%s, %s: gives the frame of each time, and knows any', async (_, type, form) => {
    await using engine = await start({ ...form, type, mirror: true });
    expect(engine.times).toBe('any');
    await engine.warmUp(322, 182);
    const [a, b] = [noise(322, 182, 1), noise(322, 182, 2)];
    for (let round = 0; round < 2; round++) {
      const timesteps = [0.25, 0.5, 0.75];
      const { frames, confidence, networkMicros } = await rig.ask(engine, a, b, timesteps);
      for (const [i, t] of timesteps.entries()) {
        expect(distance(frames[i]?.samples ?? [], mixed(a, b, t, 352))).toBeLessThan(NEAR[type]);
        expect(frames[i]?.pts).toBe(40_000 * t);
        expect(frames[i]?.provenance).toEqual({
          kind: 'synthetic',
          t,
          model: engine.model,
          hash: HASH,
          confidence: undefined,
        });
      }
      expect(confidence).toBeUndefined();
      expect(networkMicros).toBeGreaterThan(0);
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
      const { frames } = await rig.ask(engine, a, a, [0.5]);
      expect(distance(frames[0]?.samples ?? [], a)).toBe(0);
    }
  });

  it('may read one type and write another', async () => {
    await using engine = await start({ type: 'float16', outputType: 'float32' });
    const [a, b] = [noise(70, 46, 1), noise(70, 46, 2)];
    const { frames } = await rig.ask(engine, a, b, [0.25]);
    expect(distance(frames[0]?.samples ?? [], mixed(a, b, 0.25))).toBeLessThan(NEAR.float16);
  });

  it.each([
    ['scale', 8, { channel: 7, gain: 0.5, bias: 0 }, () => 0.5],
    ['x grid', 11, { channel: 7, gain: 0.5, bias: 0.5 }, (x: number) => x / 95],
    ['y grid', 11, { channel: 8, gain: 0.5, bias: 0.5 }, (_: number, y: number) => y / 63],
    ['2/(W−1)', 11, { channel: 9, gain: 20, bias: 0 }, () => 40 / 95],
    ['2/(H−1)', 11, { channel: 10, gain: 20, bias: 0 }, () => 40 / 63],
  ] as const)('gives the network the %s of the padded image', async (_, input, show, value) => {
    await using engine = await start({ input, show });
    const a = noise(70, 46, 1);
    const wanted = imageOf(70, 46, (x, y) => [value(x, y), value(x, y), value(x, y)]);
    // A second run shows that it is still there.
    for (let round = 0; round < 2; round++) {
      const { frames } = await rig.ask(engine, a, a, [0.5]);
      expect(distance(frames[0]?.samples ?? [], wanted)).toBeLessThan(NEAR.float32);
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
      const { frames } = await rig.ask(engine, a, b, [0.25]);
      expect(distance(frames[0]?.samples ?? [], mixed(a, b, 0.25, padded))).toBeLessThan(NEAR.float32);
    }
  });

  it("pads to the manifest's multiple, which is the least that is tried", async () => {
    for (const [multiple, padded] of [
      [8, 264],
      [128, 384],
    ] as const) {
      await using engine = await start({ mirror: true }, { kind: 'rgb', multiple });
      const [a, b] = [noise(260, 40, 1), noise(260, 40, 2)];
      const { frames } = await rig.ask(engine, a, b, [0.25]);
      expect(distance(frames[0]?.samples ?? [], mixed(a, b, 0.25, padded))).toBeLessThan(NEAR.float32);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'shows the nearer parent for an image of %d, without confidence',
    async (add) => {
      await using engine = await start({ add });
      const [a, b] = [noise(70, 46, 1), noise(70, 46, 2)];
      const { frames, confidence } = await rig.ask(engine, a, b, [0.25, 0.75]);
      expect(confidence).toBe(0);
      expect(frames.map(({ provenance }) => provenance)).toMatchObject([{ confidence: 0 }, { confidence: 0 }]);
      expect([distance(frames[0]?.samples ?? [], a), distance(frames[1]?.samples ?? [], b)]).toEqual([0, 0]);
    },
  );

  it.each([2, -2])('clips what is outside of 0…1 (%d)', async (add) => {
    await using engine = await start({ add });
    const [a, b] = [noise(70, 46, 1), noise(70, 46, 2)];
    const { frames, confidence } = await rig.ask(engine, a, b, [0.5]);
    const luma = frames[0]?.samples.subarray(0, 70 * 46) ?? [];
    expect([new Set(luma), confidence]).toEqual([new Set([add > 0 ? 255 : 0]), undefined]);
  });

  it('serves frames of several sizes in turn with bounded scratch', async () => {
    await using engine = await start({ input: 11 }, {}, { workers: 2 });
    let most = 0;
    for (let n = 0; n < 24; n++) {
      const width = 64 + 32 * (n % 4);
      await rig.ask(engine, noise(width, 48, n), noise(width, 48, n + 1), [0.5]);
      most = Math.max(most, rig.arena.usedBytes);
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
    const { frames } = await rig.ask(engine, a, b, [0.125, 0.25, 0.5, 0.75, 0.875]);
    const frame = (i: number): I420Image => ({ ...a, samples: frames[i]?.samples ?? [] });
    // Each from what stands beside it, as it came out.
    for (const [i, from, to] of [
      [0, a, frame(1)],
      [1, a, frame(2)],
      [2, a, b],
      [3, frame(2), b],
      [4, frame(3), b],
    ] as const) {
      expect(distance(frame(i).samples, mixed(from, to, 0.5, 96))).toBeLessThan(NEAR.float32);
    }
    // The same without the frames between.
    const alone = await rig.ask(engine, a, b, [0.875, 0.2]);
    expect(distance(alone.frames[0]?.samples ?? [], frame(4))).toBe(0);
    expect(distance(alone.frames[1]?.samples ?? [], frame(1))).toBe(0);
    expect(alone.frames[1]?.provenance).toMatchObject({ t: 0.25 });
  });
});

describe('InterpEngine and rgb files', () => {
  it('runs a fixed size for frames that are little smaller, cropped by the file or not', async () => {
    for (const crop of [undefined, [100, 52]] as const) {
      await using engine = await start({ size: [128, 64], mirror: crop === undefined, ...(crop ? { crop } : {}) });
      const [a, b] = [noise(99, 51, 1), noise(99, 51, 2)];
      const { frames } = await rig.ask(engine, a, b, [0.25]);
      const wanted = mixed(a, b, 0.25, crop ? 0 : 128);
      expect(distance(frames[0]?.samples ?? [], wanted)).toBeLessThan(NEAR.float32);
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
    const { frames } = await rig.ask(engine, a, a, [0.5]);
    expect(distance(frames[0]?.samples ?? [], rounded(a))).toBe(0);
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
