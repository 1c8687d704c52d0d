import { writeFileSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastLine, runCli } from '../support/app.ts';
import { ffmpeg, frameHashes, temporaryFolder, testVideo, timestamps } from '../support/media.ts';

let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => folder.remove());

/** What `convert --json` prints. */
interface Result {
  readonly sourceFrames: number;
  readonly outputFrames: number;
  readonly interpolated: number;
  readonly repeated: number;
}

async function convert(input: string, output: string, ...args: string[]): Promise<Result> {
  const { code, stdout, stderr } = await runCli(['convert', input, output, '--json', ...args], { timeoutMs: 120_000 });
  expect(code, stderr).toBe(0);
  // Our own JSON: lines of progress, then the result.
  return JSON.parse(lastLine(stdout)) as Result;
}

describe('convert', () => {
  it('720p30 to 60: 2N−1 frames, the even ones are the source, the same each time', async () => {
    await ffmpeg(...testVideo('1280x720', '30', 12), at('in720.mkv'));
    const result = await convert(at('in720.mkv'), at('out720.mkv'), '--fps', '60', '--codec', 'ffv1');
    expect(result).toMatchObject({ sourceFrames: 12, outputFrames: 23, interpolated: 11, repeated: 0 });
    const hashes = await frameHashes(at('out720.mkv'));
    expect(hashes).toHaveLength(23);
    expect(hashes.filter((_, i) => i % 2 === 0)).toEqual(await frameHashes(at('in720.mkv')));
    expect(new Set(hashes).size).toBe(23);
    const times = await timestamps(at('out720.mkv'));
    for (const [i, time] of times.entries()) expect(Math.abs(time - (i * 1e6) / 60)).toBeLessThanOrEqual(1000);
    await convert(at('in720.mkv'), at('again720.mkv'), '--fps', '60', '--codec', 'ffv1');
    expect(await frameHashes(at('again720.mkv'))).toEqual(hashes);
  });

  it('factor 4 with an odd size', async () => {
    await ffmpeg(...testVideo('322x182', '25', 6), '-vf', 'crop=321:181:exact=1', '-c:v', 'ffv1', at('odd.mkv'));
    const result = await convert(at('odd.mkv'), at('odd4.mkv'), '--factor', '4', '--codec', 'ffv1');
    expect(result).toMatchObject({ sourceFrames: 6, outputFrames: 21, interpolated: 15 });
    expect((await frameHashes(at('odd4.mkv'))).filter((_, i) => i % 4 === 0)).toEqual(await frameHashes(at('odd.mkv')));
  });

  it('25 to 60: an even grid', async () => {
    await ffmpeg(...testVideo('320x180', '25', 26), at('in25.mp4'));
    const result = await convert(at('in25.mp4'), at('out25.mp4'), '--fps', '60', '--model', 'blend');
    expect(result.outputFrames).toBe(61);
    const times = await timestamps(at('out25.mp4'));
    for (const [i, time] of times.entries()) expect(Math.abs(time - (i * 1e6) / 60)).toBeLessThanOrEqual(1000);
  });

  it('30 to 61.7: any rate is an even grid', async () => {
    await ffmpeg(...testVideo('320x180', '30', 31), at('in30.mp4'));
    const result = await convert(at('in30.mp4'), at('out61.mkv'), '--fps', '61.7', '--model', 'blend');
    expect(result.outputFrames).toBe(62);
    const times = await timestamps(at('out61.mkv'));
    for (const [i, time] of times.entries()) expect(Math.abs(time - (i * 1e6) / 61.7)).toBeLessThanOrEqual(1000);
  });

  it('holds across a cut', async () => {
    const scenes =
      'testsrc2=size=320x180:rate=30,trim=end_frame=10[a];mandelbrot=size=320x180:rate=30,trim=end_frame=10[b];[a][b]concat';
    await ffmpeg('-f', 'lavfi', '-i', scenes, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-qp', '0', at('cut.mkv'));
    const result = await convert(at('cut.mkv'), at('cut60.mkv'), '--fps', '60', '--codec', 'ffv1');
    expect(result).toMatchObject({ outputFrames: 39, repeated: 1 });
    const hashes = await frameHashes(at('cut60.mkv'));
    expect(hashes[19]).toBe(hashes[18]);
  });

  it('a file of varying rate: 2N−1 frames all the same', async () => {
    const thin = ['-vf', "select='mod(n,5)'", '-fps_mode', 'vfr'];
    await ffmpeg(...testVideo('320x180', '30', 24, ...thin), at('vfr.mkv'));
    const result = await convert(at('vfr.mkv'), at('vfr2.mkv'), '--factor', '2', '--model', 'blend');
    expect(result.outputFrames).toBe(2 * result.sourceFrames - 1);
  });

  it('a file of one frame gives one frame', async () => {
    await ffmpeg(...testVideo('320x180', '30', 1), at('one.mp4'));
    expect(await convert(at('one.mp4'), at('one60.mp4'), '--fps', '60')).toMatchObject({ outputFrames: 1 });
    expect(await frameHashes(at('one60.mp4'))).toHaveLength(1);
  });

  it('a truncated file is converted up to its break, and the break is reported', async () => {
    await ffmpeg(...testVideo('640x360', '30', 60), at('whole.mkv'));
    const { length } = await readFile(at('whole.mkv'));
    await truncate(at('whole.mkv'), Math.floor(length / 2));
    const { code, stderr } = await runCli([
      'convert',
      at('whole.mkv'),
      at('half.mkv'),
      '--factor',
      '2',
      '--model',
      'blend',
    ]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/note: the input ends after .* it is cut off, 2\.00 s were declared/);
    expect((await frameHashes(at('half.mkv'))).length).toBeGreaterThan(20);
  });
});

describe('convert refuses', () => {
  it('a file without video', async () => {
    await ffmpeg('-f', 'lavfi', '-i', 'sine=duration=1', at('sound.wav'));
    const { code, stderr } = await runCli(['convert', at('sound.wav'), at('x.mp4')]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/no video/i)]);
  });

  it('a file that is no media at all', async () => {
    writeFileSync(at('text.mp4'), 'not a video');
    const { code, stderr } = await runCli(['convert', at('text.mp4'), at('x.mp4')]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('text.mp4')]);
  });

  it('a missing file', async () => {
    const { code, stderr } = await runCli(['convert', at('nowhere.mp4'), at('x.mp4')]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('nowhere.mp4')]);
  });

  it('an ONNX file that is not one', async () => {
    await ffmpeg(...testVideo('320x180', '30', 2), at('two.mp4'));
    writeFileSync(at('fake.onnx'), 'this is not a network, it is a sentence');
    const { code, stderr } = await runCli(['convert', at('two.mp4'), at('x.mp4'), '--model', at('fake.onnx')]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/fake\.onnx is not an ONNX file/)]);
  });

  it('to write over its own input', async () => {
    await ffmpeg(...testVideo('320x180', '30', 5), at('precious.mkv'));
    const before = await frameHashes(at('precious.mkv'));
    const { code, stderr } = await runCli(['convert', at('precious.mkv'), at('precious.mkv'), '--model', 'repeat']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('is the input itself')]);
    expect(await frameHashes(at('precious.mkv'))).toEqual(before);
  });

  it('a container that cannot hold the codec', async () => {
    await ffmpeg(...testVideo('320x180', '30', 2), at('two.mp4'));
    const { code, stderr } = await runCli(['convert', at('two.mp4'), at('x.mp4'), '--codec', 'ffv1']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/ffv1 cannot be written to a "\.mp4" file[\s\S]*\.mkv/)]);
  });
});
