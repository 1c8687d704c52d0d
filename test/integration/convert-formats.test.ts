import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConvertOptions, convert } from '../../src/commands/convert/convert.ts';
import { ffmpeg, frameHashes, temporaryFolder, testVideo } from '../support/media.ts';
import { probe } from '../support/output-frames.ts';

const run = promisify(execFile);
const START = `'${process.execPath}' '${join(import.meta.dirname, '../../bin/framelift.js')}' convert`;
const GRAIN = 'noise=alls=20:allf=t';
let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  await ffmpeg(...testVideo('160x90', '30', 8, '-vf', GRAIN, '-pix_fmt', 'yuv420p'), at('in.mp4'));
  await ffmpeg('-i', at('in.mp4'), at('in%03d.png'));
});

afterAll(() => folder.remove());

/** Converts in this process. */
function made(input: string, output: string, options: Partial<ConvertOptions> = {}) {
  return convert({
    input: at(input),
    output: output === '-' ? output : at(output),
    model: 'blend',
    overwrite: !output.includes('%'),
    ...options,
  });
}

/** Runs the command with its standard output in a file, as a shell does; returns its standard error. */
async function toFile(path: string, ...args: string[]): Promise<string> {
  const words = [at('in.mp4'), '-', '--model', 'blend', ...args].map((word) => `'${word}'`);
  return (await run('sh', ['-c', `${START} ${words.join(' ')} > '${path}'`])).stderr;
}

describe('convert to the standard output', () => {
  it('writes NUT, and nothing else; what it tells goes to the standard error', async () => {
    const told = await toFile(at('out.nut'), '--json');
    expect(JSON.parse(told)).toMatchObject({ output: '-', outputFrames: 15 });
    expect(await probe(at('out.nut'))).toMatchObject({ container: 'nut', codec: 'rawvideo', rate: '60/1' });
    // The very frames that a lossless file holds.
    await made('in.mp4', 'same.mkv', { codec: 'ffv1' });
    expect(await frameHashes(at('out.nut'))).toEqual(await frameHashes(at('same.mkv')));
  });

  it('writes y4m, as it does to a file', async () => {
    expect(await toFile(at('out.y4m'), '--format', 'y4m')).toContain('15 frames');
    expect(readFileSync(at('out.y4m')).subarray(0, 9).toString()).toBe('YUV4MPEG2');
    expect(await probe(at('out.y4m'))).toMatchObject({ container: 'yuv4mpegpipe', rate: '60/1' });
    await made('in.mp4', 'file.y4m');
    expect(readFileSync(at('file.y4m')).equals(readFileSync(at('out.y4m')))).toBe(true);
    expect(existsSync(at('file.partial.y4m'))).toBe(false);
  });

  it('says that its reader is gone', async () => {
    await ffmpeg(...testVideo('640x360', '30', 20, '-pix_fmt', 'yuv420p'), at('large.mp4'));
    const command = `{ ${START} '${at('large.mp4')}' - --model blend; echo "code $?" >&2; } | head -c 1000 > /dev/null`;
    const { stderr } = await run('sh', ['-c', command]);
    expect(stderr).toContain('nobody reads the standard output any more');
    expect(stderr).toContain('code 1');
  });

  it('says that there is no space left', async () => {
    const told = expect.stringContaining('no space left');
    await expect(toFile('/dev/full')).rejects.toMatchObject({ code: 1, stderr: told });
  });

  it('refuses a terminal', async () => {
    await expect(made('in.mp4', '-')).rejects.toThrow('the standard output is a terminal');
  });
});

describe('convert to images', () => {
  it('numbers them from 1, and refuses to replace them unasked', async () => {
    await made('in.mp4', 'frames/%05d.png');
    const names = readdirSync(at('frames')).sort();
    expect(names).toEqual(Array.from({ length: 15 }, (_, i) => `${String(i + 1).padStart(5, '0')}.png`));
    const bytes = readFileSync(at('frames/00001.png'));
    expect(await probe(at('frames/00001.png'))).toMatchObject({ codec: 'png', width: 160, height: 90 });

    await expect(made('in.mp4', 'frames/%05d.png')).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(/00001\.png" exists \(15 images/),
      remedy: expect.stringContaining('--overwrite'),
    });
    expect(readFileSync(at('frames/00001.png')).equals(bytes)).toBe(true);

    const { notes } = await made('in.mp4', 'frames/%05d.png', { overwrite: true, factor: 1 });
    expect(notes).toEqual([
      'luma and chroma become red, green and blue: png holds nothing else',
      expect.stringMatching(/00009\.png" and beyond \(7 images/),
    ]);
    expect(readdirSync(at('frames'))).toHaveLength(15);
  });

  it('refuses a single image, and a folder that cannot be made', async () => {
    await expect(made('in.mp4', 'one.png')).rejects.toThrow('is one image');
    await expect(made('in.mp4', 'no/such/%d.png')).rejects.toThrow('cannot be made');
    await expect(made('in.mp4', 'no/such.y4m')).rejects.toThrow('does not exist');
  });
});

describe('convert from images', () => {
  it.each([
    ['in%03d.png', 15, 'images 1 to 8 of'],
    ['in003.png', 11, 'images 3 to 8 of'],
  ])('%s, at the rate given', async (name, frames, note) => {
    const inputFps = { num: 25, den: 1 };
    const { notes } = await made(name, 'images.mkv', { inputFps, codec: 'ffv1' });
    expect(notes).toEqual([expect.stringContaining(note)]);
    const found = await probe(at('images.mkv'));
    expect(found.rate).toBe('50/1');
    expect(found.times).toHaveLength(frames);
  });

  it('wants the rate, and no missing numbers', async () => {
    await expect(made('in%03d.png', 'x.mkv')).rejects.toThrow('images have no rate');
    await ffmpeg('-i', at('in.mp4'), at('gap%d.png'));
    writeFileSync(at('gap12.png'), '');
    const inputFps = { num: 25, den: 1 };
    await expect(made('gap%d.png', 'x.mkv', { inputFps })).rejects.toThrow('3 of the images 1 to 12 are missing: 9…11');
    await expect(made('in.mp4', 'x.mkv', { inputFps })).rejects.toThrow('has times of its own');
    expect(existsSync(at('x.mkv'))).toBe(false);
  });
});

describe('convert to AVI', () => {
  it('has the true rate in its header', async () => {
    await made('in.mp4', 'even.avi', { factor: 2 });
    expect(await probe(at('even.avi'))).toMatchObject({ rate: '60/1', timeBase: '1/60' });
    expect(await frameHashes(at('even.avi'))).toHaveLength(15);
  });

  it('brings a varying rate to an even grid, and says what is not in it', async () => {
    const uneven = ['-vf', `${GRAIN},settb=1/1000,setpts='(N/30+mod(N*7,5)*0.005)/TB'`, '-fps_mode', 'passthrough'];
    const precise = ['-enc_time_base', '1/1000', '-pix_fmt', 'yuv420p'];
    await ffmpeg(...testVideo('160x90', '30', 40, ...uneven, ...precise), at('vfr.mkv'));
    const { notes } = await made('vfr.mkv', 'vfr.avi', { factor: 2, codec: 'ffv1' });
    expect(notes).toEqual([expect.stringMatching(/one rate only: \d+ of 40 source frames/)]);
    const { times } = await probe(at('vfr.avi'));
    const interval = (times.at(-1) ?? 0) / (times.length - 1);
    for (const [i, time] of times.entries()) expect(Math.abs(time - i * interval)).toBeLessThan(1e-5);
    // As long as the source, which lasts from frame 0 to 39 of 30 a second.
    expect(Math.abs((times.at(-1) ?? 0) - 39 / 30)).toBeLessThan(1 / 30);
  });
});
