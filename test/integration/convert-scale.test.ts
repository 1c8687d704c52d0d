import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convert } from '../../src/commands/convert/convert.ts';
import { evaluate } from '../../src/eval/evaluate.ts';
import { enlargingNetwork } from '../support/engine-i420-onnx.ts';
import { useEngines } from '../support/engine-rig.ts';
import { noise, toFrame } from '../support/i420-images.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';

const [WIDTH, HEIGHT, COUNT] = [70, 46, 5];
let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

/** I420 frames of a file. */
function frames(path: string, bytes: number): Uint8Array[] {
  const raw = execFileSync(
    'ffmpeg',
    ['-v', 'error', '-i', path, '-fps_mode', 'passthrough', '-pix_fmt', 'yuv420p', '-f', 'rawvideo', '-'],
    {
      maxBuffer: 1e8,
    },
  );
  return Array.from({ length: raw.length / bytes }, (_, i) => raw.subarray(i * bytes, (i + 1) * bytes));
}

/** Each sample of each plane twice in both directions. */
function enlarged(frame: Uint8Array): number[] {
  const planes = [
    [0, WIDTH, HEIGHT],
    [WIDTH * HEIGHT, WIDTH / 2, HEIGHT / 2],
    [(WIDTH * HEIGHT * 5) / 4, WIDTH / 2, HEIGHT / 2],
  ] as const;
  return planes.flatMap(([offset, width, height]) =>
    Array.from({ length: 4 * width * height }, (_, i) => {
      const [x, y] = [i % (2 * width), Math.floor(i / (2 * width))];
      return frame[offset + (y >> 1) * width + (x >> 1)] ?? 0;
    }),
  );
}

const middle = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((value, i) => (value + (b[i] ?? 0)) >> 1);

beforeAll(async () => {
  folder = await temporaryFolder();
  writeFileSync(at('double.onnx'), enlargingNetwork(2));
  const scene = `testsrc2=size=${WIDTH}x${HEIGHT}:rate=25,setsar=16/11`;
  await ffmpeg(
    '-f',
    'lavfi',
    '-i',
    scene,
    '-frames:v',
    String(COUNT),
    '-pix_fmt',
    'yuv420p',
    '-c:v',
    'ffv1',
    at('in.mkv'),
  );
});
afterAll(() => folder.remove());

const run = (output: string, more: Partial<Parameters<typeof convert>[0]> = {}) =>
  convert({
    input: at('in.mkv'),
    output: at(output),
    model: at('double.onnx'),
    codec: 'ffv1',
    factor: 2,
    threads: 1,
    ...more,
  });

describe('convert with a model that enlarges', () => {
  it('makes every frame larger, source frames too, at twice the rate; shape and colour are told as they were', async () => {
    const result = await run('out.mkv', { scale: 2 });
    expect(result).toMatchObject({
      sourceFrames: COUNT,
      outputFrames: 2 * COUNT - 1,
      width: 2 * WIDTH,
      height: 2 * HEIGHT,
    });
    expect(result.notes.join('\n')).toMatch(/all frames, source frames too, were made 2 times as large by double/);
    const sources = frames(at('in.mkv'), (WIDTH * HEIGHT * 3) / 2);
    const made = frames(at('out.mkv'), WIDTH * HEIGHT * 6);
    expect(made).toHaveLength(2 * COUNT - 1);
    for (const [i, frame] of made.entries()) {
      const [a, b] = [sources[i >> 1], sources[(i + 1) >> 1]];
      if (!a || !b) throw new Error('a source frame is missing');
      expect(Buffer.compare(frame, Buffer.from(enlarged(middle(a, b)))), `frame ${i}`).toBe(0);
    }
    const entries = 'stream=width,height,sample_aspect_ratio,color_space';
    const told = execFileSync('ffprobe', [
      '-v',
      'error',
      '-show_entries',
      entries,
      '-of',
      'default=nk=1:nw=1',
      at('out.mkv'),
    ]);
    expect(told.toString().trim().split('\n')).toEqual([
      String(2 * WIDTH),
      String(2 * HEIGHT),
      '16:11',
      expect.stringMatching(/smpte170m|bt470bg/),
    ]);
  });

  it.each<[Partial<Parameters<typeof convert>[0]>, RegExp]>([
    [{ factor: 4 }, /"double", which makes pictures 2 times as large, makes twice the source's rate, not 4 times/],
    [{ scale: 4 }, /--scale 4: model "double" makes pictures 2 times as large/],
    [{ scale: 2, model: 'flow-s' }, /--scale 2: model "flow-s" keeps the size/],
  ])('%j is refused before anything is written', async (options, message) => {
    await expect(run('refused.mkv', options)).rejects.toThrow(message);
  });

  it('eval gives it smaller frames, and says so', async () => {
    await ffmpeg('-i', at('in.mkv'), '-vf', 'scale=64:48', '-c:v', 'ffv1', at('even.mkv'));
    const options = { paths: [at('even.mkv')], models: [at('double.onnx')], baselines: ['blend'], threads: 1 };
    const report = await evaluate(options);
    expect(report.items[0]).toMatchObject({ width: 64, height: 48 });
    const [large, blend] = report.contenders.map((one) => one.mean?.psnr ?? 0);
    expect(large).toBeGreaterThan(15);
    expect(large).toBeLessThan(blend ?? 0);
    expect(report.notes).toEqual([expect.stringMatching(/^double enlarges: it was given frames 1\/2 as large/)]);
    await expect(evaluate({ ...options, factor: 4 })).rejects.toThrow(
      /"double" makes the middle between two frames alone/,
    );
  });
});

describe('a network that enlarges', () => {
  const rig = useEngines(32);

  it('says how large its pictures are, and is asked for the parents and the middle alone', async () => {
    await using engine = await rig.start(enlargingNetwork(3));
    expect([engine.scale, engine.times]).toEqual([3, 'half']);
    const [a, b] = [toFrame(rig.arena, noise(16, 16, 1), 0), toFrame(rig.arena, noise(16, 16, 2), 40)];
    await expect(engine.interpolate({ stream: 's', a, b, timesteps: [0.25] })).rejects.toThrow(/times 0, ½ and 1/);
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0, 0.5, 1] });
    if (result.status !== 'done') throw new Error('refused');
    expect(result.frames.map((frame) => [frame.width, frame.pts, frame.provenance.kind])).toEqual([
      [48, 0, 'enlarged'],
      [48, 20_000, 'synthetic'],
      [48, 40_000, 'enlarged'],
    ]);
    for (const frame of [a, b, ...result.frames]) frame.release();
  });
});
