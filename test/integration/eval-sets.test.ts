import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EvalOptions, evaluate } from '../../src/eval/evaluate.ts';
import type { EvalReport, Figures } from '../../src/eval/report.ts';
import type { SetName } from '../../src/eval/set/sets.ts';
import { Arena } from '../../src/media/arena.ts';
import { runCli } from '../support/app.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';

const [WIDTH, HEIGHT] = [96, 64];
let folder: { path: string; remove: () => Promise<void> };
const at = (...names: string[]): string => join(folder.path, ...names);
/** Red, green and blue of nine frames, as ffmpeg decodes them. */
let frames: Uint8Array[];

/** Puts frame `n` (from 1) at a place of a set. */
function place(n: number, ...names: string[]): void {
  mkdirSync(dirname(at(...names)), { recursive: true });
  copyFileSync(at(`frame${n}.png`), at(...names));
}

beforeAll(async () => {
  folder = await temporaryFolder();
  const scene = `mandelbrot=size=${WIDTH}x${HEIGHT}:rate=30,hue=h=40*t:s=2`;
  await ffmpeg('-f', 'lavfi', '-i', scene, '-frames:v', '9', '-pix_fmt', 'rgb24', at('frame%d.png'));
  const args = ['-v', 'error', '-i', at('frame%d.png'), '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'];
  const raw = execFileSync('ffmpeg', args, { maxBuffer: 1e8 });
  const bytes = 3 * WIDTH * HEIGHT;
  frames = Array.from({ length: 9 }, (_, i) => raw.subarray(i * bytes, (i + 1) * bytes));

  const three = (...names: readonly string[]): void => {
    for (const [i, name] of names.entries()) place(i + 1, name);
  };
  three(
    'vimeo/sequences/00001/0001/im1.png',
    'vimeo/sequences/00001/0001/im2.png',
    'vimeo/sequences/00001/0001/im3.png',
  );
  writeFileSync(at('vimeo/tri_testlist.txt'), '00001/0001\n');
  three('ucf/1/frame_00.png', 'ucf/1/frame_01_gt.png', 'ucf/1/frame_02.png');
  three(
    'mb/other-data/Urban2/frame10.png',
    'mb/other-gt-interp/Urban2/frame10i11.png',
    'mb/other-data/Urban2/frame11.png',
  );
  three('snu/test/GOPRO_test/a/1.png', 'snu/test/GOPRO_test/a/2.png', 'snu/test/GOPRO_test/a/3.png');
  const line = [1, 2, 3].map((i) => `data/SNU-FILM/test/GOPRO_test/a/${i}.png`).join(' ');
  mkdirSync(at('snu/eval_modes'));
  for (const split of ['easy', 'medium', 'hard', 'extreme'])
    writeFileSync(at(`snu/eval_modes/test-${split}.txt`), `${line}\n`);
  for (let n = 1; n <= 9; n++) place(n, 'gp', 'test', 'GOPR0410_11_00', `00000${n}.png`);
  three('xi/Tango-001.png', 'xi/Tango-002.png', 'xi/Tango-003.png');
});

afterAll(() => folder.remove());

async function run(set: SetName, name: string, baselines: string[], models: string[] = []): Promise<EvalReport> {
  const arena = new Arena(256);
  const report = await evaluate({ set, paths: [at(name)], models, baselines, threads: 1, arena });
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
  return report;
}

const meanOf = (report: EvalReport, id: string): Figures => {
  const found = report.contenders.find((one) => one.id === id)?.mean;
  if (!found) throw new Error(`no figures of ${id}`);
  return found;
};

/** Mean absolute and mean squared difference of two pictures, by all samples that `keep` says. */
function differences(a: Uint8Array | undefined, b: Uint8Array | undefined, keep = (_x: number, _y: number) => true) {
  let [absolute, squared, count] = [0, 0, 0];
  for (const [i, value] of (a ?? []).entries()) {
    const pixel = Math.floor(i / 3);
    if (!keep(pixel % WIDTH, Math.floor(pixel / WIDTH))) continue;
    const d = value - (b?.[i] ?? 0);
    absolute += Math.abs(d);
    squared += d * d;
    count += 1;
  }
  return { mae: absolute / count, psnr: 10 * Math.log10(65025 / (squared / count)) };
}

describe('a published set is measured in colour', () => {
  it.each<[SetName, string]>([
    ['vimeo90k', 'vimeo'],
    ['ucf101', 'ucf'],
    ['middlebury', 'mb'],
    ['snu-film', 'snu'],
  ])('%s: the outer two given, the middle one the truth', async (set, name) => {
    const report = await run(set, name, ['repeat']);
    // At a half the later frame is as near as the earlier one, and is taken.
    expect(meanOf(report, 'repeat').rgb).toMatchObject(differences(frames[2], frames[1]));
    expect(report.items[0]).toMatchObject({ width: WIDTH, height: HEIGHT, newFramesPerGap: 1 });
    const { splits } = report.contenders[0] ?? {};
    expect(Object.keys(splits ?? {})).toEqual(
      set === 'snu-film' ? ['easy', 'medium', 'hard', 'extreme'] : [expect.any(String)],
    );
  });

  it('gopro: seven frames between two', async () => {
    const report = await run('gopro', 'gp', ['repeat']);
    expect(report.items[0]?.newFramesPerGap).toBe(7);
    const each = [1, 2, 3, 4, 5, 6, 7].map((n) => differences(frames[n < 4 ? 0 : 8], frames[n]));
    expect(meanOf(report, 'repeat').rgb?.mae).toBeCloseTo(each.reduce((sum, one) => sum + one.mae, 0) / 7, 9);
  });

  it('xiph: at half the size, and the middle of half the size', async () => {
    const report = await run('xiph', 'xi', ['repeat']);
    expect(report.items.map((item) => [item.split, item.width, item.height])).toEqual([
      ['2k', WIDTH / 2, HEIGHT / 2],
      ['4k', WIDTH / 2, HEIGHT / 2],
    ]);
    const middle = (x: number, y: number) => x >= 24 && x < 72 && y >= 16 && y < 48;
    const { mae, psnr } = differences(frames[2], frames[1], middle);
    expect(report.contenders[0]?.splits?.['4k']?.rgb).toMatchObject({ mae, psnr });
  });

  it('who has the colours has them whole; who has them at half the resolution is named, with what that costs', async () => {
    const report = await run('middlebury', 'mb', ['blend', 'minterpolate']);
    const made = frames[0]?.map((value, i) => (value + (frames[2]?.[i] ?? 0) + 1) >> 1);
    const { mae } = meanOf(report, 'blend').rgb ?? { mae: 0 };
    expect(Math.abs(mae - differences(made, frames[1]).mae)).toBeLessThan(0.3);
    const limit = report.items[0]?.halvedColour;
    // Strong colours: what I420 makes of the truth itself is off.
    expect(limit?.mae).toBeGreaterThan(0.5);
    expect(report.notes.join('\n')).toMatch(/frames of minterpolate have colour at half the resolution .* MAE-RGB \d/);
    expect(report.notes.join('\n')).not.toMatch(/frames of blend/);
  });
});

describe('framelift eval --set', () => {
  it('prints the columns of the set, and what is missing of it', async () => {
    const { code, stdout, stderr } = await runCli([
      'eval',
      '--set',
      'snu-film',
      at('snu'),
      '--split',
      'hard',
      '--baseline',
      'blend',
    ]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/item +PSNR-RGB +SSIM-RGB +MAE-RGB +IE +ms/);
    expect(stdout).toMatch(/note: snu-film hard: 1 measured, of 310/);
  });

  it('says of another folder what was looked for, what is there, and where the set is to be had', async () => {
    const { code, stderr } = await runCli(['eval', '--set', 'xiph', at('snu'), '--baseline', 'blend']);
    expect(stderr).toMatch(/not the set xiph: looked for BoxingPractice-001\.png .*, found eval_modes, test/);
    expect(stderr).toMatch(/media\.xiph\.org/);
    expect(code).toBe(2);
  });

  it.each<[Partial<EvalOptions>, RegExp]>([
    [{ set: 'gopro', factor: 2 }, /--factor is for clips; the set gopro says itself/],
    [{ set: 'gopro', truth: 'x' }, /--truth is for clips/],
    [{ set: 'gopro', paths: ['a', 'b'] }, /--set gopro is measured in one folder, not 2/],
    [{ split: ['easy'] }, /--split names a part of a --set/],
  ])('%j is refused', async (options, message) => {
    await expect(evaluate({ paths: [at('gp')], models: [], baselines: ['blend'], ...options })).rejects.toThrow(
      message,
    );
  });
});
