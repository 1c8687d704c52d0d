import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { lastLine, runCli, startApp } from '../support/app.ts';
import { i420Network } from '../support/engine-i420-onnx.ts';
import { ffmpeg, frameHashes, temporaryFolder, testVideo } from '../support/media.ts';
import { watching } from '../support/watching.ts';

let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  writeFileSync(at('any.onnx'), i420Network());
  writeFileSync(at('half.onnx'), i420Network({ time: false }));
  await ffmpeg(...testVideo('322x182', '25', 6), '-vf', 'crop=321:181:exact=1', '-c:v', 'ffv1', at('in.mkv'));
});

afterAll(() => folder.remove());

describe("a user's own i420 network", () => {
  it.each([
    ['any.onnx', '3', 16],
    ['half.onnx', '4', 21],
  ])('convert with %s at a factor of %s keeps every source frame', async (model, factor, frames) => {
    const [out, more] = [at(`${factor}.mkv`), ['--codec', 'ffv1', '--json']];
    const { code, stdout, stderr } = await runCli([
      'convert',
      at('in.mkv'),
      out,
      '--model',
      at(model),
      '--factor',
      factor,
      ...more,
    ]);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(lastLine(stdout))).toMatchObject({
      outputFrames: frames,
      interpolated: frames - 6,
      model: model.slice(0, -5),
    });
    const hashes = await frameHashes(out);
    expect(new Set(hashes).size).toBe(frames);
    expect(hashes.filter((_, i) => i % Number(factor) === 0)).toEqual(await frameHashes(at('in.mkv')));
  });

  it.each([
    ['convert', '--factor', '3', /not 3 times/],
    ['convert', '--fps', '60', /no multiple of the source's/],
    ['serve', '--factor', '3', /not 3 times/],
  ])(
    'that only knows the middle: %s refuses %s %s and names models that can',
    async (command, option, value, message) => {
      const input = command === 'serve' ? ['demo', '--port', '0'] : [at('in.mkv'), at('x.mkv'), '--codec', 'ffv1'];
      const { code, stderr } = await runCli([command, ...input, '--model', at('half.onnx'), option, value]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
      expect(stderr).toMatch(/→ Use --factor 2, 4 or 8, .*flow-s/);
    },
  );

  it('that only knows the middle: serve says so at a rate that needs other times, and goes on', async () => {
    const app = await startApp(['demo', '--model', at('half.onnx'), '--fps', '40']);
    await using _ = await watching(app, 'demo');
    try {
      await vi.waitFor(() => expect(app.log()).toMatch(/only makes eighths of a source interval/), {
        timeout: 20_000,
        interval: 200,
      });
      await vi.waitFor(async () => expect((await app.stream('demo')).stats.frames.interpolated).toBeGreaterThan(5), {
        timeout: 20_000,
        interval: 200,
      });
    } finally {
      expect((await app.stop()).code).toBe(0);
    }
  });

  it('serve shows its pictures, unjudged, and no confidence', async () => {
    const app = await startApp(['demo', '--model', at('half.onnx'), '--fps', '60']);
    await using _ = await watching(app, 'demo');
    try {
      await vi.waitFor(async () => expect((await app.stream('demo')).stats.frames.interpolated).toBeGreaterThan(20), {
        timeout: 20_000,
        interval: 200,
      });
      const { stats } = await app.stream('demo');
      expect(stats).not.toHaveProperty('confidence');
      const metrics = await (await fetch(`${app.url}/metrics`)).text();
      expect(metrics).toMatch(/framelift_inference\w*\{[^}]*model="half"/);
      expect(metrics).not.toMatch(/framelift_confidence_ratio_count\{/);
      expect(app.log()).not.toMatch(/only makes eighths/);
    } finally {
      expect((await app.stop()).code).toBe(0);
    }
  });
});
