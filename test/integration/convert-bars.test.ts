/** Letterboxed and pillarboxed files through `convert`. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/app.ts';
import { ffmpeg, frameHashes, temporaryFolder } from '../support/media.ts';

let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => folder.remove());

const LOSSLESS = ['-c:v', 'ffv1', '-pix_fmt', 'yuv420p'];

/** Hashes of the frames of a part of a file. */
async function hashesOf(file: string, crop: string): Promise<string[]> {
  await ffmpeg('-i', at(file), '-vf', `crop=${crop}`, ...LOSSLESS, at(`part-${file}`));
  return frameHashes(at(`part-${file}`));
}

describe('convert', () => {
  it.each([
    { name: 'letterbox', width: 160, height: 64, x: 0, y: 14, bars: ['160:14:0:0', '160:12:0:78'] },
    { name: 'pillarbox', width: 96, height: 90, x: 32, y: 0, bars: ['32:90:0:0', '32:90:128:0'] },
  ])('keeps the bars of a $name, and makes of the picture what it makes of it alone', async (box) => {
    const { name, width, height, x, y, bars } = box;
    const source = `testsrc2=size=${width}x${height}:rate=24,scroll=h=0.02:v=0.03`;
    await ffmpeg('-f', 'lavfi', '-i', source, '-frames:v', '6', ...LOSSLESS, at(`${name}-alone.mkv`));
    const pad = ['-vf', `pad=160:90:${x}:${y}`];
    await ffmpeg('-i', at(`${name}-alone.mkv`), ...pad, ...LOSSLESS, at(`${name}.mkv`));
    for (const input of [name, `${name}-alone`]) {
      const args = [
        at(`${input}.mkv`),
        at(`${input}-out.mkv`),
        '--factor',
        '2',
        '--model',
        'search',
        '--codec',
        'ffv1',
      ];
      const { code, stderr } = await runCli(['convert', ...args], { timeoutMs: 120_000 });
      expect(code, stderr).toBe(0);
    }
    for (const bar of bars) expect(new Set(await hashesOf(`${name}-out.mkv`, bar)).size).toBe(1);
    expect(await hashesOf(`${name}-out.mkv`, `${width}:${height}:${x}:${y}`)).toEqual(
      await frameHashes(at(`${name}-alone-out.mkv`)),
    );
  });
});
