import { describe, expect, it } from 'vitest';
import type { InterpEngine, InterpEngineOptions } from '../../src/interp/engine/engine.ts';
import { finishLayout } from '../../src/interp/finish/layout.ts';
import { loadKernel, pyramidBytes, searchScratchBytes } from '../../src/interp/kernel/kernel.ts';
import { perform, searchTasks } from '../../src/interp/kernel/tasks.ts';
import type { ModelSpec } from '../../src/interp/models/manifest.ts';
import { type I420NetworkOptions, i420Network } from '../support/engine-i420-onnx.ts';
import type { Graph, Port } from '../support/engine-onnx.ts';
import { HASH, useEngines } from '../support/engine-rig.ts';
import { distance, type I420Image, noise, planesOfImage, toFrame } from '../support/i420-images.ts';
import { RecordedLog } from '../support/recorded-log.ts';

const rig = useEngines(32);

const start = (
  options: I420NetworkOptions,
  changes: Partial<ModelSpec> = {},
  more: Partial<InterpEngineOptions> = {},
): Promise<InterpEngine> => rig.start(i420Network(options), changes, more);

/** What {@link i420Network} gives for two images that are padded to a multiple, or to a size, and cropped again. */
function expected(
  a: I420Image,
  b: I420Image,
  t: number,
  { multiple = 32, mirror = false, to = [0, 0] } = {},
): I420Image {
  const samples = planesOfImage(a.width, a.height).flatMap(({ offset, width, height }, i) => {
    const unit = i === 0 ? multiple : multiple / 2;
    const fixed = (to[0] ?? 0) / (i === 0 ? 1 : 2);
    const padded = fixed || Math.ceil(width / unit) * unit;
    return Array.from({ length: width * height }, (_, at) => {
      const [x, y] = [at % width, Math.floor(at / width)];
      const from = offset + y * width + Math.min(width - 1, mirror ? padded - 1 - x : x);
      const [p, q] = [a.samples[from] ?? 0, b.samples[from] ?? 0];
      return Math.floor(p + (q - p) * t);
    });
  });
  return { width: a.width, height: a.height, samples };
}

const equal = (actual: Uint8Array | undefined, wanted: I420Image): boolean => distance(actual ?? [], wanted) === 0;

describe('InterpEngine with an i420 network', () => {
  it.each([
    [128, 64, 32],
    [70, 46, 32],
    [71, 45, 32],
    [71, 45, 8],
    [2, 2, 32],
  ])(
    'gives exactly what the network makes of the padded planes at %d × %d (multiple %d)',
    async (width, height, multiple) => {
      await using engine = await start({ mirror: true }, { kind: 'i420', multiple });
      await engine.warmUp(width, height);
      const [a, b] = [noise(width, height, 1), noise(width, height, 2)];
      for (let round = 0; round < 2; round++) {
        const timesteps = [0.25, 0.5, 0.8125];
        const { frames, confidence, networkMicros } = await rig.ask(engine, a, b, timesteps);
        for (const [i, t] of timesteps.entries()) {
          expect(equal(frames[i]?.samples, expected(a, b, t, { mirror: true, multiple }))).toBe(true);
          expect(frames[i]?.pts).toBe(40_000 * t);
          expect(frames[i]?.provenance).toEqual({
            kind: 'synthetic',
            t,
            model: engine.model,
            hash: HASH,
            confidence: undefined,
          });
        }
        // It has no error output: it is not judged.
        expect(confidence).toBeUndefined();
        expect(networkMicros).toBeGreaterThan(0);
      }
    },
  );

  it("finds out what a user's own file is, and holds no pyramids for one that does not search", async () => {
    await using engine = await start({});
    expect(engine.times).toBe('any');
    const [a, b] = [noise(64, 64, 3), noise(64, 64, 4)];
    const { frames } = await rig.ask(engine, a, b, [0.5]);
    expect(equal(frames[0]?.samples, expected(a, b, 0.5))).toBe(true);
    // Three frames of 64 × 64, what the last stage needs, and nothing else.
    expect(rig.arena.usedBytes).toBe(3 * 64 * 64 * 1.5 + finishLayout(64, 64).bytes);
  });

  it('logs each session that it makes, with its inputs and the time it took', async () => {
    const log = new RecordedLog();
    await using engine = await start({}, {}, { log });
    await engine.warmUp(70, 46);
    await engine.warmUp(70, 46);
    expect(log.of('session made')).toEqual([
      expect.objectContaining({
        model: engine.model,
        provider: 'cpu',
        threads: 1,
        inputs: expect.objectContaining({ y0: [1, 1, 64, 96], u1: [1, 1, 32, 48], t: [1] }),
        ms: expect.any(Number),
      }),
    ]);
  });

  it('turns the error output into confidence: exp(−mean / 0.1)', async () => {
    await using engine = await start({ error: 0.1 });
    const [a, b] = [noise(64, 64, 1), noise(64, 64, 2)];
    const { confidence, frames } = await rig.ask(engine, a, b, [0.25, 0.5, 0.75]);
    expect(confidence).toBeCloseTo(Math.exp(-0.5), 5);
    expect(frames[0]?.provenance).toMatchObject({ confidence });
  });

  it('has no confidence in an error that is not a number', async () => {
    await using engine = await start({ error: Number.NaN });
    const [a, b] = [noise(64, 64, 1), noise(64, 64, 2)];
    expect((await rig.ask(engine, a, b, [0.5])).confidence).toBe(0);
  });

  it.each([
    [128, 96, 32],
    [131, 87, 32],
    [131, 87, 8],
  ])("gives the network the search's result at %d × %d (multiple %d)", async (width, height, multiple) => {
    await using engine = await start({ seed: true }, { multiple });
    const [a, b] = [texture(width, height, 0), texture(width, height, 12)];
    const { frames, searchMicros } = await rig.ask(engine, a, b, [0.5]);
    expect(searchMicros).toBeGreaterThan(0);
    const vx = searchHorizontal(a, b, multiple);
    const luma = Uint8Array.from({ length: width * height }, (_, at) =>
      Math.trunc(128.5 + 4 * vx(at % width, Math.floor(at / width))),
    );
    expect(Buffer.compare(frames[0]?.samples.subarray(0, luma.length) ?? luma, luma)).toBe(0);
    expect(luma[width * (height >> 1) + (width >> 1)]).toBeGreaterThan(128 + 4 * 10);
  });

  it('gives the network the costs of the candidates', async () => {
    await using engine = await start({ costs: true });
    const [a, b] = [texture(128, 96, 0), texture(128, 96, 12)];
    const brightness = async (x: I420Image, y: I420Image): Promise<number> => {
      const { frames } = await rig.ask(engine, x, y, [0.5]);
      const luma = frames[0]?.samples.subarray(0, 128 * 96) ?? new Uint8Array(1);
      return luma.reduce((sum, v) => sum + v, 0) / luma.length;
    };
    expect(await brightness(a, a)).toBe(0);
    expect(await brightness(a, b)).toBeGreaterThan(50);
  });

  it('serves frames of several sizes in turn with bounded scratch, and the same pair again', async () => {
    await using engine = await start({ seed: true, error: 0.01 }, {}, { workers: 2 });
    let most = 0;
    for (let n = 0; n < 24; n++) {
      const width = 64 + 16 * (n % 4);
      await rig.ask(engine, noise(width, 48, n), noise(width, 48, n + 1), [0.5]);
      most = Math.max(most, rig.arena.usedBytes);
    }
    expect(most).toBeLessThan(3_000_000);
  });

  it('goes on after its worker has crashed', async () => {
    const workerScript = new URL('../support/engine-mortal-worker.ts', import.meta.url);
    await using engine = await start({ mirror: true }, {}, { workerScript });
    const [a, b] = [noise(70, 46, 1), noise(70, 46, 2)];
    const right = async (): Promise<boolean> =>
      equal((await rig.ask(engine, a, b, [0.5])).frames[0]?.samples, expected(a, b, 0.5, { mirror: true }));
    expect(await right()).toBe(true);
    await expect(rig.ask(engine, a, b, [0.125])).rejects.toMatchObject({ code: 'engine.failed', recoverable: true });
    expect(await right()).toBe(true);
    expect(engine.stats.restarts).toBe(1);
  });
});

/** A smooth texture that has moved to the right by `shift` luma samples. */
function texture(width: number, height: number, shift: number): I420Image {
  const value = (x: number, y: number): number =>
    128 + 50 * Math.sin((x - shift) / 6 + y / 19) + 50 * Math.cos(y / 5 - (x - shift) / 23);
  const samples = Array.from(noise(width, height, 9).samples, (chroma, at) =>
    at < width * height ? Math.floor(value(at % width, Math.floor(at / width))) : chroma,
  );
  return { width, height, samples };
}

/** Horizontal motion at a luma sample, as the kernel finds it by itself. */
function searchHorizontal(a: I420Image, b: I420Image, multiple: number): (x: number, y: number) => number {
  const kernel = loadKernel(rig.arena.memory);
  const { width, height } = a;
  const [w, h] = [Math.ceil(width / multiple) * multiple, Math.ceil(height / multiple) * multiple];
  const [from, to] = [toFrame(rig.arena, a, 0), toFrame(rig.arena, b, 40)];
  const blocks = [pyramidBytes(w, h), pyramidBytes(w, h), searchScratchBytes(w, h), (12 * w * h) / 64].map((bytes) =>
    rig.arena.allocate(bytes),
  );
  const [p0 = 0, p1 = 0, work = 0, seed = 0] = blocks.map((block) => block.offset);
  kernel.buildPyramid(from.offset, width, height, w, h, p0);
  kernel.buildPyramid(to.offset, width, height, w, h, p1);
  for (const { task, rows } of searchTasks(p0, p1, w, h, work, seed)) {
    const [name, ...numbers] = task;
    perform(kernel, name, Int32Array.from(numbers), 0, 0, rows);
  }
  const vx = new Float32Array(rig.arena.memory.buffer, seed, (w * h) / 64).slice();
  for (const block of blocks) rig.arena.free(block);
  from.release();
  to.release();
  return (x, y) => vx[(y >> 3) * (w / 8) + (x >> 3)] ?? 0;
}

describe('InterpEngine with an i420 network that only knows the middle', () => {
  const halved = (a: I420Image, b: I420Image): Record<number, I420Image> => {
    const frames: Record<number, I420Image> = { 0: a, 8: b };
    for (const [from, to] of [
      [0, 8],
      [0, 4],
      [4, 8],
      [0, 2],
      [2, 4],
      [4, 6],
      [6, 8],
    ] as const) {
      frames[(from + to) / 2] = expected(frames[from] ?? a, frames[to] ?? b, 0.5, { mirror: true });
    }
    return frames;
  };

  it.each([
    ['by the manifest', { mirror: true }, { times: 'half' }],
    ['for want of an input t', { mirror: true, time: false }, {}],
  ] as const)('halves again for quarters and eighths, %s', async (_, options, changes) => {
    await using engine = await start(options, changes);
    expect(engine.times).toBe('half');
    await engine.warmUp(71, 45);
    const [a, b] = [noise(71, 45, 1), noise(71, 45, 2)];
    const wanted = halved(a, b);
    for (const eighths of [[4], [2, 4, 6], [2, 6], [3], [1, 2, 3, 4, 5, 6, 7], [7]]) {
      const { frames } = await rig.ask(
        engine,
        a,
        b,
        eighths.map((e) => e / 8),
      );
      for (const [i, e] of eighths.entries()) expect(equal(frames[i]?.samples, wanted[e] ?? a)).toBe(true);
    }
  });

  it('gives the nearest eighth at other times, and says which it is', async () => {
    await using engine = await start({ mirror: true, time: false });
    const [a, b] = [noise(71, 45, 1), noise(71, 45, 2)];
    const wanted = halved(a, b);
    const { frames } = await rig.ask(engine, a, b, [0.01, 1 / 3, 0.36, 0.99]);
    for (const [i, e] of [1, 3, 3, 7].entries()) {
      expect(frames[i]?.provenance).toMatchObject({ t: e / 8 });
      expect(equal(frames[i]?.samples, wanted[e] ?? a)).toBe(true);
    }
    // They stand where they were asked for.
    expect(frames.map((p) => p.pts)).toEqual([400, 13_333, 14_400, 39_600]);
  });
});

describe('InterpEngine and i420 files', () => {
  const bad = (change: (graph: Graph) => Graph): Promise<InterpEngine> => start({ change });
  const without =
    (name: string) =>
    (graph: Graph): Graph => ({ ...graph, outputs: graph.outputs.filter((p) => p.name !== name) });
  const port =
    (name: string, changes: Partial<Port>) =>
    (graph: Graph): Graph => {
      const change = (p: Port): Port => (p.name === name ? { ...p, ...changes } : p);
      return { ...graph, inputs: graph.inputs.map(change), outputs: graph.outputs.map(change) };
    };
  const unknownInput = (graph: Graph): Graph => ({
    ...graph,
    inputs: [...graph.inputs, { name: 'scale', shape: [1] }],
  });

  it.each([
    ['a missing output', without('v'), /output v is missing/],
    ['an input that is not known', unknownInput, /input scale is unknown/],
    ['another type', port('y0', { type: 'float32' }), /input y0 is float32\[1,1,H,W\], not uint8\[1,1,H,W\]/],
    [
      'another number of channels',
      port('u1', { shape: [1, 2, 'h', 'w'] }),
      /u1 is uint8\[1,2,h,w\], not uint8\[1,1,H\/2,W\/2\]/,
    ],
    ['another shape of t', port('t', { shape: [2] }), /t is float32\[2\], not float32\[1\]/],
  ])('refuses %s, and says what was found and what is expected', async (_, change, message) => {
    const started = bad(change);
    await expect(started).rejects.toMatchObject({ code: 'model.invalid', message: expect.stringMatching(message) });
    await expect(started).rejects.toThrow(/inputs are y0 .*an i420 model takes y0 uint8\[1,1,H,W\]/);
  });

  it('refuses a seed for one that only knows the middle', async () => {
    await expect(start({ seed: true, time: false })).rejects.toMatchObject({
      code: 'model.invalid',
      message: expect.stringMatching(/takes a seed and only knows t = ½/),
    });
  });

  it('runs a fixed size for frames that are little smaller, and refuses others, and stays alive', async () => {
    await using engine = await start({ size: [100, 52], mirror: true });
    const larger = [noise(128, 64, 1), noise(128, 64, 2)] as const;
    await expect(rig.ask(engine, ...larger, [0.5])).rejects.toMatchObject({
      code: 'model.invalid',
      message: expect.stringMatching(/y0 is \[1,1,52,100\], this frame size needs \[1,1,64,128\]/),
    });
    await expect(engine.warmUp(64, 32)).rejects.toMatchObject({ code: 'model.invalid', recoverable: false });
    const [a, b] = [noise(99, 51, 1), noise(99, 51, 2)];
    const { frames } = await rig.ask(engine, a, b, [0.5]);
    expect(equal(frames[0]?.samples, expected(a, b, 0.5, { mirror: true, to: [100, 52] }))).toBe(true);
  });
});
