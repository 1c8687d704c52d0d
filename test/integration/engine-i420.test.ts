import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InterpEngine, type InterpEngineOptions, type InterpResult } from '../../src/interp/engine/engine.ts';
import { loadKernel, pyramidBytes, searchScratchBytes } from '../../src/interp/kernel/kernel.ts';
import { perform, searchTasks } from '../../src/interp/kernel/tasks.ts';
import { findModel, type ModelSpec } from '../../src/interp/models/manifest.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { micros, systemClock } from '../../src/time.ts';
import { type I420NetworkOptions, i420Network } from '../support/engine-i420-onnx.ts';
import type { Graph, Port } from '../support/engine-onnx.ts';

let directory: string;
let arena: Arena;
let written = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'framelift-'));
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(() => {
  arena = new Arena(32);
});
afterEach(() => {
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

async function model(options: I420NetworkOptions, changes: Partial<ModelSpec> = {}): Promise<ModelSpec> {
  written += 1;
  const path = join(directory, `net${written}.onnx`);
  await writeFile(path, i420Network(options));
  return { ...(await findModel(path)), ...changes };
}

const start = async (
  options: I420NetworkOptions,
  changes: Partial<ModelSpec> = {},
  more: Partial<InterpEngineOptions> = {},
): Promise<InterpEngine> =>
  InterpEngine.start({
    arena,
    clock: systemClock,
    events: noEvents,
    model: await model(options, changes),
    threads: 1,
    ...more,
  });

/** The planes of a picture without stride. */
interface Planes {
  readonly planes: readonly { readonly width: number; readonly height: number; readonly samples: Uint8Array }[];
}

/** Noise, the same for the same seed. */
function noise(width: number, height: number, seed: number): Planes {
  let state = seed * 2654435761 + 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  const [cw, ch] = [(width + 1) >> 1, (height + 1) >> 1];
  const plane = (w: number, h: number) => ({ width: w, height: h, samples: Uint8Array.from({ length: w * h }, next) });
  return { planes: [plane(width, height), plane(cw, ch), plane(cw, ch)] };
}

/** A frame with these planes; what lies between rows is 255, so that it shows when it is read. */
function toFrame({ planes }: Planes, ms: number): Frame {
  const at = micros(ms * 1000);
  const [luma] = planes;
  const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, luma?.width ?? 0, luma?.height ?? 0, info);
  frame.bytes.fill(255);
  for (const [i, { width, height, samples }] of planes.entries()) {
    const [offset, stride] = place(frame, i);
    for (let y = 0; y < height; y++) {
      frame.bytes.set(samples.subarray(y * width, (y + 1) * width), offset + y * stride);
    }
  }
  return frame;
}

function place({ layout }: Frame, plane: number): [offset: number, stride: number] {
  return [[layout.y, layout.u, layout.v][plane] ?? 0, plane === 0 ? layout.strideY : layout.strideC];
}

/** The samples of a frame, plane after plane, without what lies between rows. */
function samplesOf(frame: Frame): Uint8Array {
  const { width, height, chromaWidth, chromaHeight } = frame.layout;
  const rows: Uint8Array[] = [];
  for (const [i, w, h] of [
    [0, width, height],
    [1, chromaWidth, chromaHeight],
    [2, chromaWidth, chromaHeight],
  ] as const) {
    const [offset, stride] = place(frame, i);
    for (let y = 0; y < h; y++) rows.push(frame.bytes.slice(offset + y * stride, offset + y * stride + w));
  }
  return Buffer.concat(rows);
}

const joined = ({ planes }: Planes): Uint8Array => Buffer.concat(planes.map((p) => p.samples));

/** What {@link i420Network} makes of two pictures that are padded to a multiple, or to a size, and cropped again. */
function expected(a: Planes, b: Planes, t: number, { multiple = 32, mirror = false, to = [0, 0] } = {}): Planes {
  const planes = a.planes.map(({ width, height, samples }, i) => {
    const other = b.planes[i]?.samples ?? samples;
    const unit = i === 0 ? multiple : multiple / 2;
    const fixed = (to[0] ?? 0) / (i === 0 ? 1 : 2);
    const padded = fixed || Math.ceil(width / unit) * unit;
    const made = Uint8Array.from(samples, (_, at) => {
      const [x, y] = [at % width, Math.floor(at / width)];
      const from = y * width + Math.min(width - 1, mirror ? padded - 1 - x : x);
      const [p, q] = [samples[from] ?? 0, other[from] ?? 0];
      return Math.floor(p + (q - p) * t);
    });
    return { width, height, samples: made };
  });
  return { planes };
}

async function ask(engine: InterpEngine, a: Planes, b: Planes, timesteps: readonly number[]) {
  const [from, to] = [toFrame(a, 0), toFrame(b, 40)];
  let result: InterpResult;
  try {
    result = await engine.interpolate({ stream: 's', a: from, b: to, timesteps });
  } finally {
    from.release();
    to.release();
  }
  if (result.status !== 'done') throw new Error(`refused: ${result.reason}`);
  const { frames, confidence, spanMicros } = result;
  const pictures = frames.map((f) => ({ samples: samplesOf(f), pts: f.pts, provenance: f.provenance }));
  for (const frame of frames) frame.release();
  return { pictures, confidence, spanMicros };
}

const equal = (actual: Uint8Array | undefined, wanted: Planes): boolean =>
  actual !== undefined && Buffer.compare(actual, joined(wanted)) === 0;

/** A network's file is named with every picture that it makes. */
const HASH: unknown = expect.stringMatching(/^[0-9a-f]{16}$/);

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
        const { pictures, confidence, spanMicros } = await ask(engine, a, b, timesteps);
        for (const [i, t] of timesteps.entries()) {
          expect(equal(pictures[i]?.samples, expected(a, b, t, { mirror: true, multiple }))).toBe(true);
          expect(pictures[i]?.pts).toBe(40_000 * t);
          expect(pictures[i]?.provenance).toEqual({
            kind: 'synthetic',
            t,
            model: engine.model,
            hash: HASH,
            confidence: undefined,
          });
        }
        // It has no error output: it is not judged.
        expect(confidence).toBeUndefined();
        expect(spanMicros.network).toBeGreaterThan(0);
      }
    },
  );

  it("finds out what a user's own file is, and holds no pyramids for one that does not search", async () => {
    await using engine = await start({});
    expect(engine.times).toBe('any');
    const [a, b] = [noise(64, 64, 3), noise(64, 64, 4)];
    const { pictures } = await ask(engine, a, b, [0.5]);
    expect(equal(pictures[0]?.samples, expected(a, b, 0.5))).toBe(true);
    // Three pictures of 64 × 64 and nothing else.
    expect(arena.usedBytes).toBe(3 * 64 * 64 * 1.5);
  });

  it('turns the error output into confidence: exp(−mean / 0.05)', async () => {
    await using engine = await start({ error: 0.1 });
    const [a, b] = [noise(64, 64, 1), noise(64, 64, 2)];
    const { confidence, pictures } = await ask(engine, a, b, [0.25, 0.5, 0.75]);
    expect(confidence).toBeCloseTo(Math.exp(-1), 5);
    expect(pictures[0]?.provenance).toMatchObject({ confidence });
  });

  it('has no confidence in an error that is not a number', async () => {
    await using engine = await start({ error: Number.NaN });
    const [a, b] = [noise(64, 64, 1), noise(64, 64, 2)];
    expect((await ask(engine, a, b, [0.5])).confidence).toBe(0);
  });

  it.each([
    [128, 96, 32],
    [131, 87, 32],
    [131, 87, 8],
  ])("gives the network the search's result at %d × %d (multiple %d)", async (width, height, multiple) => {
    await using engine = await start({ seed: true }, { multiple });
    const [a, b] = [texture(width, height, 0), texture(width, height, 12)];
    const { pictures, spanMicros } = await ask(engine, a, b, [0.5]);
    expect(spanMicros.search).toBeGreaterThan(0);
    const vx = searchHorizontal(a, b, multiple);
    const luma = Uint8Array.from({ length: width * height }, (_, at) =>
      Math.trunc(128.5 + 4 * vx(at % width, Math.floor(at / width))),
    );
    expect(Buffer.compare(pictures[0]?.samples.subarray(0, luma.length) ?? luma, luma)).toBe(0);
    expect(luma[width * (height >> 1) + (width >> 1)]).toBeGreaterThan(128 + 4 * 10);
  });

  it('gives the network the costs of the candidates', async () => {
    await using engine = await start({ costs: true });
    const [a, b] = [texture(128, 96, 0), texture(128, 96, 12)];
    const brightness = async (x: Planes, y: Planes): Promise<number> => {
      const { pictures } = await ask(engine, x, y, [0.5]);
      const luma = pictures[0]?.samples.subarray(0, 128 * 96) ?? new Uint8Array(1);
      return luma.reduce((sum, v) => sum + v, 0) / luma.length;
    };
    expect(await brightness(a, a)).toBe(0);
    expect(await brightness(a, b)).toBeGreaterThan(50);
  });

  it('serves pictures of several sizes in turn with bounded scratch, and the same pair again', async () => {
    await using engine = await start({ seed: true, error: 0.01 }, {}, { workers: 2 });
    let most = 0;
    for (let n = 0; n < 24; n++) {
      const width = 64 + 16 * (n % 4);
      await ask(engine, noise(width, 48, n), noise(width, 48, n + 1), [0.5]);
      most = Math.max(most, arena.usedBytes);
    }
    expect(most).toBeLessThan(3_000_000);
  });

  it('goes on after its worker has crashed', async () => {
    const workerScript = new URL('../support/engine-mortal-worker.ts', import.meta.url);
    await using engine = await start({ mirror: true }, {}, { workerScript });
    const [a, b] = [noise(70, 46, 1), noise(70, 46, 2)];
    const right = async (): Promise<boolean> =>
      equal((await ask(engine, a, b, [0.5])).pictures[0]?.samples, expected(a, b, 0.5, { mirror: true }));
    expect(await right()).toBe(true);
    await expect(ask(engine, a, b, [0.125])).rejects.toMatchObject({ code: 'engine.failed', recoverable: true });
    expect(await right()).toBe(true);
    expect(engine.stats.restarts).toBe(1);
  });
});

/** A smooth texture that has moved to the right by `shift` luma samples. */
function texture(width: number, height: number, shift: number): Planes {
  const value = (x: number, y: number): number =>
    128 + 50 * Math.sin((x - shift) / 6 + y / 19) + 50 * Math.cos(y / 5 - (x - shift) / 23);
  const [luma, ...chroma] = noise(width, height, 9).planes;
  if (!luma) throw new Error('no luma');
  const samples = luma.samples.map((_, at) => value(at % width, Math.floor(at / width)));
  return { planes: [{ ...luma, samples }, ...chroma] };
}

/** Horizontal motion at a luma sample, as the kernel finds it by itself. */
function searchHorizontal(a: Planes, b: Planes, multiple: number): (x: number, y: number) => number {
  const kernel = loadKernel(arena.memory);
  const { width = 0, height = 0 } = a.planes[0] ?? {};
  const [w, h] = [Math.ceil(width / multiple) * multiple, Math.ceil(height / multiple) * multiple];
  const [from, to] = [toFrame(a, 0), toFrame(b, 40)];
  const blocks = [pyramidBytes(w, h), pyramidBytes(w, h), searchScratchBytes(w, h), (12 * w * h) / 64].map((bytes) =>
    arena.allocate(bytes),
  );
  const [p0 = 0, p1 = 0, work = 0, seed = 0] = blocks.map((block) => block.offset);
  kernel.buildPyramid(from.offset, width, height, w, h, p0);
  kernel.buildPyramid(to.offset, width, height, w, h, p1);
  for (const { task, rows } of searchTasks(p0, p1, w, h, work, seed)) {
    const [name, ...numbers] = task;
    perform(kernel, name, Int32Array.from(numbers), 0, 0, rows);
  }
  const vx = new Float32Array(arena.memory.buffer, seed, (w * h) / 64).slice();
  for (const block of blocks) arena.free(block);
  from.release();
  to.release();
  return (x, y) => vx[(y >> 3) * (w / 8) + (x >> 3)] ?? 0;
}

describe('InterpEngine with an i420 network that only knows the middle', () => {
  const halved = (a: Planes, b: Planes): Record<number, Planes> => {
    const made: Record<number, Planes> = { 0: a, 8: b };
    for (const [from, to] of [
      [0, 8],
      [0, 4],
      [4, 8],
      [0, 2],
      [2, 4],
      [4, 6],
      [6, 8],
    ] as const) {
      made[(from + to) / 2] = expected(made[from] ?? a, made[to] ?? b, 0.5, { mirror: true });
    }
    return made;
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
      const { pictures } = await ask(
        engine,
        a,
        b,
        eighths.map((e) => e / 8),
      );
      for (const [i, e] of eighths.entries()) expect(equal(pictures[i]?.samples, wanted[e] ?? a)).toBe(true);
    }
  });

  it('gives the nearest eighth at other times, and says which it is', async () => {
    await using engine = await start({ mirror: true, time: false });
    const [a, b] = [noise(71, 45, 1), noise(71, 45, 2)];
    const wanted = halved(a, b);
    const { pictures } = await ask(engine, a, b, [0.01, 1 / 3, 0.36, 0.99]);
    for (const [i, e] of [1, 3, 3, 7].entries()) {
      expect(pictures[i]?.provenance).toMatchObject({ t: e / 8 });
      expect(equal(pictures[i]?.samples, wanted[e] ?? a)).toBe(true);
    }
    // They stand where they were asked for.
    expect(pictures.map((p) => p.pts)).toEqual([400, 13_333, 14_400, 39_600]);
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
    await expect(ask(engine, ...larger, [0.5])).rejects.toMatchObject({
      code: 'model.invalid',
      message: expect.stringMatching(/y0 is \[1,1,52,100\], this frame size needs \[1,1,64,128\]/),
    });
    await expect(engine.warmUp(64, 32)).rejects.toMatchObject({ code: 'model.invalid', recoverable: false });
    const [a, b] = [noise(99, 51, 1), noise(99, 51, 2)];
    const { pictures } = await ask(engine, a, b, [0.5]);
    expect(equal(pictures[0]?.samples, expected(a, b, 0.5, { mirror: true, to: [100, 52] }))).toBe(true);
  });
});
