import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InterpEngine } from '../../src/interp/engine/engine.ts';
import { findModel, type ModelSpec } from '../../src/interp/models/manifest.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { micros, systemClock } from '../../src/time.ts';
import { seedNetwork, twoMotionNetwork } from '../support/engine-onnx.ts';

let directory: string;
let network: ModelSpec;
let arena: Arena;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'framelift-'));
  await writeFile(join(directory, 'seed.onnx'), seedNetwork());
  network = await findModel(join(directory, 'seed.onnx'));
});
afterAll(() => rm(directory, { recursive: true }));

beforeEach(() => {
  arena = new Arena(32);
});
afterEach(() => {
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
});

const start = (model: ModelSpec | 'search' | 'blend', workers = 1): Promise<InterpEngine> =>
  InterpEngine.start({ arena, clock: systemClock, events: noEvents, model, workers, threads: 1 });

/** A smooth texture, `scale` times as large, that has moved by `shift` (x, 0.5·x in y) luma samples. */
function picture(width: number, height: number, shift: number, ms = 0, scale = 1): Frame {
  const at = micros(ms * 1000);
  const frame = Frame.allocate(arena, width, height, {
    pts: at,
    arrival: at,
    capture: at,
    discontinuity: false,
    provenance: SOURCE,
  });
  const { strideY, strideC, chromaWidth, chromaHeight, u, v } = frame.layout;
  const value = (column: number, row: number): number => {
    const [x, y] = [(column - shift) / scale, (row - shift / 2) / scale];
    return 128 + 40 * Math.sin(x / 6 + y / 19) + 40 * Math.cos(y / 5 - x / 23);
  };
  const { bytes } = frame;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) bytes[y * strideY + x] = value(x, y);
  for (let y = 0; y < chromaHeight; y++) {
    for (let x = 0; x < chromaWidth; x++) {
      bytes[u + y * strideC + x] = value(2 * x + 0.5, 2 * y + 0.5);
      bytes[v + y * strideC + x] = 255 - value(2 * x + 0.5, 2 * y + 0.5);
    }
  }
  return frame;
}

/** PSNR in dB over the three planes, 24 luma samples from the border. */
function psnr(a: Frame, b: Frame): number {
  const { width, height, strideY, strideC, u, v } = a.layout;
  const [x8, y8] = [a.bytes, b.bytes];
  let sum = 0;
  let count = 0;
  for (const [offset, stride, scale] of [
    [0, strideY, 1],
    [u, strideC, 2],
    [v, strideC, 2],
  ] as const) {
    for (let y = 24 / scale; y < (height - 24) / scale; y++) {
      for (let x = 24 / scale; x < (width - 24) / scale; x++) {
        const i = offset + y * stride + x;
        sum += ((x8[i] ?? 0) - (y8[i] ?? 0)) ** 2;
        count += 1;
      }
    }
  }
  return 10 * Math.log10(65025 / (sum / count));
}

describe('InterpEngine with motion', () => {
  it.each([
    ['search', 192, 128],
    ['search', 131, 87],
    ['network', 192, 128],
    ['network', 131, 87],
    ['half', 384, 256],
    ['half', 383, 255],
  ] as const)('%s puts moving texture where it belongs at %d × %d', async (kind, width, height) => {
    await using engine = await start(kind === 'search' ? 'search' : { ...network, half: kind === 'half' });
    const scale = kind === 'half' ? 2 : 1;
    const shift = 10 * scale;
    const [a, b] = [picture(width, height, 0, 0, scale), picture(width, height, shift, 40, scale)];
    const timesteps = [0.25, 0.5, 0.75];
    const result = await engine.interpolate({ stream: 's', a, b, timesteps });
    if (result.status !== 'done') throw new Error('refused');
    result.frames.forEach((frame, i) => {
      const truth = picture(width, height, shift * (timesteps[i] ?? 0), 0, scale);
      expect(psnr(frame, truth)).toBeGreaterThan(38);
      expect(frame.provenance).toMatchObject({ kind: 'synthetic', confidence: result.confidence });
      truth.release();
    });
    expect(result.confidence).toBeGreaterThan(0.3);
    expect(result.spanMicros.search).toBeGreaterThan(0);
    for (const f of [...result.frames, a, b]) f.release();
  });

  it('a network that passes the seed on gives the same bytes as the search alone, in every order of pairs', async () => {
    await using alone = await start('search');
    await using engine = await start(network, 2);
    const frames = [0, 7, 9, 20, 14].map((shift, i) => picture(160, 96, shift, 40 * i));
    const ask = async (e: InterpEngine, i: number, j: number): Promise<Buffer> => {
      const [a, b] = [frames[i], frames[j]];
      if (!a || !b) throw new Error('no frame');
      const result = await e.interpolate({ stream: 's', a, b, timesteps: [0.5] });
      if (result.status !== 'done') throw new Error('refused');
      const [frame] = result.frames;
      const copy = Buffer.from(frame?.bytes ?? []);
      frame?.release();
      return copy.subarray(0, 192 * 96);
    };
    const pairs = [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 0],
      [1, 0],
      [0, 1],
    ] as const;
    const expected: Buffer[] = [];
    for (const [i, j] of pairs) expected.push(await ask(alone, i, j));
    const together = await Promise.all(pairs.map(([i, j]) => ask(engine, i, j)));
    together.forEach((bytes, n) => {
      expect(expected[n]?.equals(bytes)).toBe(true);
    });
    for (const f of frames) f.release();
  });

  describe('a network of two motions', () => {
    const [width, height] = [160, 96];
    const middle = async (
      model: ModelSpec | 'search' | 'blend',
      t = 0.5,
    ): Promise<{ luma: Buffer; confidence: number }> => {
      await using engine = await start(model);
      const [a, b] = [picture(width, height, 0), picture(width, height, 10, 40)];
      const result = await engine.interpolate({ stream: 's', a, b, timesteps: [t] });
      if (result.status !== 'done') throw new Error('refused');
      const [frame] = result.frames;
      const luma = Buffer.from(frame?.bytes ?? []).subarray(0, 192 * height);
      for (const f of [...result.frames, a, b]) f.release();
      return { luma, confidence: result.confidence ?? Number.NaN };
    };
    const written = async (options: { share?: number; zero?: boolean }): Promise<ModelSpec> => {
      const path = join(directory, `two-${options.share ?? 0}-${options.zero ?? false}.onnx`);
      await writeFile(path, twoMotionNetwork(options));
      return findModel(path);
    };

    it.each([0.25, 0.5])('whose second one has no share is the first one alone, at t = %d', async (t) => {
      const alone = await middle('search', t);
      const two = await middle(await written({}), t);
      expect(Buffer.compare(two.luma, alone.luma)).toBe(0);
    });

    it('shows the second one where its share is all', async () => {
      const { luma } = await middle(await written({ share: 1 }));
      const still = await middle('blend');
      const most = luma.reduce((m, v, i) => (i % 192 < width ? Math.max(m, Math.abs(v - (still.luma[i] ?? 0))) : m), 0);
      expect(most).toBeLessThanOrEqual(1);
    });

    it('knows what its own vectors and standing still would cost', async () => {
      const own = await middle(await written({}));
      const still = await middle(await written({ zero: true }));
      expect(own.confidence).toBeGreaterThan(0.5);
      expect(still.confidence).toBeLessThan(0.5 * own.confidence);
    });
  });

  it('serves changing sizes with bounded scratch', async () => {
    await using engine = await start(network);
    await engine.warmUp(64, 64);
    let most = 0;
    for (let n = 0; n < 12; n++) {
      const [a, b] = [picture(64 + 16 * n, 48, 0), picture(64 + 16 * n, 48, 2, 40)];
      const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0.5] });
      for (const f of [...(result.status === 'done' ? result.frames : []), a, b]) f.release();
      expect(result.status).toBe('done');
      most = Math.max(most, arena.usedBytes);
    }
    expect(most).toBeLessThan(3_000_000);
  });
});

describe('InterpEngine and bad models', () => {
  const file = async (name: string, content: Uint8Array): Promise<ModelSpec> => {
    const path = join(directory, name);
    await writeFile(path, content);
    return findModel(path);
  };

  it('refuses a file that is not ONNX', async () => {
    await expect(start(await file('text.onnx', Buffer.from('this is no network at all')))).rejects.toMatchObject({
      code: 'model.invalid',
      message: expect.stringMatching(/not an ONNX file/),
    });
  });

  it('refuses a truncated ONNX file', async () => {
    await expect(start(await file('cut.onnx', seedNetwork().subarray(0, 150)))).rejects.toMatchObject({
      code: 'model.invalid',
      message: expect.stringMatching(/cannot be loaded/),
    });
  });

  it('refuses a network with other inputs and says what it found', async () => {
    const inputs = [{ name: 'frames', shape: [1, 3, 'h', 'w'] }];
    const bytes = seedNetwork({ inputs, from: 'frames' });
    await expect(start(await file('other.onnx', bytes))).rejects.toMatchObject({
      code: 'model.invalid',
      message: expect.stringMatching(/frames float32\[1,3,h,w\].*a flow model takes images/),
    });
  });

  it('refuses a size that a fixed-shape network cannot take, and stays alive', async () => {
    const inputs = [
      { name: 'images', shape: [1, 4, 16, 16] },
      { name: 'seed', shape: [1, 3, 8, 8] },
    ];
    const output = { name: 'field', shape: [1, 6, 8, 8] };
    await using engine = await start(await file('fixed.onnx', seedNetwork({ inputs, output })));
    await expect(engine.warmUp(128, 64)).rejects.toMatchObject({ code: 'model.invalid' });
    await engine.warmUp(64, 64);
    const [a, b] = [picture(64, 64, 0), picture(64, 64, 2, 40)];
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0.5] });
    expect(result.status).toBe('done');
    for (const f of [...(result.status === 'done' ? result.frames : []), a, b]) f.release();
  });

  it('refuses a file whose sum differs from the manifest', async () => {
    const sha256 = createHash('sha256').update('something else').digest('hex');
    await expect(start({ ...network, kind: 'flow', sha256 })).rejects.toMatchObject({
      code: 'model.invalid',
      message: expect.stringMatching(/SHA-256/),
    });
  });

  it('names a file that is not there', async () => {
    const absent = await findModel(join(directory, 'absent.onnx'));
    await expect(start(absent)).rejects.toMatchObject({ code: 'model.not-found' });
  });
});
