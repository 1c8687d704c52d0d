import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConvertResult, convert } from '../../src/commands/convert/convert.ts';
import { openVideoFile } from '../../src/ingest/file/video-file.ts';
import { ffmpeg, JumpingClock, Recording, temporaryFolder, timestamps } from '../support/media.ts';

let folder: string;
let remove: () => Promise<void>;
const at = (name: string): string => join(folder, name);

const picture = (rate: string, frames: number, size = '160x96'): string[] => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`, '-frames:v', String(frames)],
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p'],
];

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder());
  const sound = ['-f', 'lavfi', '-i', 'sine=duration=1', '-c:a', 'aac'];
  await ffmpeg(...sound.slice(0, 4), ...picture('25', 25), ...sound.slice(4), at('a.ts'));
  await ffmpeg(...picture('25', 25, '320x192'), '-output_ts_offset', '1', at('large.ts'));
  await ffmpeg(...picture('25', 25), at('plain.ts'));
});
afterAll(() => remove());

/** Converts at twice the rate with a model that costs nothing. */
async function double(input: string): Promise<{ result: ConvertResult; times: number[] }> {
  const output = at(`${input}.out.mkv`);
  const result = await convert({ input: at(input), output, model: 'repeat', codec: 'h264', crf: 23 });
  return { result, times: (await timestamps(output)).map((time) => time / 1000) };
}

/** Milliseconds between each time and the next. */
const steps = (times: readonly number[]): number[] => times.slice(1).map((time, i) => time - (times[i] ?? 0));

/** Reads a file as convert does. */
async function readAll(name: string) {
  const to = new Recording();
  const options = {
    path: at(name),
    stream: 's',
    arena: to.arena,
    clock: new JumpingClock(),
    events: to,
    offline: true,
  };
  await using video = await openVideoFile(options);
  for await (const frame of video.frames()) to.frame(frame);
  return {
    times: to.pts.map((pts) => pts / 1000),
    video: { joins: video.joins, mended: video.mended, end: video.end },
  };
}

it('joined transport streams go on without a gap, the join is a cut, and a note says where', async () => {
  const a = await readFile(at('a.ts'));
  await writeFile(at('joined.ts'), Buffer.concat([a, a, a]));
  const { result, times } = await double('joined.ts');
  expect(result).toMatchObject({
    sourceFrames: 75,
    outputFrames: 149,
    damaged: false,
    repeatedBecause: { discontinuity: 2 },
  });
  for (const step of steps(times)) expect(Math.abs(step - 20)).toBeLessThanOrEqual(15);
  expect(result.notes).toEqual([
    expect.stringMatching(
      /^the input's timestamps go back from 2\.\d\d s to 1\.\d\d s: .* at 1\.0\d s, which counts as a cut$/,
    ),
    expect.stringMatching(/ at 2\.0\d s, which counts as a cut$/),
  ]);
});

it('a picture a minute and a half is a time lapse', async () => {
  await ffmpeg(
    ...picture('30', 5),
    '-vf',
    'setpts=N*90/TB',
    '-fps_mode',
    'passthrough',
    '-enc_time_base',
    '1/1000',
    '-bf',
    '0',
    at('lapse.mkv'),
  );
  const { result, times } = await double('lapse.mkv');
  expect(result).toMatchObject({ sourceFrames: 5, outputFrames: 9, interpolated: 4, notes: [] });
  expect(times).toEqual(Array.from({ length: 9 }, (_, i) => i * 45_000));
});

it('a change of size is scaled to the first size', async () => {
  await writeFile(at('sizes.ts'), Buffer.concat([await readFile(at('plain.ts')), await readFile(at('large.ts'))]));
  const { result } = await double('sizes.ts');
  expect(result).toMatchObject({ sourceFrames: 50, outputFrames: 99, width: 160, height: 96 });
  expect(result.notes[0]).toMatch(
    /^the input changes its size from 160x96 to 320x192 at 0\.\d\d s, and is scaled to the first/,
  );
});

it('the last frame of an animation is held for as long as it says', async () => {
  await ffmpeg(
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=160x96:rate=10',
    '-frames:v',
    '6',
    '-final_delay',
    '200',
    at('held.gif'),
  );
  const { result, times } = await double('held.gif');
  expect(result).toMatchObject({ sourceFrames: 6, interpolated: 5, repeatedBecause: { duplicate: 39 } });
  expect(times.at(-1)).toBe(2450);
});

it('a clock that wraps, a late start, an edit, repeated stamps: every frame has its place', async () => {
  await ffmpeg('-i', at('plain.ts'), '-c', 'copy', '-output_ts_offset', '95443.2', at('wrapped.ts'));
  await ffmpeg('-i', at('plain.ts'), '-c', 'copy', '-output_ts_offset', '5', at('late.mkv'));
  await ffmpeg(...picture('25', 50, '160x96'), '-g', '25', at('whole.mp4'));
  await ffmpeg('-ss', '0.5', '-i', at('whole.mp4'), '-c', 'copy', at('edited.mp4'));
  const repeat = "setts=pts='floor(PTS/80)*80'";
  await ffmpeg(...picture('25', 24), '-bf', '0', at('even.mkv'));
  await ffmpeg('-i', at('even.mkv'), '-c', 'copy', '-bsf:v', repeat, at('repeated.mkv'));
  for (const [name, frames] of [
    ['wrapped.ts', 25],
    ['late.mkv', 25],
    ['edited.mp4', 37],
    ['repeated.mkv', 24],
  ] as const) {
    const { times } = await readAll(name);
    expect(times, name).toHaveLength(frames);
    for (const step of steps(times)) expect(Math.abs(step - 40), name).toBeLessThanOrEqual(1);
  }
  expect((await readAll('repeated.mkv')).video.mended).toBe(12);
});

it('frames of an AVI with B-frames come at their times', async () => {
  await ffmpeg(...picture('25', 25).slice(0, 6), '-c:v', 'mpeg4', '-bf', '2', at('b.avi'));
  const { times } = await readAll('b.avi');
  expect(times).toEqual(Array.from({ length: 25 }, (_, i) => i * 40));
});

it('stamps that Matroska rounded stand for exact times', async () => {
  await ffmpeg(...picture('24000/1001', 48), at('film.mkv'));
  const { times } = await readAll('film.mkv');
  for (const [i, time] of times.entries())
    expect(Math.abs(time - (times[0] ?? 0) - (i * 1001) / 24)).toBeLessThanOrEqual(0.001);
});
