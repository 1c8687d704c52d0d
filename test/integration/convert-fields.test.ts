/** What convert makes of two fields in a frame, of film in video, and of repeated pictures. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConvertResult, convert } from '../../src/commands/convert/convert.ts';
import { type Columns, fieldEvidence } from '../../src/ingest/decode/field-evidence.ts';
import { ffmpeg, temporaryFolder, timestamps } from '../support/media.ts';

const SIZE = '160x120';
const [WIDTH, HEIGHT] = [160, 120];
const run = promisify(execFile);

let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** Something smooth that moves, at a rate. */
const scene = (rate: number, frames: number, ...filters: string[]): string[] => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${SIZE}:rate=${rate}`],
  ...['-vf', ['gblur=1.5', ...filters, 'format=yuv420p'].join(','), '-frames:v', String(frames)],
];
const LOSSLESS = ['-c:v', 'ffv1'];
const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '14'];

function change(
  input: string,
  output: string,
  options: Partial<Parameters<typeof convert>[0]> = {},
): Promise<ConvertResult> {
  return convert({ input, output, factor: 1, model: 'blend', codec: 'ffv1', overwrite: true, threads: 1, ...options });
}

/** Luma of all frames. */
async function luma(path: string): Promise<Columns[]> {
  const args = ['-v', 'error', '-i', path, '-map', '0:v', '-fps_mode', 'passthrough'];
  const raw = [...args, '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
  const { stdout } = await run('ffmpeg', raw, { encoding: 'buffer', maxBuffer: 2 ** 28 });
  const frames: Columns[] = [];
  for (let k = 0; k + WIDTH * HEIGHT <= stdout.length; k += WIDTH * HEIGHT) {
    frames.push({ samples: stdout.subarray(k, k + WIDTH * HEIGHT), width: WIDTH, rows: HEIGHT });
  }
  return frames;
}

/** Frames whose lines do not belong together. */
function combs(frames: readonly Columns[]): number {
  return frames.filter((frame, k) => {
    const [before, after] = [frames[k - 1], frames[k + 1]];
    if (!before || !after) return false;
    const evidence = fieldEvidence(before, frame, after);
    return evidence.combed && evidence.looks !== 'still';
  }).length;
}

/** Mean squared error of frames that stand for the same time. */
function error(a: readonly Columns[], b: readonly Columns[]): number {
  let sum = 0;
  const count = Math.min(a.length, b.length);
  for (let k = 0; k < count; k++) {
    const [x, y] = [a[k]?.samples ?? new Uint8Array(), b[k]?.samples ?? new Uint8Array()];
    for (let i = 0; i < x.length; i++) sum += ((x[i] ?? 0) - (y[i] ?? 0)) ** 2;
  }
  return sum / count / (WIDTH * HEIGHT);
}

/** The longest and the shortest distance of frames in a row, microseconds. */
async function distances(path: string): Promise<{ readonly least: number; readonly most: number }> {
  const times = await timestamps(path);
  const gaps = times.slice(1).map((time, k) => time - (times[k] ?? 0));
  return { least: Math.min(...gaps), most: Math.max(...gaps) };
}

it.each([
  ['upper lines first', 'interleave_top', ['-field_order', 'tt']],
  ['lower lines first', 'interleave_bottom', ['-field_order', 'bb']],
  ['that does not say so', 'interleave_top', ['-field_order', 'progressive']],
  ['of 10 bits', 'interleave_top,format=yuv422p10le', ['-pix_fmt', 'yuv422p10le']],
])('interlaced video, %s, becomes a frame of each field, without combs', async (name, mode, options) => {
  const [whole, woven, apart, left] = [at('whole.mkv'), at(`${name}.mkv`), at(`${name} 50.mkv`), at(`${name} off.mkv`)];
  await ffmpeg(...scene(50, 60), ...LOSSLESS, whole);
  await ffmpeg('-i', whole, '-vf', `tinterlace=mode=${mode}`, ...options, ...LOSSLESS, woven);
  const result = await change(woven, apart);
  expect(result).toMatchObject({ sourceFrames: 60, outputFrames: 60, interpolated: 0 });
  expect(result.notes).toContainEqual(
    expect.stringContaining('interlaced: each field became a frame of its own, 50 a second'),
  );
  expect(await distances(apart)).toEqual({ least: expect.closeTo(20_000, -3.1), most: expect.closeTo(20_000, -3.1) });
  const [truth, fields] = [await luma(whole), await luma(apart)];
  expect(combs(fields)).toBe(0);
  expect(error(fields, truth)).toBeLessThan(10);
  if (mode !== 'interleave_top') return;
  await change(woven, left, { deinterlace: 'off', factor: 2 });
  const combed = await luma(left);
  expect(combs(combed)).toBeGreaterThan(20);
  // At least 6 dB better than what was interpolated between combs.
  expect(4 * error(fields, truth)).toBeLessThan(error(combed, truth));
});

it('whole frames that say they are interlaced stay whole, bit by bit', async () => {
  const flagged = at('flagged.mkv');
  await ffmpeg(...scene(25, 30), ...H264, '-flags', '+ildct+ilme', '-x264-params', 'tff=1', flagged);
  const result = await change(flagged, at('flagged out.mkv'));
  expect(result).toMatchObject({ sourceFrames: 30, outputFrames: 30, notes: [] });
  expect(error(await luma(at('flagged out.mkv')), await luma(flagged))).toBe(0);
});

it('film in video comes back as the film’s pictures, without combs, evenly, at any rate', async () => {
  const [film, video] = [at('film.mkv'), at('video.mp4')];
  await ffmpeg(...scene(24, 72), ...LOSSLESS, film);
  const interlaced = ['-flags', '+ildct+ilme', '-x264-params', 'tff=1'];
  await ffmpeg('-i', film, '-vf', 'telecine=first_field=top:pattern=23', ...H264, ...interlaced, video);
  const result = await change(video, at('restored.mkv'));
  expect(result).toMatchObject({ sourceFrames: 72, outputFrames: 72 });
  expect(result.notes).toContainEqual(expect.stringContaining('film in interlaced video'));
  const [pictures, truth] = [await luma(at('restored.mkv')), await luma(film)];
  expect(combs(pictures)).toBe(0);
  expect(error(pictures, truth)).toBeLessThan(8);
  const { least, most } = await distances(at('restored.mkv'));
  // Matroska's times are whole milliseconds.
  expect(most - least).toBeLessThanOrEqual(1000);
  expect(Math.abs(most - 41_667)).toBeLessThan(1000);
  const sixty = await change(video, at('film60.mkv'), { factor: undefined, fps: 60 });
  expect(Math.abs(sixty.outputFrames - 60 * (71 / 24) - 1)).toBeLessThanOrEqual(1);
});

it.each([
  ['animation on twos with grain', 12, 24, 'noise=alls=10:allf=t', 24],
  ['animation on threes with grain', 8, 24, 'noise=alls=10:allf=t', 32],
  ['24 in 30', 24, 30, 'null', 12],
])('%s: every repetition is found, and the output is as long as without', async (name, drawn, fps, noise, repeats) => {
  const input = at(`${name}.mp4`);
  await ffmpeg(...scene(drawn, 2 * fps, `fps=${fps}:round=down`, noise), ...H264, input);
  const result = await change(input, at(`${name} out.mkv`), { factor: 2, model: 'search' });
  expect(Math.abs(result.cadenceRepeats - repeats)).toBeLessThanOrEqual(1);
  expect(result.outputFrames).toBe(4 * fps - 1);
  expect(result.notes).toContainEqual(expect.stringMatching(`cadence: ${drawn} drawn frames a second in ${fps};`));
  if (drawn !== 24) return;
  const off = await change(input, at(`${name} off.mkv`), { factor: 2, model: 'search', cadence: 'off' });
  expect(off).toMatchObject({ outputFrames: result.outputFrames, cadenceRepeats: 0 });
  expect(await timestamps(at(`${name} out.mkv`))).toEqual(await timestamps(at(`${name} off.mkv`)));
});

it('pairs of which the model is less sure than asked for repeat a source frame', async () => {
  const input = at('sure.mp4');
  await ffmpeg(...scene(25, 8), ...H264, input);
  const sure = { factor: 2, model: 'search' } as const;
  expect((await change(input, at('sure.mkv'), { ...sure, minConfidence: 0 })).repeatedBecause).toEqual({});
  const result = await change(input, at('unsure.mkv'), { ...sure, minConfidence: 1 });
  expect(result).toMatchObject({ outputFrames: 15, interpolated: 0, repeatedBecause: { unsure: 7 } });
});
