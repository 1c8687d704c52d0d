import { execFileSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Reception } from '../../src/ingest/ffmpeg/reception.ts';
import { ffmpegOutput } from '../../src/ingest/ffmpeg/url.ts';
import { fromMs, ManualClock } from '../../src/time.ts';
import { Recording } from '../support/media.ts';

const never = new AbortController().signal;
let to: Recording;
let clock: ManualClock;

beforeEach(() => {
  to = new Recording();
  clock = new ManualClock();
});
afterEach(() => expect(to.arena.liveFrames).toBe(0));

const DESCRIPTION = [
  "[info] Output #0, nut, to 'pipe:1':",
  '[info]   Stream #0:0: Video: rawvideo, 1 reference frame (I420 / 0x30323449), yuv420p(progressive), 16x16, q=2-31',
];

function reception(paced: boolean, endless?: () => boolean): Reception {
  const options = { stream: 's', arena: to.arena, clock, events: to, ...(endless && { endless }) };
  const run = new Reception(options, to, paced);
  for (const line of DESCRIPTION) run.line(line);
  return run;
}

/** 16×16 frames as ffmpeg sends them; `times` is a filter that changes when each is shown. */
function frames(count: number, times = 'null'): Buffer {
  const source = `testsrc2=size=16x16:rate=25,format=yuv420p,${times}`;
  const input = ['-f', 'lavfi', '-i', source, '-frames:v', String(count)];
  const output = ffmpegOutput('-fps_mode');
  return execFileSync('ffmpeg', ['-v', 'fatal', '-nostdin', '-copyts', ...input, ...output, 'pipe:1']);
}

const NOT_MONOTONIC =
  '[nut @ 0x5650] [warning] Non-monotonous DTS in output stream 0:0; previous: 3333333, current: CURRENT; changing to 3333334. This may result in incorrect timestamps in the output file.';

test("ffmpeg's word that the clock went back ends the run, to be tried again", () => {
  const run = reception(false);
  run.line(NOT_MONOTONIC.replace('CURRENT', '3333333'));
  run.line(NOT_MONOTONIC.replace('CURRENT', '3300000'));
  expect(run.failed.aborted).toBe(false);
  run.line(NOT_MONOTONIC.replace('CURRENT', '1400000'));
  expect(run.failed.aborted).toBe(true);
  expect(run.failure).toMatchObject({
    code: 'source.protocol',
    recoverable: true,
    message: "the source's clock went back",
  });
  run.close();
});

test('the same in the words of ffmpeg 7', () => {
  const run = reception(false);
  run.line('[vost#0:0/rawvideo @ 0x5650] [warning] Non-monotonic DTS; previous: 3333333, current: 0; changing to 1.');
  expect(run.failure).toMatchObject({ code: 'source.protocol', recoverable: true });
  run.close();
});

test('times that ffmpeg spaces by microseconds are dropped, and many in a row are a clock that went back', async () => {
  const run = reception(false);
  // 0, 40, … 360 ms, then 0 again: as with a server that restarts.
  await run.data(frames(30, "setpts='mod(N,10)*40000/1000000/TB'"), never);
  expect(to.pts).toEqual(Array.from({ length: 10 }, (_, i) => fromMs(i * 40)));
  expect(run.failure).toMatchObject({ code: 'source.protocol', recoverable: true });
  run.close();
});

test('a time given twice now and then is survived', async () => {
  const run = reception(false);
  await run.data(frames(30, "setpts='(N-eq(mod(N,3),2))*40000/1000000/TB'"), never);
  expect(run.failure).toBeUndefined();
  expect(to.frames).toHaveLength(20);
  run.close();
});

test('closing while a frame waits for its time is no use after release', async () => {
  const run = reception(true);
  const stop = new AbortController();
  const waiting = run.data(frames(5), stop.signal);
  await turn();
  run.close();
  expect(to.arena.liveFrames).toBe(1);
  stop.abort();
  await waiting;
  expect(run.failure).toBeUndefined();
  expect(to.frames).toHaveLength(1);
});

test('waiting frames are bounded, the rest counted, and the next one marked', async () => {
  const run = reception(true);
  const deliver = async (chunk: Buffer) => {
    const waiting = run.data(chunk, never);
    for (let i = 0; i < 300; i += 1) {
      clock.advance(fromMs(40));
      await turn();
    }
    await waiting;
  };
  const stream = frames(310);
  const most = Math.round(stream.length * 0.97);
  await deliver(stream.subarray(0, most));
  expect(to.frames).toHaveLength(256);
  expect(run.dropped).toBe(run.delivered - 256);
  expect(to.events.filter((event) => event.type === 'drop' && event.reason === 'queue-full')).toHaveLength(run.dropped);
  await deliver(stream.subarray(most));
  expect(to.frames.flatMap((frame, i) => (frame.discontinuity ? [i] : []))).toEqual([0, 256]);
  run.close();
});

test('frames of a format without timestamps are placed by their arrival, at once, HTTP or not', async () => {
  for (const paced of [true, false]) {
    const run = reception(paced);
    run.line("[info] Input #0, mpjpeg, from 'http://cam.example/video':");
    const before = to.frames.length;
    // Invented at 25 a second; they come at 10.
    const stream = frames(40);
    const size = Math.ceil(stream.length / 40);
    for (let index = 0; index < 40; index += 1) {
      await run.data(stream.subarray(index * size, (index + 1) * size), never);
      clock.advance(fromMs(100));
    }
    const pts = to.pts.slice(before + 15);
    expect(pts.length).toBeGreaterThan(20);
    const steps = pts.slice(1).map((each, i) => each - (pts[i] ?? 0));
    expect(Math.min(...steps)).toBeGreaterThan(75_000);
    expect(Math.max(...steps)).toBeLessThan(125_000);
    expect(run.failure).toBeUndefined();
    run.close();
  }
});

test('a file without timestamps that is fetched over HTTP is shown at the rate that ffmpeg makes up', async () => {
  const run = reception(true, () => false);
  run.line("[info] Input #0, h264, from 'http://files.example/a.h264':");
  const waiting = run.data(frames(5), never);
  for (let ms = 0; ms < 300; ms += 20) {
    clock.advance(fromMs(20));
    await turn();
  }
  await waiting;
  expect(to.pts).toEqual([0, 40_000, 80_000, 120_000, 160_000]);
  run.close();
});

test('times that never advance are no clock that went back: frames are placed by their arrival', async () => {
  const run = reception(false);
  const stream = frames(60, "setpts='0'");
  const size = Math.ceil(stream.length / 60);
  for (let index = 0; index < 60; index += 1) {
    await run.data(stream.subarray(index * size, (index + 1) * size), never);
    clock.advance(fromMs(40));
  }
  expect(run.failure).toBeUndefined();
  expect(to.frames.length).toBeGreaterThan(45);
  run.close();
});
