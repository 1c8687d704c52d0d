import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { EvalReport } from '../../src/eval/report.ts';
import { lastLine, runCli, startApp } from '../support/app.ts';
import { rgbNetwork } from '../support/engine-rgb-onnx.ts';
import { ffmpeg, frameHashes, temporaryFolder, testVideo } from '../support/media.ts';
import { watching } from '../support/watching.ts';

let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  writeFileSync(at('v1.onnx'), rgbNetwork({ input: 11, multiple: 64 }));
  writeFileSync(at('tas.onnx'), rgbNetwork({ input: 'images', type: 'float16' }));
  writeFileSync(at('middle.onnx'), rgbNetwork({ input: 6 }));
  writeFileSync(at('nine.onnx'), rgbNetwork({ change: (graph) => ({ ...graph, inputs: [nine] }) }));
  await ffmpeg(...testVideo('322x182', '25', 6), '-vf', 'crop=321:181:exact=1', '-c:v', 'ffv1', at('in.mkv'));
});

afterAll(() => folder.remove());

const nine = { name: 'input', shape: [1, 9, 'H', 'W'] };

describe("a user's own rgb network", () => {
  it.each([
    ['v1', '3', 16],
    ['tas', '2', 11],
    ['middle', '4', 21],
  ])('convert with %s.onnx at a factor of %s keeps every source frame', async (model, factor, frames) => {
    const out = at(`${model}.mkv`);
    const more = ['--factor', factor, '--codec', 'ffv1', '--json'];
    const { code, stdout, stderr } = await runCli([
      'convert',
      at('in.mkv'),
      out,
      '--model',
      at(`${model}.onnx`),
      ...more,
    ]);
    expect(code, stderr).toBe(0);
    // Paddings that do not fit are found out in silence.
    expect(stderr).not.toMatch(/onnxruntime/);
    expect(JSON.parse(lastLine(stdout))).toMatchObject({ outputFrames: frames, interpolated: frames - 6, model });
    const hashes = await frameHashes(out);
    expect(new Set(hashes).size).toBe(frames);
    expect(hashes.filter((_, i) => i % Number(factor) === 0)).toEqual(await frameHashes(at('in.mkv')));
  });

  it('eval measures it beside blending: the same mix', async () => {
    const { code, stdout, stderr } = await runCli([
      'eval',
      at('in.mkv'),
      '--model',
      at('v1.onnx'),
      '--baseline',
      'blend',
      '--json',
    ]);
    expect(code, stderr).toBe(0);
    const psnr = (name: string): number => {
      const { contenders } = JSON.parse(stdout) as EvalReport;
      return contenders.find(({ id }) => id === name)?.mean?.psnr ?? 0;
    };
    expect(psnr('blend')).toBeGreaterThan(10);
    expect(psnr('v1')).toBeCloseTo(psnr('blend'), 1);
  });

  it('serve shows its pictures', async () => {
    const app = await startApp(['demo', '--model', at('tas.onnx'), '--fps', '60']);
    await using _ = await watching(app, 'demo');
    try {
      await vi.waitFor(async () => expect((await app.stream('demo')).stats.frames.interpolated).toBeGreaterThan(5), {
        timeout: 20_000,
        interval: 200,
      });
    } finally {
      expect((await app.stop()).code).toBe(0);
    }
  });

  it.each(['serve', 'convert', 'eval'])(
    '%s refuses a file of no known layout, and says what was found',
    async (command) => {
      const rest =
        { serve: ['demo', '--port', '0'], convert: [at('in.mkv'), at('x.mkv')], eval: [at('in.mkv')] }[command] ?? [];
      const { code, stderr } = await runCli([command, ...rest, '--model', at('nine.onnx')]);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(
        /inputs are input float32\[1,9,H,W\] and its outputs output .*an rgb model takes one input/,
      );
    },
  );
});
