import { execFile } from 'node:child_process';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVideoFile } from '../../src/ingest/file/video-file.ts';
import { lastLine, runCli } from '../support/app.ts';
import { ffmpeg, frameHashes, JumpingClock, Recording, temporaryFolder } from '../support/media.ts';
import { seededRandom } from '../support/random.ts';

let folder: string;
let remove: () => Promise<void>;
const at = (name: string): string => join(folder, name);

const FRAMES = 50;
/** Files, and how ffmpeg makes them: of 50 frames, one keyframe where the codec lets. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  'h264.mkv': ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '50', '-bf', '2'],
  'h264.mp4': ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '50', '-bf', '2'],
  'h264.ts': ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '50', '-bf', '2'],
  'hevc.mkv': ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error'],
  'hevc.mp4': ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error'],
  'mpeg2.mpg': ['-c:v', 'mpeg2video', '-bf', '2'],
  'mpeg4.avi': ['-c:v', 'mpeg4', '-bf', '2'],
  'mpeg4.mkv': ['-c:v', 'mpeg4'],
  'vp9.webm': ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'],
  'mjpeg.avi': ['-c:v', 'mjpeg'],
};

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder());
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x96:rate=25', '-frames:v', String(FRAMES)];
  for (const [name, args] of Object.entries(KINDS)) await ffmpeg(...picture, '-pix_fmt', 'yuv420p', ...args, at(name));
});
afterAll(() => remove());

/** Reads a file as convert does. */
async function readAll(path: string) {
  const to = new Recording();
  const clock = new JumpingClock();
  await using video = await openVideoFile({ path, stream: 's', arena: to.arena, clock, events: to, offline: true });
  for await (const frame of video.frames()) to.frame(frame);
  expect(to.arena.liveFrames).toBe(0);
  return { to, damage: video.damage, joins: video.joins };
}

/** How many frames ffmpeg gets out of a file. */
async function framesOfFfmpeg(path: string): Promise<number> {
  const args = ['-v', 'quiet', '-i', path, '-map', '0:v', '-f', 'framemd5', '-fps_mode', 'passthrough', '-'];
  const { stdout } = await promisify(execFile)('ffmpeg', args).catch((error: { stdout: string }) => error);
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}

/** Random bytes in place of `count` bytes from `start` on, or each anywhere. */
async function damaged(name: string, seed: number, count: number, scattered: boolean): Promise<string> {
  const random = seededRandom(seed);
  const bytes = await readFile(at(name));
  const start = Math.floor(bytes.length * (0.2 + 0.6 * random()));
  for (let i = 0; i < count; i += 1) {
    const where = scattered ? Math.floor(bytes.length * (0.1 + 0.8 * random())) : start + i;
    bytes[where] = Math.floor(random() * 256);
  }
  const path = at(`damaged-${seed}-${name}`);
  await writeFile(path, bytes);
  return path;
}

describe.each(Object.keys(KINDS))('%s with random bytes', (name) => {
  it.each([
    [1, 40, false],
    [3, 12, true],
  ])('gives the frames that ffmpeg gives, in order (seed %i)', async (seed, count, scattered) => {
    const path = await damaged(name, seed, count, scattered);
    const [{ to }, expected] = [await readAll(path), await framesOfFfmpeg(path)];
    expect(to.frames.length).toBeGreaterThanOrEqual(expected - 1);
    for (const [i, pts] of to.pts.entries()) expect(pts).toBeGreaterThan(to.pts[i - 1] ?? Number.NEGATIVE_INFINITY);
    expect(to.frames.filter((frame) => frame.discontinuity)).toHaveLength(1);
  });
});

it('40 bytes in a scene without keyframes cost no frame, and are told', async () => {
  const path = await damaged('h264.mkv', 7, 40, false);
  const { to, damage } = await readAll(path);
  expect(to.frames).toHaveLength(FRAMES);
  expect(damage.damagedFrames).toBeGreaterThan(0);
  expect(damage.notes).toEqual([
    expect.stringMatching(/^the input is damaged: .* concealed by the decoder at \d\.\d\d s/),
  ]);
  const { code, stdout } = await runCli(['convert', path, at('damaged.mkv'), '--model', 'repeat', '--json']);
  expect(code).toBe(3);
  expect(JSON.parse(lastLine(stdout))).toMatchObject({
    ...{ type: 'result', damaged: true, damagedFrames: damage.damagedFrames, sourceFrames: FRAMES },
    notes: damage.notes,
  });
  expect(await frameHashes(at('damaged.mkv'))).toHaveLength(2 * FRAMES - 1);
});

it('a frame that cannot be decoded keeps its place, and is interpolated across', async () => {
  // The start of one JPEG: nothing of it can be read, all others can.
  const bytes = await readFile(at('mjpeg.avi'));
  const starts: number[] = [];
  for (let i = bytes.indexOf('00dc', bytes.indexOf('movi')); i >= 0; i = bytes.indexOf('00dc', i + 4)) starts.push(i);
  bytes.fill(0, (starts[20] ?? 0) + 8, (starts[20] ?? 0) + 600);
  await writeFile(at('lost.avi'), bytes);
  const { to, damage } = await readAll(at('lost.avi'));
  expect(to.pts).toEqual(Array.from({ length: FRAMES }, (_, i) => i * 40_000).filter((_, i) => i !== 20));
  expect(damage).toMatchObject({ damagedFrames: 0, lostFrames: 1 });
  const { code, stdout } = await runCli(['convert', at('lost.avi'), at('lost.mkv'), '--model', 'repeat', '--json']);
  expect(code).toBe(3);
  const result = JSON.parse(lastLine(stdout));
  expect(result).toMatchObject({ lostFrames: 1, sourceFrames: FRAMES - 1, outputFrames: 2 * FRAMES - 1 });
});

it.each(['mpeg4.mkv', 'h264.mp4', 'mpeg4.avi', 'h264.ts', 'hevc.ts'])(
  'a hole in %s costs what was in it, and is told',
  async (name) => {
    if (name === 'hevc.ts') await ffmpeg('-i', at('hevc.mkv'), '-c', 'copy', at(name));
    const path = await damaged(name, 11, (await readFile(at(name))).length >> 3, false);
    const [{ to, damage }, expected] = [await readAll(path), await framesOfFfmpeg(path)];
    expect(to.frames.length).toBeGreaterThanOrEqual(expected - 1);
    expect(damage.notes).not.toEqual([]);
    // AVI has no times: its frames are counted.
    if (!name.endsWith('.avi')) expect((to.pts.at(-1) ?? 0) - (to.pts[0] ?? 0)).toBeGreaterThan(1_800_000);
  },
);

it('what a recording has before its first keyframe is no damage', async () => {
  const bytes = await readFile(at('h264.ts'));
  await ffmpeg('-i', at('h264.ts'), '-c', 'copy', at('again.ts'));
  const again = await readFile(at('again.ts'));
  await writeFile(at('middle.ts'), Buffer.concat([bytes.subarray(188 * 60), again]));
  const { to, damage } = await readAll(at('middle.ts'));
  expect(to.frames.length).toBeGreaterThanOrEqual(FRAMES);
  expect(damage.lostFrames).toBe(0);
});

it.each(['h264.mkv', 'mpeg4.avi', 'h264.ts'])(
  'a cut off %s gives what is there, and says where it ends',
  async (name) => {
    const bytes = await readFile(at(name));
    const path = at(`cut-${name}`);
    await writeFile(path, bytes);
    await truncate(path, Math.floor(bytes.length * 0.6));
    const { to, damage } = await readAll(path);
    expect(to.frames.length).toBeGreaterThan(15);
    if (!name.endsWith('.ts'))
      expect(damage.notes.join()).toMatch(
        /the input ends after \d\.\d\d s: it is cut off, (2\.\d\d s|50 frames) were declared/,
      );
  },
);
