/** Files decoded in their own form and encoded again, frame by frame, by any of FFmpeg's encoders; and what ffmpeg sees in them. */
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type CodecContext, Encoder, type FFVideoEncoder, Muxer, type Packet, Rational } from 'node-av';
import { Pictures, pictureTarget } from '../../src/egress/file/pictures.ts';
import { openVideoFile } from '../../src/ingest/file/video-file.ts';
import type { Arena } from '../../src/media/arena.ts';
import type { Frame } from '../../src/media/frame.ts';
import type { PictureTraits, StoredTraits } from '../../src/media/picture-traits.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { newestFfmpeg } from './ffmpegs.ts';

const run = promisify(execFile);

/** What {@link rewrite} encodes with. */
export interface RewriteOptions {
  readonly arena: Arena;
  /** The codec's name in messages. */
  readonly codec: string;
  /** FFmpeg's encoder. */
  readonly encoder: string;
  readonly options?: Record<string, string>;
  /** Stands in for a frame; the frame is released then. */
  readonly instead?: (frame: Frame, index: number) => Frame | undefined;
}

/** What was lost on the way, and the format that was chosen. */
export interface Rewritten {
  readonly lost: readonly string[];
  readonly format: string;
}

/** Encodes the frames of one file into another. */
export async function rewrite(input: string, output: string, rewriting: RewriteOptions): Promise<Rewritten> {
  const { arena, codec, encoder, instead } = rewriting;
  await using video = await openVideoFile({ ...source(input, arena), keepForm: true });
  let pictures: Pictures | undefined;
  const { native, muxer } = await opened(output, rewriting, () => pictures);
  const track = muxer.addStream(native);
  const drain = async (): Promise<void> => {
    for (let packet = await native.receive(); isPacket(packet); packet = await native.receive()) {
      await muxer.writePacket(packet, track);
      packet.free();
    }
  };
  try {
    let index = 0;
    for await (const decoded of video.frames()) {
      const frame = instead?.(decoded, index) ?? decoded;
      if (frame !== decoded) decoded.release();
      try {
        pictures ??= new Pictures(frame, video.traits, pictureTarget(codec, encoder));
        using picture = pictures.of(frame);
        picture.timeBase = new Rational(1, 10);
        picture.pts = BigInt(index);
        picture.duration = 1n;
        await native.encode(picture);
        await drain();
      } finally {
        frame.release();
      }
      index += 1;
    }
    await native.flush();
    await drain();
    return { lost: pictures?.lost ?? [], format: pictures?.format ?? '' };
  } finally {
    await muxer.close();
    native.close();
    pictures?.close();
  }
}

async function opened(output: string, { encoder, options }: RewriteOptions, pictures: () => Pictures | undefined) {
  const native = await Encoder.create(encoder as FFVideoEncoder, {
    ...{ threadCount: 1, maxBFrames: 0, gopSize: 10, bitrate: 0 },
    context: { timeBase: new Rational(1, 10), framerate: new Rational(10, 1) },
    configure: (context: CodecContext) => {
      pictures()?.describeTo(context);
      const { hdr } = pictures() ?? {};
      const name = hdr?.name ?? '';
      const settings = [hdr?.value, options?.[name]].filter((value) => value !== undefined);
      for (const [key, value] of Object.entries({ ...options, ...(hdr ? { [name]: settings.join(':') } : {}) })) {
        context.setOption(key, value);
      }
    },
  });
  const muxer = await Muxer.open(output, {
    configure: ({ streams: [stream] }) => stream && pictures()?.describeStream(stream.codecpar),
  });
  return { native, muxer };
}

function source(path: string, arena: Arena) {
  return { path, stream: 's', arena, clock: systemClock, events: noEvents };
}

/** The traits of a file's pictures, as our own decoder tells them. */
export async function traitsIn(path: string, arena: Arena): Promise<PictureTraits & { readonly stored: StoredTraits }> {
  await using video = await openVideoFile({ ...source(path, arena), keepForm: true });
  for await (const frame of video.frames()) frame.release();
  const { traits } = video;
  if (!traits?.stored) throw new Error(`${path} has no pictures`);
  return { ...traits, stored: traits.stored };
}

/**
 * The samples of files as the newest ffmpeg reads them, in a pixel format each: one run for all. `filter`: applied before.
 */
export async function samplesIn(
  files: readonly { readonly path: string; readonly format: string; readonly filter?: string }[],
): Promise<Buffer[]> {
  const inputs = files.flatMap(({ path }) => ['-threads', '1', '-i', path]);
  const raw = files.map(({ path, format }, index) => `${path}.${index}.${format}.raw`);
  const outputs = files.flatMap(({ format, filter }, index) => [
    ...['-map', `${index}:v:0`, '-fps_mode', 'passthrough', ...(filter === undefined ? [] : ['-vf', filter])],
    ...['-sws_flags', 'bicubic+accurate_rnd+full_chroma_int+full_chroma_inp'],
    ...['-pix_fmt', format, '-f', 'rawvideo', raw[index] ?? ''],
  ]);
  await run(newestFfmpeg(), ['-v', 'error', '-nostdin', '-y', ...inputs, ...outputs], { maxBuffer: 1 << 26 });
  return Promise.all(
    raw.map(async (path) => {
      const bytes = await readFile(path);
      await rm(path);
      return bytes;
    }),
  );
}

/** The largest mean difference of a plane of 16-bit samples, in levels of 8 bits. `planes` of equal size a frame. */
export function worstMean(a: Buffer, b: Buffer, planes: number, planeSize: number): number {
  if (a.length !== b.length || a.length === 0) throw new Error(`${a.length} bytes against ${b.length}`);
  const sums = Array.from({ length: planes }, () => 0);
  const count = a.length / 2;
  const [x, y] = [a, b].map((bytes) => new Uint16Array(new Uint8Array(bytes).buffer)) as [Uint16Array, Uint16Array]; // of two
  for (let i = 0; i < count; i += 1) {
    const plane = Math.floor(i / planeSize) % planes;
    sums[plane] = (sums[plane] ?? 0) + Math.abs((x[i] ?? 0) - (y[i] ?? 0));
  }
  return Math.max(...sums.map((sum) => (sum * planes) / count / 256));
}

function isPacket(value: unknown): value is Packet {
  return typeof value === 'object' && value !== null && 'free' in value;
}
