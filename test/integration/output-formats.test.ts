import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FormatContext } from 'node-av';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type FileCodec, NAMED_CODECS } from '../../src/egress/file/codecs.ts';
import { FileEncoder, type FileEncoderOptions } from '../../src/egress/file/encoder.ts';
import { planOutput } from '../../src/egress/file/formats.ts';
import { openOutput } from '../../src/egress/file/output.ts';
import { Arena } from '../../src/media/arena.ts';
import { type Micros, micros } from '../../src/time.ts';
import { frameHashes } from '../support/media.ts';
import { evenTimes, movingPicture, probe } from '../support/output-frames.ts';

const folder = mkdtempSync(join(tmpdir(), 'framelift-formats-'));
const arena = new Arena(64);
const NTSC = { num: 60000, den: 1001 };
const [WIDTH, HEIGHT] = [64, 48];

afterEach(() => expect(arena.liveFrames).toBe(0));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes moving pictures to a file and returns its path. */
async function written(name: string, codec: string | undefined, times: readonly Micros[], fps = NTSC): Promise<string> {
  const path = join(folder, name);
  const plan = planOutput(path, { codec });
  await using output = await openOutput({ plan, fps });
  for (const [i, time] of times.entries()) await output.write(movingPicture(arena, WIDTH, HEIGHT, time, i));
  await output.finish();
  return path;
}

/** ffprobe's names. */
const PROBED = { h264: 'h264', h265: 'hevc', av1: 'av1', vp9: 'vp9', prores: 'prores', ffv1: 'ffv1' } as const;
/** What players look for, where it matters. */
const TAGS: Readonly<Record<string, string>> = { 'h265.mp4': 'hvc1', 'h265.m4v': 'hvc1', 'h265.mov': 'hvc1' };
const HOLDS: Readonly<Record<string, readonly (keyof typeof PROBED)[]>> = {
  mp4: ['h264', 'h265', 'av1', 'vp9'],
  m4v: ['h264', 'h265'],
  mov: ['h264', 'h265', 'prores', 'ffv1'],
  mkv: ['h264', 'h265', 'av1', 'vp9', 'prores', 'ffv1'],
  webm: ['av1', 'vp9'],
  avi: ['h264', 'ffv1'],
  ts: ['h264', 'h265'],
  flv: ['h264'],
  nut: ['h264', 'h265', 'vp9', 'ffv1'],
};
const PAIRS = Object.entries(HOLDS).flatMap(([ending, codecs]) => codecs.map((codec) => [codec, ending] as const));
/** What a time is rounded to at most, seconds. */
const COARSE: Readonly<Record<string, number>> = { mkv: 0.0005, webm: 0.0005, flv: 0.0005, ts: 1 / 180_000 };

describe('every codec in every format that holds it', () => {
  it.each(PAIRS)('%s in .%s: each frame, at its time, the rate exact', async (codec, ending) => {
    const path = await written(`pair-${codec}.${ending}`, codec, evenTimes(NTSC, 4));
    const found = await probe(path);
    expect(found).toMatchObject({ codec: PROBED[codec], width: WIDTH, height: HEIGHT });
    expect(await frameHashes(path)).toHaveLength(4);
    const tag = TAGS[`${codec}.${ending}`];
    if (tag) expect(found.tag).toBe(tag);
    if (['mkv', 'webm'].includes(ending)) expect(matroskaInterval(path)).toBe(16_683_333);
    else if (ending !== 'flv') expect(found.rate).toBe('60000/1001');
    // ffprobe finds no times in an AVI of h264.
    if (ending === 'avi') return expect(found.timeBase).toBe('1001/60000');
    const start = found.times[0] ?? Number.NaN;
    for (const [i, time] of found.times.entries()) {
      // ffprobe rounds to a microsecond.
      expect(Math.abs(time - start - (i * 1001) / 60_000)).toBeLessThanOrEqual((COARSE[ending] ?? 0) + 2e-6);
    }
  });

  it.each(['mp4', 'mov', 'nut'])('.%s holds times of 1001/60000 s exactly, also after hours', async (ending) => {
    const frame = 431_568; // two hours
    const times = [0, 1, frame, frame + 1].map((n) => micros((n * 1e6 * 1001) / 60_000));
    const { ticks, timeBase } = await probe(await written(`hours.${ending}`, undefined, times));
    const [num = 0, den = 1] = timeBase.split('/').map(Number);
    const perFrame = (1001 * den) / (60_000 * num);
    expect(ticks).toEqual([0, perFrame, frame * perFrame, (frame + 1) * perFrame]);
  });

  it.each([
    ['mp4', 'h264'],
    ['m4v', 'h264'],
    ['mov', 'h264'],
    ['mkv', 'h264'],
    ['ts', 'h264'],
    ['flv', 'h264'],
    ['avi', 'h264'],
    ['webm', 'vp9'],
    ['nut', 'rawvideo'],
    ['y4m', 'rawvideo'],
  ])('.%s without --codec holds %s', async (ending, codec) => {
    const path = await written(`default.${ending}`, undefined, evenTimes(NTSC, 3));
    expect((await probe(path)).codec).toBe(codec);
    expect(await frameHashes(path)).toHaveLength(3);
  });
});

/** Matroska's DefaultDuration, nanoseconds: ffprobe shows a fraction of small numbers near it. */
function matroskaInterval(path: string): number {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(Buffer.from('23e383', 'hex'));
  const length = (bytes[at + 3] ?? 0) & 0x7f;
  return bytes.readUIntBE(at + 4, length);
}

/** What a container is told of the codec: the header, as a text. */
function header(encoder: FileEncoder): string {
  const container = new FormatContext();
  container.allocOutputContext2(null, 'matroska', null);
  const stream = container.newStream(null);
  encoder.describe(stream);
  const text = JSON.stringify([stream.codecpar.toJSON(), stream.codecpar.extradata?.toString('hex')], (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  container.freeContext();
  return text;
}

/** Packets of frames from `from` on, each as a text; and what the container is told. */
async function encoded(options: FileEncoderOptions, from: number, count: number) {
  const encoder = new FileEncoder(options);
  const packets: string[] = [];
  const drain = async (flush: boolean): Promise<void> => {
    for await (const packet of encoder.packets(flush)) {
      const hash = createHash('md5')
        .update(packet.data ?? '')
        .digest('hex');
      packets.push(`${packet.pts} ${packet.dts} ${packet.duration} ${packet.isKeyframe} ${hash}`);
      packet.free();
    }
  };
  for (let i = from; i < from + count; i++) {
    const frame = movingPicture(arena, 192, 108, micros((i * 1e6 * 1001) / 60_000), i);
    await encoder.encode(frame, frame.pts, undefined);
    frame.release();
    await drain(false);
  }
  await drain(true);
  const told = header(encoder);
  encoder.close();
  return { packets, header: told };
}

const RATED: readonly FileCodec[] = ['h264', 'h265', 'av1', 'vp9'];

describe('FileEncoder', () => {
  it.each([...NAMED_CODECS, 'raw', 'png'] as const)(
    '%s: the same packets twice; keyframe first, in order, one a frame; times go on in the next encoder',
    async (codec) => {
      const options = { codec, fps: NTSC };
      const { packets: first, header: told } = await encoded(options, 0, 12);
      expect(await encoded(options, 0, 12)).toEqual({ packets: first, header: told });
      expect(first).toHaveLength(12);
      const { packets: next, header: toldNext } = await encoded(options, 12, 3);
      expect(toldNext).toBe(told);
      for (const [i, packet] of [...first, ...next].entries()) {
        const [pts, dts, duration] = packet.split(' ');
        expect([pts, dts, duration]).toEqual([String(i * 2002), String(i * 2002), '2002']);
      }
      expect([first[0], next[0]]).toEqual([expect.stringContaining(' true '), expect.stringContaining(' true ')]);
    },
  );

  it('raw packets are the very frames, however long the encoder keeps them', async () => {
    const encoder = new FileEncoder({ codec: 'raw', fps: NTSC });
    const [given, found]: [string[], string[]] = [[], []];
    const drain = async (flush: boolean): Promise<void> => {
      for await (const packet of encoder.packets(flush)) {
        found.push(
          createHash('md5')
            .update((packet.data ?? Buffer.alloc(0)).subarray(0, 64 * 64))
            .digest('hex'),
        );
        packet.free();
      }
    };
    for (let i = 0; i < 200; i++) {
      const frame = movingPicture(arena, 64, 64, micros((i * 1e6 * 1001) / 60_000), i);
      given.push(
        createHash('md5')
          .update(frame.bytes.subarray(0, 64 * 64))
          .digest('hex'),
      );
      await encoder.encode(frame, frame.pts, undefined);
      frame.release();
      await drain(false);
    }
    await drain(true);
    encoder.close();
    expect(found).toEqual(given);
  });

  it.each(RATED)('%s with a bitrate: the same packets twice', async (codec) => {
    const options = { codec, bitrate: 300_000, fps: NTSC };
    expect(await encoded(options, 0, 16)).toEqual(await encoded(options, 0, 16));
  });
});
