/** Sources that send more than they may: by RTSP, WHIP, ffmpeg and from files, refused with a reason, back when they send less. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ffmpegSource } from '../../src/ingest/ffmpeg/source.ts';
import { fileSource } from '../../src/ingest/file/source.ts';
import { DEFAULT_LIMITS, type IngestLimits } from '../../src/ingest/limits.ts';
import type { RtpPacket } from '../../src/ingest/rtp/packet.ts';
import { rtspSource } from '../../src/ingest/rtsp/source.ts';
import type { Source } from '../../src/ingest/source.ts';
import { Arena } from '../../src/media/arena.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { Supervisor } from '../../src/stream/supervisor.ts';
import { fromMs, systemClock } from '../../src/time.ts';
import { cutAtDelimiters, encodeTestPicture } from '../support/coded.ts';
import { startFakeRtsp } from '../support/fake-rtsp.ts';
import { ffmpeg, temporaryFolder, testVideo } from '../support/media.ts';
import { packetize } from '../support/rtp.ts';
import { watch } from '../support/watch.ts';
import { vp8Units, WhipPublisher } from '../support/whip-publisher.ts';
import { until, WhipRig } from '../support/whip-rig.ts';

const LIMITS: IngestLimits = { ...DEFAULT_LIMITS, maxWidth: 320, maxHeight: 180 };
const arena = new Arena(64);
const shared = { stream: 's', arena, clock: systemClock, events: noEvents };
let folder: string;
let removeFolder: () => Promise<void>;

beforeAll(async () => {
  ({ path: folder, remove: removeFolder } = await temporaryFolder());
  for (const size of ['330x180', '640x360']) {
    await ffmpeg(...testVideo(size, '30', 30, '-tune', 'zerolatency'), join(folder, `${size}.ts`));
  }
});
afterAll(async () => {
  await removeFolder();
  expect(arena.liveFrames).toBe(0);
});

function packets(size: string): RtpPacket[] {
  const coded = encodeTestPicture('libx264', size, 10, ['-tune', 'zerolatency', '-g', '10']);
  return packetize(cutAtDelimiters(coded, 'h264'), 'h264');
}

async function failure(source: Source): Promise<unknown> {
  const { error, frames } = await watch(source, 200, 8000);
  expect(frames).toEqual([]);
  return error;
}

/** ffmpeg's view of a file, by TCP. */
async function byTcp(path: string, limits: IngestLimits): Promise<unknown> {
  const bytes = await readFile(path);
  const server = createServer((socket) => socket.end(bytes).on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  try {
    return await failure(ffmpegSource({ ...shared, url: `tcp://127.0.0.1:${port}`, env: process.env, limits }));
  } finally {
    server.close();
  }
}

// Slightly too large is seen in the frame; much too large is not decoded at all.
test.each([
  ['330x180', 'the frames are 330x180, the limit is 320x180'],
  ['640x360', 'the frames are 640x360, the limit is 320x180'],
])('%s is too large, by every way in', async (size, message) => {
  const expected = { code: 'source.too-large', message, recoverable: false };
  const camera = await startFakeRtsp({ packets: packets(size) });
  const file = join(folder, `${size}.ts`);
  expect(await failure(rtspSource({ ...shared, url: camera.url, limits: LIMITS }))).toMatchObject(expected);
  expect(await failure(fileSource({ ...shared, path: file, loop: true, limits: LIMITS }))).toMatchObject(expected);
  expect(await byTcp(file, LIMITS)).toMatchObject(expected);
  await camera.close();
});

test('too many pictures, too much data: refused within seconds, at the limits that say so', async () => {
  const sent = packets('320x180');
  const camera = await startFakeRtsp({ packets: sent, fps: 100 });
  const run = (limits: IngestLimits) => watch(rtspSource({ ...shared, url: camera.url, limits }), 1000, 8000);
  const pictures = await run({ ...LIMITS, maxFps: 20 });
  expect(pictures.error).toMatchObject({ code: 'source.too-fast', remedy: expect.stringContaining('limits.maxFps') });
  expect(pictures.frames.length).toBeLessThanOrEqual(90);
  const bits = sent.reduce((sum, { payload }) => sum + payload.length * 80, 0);
  const data = await run({ ...LIMITS, maxBitrateKbps: bits / 2000 });
  expect(data.error).toMatchObject({
    code: 'source.too-fast',
    remedy: expect.stringContaining('limits.maxBitrateKbps'),
  });
  await camera.close();
});

test('a camera that is set to a smaller picture is taken back', async () => {
  const sent = packets('640x360');
  const camera = await startFakeRtsp({ packets: sent });
  const backoff = { first: fromMs(100), cap: fromMs(100), hopeless: fromMs(200), jitter: 0 };
  const supervisor = new Supervisor(rtspSource({ ...shared, url: camera.url, limits: LIMITS }), { ...shared, backoff });
  let frames = 0;
  const running = supervisor.frames.subscribe((frame) => {
    frames += 1;
    frame.release();
  });
  await until('the refusal', () => supervisor.status.lastError?.code === 'source.too-large');
  expect(frames).toBe(0);
  sent.splice(0, sent.length, ...packets('320x180'));
  await until('pictures', () => frames >= 5);
  expect(supervisor.status).toMatchObject({ phase: 'live', lastError: undefined });
  running.unsubscribe();
  await supervisor.stopped;
  await camera.close();
});

test('a publisher is sent away, and one within the limits let in', async () => {
  await using rig = await WhipRig.start({ limits: LIMITS });
  const units = vp8Units('336x192', 30);
  await using large = await WhipPublisher.publish(rig.url, { codec: 'VP8', units });
  large.start();
  await until('the refusal', () => rig.log.some((line) => /publisher gone .*336x192, the limit is 320x180/.test(line)));
  expect(rig.frames).toEqual([]);
  large.stop();
  await using small = await WhipPublisher.publish(rig.url, { codec: 'VP8', units: vp8Units('320x180', 30) });
  small.start();
  await rig.untilFrames(10);
  expect(rig.frames[0]?.size).toBe('320x180');
});
