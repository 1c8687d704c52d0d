/** Live sources whose frames hold two fields. */
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VideoDecoder } from '../../src/ingest/decode/decoder.ts';
import type { DeinterlaceChoice } from '../../src/ingest/decode/deinterlacer.ts';
import { ffmpegSource } from '../../src/ingest/ffmpeg/source.ts';
import { fileSource } from '../../src/ingest/file/source.ts';
import type { PictureTraits } from '../../src/media/picture-traits.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { accessUnits } from '../support/coded.ts';
import { FFMPEGS } from '../support/ffmpegs.ts';
import { ffmpeg, Recording, temporaryFolder } from '../support/media.ts';

const FRAMES = 30;
let folder: { path: string; remove: () => Promise<void> };
let woven: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  woven = join(folder.path, 'woven.mkv');
  const fields = 'gblur=1.5,tinterlace=mode=interleave_top,format=yuv420p';
  const interlaced = ['-flags', '+ildct+ilme', '-x264-params', 'tff=1:aud=1'];
  const coded = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '0', '-g', '30', '-crf', '14', ...interlaced];
  const scene = ['-f', 'lavfi', '-i', 'testsrc2=size=160x120:rate=50', '-vf', fields];
  await ffmpeg(...scene, '-frames:v', String(FRAMES), ...coded, woven);
  await ffmpeg(...scene, '-frames:v', String(FRAMES), ...coded, join(folder.path, 'woven.h264'));
});
afterAll(() => folder.remove());

interface Seen {
  readonly times: readonly number[];
  readonly traits: PictureTraits | undefined;
}

/** As RTSP decodes. */
async function throughDecoder(deinterlace: DeinterlaceChoice): Promise<Seen> {
  const { arena } = new Recording();
  const decoder = await VideoDecoder.open({ codec: 'h264', arena, clock: systemClock, stream: 's', deinterlace });
  try {
    const times: number[] = [];
    const units = accessUnits(await readFile(join(folder.path, 'woven.h264')), 'h264');
    for (const unit of units) {
      for (const frame of await decoder.decode(unit)) {
        // The frame after it had to come first.
        if (deinterlace !== 'off') expect(frame.arrival).toBeGreaterThanOrEqual(unit.arrival);
        times.push(frame.pts);
        frame.release();
      }
    }
    expect(arena.liveFrames).toBe(0);
    return { times, traits: decoder.traits };
  } finally {
    await decoder.close();
  }
}

async function throughFile(deinterlace: DeinterlaceChoice): Promise<Seen> {
  const seen = new Recording();
  const { arena } = seen;
  const shared = { stream: 's', arena, clock: systemClock, events: noEvents, deinterlace };
  await expect(seen.run(fileSource({ ...shared, path: woven, realtime: false }))).rejects.toThrow('has ended');
  return { times: seen.pts, traits: seen.infos.at(-1)?.traits };
}

async function throughFfmpeg(deinterlace: DeinterlaceChoice): Promise<Seen> {
  const bytes = await readFile(woven);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(bytes);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const seen = new Recording();
  const { arena } = seen;
  try {
    // A listening TCP server has an AddressInfo.
    const url = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const shared = { stream: 's', arena, clock: systemClock, events: noEvents, deinterlace };
    await seen
      .run(ffmpegSource({ ...shared, url, ...(FFMPEGS[0] && { ffmpegPath: FFMPEGS[0][1] }) }))
      .catch((error: unknown) => expect(String(error)).toContain('ended'));
    expect(arena.liveFrames).toBe(0);
    return { times: seen.pts, traits: seen.infos.at(-1)?.traits };
  } finally {
    server.close();
  }
}

const SOURCES: readonly (readonly [string, (choice: DeinterlaceChoice) => Promise<Seen>, number, number])[] = [
  // Its units come as if at 30 frames a second.
  ['the decoder of RTSP', throughDecoder, 1, 60],
  ['a file', throughFile, 0, 50],
  // It does not say which of its frames are interlaced: the first ones are looked at.
  ['ffmpeg', throughFfmpeg, 12, 50],
];

it.each(SOURCES)('%s: each field becomes a frame, and it is said', async (_, through, late, fps) => {
  const { times, traits } = await through('auto');
  expect(times.length).toBeGreaterThanOrEqual(2 * FRAMES - 2 * late);
  expect(times.length).toBeLessThanOrEqual(2 * FRAMES);
  const gaps = times.slice(1).map((time, k) => time - (times[k] ?? 0));
  for (const gap of gaps.slice(2 * late)) expect(Math.abs(gap - 1e6 / fps)).toBeLessThan(1100);
  expect(traits).toMatchObject({ deinterlaced: 'fields' });
  expect(traits?.interlaced).toBeUndefined();
});

it.each(SOURCES)('%s: with deinterlace off frames stay as they are, and that is said', async (_, through) => {
  const { times, traits } = await through('off');
  expect(times).toHaveLength(FRAMES);
  expect(traits).toMatchObject({ interlaced: true });
});
