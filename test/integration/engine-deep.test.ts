import { describe, expect, it } from 'vitest';
import { InterpEngine } from '../../src/interp/engine/engine.ts';
import { lumaOnly } from '../../src/interp/engine/luma-only.ts';
import type { ModelSpec } from '../../src/interp/models/manifest.ts';
import type { ReferenceModel } from '../../src/interp/models/reference.ts';
import { deepLayout, type SampleForm } from '../../src/media/deep-layout.ts';
import type { Frame } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { deepFrame, deepSamples, lumaOf, type Picture } from '../support/deep-frames.ts';
import { i420Network } from '../support/engine-i420-onnx.ts';
import { seedNetwork, twoMotionNetwork } from '../support/engine-onnx.ts';
import { rgbNetwork } from '../support/engine-rgb-onnx.ts';
import { useEngines } from '../support/engine-rig.ts';
import { FORMS, shiftsOf } from '../support/kernel-scalar-deep.ts';

const rig = useEngines(96);
const SIZE = [165, 99] as const;
const YUV422: SampleForm = { model: 'yuv', bits: 10, shiftX: 1, shiftY: 0, alpha: false };
const GREY: SampleForm = { model: 'grey', bits: 16, shiftX: 0, shiftY: 0, alpha: false };

/** Models whose motion the worker knows, or that need none. */
const DEEPENING: Readonly<Record<string, () => Promise<ModelSpec | ReferenceModel>>> = {
  search: async () => 'search',
  blend: async () => 'blend',
  repeat: async () => 'repeat',
  'a flow network': () => rig.model(seedNetwork()),
  'a flow network at half the size': () => rig.model(seedNetwork(), { half: true }),
  'a flow network of two motions': () => rig.model(twoMotionNetwork({ share: 0.4 })),
  'a flow network with grain': () => rig.model(seedNetwork(), { grain: 1 }),
};

const startEngine = (model: ModelSpec | ReferenceModel, threads = 1): Promise<InterpEngine> =>
  InterpEngine.start({ arena: rig.arena, clock: systemClock, events: noEvents, model, threads });

/** A smooth texture that has moved by so many luma samples, down by half as many: 20…80 % of the form's range. */
function texture(form: SampleForm, moved: number): Picture {
  const range = 2 ** form.bits - 1;
  return (plane, x, y) => {
    const shifts = shiftsOf(form, plane);
    const [u, v] = [x * 2 ** shifts.x - moved, y * 2 ** shifts.y - moved / 2];
    return Math.round(range * (0.5 + 0.15 * Math.sin(u / 9 + v / 19 + plane) + 0.15 * Math.cos(v / 8 - u / 23)));
  };
}

/** What an engine makes of a pair. */
async function between(
  engine: Pick<InterpEngine, 'interpolate'>,
  [a, b]: readonly [Frame, Frame],
  timesteps: readonly number[],
): Promise<{ deep: (Uint16Array[] | undefined)[]; luma: Uint8Array[] }> {
  const result = await engine.interpolate({ stream: 's', a, b, timesteps });
  if (result.status !== 'done') throw new Error(`refused: ${result.reason}`);
  const deep = result.frames.map((frame) => (frame.deep ? deepSamples(frame) : undefined));
  const luma = result.frames.map(lumaOf);
  for (const frame of [a, b, ...result.frames]) frame.release();
  return { deep, luma };
}

/** A pair of pictures, 40 ms apart. */
const pair = (form: SampleForm, from: Picture, to: Picture): [Frame, Frame] => [
  deepFrame(rig.arena, form, SIZE, from, 0),
  deepFrame(rig.arena, form, SIZE, to, 40),
];

/** Mean distance of what was made from what would have been seen, a border left out. */
function meanError(made: ArrayLike<number>, form: SampleForm, moved: number, scale: number): number {
  const [width, height] = SIZE;
  const truth = texture(form, moved);
  let sum = 0;
  for (let y = 20; y < height - 20; y++) {
    for (let x = 20; x < width - 20; x++) sum += Math.abs((made[y * width + x] ?? 0) * scale - truth(0, x, y));
  }
  return sum / ((width - 40) * (height - 40));
}

/** A number of 0…1 for a place, always the same: noise without memory. */
function draw(seed: number, plane: number, x: number, y: number): number {
  let h = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(plane + 1, 0x85ebca6b) ^ Math.imul(y * 4099 + x, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

it.each(Object.entries(DEEPENING))(
  '%s leaves a still picture as it is, bit by bit, and else agrees with 8 bits',
  async (name, model) => {
    await using engine = await startEngine(await model(), 2);
    expect(engine.deepens).toBe(true);
    for (const [what, form] of Object.entries(FORMS)) {
      const noise: Picture = (...place) => Math.floor(draw(5, ...place) * 2 ** form.bits);
      const [a, b] = pair(form, noise, noise);
      const source = deepSamples(a);
      expect((await between(engine, [a, b], [0.25, 0.5])).deep, what).toEqual([source, source]);
    }
    const { deep, luma } = await between(engine, pair(GREY, texture(GREY, 0), texture(GREY, 6)), [0.25, 0.5, 0.8]);
    luma.forEach((samples, i) => {
      const far = Array.from(samples, (v, at) => Math.abs(v * 256 - (deep[i]?.[0]?.[at] ?? Number.NaN)) / 256);
      // Each of two motions is rounded to a level.
      expect(Math.max(...far)).toBeLessThanOrEqual(name.includes('two motions') ? 2 : 1);
    });
  },
);

describe('frames in the depth of their source', () => {
  it('know more of the picture than 8 bits can say', async () => {
    await using engine = await startEngine('search');
    const { deep, luma } = await between(engine, pair(GREY, texture(GREY, 0), texture(GREY, 8)), [0.5]);
    const [exact, coarse] = [meanError(deep[0]?.[0] ?? [], GREY, 4, 1), meanError(luma[0] ?? [], GREY, 4, 256)];
    expect(coarse).toBeGreaterThan(50);
    expect(exact).toBeLessThan(coarse / 4);
  });

  it.each([
    ['i420', i420Network],
    ['rgb', rgbNetwork],
  ])('are not made by an %s network, which says so', async (_, network) => {
    await using engine = await rig.start(network());
    const { deep, luma } = await between(engine, pair(YUV422, texture(YUV422, 0), texture(YUV422, 4)), [0.5]);
    expect([engine.deepens, deep, luma.length]).toEqual([false, [undefined], 1]);
  });

  it.each<[string, SampleForm]>([
    ['depth', { ...YUV422, bits: 12 }],
    ['chroma', { ...YUV422, shiftY: 1 }],
    ['alpha', { ...YUV422, alpha: true }],
  ])('are not made between forms of another %s', async (_, other) => {
    await using engine = await startEngine('search');
    const a = deepFrame(rig.arena, YUV422, SIZE, texture(YUV422, 0), 0);
    const b = deepFrame(rig.arena, other, SIZE, texture(other, 4), 40);
    expect((await between(engine, [a, b], [0.5])).deep).toEqual([undefined]);
  });

  it('take their chroma from the nearer parent where colour means nothing', async () => {
    await using engine = await startEngine('search');
    const [a, b] = pair(YUV422, texture(YUV422, 0), texture(YUV422, 8));
    const parents = [deepSamples(a), deepSamples(b)];
    const { deep } = await between(lumaOnly(engine), [a, b], [0.25, 0.75]);
    expect(deep.map((planes) => planes?.slice(1))).toEqual(parents.map((planes) => planes.slice(1)));
    expect(deep.map((planes) => planes?.[0])).not.toEqual(parents.map((planes) => planes[0]));
  });

  it.each(['grey of 12 bits with alpha', 'RGB of 16 bits with alpha'])(
    'stay as they are where they have no chroma: %s',
    async (name) => {
      await using engine = await startEngine('search');
      const form = FORMS[name] ?? GREY;
      const scene = (): [Frame, Frame] => pair(form, texture(form, 0), texture(form, 8));
      const plain = await between(engine, scene(), [0.25, 0.75]);
      const { deep } = await between(lumaOnly(engine), scene(), [0.25, 0.75]);
      expect(plain.deep[0]).toHaveLength(name.startsWith('grey') ? 2 : 4);
      expect(deep).toEqual(plain.deep);
    },
  );

  it('are given the noise of real ones, whatever their form', async () => {
    // Half-way between two frames that stand still there is half of the noise's power.
    const still = seedNetwork({ weights: Array.from({ length: 6 }, () => [0, 0, 0]) });
    await using plain = await rig.start(still);
    await using grainy = await rig.start(still, { grain: 1 });
    for (const [what, form] of Object.entries(FORMS)) {
      const level = 2 ** (form.bits - 8);
      // Red, green and blue alike: their I420 luma, which is measured, is that of plane 0.
      const noisy =
        (seed: number): Picture =>
        (plane, x, y) => {
          const at = [form.model === 'rgb' ? 0 : plane, x, y] as const;
          const normal =
            Math.sqrt(-2 * Math.log(1 - draw(seed, ...at))) * Math.cos(2 * Math.PI * draw(seed + 1, ...at));
          return Math.round(Math.min(Math.max(120 + 8 * normal, 0), 255) * level);
        };
      const deviations = async (engine: InterpEngine): Promise<number[]> => {
        const { deep } = await between(engine, pair(form, noisy(10), noisy(20)), [0.5]);
        return (deep[0] ?? []).map((samples) => deviation(samples) / level);
      };
      const [without, given] = [await deviations(plain), await deviations(grainy)];
      expect(without, what).toHaveLength(deepLayout(form, ...SIZE).planes.length);
      without.forEach((value, plane) => {
        if (plane < (form.model === 'rgb' ? 3 : 1)) {
          expect(value, what).toBeLessThan(6);
          expect(given[plane], what).toBeGreaterThan(7.2);
          expect(given[plane], what).toBeLessThan(9);
        } else expect(given[plane], what).toBe(value);
      });
    }
  });
});

function deviation(samples: Uint16Array): number {
  const mean = samples.reduce((sum, v) => sum + v, 0) / samples.length;
  return Math.sqrt(samples.reduce((sum, v) => sum + (v - mean) ** 2, 0) / samples.length);
}
