import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileSource } from '../../src/ingest/file/source.ts';
import { openVideoFile } from '../../src/ingest/file/video-file.ts';
import { micros } from '../../src/time.ts';
import { ffmpeg, JumpingClock, Recording, temporaryFolder, testVideo, timestamps } from '../support/media.ts';

let folder: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

/** A path in the folder. */
function at(name: string): string {
  return join(folder, name);
}

/** Reads a file to its end. */
async function readAll(path: string) {
  const to = new Recording();
  const clock = new JumpingClock();
  await using video = await openVideoFile({ path, stream: 's', arena: to.arena, clock, events: to });
  let failure: unknown;
  try {
    for await (const frame of video.frames()) to.frame(frame);
  } catch (error) {
    failure = error;
  }
  expect(to.arena.liveFrames).toBe(0);
  return { to, failure, info: video.info };
}

/** Plays a file on a clock that jumps. */
function play(path: string, to: Recording, options: { loop?: boolean; seamless?: boolean; realtime?: boolean } = {}) {
  const clock = new JumpingClock();
  return to.run(fileSource({ path, stream: 's', arena: to.arena, clock, events: to, ...options }));
}

test.each(['mp4', 'mkv', 'ts', 'avi', 'h264'])(
  'B-frames in .%s come in presentation order, all of them',
  async (kind) => {
    const path = at(`b.${kind}`);
    await ffmpeg(...testVideo('160x96', '25', 40, '-bf', '2', '-g', '20'), path);
    const { to, failure } = await readAll(path);
    expect(failure).toBeUndefined();
    expect(to.frames).toHaveLength(40);
    expect(to.pts).toEqual([...to.pts].sort((a, b) => a - b));
    expect(to.frames.filter((frame) => frame.discontinuity)).toHaveLength(1);
    if (kind === 'mp4' || kind === 'mkv' || kind === 'ts') expect(to.pts).toEqual(await timestamps(path));
  },
);

test('variable frame rate: the times are the container’s', async () => {
  const path = at('vfr.mp4');
  const select = "select='not(mod(n,2))+lt(n,10)',setpts=PTS+0.011/TB*mod(N\\,3)";
  await ffmpeg(
    ...testVideo('160x96', '30', 30),
    '-vf',
    select,
    '-fps_mode',
    'passthrough',
    '-video_track_timescale',
    '90000',
    path,
  );
  const { to } = await readAll(path);
  const steps = new Set(to.pts.slice(1).map((pts, i) => pts - (to.pts[i] ?? 0)));
  expect(steps.size).toBeGreaterThan(3);
  expect(to.pts).toEqual(await timestamps(path));
});

test('what the container says', async () => {
  const path = at('info.mp4');
  await ffmpeg(...testVideo('322x182', '30000/1001', 30), path);
  const { info } = await readAll(path);
  expect(info).toMatchObject({
    width: 322,
    height: 182,
    fps: { num: 30000, den: 1001 },
    frames: 30,
    codec: 'h264',
    rotation: 0,
  });
  expect(info.duration).toBeCloseTo(1_001_000, -2);
});

test('10-bit 4:2:2 arrives as 8-bit 4:2:0', async () => {
  const path = at('deep.mkv');
  await ffmpeg(...testVideo('160x96', '25', 3, '-pix_fmt', 'yuv422p10le'), path);
  const { to } = await readAll(path);
  expect(to.frames.map((frame) => frame.size)).toEqual(['160x96', '160x96', '160x96']);
});

test('a one-frame file gives its frame, then ends', async () => {
  const path = at('one.mp4');
  await ffmpeg(...testVideo('160x96', '25', 1), path);
  const to = new Recording();
  await expect(play(path, to)).rejects.toMatchObject({ code: 'source.ended', recoverable: false });
  expect(to.frames).toHaveLength(1);
  expect(to.infos).toEqual([
    {
      codec: 'h264',
      width: 160,
      height: 96,
      fps: 25,
      transport: 'file',
      traits: { colour: { matrix: 'bt601', range: 'limited' } },
    },
  ]);
  expect(to.arena.liveFrames).toBe(0);
});

test('a one-frame file in a loop shows it again and again, each later', async () => {
  const path = at('one-loop.mp4');
  await ffmpeg(...testVideo('160x96', '25', 1), path);
  const to = new Recording(4);
  await play(path, to, { loop: true });
  expect(to.pts).toEqual([0, 40_000, 80_000, 120_000]);
});

test.each(['mp4', 'mkv', 'ts'])('a truncated .%s gives the frames before the break, then says where', async (kind) => {
  const whole = at(`whole.${kind}`);
  const cut = at(`cut.${kind}`);
  await ffmpeg(...testVideo('160x96', '25', 75, '-g', '25'), '-movflags', '+faststart', whole);
  const bytes = await readFile(whole);
  await writeFile(cut, bytes);
  await truncate(cut, Math.floor(bytes.length * 0.6));
  const { to, failure } = await readAll(cut);
  expect(to.frames.length).toBeGreaterThan(20);
  expect(to.frames.length).toBeLessThan(75);
  // MPEG-TS declares no length: its end is wherever it ends.
  if (kind === 'ts') expect(failure).toBeUndefined();
  else
    expect(failure).toMatchObject({ code: 'source.protocol', message: expect.stringMatching(/ends after 1\.\d\d s/) });

  const played = new Recording();
  await expect(play(cut, played)).rejects.toMatchObject({ code: kind === 'ts' ? 'source.ended' : 'source.protocol' });
  expect(played.frames).toHaveLength(to.frames.length);

  const looped = new Recording(to.frames.length + 5);
  await play(cut, looped, { loop: true });
  expect(looped.frames).toHaveLength(to.frames.length + 5);
});

test('files that cannot be played say why', async () => {
  await writeFile(at('text.mp4'), 'not a video');
  await writeFile(at('text.txt'), 'not a video, though FFmpeg would draw it as a terminal');
  await writeFile(at('empty.mp4'), '');
  await ffmpeg('-f', 'lavfi', '-i', 'sine=duration=0.2', at('sound.m4a'));
  const codes = async (name: string) => {
    const to = new Recording();
    return await play(at(name), to).catch((error: unknown) => error);
  };
  expect(await codes('missing.mp4')).toMatchObject({ code: 'source.not-found' });
  expect(await codes('.')).toMatchObject({ code: 'source.not-found' });
  expect(await codes('text.mp4')).toMatchObject({ code: 'source.protocol' });
  expect(await codes('text.txt')).toMatchObject({ code: 'source.protocol' });
  expect(await codes('empty.mp4')).toMatchObject({ code: 'source.protocol' });
  expect(await codes('sound.m4a')).toMatchObject({ code: 'source.no-video' });
});

test('frames are delivered when they are due, and a loop keeps the rhythm', async () => {
  const path = at('loop.mp4');
  await ffmpeg(...testVideo('160x96', '30', 15, '-bf', '2', '-video_track_timescale', '90000'), path);
  for (const seamless of [true, false]) {
    const to = new Recording(40);
    await play(path, to, { loop: true, seamless });
    expect(to.pts).toEqual(Array.from({ length: 40 }, (_, i) => micros((i * 1e6) / 30)));
    expect(to.frames.map((frame) => frame.arrival)).toEqual(to.pts);
    const breaks = to.frames.flatMap((frame, i) => (frame.discontinuity ? [i] : []));
    expect(breaks).toEqual(seamless ? [0] : [0, 15, 30]);
    expect(to.arena.liveFrames).toBe(0);
  }
});

test('a size that changes inside the file is announced and is a discontinuity', async () => {
  await ffmpeg(...testVideo('160x96', '25', 10), at('small.h264'));
  await ffmpeg(...testVideo('320x192', '25', 10), at('large.h264'));
  const path = at('both.h264');
  await writeFile(path, Buffer.concat([await readFile(at('small.h264')), await readFile(at('large.h264'))]));
  const to = new Recording();
  await expect(play(path, to)).rejects.toMatchObject({ code: 'source.ended' });
  expect(to.infos.map(({ width, height }) => `${width}x${height}`)).toEqual(['160x96', '320x192']);
  expect(to.frames).toHaveLength(20);
  expect(to.frames.flatMap((frame, i) => (frame.discontinuity ? [i] : []))).toEqual([0, 10]);
});

test('stopping in the middle leaves nothing behind', async () => {
  const path = at('stop.mp4');
  await ffmpeg(...testVideo('160x96', '30', 60, '-bf', '2'), path);
  const to = new Recording(7);
  await play(path, to, { loop: true });
  expect(to.frames).toHaveLength(7);
  expect(to.arena.liveFrames).toBe(0);
});

test('reading stops with an error, not with a hole, when the arena is full', async () => {
  const path = at('large.mp4');
  await ffmpeg(...testVideo('1920x1080', '30', 40), path);
  const to = new Recording();
  await using video = await openVideoFile({
    path,
    stream: 's',
    arena: to.arena,
    clock: new JumpingClock(),
    events: to,
  });
  const held: Disposable[] = [];
  const read = async () => {
    for await (const frame of video.frames()) held.push({ [Symbol.dispose]: () => frame.release() });
  };
  await expect(read()).rejects.toMatchObject({ code: 'arena.full' });
  for (const frame of held) frame[Symbol.dispose]();
  expect(to.arena.liveFrames).toBe(0);
});
