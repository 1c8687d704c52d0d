/** Frames beyond the later one of a pair, made by real engines. */
import { describe, expect, it } from 'vitest';
import { InterpEngine } from '../../src/interp/engine/engine.ts';
import { lumaOnly } from '../../src/interp/engine/luma-only.ts';
import type { ModelSpec } from '../../src/interp/models/manifest.ts';
import type { ReferenceModel } from '../../src/interp/models/reference.ts';
import type { SampleForm } from '../../src/media/deep-layout.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { deepFrame, deepSamples, lumaOf, type Picture } from '../support/deep-frames.ts';
import { i420Network } from '../support/engine-i420-onnx.ts';
import { seedNetwork, twoMotionNetwork } from '../support/engine-onnx.ts';
import { rgbNetwork } from '../support/engine-rgb-onnx.ts';
import { HASH, useEngines } from '../support/engine-rig.ts';
import { shiftsOf } from '../support/kernel-scalar-deep.ts';

const rig = useEngines(96);
const SIZE = [165, 99] as const;
const FORM: SampleForm = { model: 'yuv', bits: 10, shiftX: 1, shiftY: 0, alpha: false };

const ABLE: Readonly<Record<string, () => Promise<ModelSpec | ReferenceModel>>> = {
  search: async () => 'search',
  'a flow network': () => rig.model(seedNetwork()),
  'a flow network at half the size': () => rig.model(seedNetwork(), { half: true }),
  'a flow network of two motions': () => rig.model(twoMotionNetwork({ share: 0.1 })),
  'a flow network with grain': () => rig.model(seedNetwork(), { grain: 1 }),
};
const UNABLE: Readonly<Record<string, () => Promise<ModelSpec | ReferenceModel>>> = {
  blend: async () => 'blend',
  repeat: async () => 'repeat',
  'an i420 network': () => rig.model(i420Network()),
  'an rgb network': () => rig.model(rgbNetwork()),
};

const startEngine = (model: ModelSpec | ReferenceModel, threads = 1): Promise<InterpEngine> =>
  InterpEngine.start({ arena: rig.arena, clock: systemClock, events: noEvents, model, threads });

/** A smooth texture that has moved by so many luma samples, down by half as many. */
const texture =
  (moved: number): Picture =>
  (plane, x, y) => {
    const shifts = shiftsOf(FORM, plane);
    const [u, v] = [x * 2 ** shifts.x - moved, y * 2 ** shifts.y - moved / 2];
    return Math.round(1023 * (0.5 + 0.15 * Math.sin(u / 9 + v / 19 + plane) + 0.15 * Math.cos(v / 8 - u / 23)));
  };

const pair = () =>
  [deepFrame(rig.arena, FORM, SIZE, texture(0), 0), deepFrame(rig.arena, FORM, SIZE, texture(8), 40)] as const;

/** Mean distance, 20 samples from the border, of the first plane from the texture so far along. */
function meanError(made: ArrayLike<number>, moved: number, scale: number): number {
  const [width, height] = SIZE;
  const truth = texture(moved);
  let sum = 0;
  for (let y = 20; y < height - 20; y++) {
    for (let x = 20; x < width - 20; x++) sum += Math.abs((made[y * width + x] ?? 0) * scale - truth(0, x, y));
  }
  return sum / ((width - 40) * (height - 40));
}

describe.each(Object.entries(ABLE))('%s', (name, model) => {
  it('carries motion on to t = 1.25 and 1.5, in every form, and says so', async () => {
    await using engine = await startEngine(await model());
    expect(engine.extrapolates).toBe(true);
    const [a, b] = pair();
    const times = [1.25, 1.5];
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: times });
    if (result.status !== 'done') throw new Error('refused');
    for (const [i, frame] of result.frames.entries()) {
      const t = times[i] ?? 0;
      expect([frame.pts, frame.capture - b.capture]).toEqual([40_000 * t, 40_000 * (t - 1)]);
      expect(frame.provenance).toMatchObject({ kind: 'extrapolated', t, confidence: result.confidence });
      if (name !== 'search') expect(frame.provenance).toMatchObject({ hash: HASH });
      // Of 1023 levels; a repeat of b is off by 20 and 40.
      expect(meanError(lumaOf(frame), 8 * t, 1023 / 255)).toBeLessThan(8);
      if (engine.deepens && frame.deep) expect(meanError(deepSamples(frame)[0] ?? [], 8 * t, 1)).toBeLessThan(6);
    }
    expect(result.frames.every(({ deep }) => deep !== undefined)).toBe(true);
    for (const frame of [a, b, ...result.frames]) frame.release();
  });
});

describe.each(Object.entries(UNABLE))('%s', (_, model) => {
  it('does not claim to, and refuses', async () => {
    await using engine = await startEngine(await model());
    expect(engine.extrapolates).toBe(false);
    const [a, b] = pair();
    const asked = engine.interpolate({ stream: 's', a, b, timesteps: [1.5] });
    await expect(asked).rejects.toMatchObject({ code: 'engine.failed' });
    for (const frame of [a, b]) frame.release();
  });
});

describe('an engine', () => {
  it.each([[[1]], [[1.6]], [[0.5, 1.5]], [[Number.NaN]]])(
    'refuses times that it cannot make: %j',
    async (timesteps) => {
      await using engine = await startEngine('search');
      const [a, b] = pair();
      await expect(engine.interpolate({ stream: 's', a, b, timesteps })).rejects.toMatchObject({
        code: 'engine.failed',
      });
      for (const frame of [a, b]) frame.release();
    },
  );

  it('gives the same bytes for any number of threads, and again', async () => {
    const made: Uint8Array[] = [];
    for (const threads of [1, 2, 1]) {
      await using engine = await startEngine('search', threads);
      const [a, b] = pair();
      const result = await engine.interpolate({ stream: 's', a, b, timesteps: [1.5] });
      if (result.status !== 'done') throw new Error('refused');
      for (const frame of result.frames) made.push(lumaOf(frame));
      for (const frame of [a, b, ...result.frames]) frame.release();
    }
    expect(made[1]).toEqual(made[0]);
    expect(made[2]).toEqual(made[0]);
  });

  it('takes its colour from the newest frame where colour means nothing', async () => {
    await using engine = await startEngine('search');
    const [a, b] = pair();
    const result = await lumaOnly(engine).interpolate({ stream: 's', a, b, timesteps: [1.5] });
    if (result.status !== 'done') throw new Error('refused');
    const [frame] = result.frames;
    const { u } = b.layout;
    expect(frame?.bytes.subarray(u)).toEqual(b.bytes.subarray(u));
    for (const each of [a, b, ...result.frames]) each.release();
  });
});
