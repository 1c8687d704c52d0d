/** What encoders write about the pictures, read back by a decoder. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBRARIES } from '../../src/egress/codec/libraries.ts';
import { CodecSession } from '../../src/egress/codec/session.ts';
import { OutputFile } from '../../src/egress/file/output-file.ts';
import { FileWriter } from '../../src/egress/file/writer.ts';
import { VideoDecoder } from '../../src/ingest/decode/decoder.ts';
import { openVideoFile } from '../../src/ingest/file/video-file.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import type { PictureTraits } from '../../src/media/picture-traits.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { micros, systemClock } from '../../src/time.ts';
import { temporaryFolder } from '../support/media.ts';

const arena = new Arena(16);
let folder: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder());
});
afterAll(async () => {
  await remove();
  expect(arena.liveFrames).toBe(0);
});

function grey(): Frame {
  const zero = micros(0);
  const times = { pts: zero, arrival: zero, capture: zero, discontinuity: true };
  const frame = Frame.allocate(arena, 64, 48, { ...times, provenance: SOURCE });
  frame.bytes.fill(128);
  return frame;
}

const TRAITS = (['bt601', 'bt709', 'bt2020'] as const).flatMap((matrix) =>
  (['limited', 'full'] as const).flatMap((range): PictureTraits[] => [
    { colour: { matrix, range } },
    { colour: { matrix, range }, sampleAspect: { num: 16, den: 11 } },
  ]),
);

test.each(TRAITS)('live H.264 of %j', async (traits) => {
  const session = new CodecSession(LIBRARIES.x264, 64, 48);
  const decoder = await VideoDecoder.open({ codec: 'h264', arena, clock: systemClock, stream: 's' });
  try {
    await session.open({ fps: 25, bitrate: 1e6, traits });
    const frame = grey();
    session.load(frame);
    frame.release();
    const unit = await session.encode(micros(0), true);
    const zero = micros(0);
    const times = { pts: zero, arrival: zero, capture: zero, discontinuity: false };
    for (const shown of await decoder.decode({ data: unit?.data ?? new Uint8Array(), keyframe: true, ...times })) {
      shown.release();
    }
    expect(decoder.traits).toEqual(traits);
  } finally {
    session.free();
    await decoder.close();
  }
});

test.each(TRAITS)('a file of %j', async (traits) => {
  const path = join(folder, 'a.mkv');
  await using output = await OutputFile.open(path, { overwrite: true });
  const writer = await FileWriter.open({ path, output, codec: 'h264', crf: 20, fps: { num: 25, den: 1 } });
  await writer.write(grey(), traits);
  await writer.finish();
  await using file = await openVideoFile({ path, stream: 's', arena, clock: systemClock, events: noEvents });
  for await (const frame of file.frames()) frame.release();
  expect(file.traits).toEqual(traits);
});
