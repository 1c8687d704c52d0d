import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { FileCodec } from '../../src/egress/file/codecs.ts';
import { FileWriter, type FileWriterOptions } from '../../src/egress/file/writer.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { type Micros, micros, ZERO } from '../../src/time.ts';
import { seededRandom } from '../support/random.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'framelift-record-'));
const arena = new Arena(64);

afterEach(() => expect(arena.liveFrames).toBe(0));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A picture of moving gradients and noise. The padding of its rows is noise too: it must not leak into the file. */
function picture(width: number, height: number, pts: Micros, seed: number): Frame {
  const info = { pts, arrival: ZERO, capture: ZERO, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, width, height, info);
  const random = seededRandom(seed);
  const { bytes } = frame;
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i + 7 * seed + 40 * random()) & 255;
  return frame;
}

/** The planes without padding, the last column and row of luma doubled where `even` asks for it. */
function packed(frame: Frame, even: boolean): Buffer {
  const { layout, bytes, width, height } = frame;
  const rows: Uint8Array[] = [];
  const plane = (from: number, stride: number, columns: number, count: number, wide = false, high = false): void => {
    for (let row = 0; row < count + (high ? 1 : 0); row++) {
      const start = from + Math.min(row, count - 1) * stride;
      rows.push(bytes.slice(start, start + columns));
      if (wide) rows.push(bytes.slice(start + columns - 1, start + columns));
    }
  };
  plane(layout.y, layout.strideY, width, height, even && width % 2 === 1, even && height % 2 === 1);
  plane(layout.u, layout.strideC, (width + 1) >> 1, (height + 1) >> 1);
  plane(layout.v, layout.strideC, (width + 1) >> 1, (height + 1) >> 1);
  return Buffer.concat(rows);
}

/** Writes `count` pictures at these times and returns what should come out. */
async function record(
  options: Partial<FileWriterOptions> & { path: string; codec: FileCodec },
  [width, height]: readonly [number, number],
  times: readonly number[],
): Promise<Buffer> {
  const expected: Buffer[] = [];
  await using writer = await FileWriter.open({ crf: 18, fps: { num: 60, den: 1 }, threads: 2, ...options });
  for (const [i, time] of times.entries()) {
    const frame = picture(width, height, micros(time), i);
    expected.push(packed(frame, options.codec === 'h264'));
    await writer.write(frame);
  }
  await writer.finish();
  return Buffer.concat(expected);
}

/** The file as ffmpeg decodes it, unscaled, nothing repeated or dropped. */
async function decoded(path: string): Promise<Buffer> {
  const args = ['-v', 'error', '-i', path, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-'];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 1 << 28 });
  return stdout;
}

/** Presentation times in seconds, and what the container says. */
async function probed(path: string) {
  const show = ['-select_streams', 'v:0', '-show_entries'];
  const entries = 'packet=pts_time:stream=codec_name,width,height,avg_frame_rate,r_frame_rate,has_b_frames';
  const { stdout } = await run('ffprobe', ['-v', 'error', ...show, entries, '-of', 'json', path]);
  // ffprobe's own JSON.
  const found = JSON.parse(stdout) as {
    packets: { pts_time: string }[];
    streams: { codec_name: string; width: number; height: number; has_b_frames: number; avg_frame_rate: string }[];
  };
  return { times: found.packets.map((p) => Number(p.pts_time)), stream: found.streams[0] };
}

const at = (fps: number, count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => from + Math.round((i * 1e6) / fps));

describe('FileWriter, ffv1', () => {
  it.each([
    ['mkv', 64, 48],
    ['mkv', 129, 97],
    ['nut', 322, 182],
    ['avi', 130, 66],
    ['mov', 65, 49],
  ] as const)('.%s %i × %i: decodes to the very bytes that were written', async (ending, width, height) => {
    const path = join(folder, `lossless-${width}.${ending}`);
    const expected = await record({ path, codec: 'ffv1' }, [width, height], at(60, 20));
    const found = await decoded(path);
    expect(found.length).toBe(expected.length);
    expect(found.equals(expected)).toBe(true);
  });

  it('keeps uneven times to a millisecond, starting at zero', async () => {
    const path = join(folder, 'times.mkv');
    const times = [5_000_000, 5_016_667, 5_033_333, 5_100_000, 5_100_999, 7_000_000];
    await record({ path, codec: 'ffv1' }, [32, 32], times);
    const found = (await probed(path)).times;
    expect(found).toHaveLength(times.length);
    found.forEach((time, i) => {
      expect(Math.abs(time - ((times[i] ?? 0) - 5_000_000) / 1e6)).toBeLessThanOrEqual(0.00051);
    });
  });

  it('writes a single frame', async () => {
    const path = join(folder, 'single.mkv');
    const expected = await record({ path, codec: 'ffv1' }, [32, 32], [1000]);
    expect((await decoded(path)).equals(expected)).toBe(true);
  });
});

describe('FileWriter, h264', () => {
  it.each([
    ['mp4', 64, 48],
    ['mkv', 129, 97],
    ['ts', 130, 66],
    ['mov', 321, 181],
  ] as const)(
    '.%s %i × %i: every frame, at its time, an odd last row or column doubled',
    async (ending, width, height) => {
      const path = join(folder, `coded-${width}.${ending}`);
      const expected = await record({ path, codec: 'h264', crf: 0 }, [width, height], at(60, 30, 777));
      const { times, stream } = await probed(path);
      expect(stream).toMatchObject({
        codec_name: 'h264',
        width: width + (width & 1),
        height: height + (height & 1),
        has_b_frames: 0,
      });
      expect(times).toHaveLength(30);
      const start = times[0] ?? Number.NaN;
      times.forEach((time, i) => {
        expect(Math.abs(time - start - i / 60)).toBeLessThan(0.00101);
      });
      // x264 at crf 0 is without loss.
      expect((await decoded(path)).equals(expected)).toBe(true);
    },
  );

  it('says the nominal rate in mp4', async () => {
    const path = join(folder, 'rate.mp4');
    await record({ path, codec: 'h264', fps: { num: 50, den: 1 } }, [64, 64], at(50, 25));
    const [num = 0, den = 1] = ((await probed(path)).stream?.avg_frame_rate ?? '').split('/').map(Number);
    expect(num / den).toBeCloseTo(50, 1);
  });

  it('keeps the picture at a usual quality', async () => {
    const path = join(folder, 'quality.mp4');
    const even = (await record({ path, codec: 'h264', crf: 18 }, [128, 96], at(30, 5))).length;
    expect((await decoded(path)).length).toBe(even);
  });
});

describe('FileWriter, misuse', () => {
  it.each([
    ['ffv1', 'out.mp4', /ffv1 cannot be written to a ".mp4" file/, '.mkv'],
    ['h264', 'out.nut', /h264 cannot be written to a ".nut" file/, '.mp4'],
    ['h264', 'out', /h264 cannot be written to a "" file/, '.mp4'],
    ['h264', 'out.jpeg', /h264 cannot be written to a ".jpeg" file/, '.mp4'],
  ] as const)('%s to %s: says which endings fit', async (codec, name, message, remedy) => {
    const opening = FileWriter.open({ path: join(folder, name), codec, crf: 18, fps: { num: 30, den: 1 } });
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toMatchObject({ code: 'config.invalid', remedy: expect.stringContaining(remedy) });
  });

  it('takes endings in capitals', async () => {
    const path = join(folder, 'CAPITALS.MKV');
    await record({ path, codec: 'ffv1' }, [32, 32], at(30, 2));
    expect((await probed(path)).times).toHaveLength(2);
  });

  it('names a folder that does not exist', async () => {
    const path = join(folder, 'absent', 'out.mkv');
    await expect(FileWriter.open({ path, codec: 'ffv1', crf: 18, fps: { num: 30, den: 1 } })).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining('does not exist'),
    });
  });

  it('refuses a change of size and keeps what was written until then', async () => {
    const path = join(folder, 'sizes.mkv');
    await using writer = await FileWriter.open({ path, codec: 'ffv1', crf: 18, fps: { num: 30, den: 1 } });
    const first = picture(64, 48, micros(0), 1);
    const expected = packed(first, false);
    await writer.write(first);
    await expect(writer.write(picture(96, 48, micros(33_333), 2))).rejects.toMatchObject({
      code: 'encode.failed',
      message: expect.stringContaining('changes its size from 64x48 to 96x48'),
      remedy: expect.any(String),
    });
    expect(arena.liveFrames).toBe(0);
    await writer.finish();
    expect((await decoded(path)).equals(expected)).toBe(true);
  });

  it('refuses times that do not increase, with a typed error, and releases the frame', async () => {
    const path = join(folder, 'backwards.mp4');
    await using writer = await FileWriter.open({ path, codec: 'h264', crf: 18, fps: { num: 30, den: 1 } });
    await writer.write(picture(64, 48, micros(100_000), 1));
    for (const time of [100_000, 50_000]) {
      await expect(writer.write(picture(64, 48, micros(time), 2))).rejects.toMatchObject({
        code: 'encode.failed',
        message: expect.stringContaining(`the time ${time} µs does not come after 100000 µs`),
      });
    }
    expect(arena.liveFrames).toBe(0);
    await writer.write(picture(64, 48, micros(133_333), 3));
    await writer.finish();
    expect((await probed(path)).times).toHaveLength(2);
  });

  it('refuses frames after the end, and closes as often as one likes', async () => {
    const path = join(folder, 'closed.mkv');
    const writer = await FileWriter.open({ path, codec: 'ffv1', crf: 18, fps: { num: 30, den: 1 } });
    await writer.write(picture(64, 48, micros(0), 1));
    await writer.finish();
    await writer[Symbol.asyncDispose]();
    await writer.finish();
    await expect(writer.write(picture(64, 48, micros(1), 1))).rejects.toMatchObject({ code: 'encode.failed' });
  });

  it('can be closed without a frame, and finished without a frame', async () => {
    for (const finish of [true, false]) {
      const path = join(folder, `empty-${finish}.mkv`);
      const writer = await FileWriter.open({ path, codec: 'ffv1', crf: 18, fps: { num: 30, den: 1 } });
      if (finish) await writer.finish();
      await writer[Symbol.asyncDispose]();
    }
  });
});
