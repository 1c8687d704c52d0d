import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EvalOptions, evaluate } from '../../src/eval/evaluate.ts';
import type { EvalReport, Figures } from '../../src/eval/report.ts';
import { Arena } from '../../src/media/arena.ts';
import { runCli } from '../support/app.ts';
import { ffmpeg, temporaryFolder, testVideo } from '../support/media.ts';

let folder: { path: string; remove: () => Promise<void> };
const at = (...names: string[]): string => join(folder.path, ...names);

/** A textured picture that moves evenly: four samples to the right in each frame. */
const PAN = "mandelbrot=size=448x224:rate=30:end_pts=1e9,trim=end_frame=1,loop=-1:1,crop=256:160:'16+4*mod(n,40)':20";

beforeAll(async () => {
  folder = await temporaryFolder();
  await ffmpeg('-f', 'lavfi', '-i', PAN, '-frames:v', '33', '-pix_fmt', 'yuv420p', '-c:v', 'ffv1', at('pan.mkv'));
  for (const [name, step, count] of [
    ['00001/0001', 1, 3],
    ['00001/0002', 2, 3],
    ['eight/0001', 1, 9],
  ] as const) {
    mkdirSync(at(name), { recursive: true });
    const pick = ['-vf', `select='not(mod(n,${step}))'`, '-fps_mode', 'passthrough'];
    await ffmpeg('-i', at('pan.mkv'), ...pick, '-frames:v', String(count), at(name, 'im%d.png'));
  }
});

afterAll(() => folder.remove());

/** Runs an evaluation and checks that it gave everything back. */
async function run(paths: readonly string[], options: Partial<EvalOptions>): Promise<EvalReport> {
  const arena = new Arena(256);
  const report = await evaluate({ paths, models: [], baselines: [], threads: 1, ...options, arena });
  expect([arena.liveFrames, arena.usedBytes]).toEqual([0, 0]);
  return report;
}

const meanOf = (report: EvalReport, id: string): Figures => {
  const found = report.contenders.find((one) => one.id === id)?.mean;
  if (!found) throw new Error(`no figures of ${id}`);
  return found;
};

/** Luma of each frame of a file, as ffmpeg decodes and scales it. */
function lumas(path: string, size: string): Buffer[] {
  const [width = 0, height = 0] = size.split('x').map(Number);
  const scale = ['-vf', `scale=${width}:${height}:flags=area`, '-fps_mode', 'passthrough'];
  const args = ['-v', 'error', '-i', path, ...scale, '-pix_fmt', 'yuv420p', '-f', 'rawvideo', '-'];
  const raw = execFileSync('ffmpeg', args, { maxBuffer: 1e9 });
  const bytes = (width * height * 3) / 2;
  return Array.from({ length: raw.length / bytes }, (_, i) => raw.subarray(i * bytes, i * bytes + width * height));
}

describe('clips', () => {
  it('agree with figures computed from what ffmpeg scales, first and last gap left out', async () => {
    await ffmpeg(...testVideo('322x200', '30', 18), at('odd.mp4'));
    const report = await run([at('odd.mp4')], { baselines: ['repeat'], height: 100 });
    expect(report.items[0]).toMatchObject({ width: 160, height: 96, gaps: 6, newFramesPerGap: 1 });
    const frames = lumas(at('odd.mp4'), '160x96');
    const ies = [3, 5, 7, 9, 11, 13].map((n) => {
      const [truth, shown] = [frames[n], frames[n + 1]];
      let sum = 0;
      truth?.forEach((sample, i) => {
        sum += (sample - (shown?.[i] ?? 0)) ** 2;
      });
      return Math.sqrt(sum / (160 * 96));
    });
    const expected = ies.reduce((sum, ie) => sum + ie, 0) / ies.length;
    expect(meanOf(report, 'repeat').ie).toBeCloseTo(expected, 6);
  });

  it.each([2, 4, 8])('minterpolate at %d× fills the right gap at the right time', async (factor) => {
    const report = await run([at('pan.mkv')], { baselines: ['minterpolate', 'blend', 'search'], factor });
    expect(report.items[0]?.newFramesPerGap).toBe(factor - 1);
    // An even pan: whoever estimates motion wins clearly, but only in the right place.
    expect(meanOf(report, 'minterpolate').psnr).toBeGreaterThan(meanOf(report, 'blend').psnr + 2);
    expect(meanOf(report, 'search').psnr).toBeGreaterThan(meanOf(report, 'blend').psnr + 2);
  });

  it('every pair is interpolated, also across a cut', async () => {
    const scenes =
      'testsrc2=size=128x96:rate=30,trim=end_frame=3[a];mandelbrot=size=128x96:rate=30,trim=end_frame=3[b];[a][b]concat';
    await ffmpeg('-f', 'lavfi', '-i', scenes, '-c:v', 'ffv1', '-pix_fmt', 'yuv420p', at('cut.mkv'));
    const report = await run([at('cut.mkv')], { baselines: ['repeat', 'blend'] });
    expect(meanOf(report, 'blend').psnr).not.toBe(meanOf(report, 'repeat').psnr);
  });

  it('are measured as live streams are made, or with look-ahead as files are', async () => {
    const gathers = PAN.replace("'16+4*mod(n,40)'", "'n*n'");
    await ffmpeg(
      '-f',
      'lavfi',
      '-i',
      gathers,
      '-frames:v',
      '13',
      '-pix_fmt',
      'yuv420p',
      '-c:v',
      'ffv1',
      at('faster.mkv'),
    );
    const live = await run([at('faster.mkv')], { baselines: ['search'] });
    const file = await run([at('faster.mkv')], { baselines: ['search'], lookahead: 'on' });
    expect([live, file].map(({ protocol }) => protocol)).toMatchObject([{ lookahead: 'off' }, { lookahead: 'on' }]);
    expect(meanOf(file, 'search').psnr).toBeGreaterThan(meanOf(live, 'search').psnr + 0.2);
  });

  it('are compared with other clips; blending halves noise', async () => {
    const still = ['-f', 'lavfi', '-i', 'color=gray:size=128x96:rate=30', '-frames:v', '9', '-pix_fmt', 'yuv420p'];
    await ffmpeg(...still, '-c:v', 'ffv1', at('x-clean.mkv'));
    await ffmpeg(...still, '-vf', 'noise=alls=30:allf=t', '-c:v', 'ffv1', at('x-noisy.mkv'));
    const options = { baselines: ['repeat', 'blend'], truth: folder.path };
    const report = await run([at('x-noisy.mkv')], options);
    expect(meanOf(report, 'repeat').errorOverNoise).toBeCloseTo(1, 1);
    expect(meanOf(report, 'blend').errorOverNoise).toBeCloseTo(0.5, 1);
    expect(meanOf(await run([at('x-clean.mkv')], options), 'blend').errorOverNoise).toBeUndefined();
  });
});

describe('frame folders', () => {
  it('triplets and nine frames are found in a tree, with their times', async () => {
    const report = await run([at('00001'), at('eight')], { baselines: ['blend', 'minterpolate'] });
    expect(report.items.map((item) => [item.name, item.kind, item.newFramesPerGap])).toEqual([
      ['00001/0001', 'frames', 1],
      ['00001/0002', 'frames', 1],
      ['eight/0001', 'frames', 7],
    ]);
    expect(meanOf(report, 'minterpolate').psnr).toBeGreaterThan(meanOf(report, 'blend').psnr + 2);
  });

  it('of grey pictures give the figures of their samples', async () => {
    mkdirSync(at('grey'));
    for (const [i, level] of [100, 104, 112].entries()) {
      const colour = `color=0x${level.toString(16).repeat(3)}:size=32x32,format=gray`;
      await ffmpeg('-f', 'lavfi', '-i', colour, '-frames:v', '1', at('grey', `im${i + 1}.png`));
    }
    const report = await run([at('grey')], { baselines: ['blend'] });
    // The middle of 100 and 112 is 106; ffmpeg's own colours may be one off.
    expect(meanOf(report, 'blend').ie).toBeGreaterThanOrEqual(1);
    expect(meanOf(report, 'blend').ie).toBeLessThanOrEqual(3);
  });
});

describe('framelift eval', () => {
  it('measures networks and baselines side by side, as JSON and on a sheet', async () => {
    const args = ['eval', at('pan.mkv'), '--frames', '5', '--model', 'flow-s', '--baseline', 'blend', '--json'];
    const { code, stdout, stderr } = await runCli([...args, '--sheet', at('sheet.png'), '--worst', '2']);
    expect(code, stderr).toBe(0);
    // Our own JSON.
    const report = JSON.parse(stdout) as EvalReport;
    expect(report.protocol).toMatchObject({ factor: 2, frames: 5, height: 480 });
    expect(report.contenders.map((one) => [one.id, one.kind, one.sha256?.length ?? null])).toEqual([
      ['flow-s', 'model', 64],
      ['blend', 'baseline', null],
    ]);
    expect(report.items[0]?.results['flow-s']?.msPerNewFrame).toBeGreaterThan(0);
    expect(meanOf(report, 'flow-s').psnr).toBeGreaterThan(meanOf(report, 'blend').psnr);
    const png = readFileSync(at('sheet.png'));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    // Five tiles of 256 across, two cases of each contender down.
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([5 * (256 + 8) + 8, 8 + 4 * (2 * 22 + 160 + 8)]);
  });

  it('prints a table', async () => {
    const { code, stdout, stderr } = await runCli(['eval', at('00001'), '--baseline', 'repeat', '--baseline', 'blend']);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/repeat\s+blend\s*\nitem\s+PSNR\s+SSIM\s+IE\s+ms/);
    expect(stdout).toMatch(/mean of 2\s+\d+\.\d\d/);
  });

  it('--help says what is compared', async () => {
    const { code, stdout } = await runCli(['eval', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/BT\.601 luma/);
    expect(stdout).toContain('framelift eval clips/ --model flow-s --baseline blend');
  });
});

describe('eval refuses, with the value and the remedy', () => {
  beforeAll(async () => {
    for (const name of ['pair', 'mixed', 'broken']) mkdirSync(at(name));
    for (const i of [1, 2, 3]) copyFileSync(at('00001/0001', `im${i}.png`), at('broken', `im${i}.png`));
    writeFileSync(at('broken/im2.png'), readFileSync(at('broken/im2.png')).subarray(0, 200));
    copyFileSync(at('broken/im1.png'), at('pair/im1.png'));
    for (const i of [1, 3]) copyFileSync(at('00001/0001', `im${i}.png`), at('mixed', `im${i}.png`));
    await ffmpeg('-i', at('pair/im1.png'), '-vf', 'scale=64:64', at('mixed/im2.png'));
    await ffmpeg(...testVideo('128x96', '30', 2), at('short.mp4'));
    writeFileSync(at('text.mp4'), 'not a video');
  });

  const blend = { baselines: ['blend'] };
  it.each<[string, Partial<EvalOptions>, RegExp]>([
    ['pair', blend, /nothing to measure in ".*pair": .* holds 1 png files, where 3 or 9 are needed/],
    ['mixed', blend, /im2\.png is 64x64, but .*im1\.png is 256x160/],
    ['short.mp4', blend, /short\.mp4 has 2 frames; factor 2 needs 3 at least/],
    ['pan.mkv', { ...blend, frames: 4, factor: 4 }, /has 4 frames \(--frames 4\)/],
    ['text.mp4', blend, /text\.mp4/],
    ['pan.mkv', { baselines: ['magic'] }, /no baseline "magic"; there are .*minterpolate/],
    ['pan.mkv', { ...blend, height: 7 }, /--height 7 is not a whole number from 16/],
    ['pan.mkv', { ...blend, sheet: 'x.gif' }, /the sheet "x\.gif" ends in "\.gif"/],
    ['pan.mkv', { ...blend, sheet: 'nowhere/x.png' }, /the folder nowhere does not exist/],
    ['pan.mkv', { ...blend, truth: 'nowhere' }, /--truth: no file or folder "nowhere"/],
    ['pan.mkv', { ...blend, truth: 'eight' }, /--truth: no pan\.mkv in/],
    ['pan.mkv', { ...blend, truth: 'short.mp4' }, /short\.mp4 is measured at 128x96, but .*256x160/],
    ['00001', { ...blend, truth: 'pan.mkv' }, /bring their own truth/],
  ])('%s %j', async (path, options, message) => {
    const truth = options.truth === undefined || options.truth === 'nowhere' ? options.truth : at(options.truth);
    await expect(run([at(path)], { ...options, truth })).rejects.toThrow(message);
  });

  it.each<[string[], number, RegExp]>([
    [['nowhere', '--baseline', 'blend'], 2, /no file or folder "nowhere"[\s\S]*im1\.png/],
    [['{broken}', '--baseline', 'blend'], 1, /broken\/im2\.png is not a PNG picture[\s\S]*again/],
    [['{pan.mkv}', '--model', 'flow-xxl'], 2, /no model "flow-xxl"; there are .*flow-s/],
    [['{pan.mkv}'], 2, /nobody to measure[\s\S]*--model flow-s/],
    [['{pan.mkv}', '--baseline', 'blend', '--factor', '3'], 2, /factor 3 cannot be measured[\s\S]*--factor 2, 4, 8/],
    [['{pan.mkv}', '--baseline', 'blend', '--factor', 'many'], 2, /expected a number/],
    [[], 2, /missing required argument 'paths'/],
  ])('%j', async (args, code, message) => {
    const given = args.map((arg) => arg.replace(/^\{(.*)\}$/, (_, name: string) => at(name)));
    const result = await runCli(['eval', ...given]);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/\n\s+at /);
    expect(result.code).toBe(code);
  });
});
