/** Colours of known values through every kind of source: what comes out means what went in. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VideoDecoder } from '../../src/ingest/decode/decoder.ts';
import { ffmpegSource } from '../../src/ingest/ffmpeg/source.ts';
import { fileSource } from '../../src/ingest/file/source.ts';
import type { FrameSink, Source } from '../../src/ingest/source.ts';
import { Arena } from '../../src/media/arena.ts';
import type { Colour } from '../../src/media/colour.ts';
import { displayWidth, type PictureTraits } from '../../src/media/picture-traits.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { accessUnits } from '../support/coded.ts';
import {
  formatOf,
  GREYS,
  HEIGHT,
  largestDifference,
  PATCHES,
  type Rgb,
  rawPatches,
  type Sampling,
  samplesOf,
  toRgb,
  WIDTH,
} from '../support/colour-patches.ts';
import { FFMPEGS } from '../support/ffmpegs.ts';
import { temporaryFolder } from '../support/media.ts';

const run = promisify(execFile);
const arena = new Arena(64);
let folder: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder());
});
afterAll(async () => {
  await remove();
  expect(arena.liveFrames).toBe(0);
});

/** One picture as a source gave it. */
interface Seen {
  readonly samples: [number, number, number][];
  readonly traits: PictureTraits | undefined;
}

function rgb({ samples, traits }: Seen): Rgb[] {
  const { colour } = traits ?? {};
  if (!colour) throw new Error('no colour was told');
  return samples.map(([y, u, v]) => toRgb(y, u, v, colour));
}

/** The first picture of a source. */
async function first(source: Source): Promise<Seen> {
  const stop = new AbortController();
  let traits: PictureTraits | undefined;
  let seen: Seen | undefined;
  const sink: FrameSink = {
    info: (info) => {
      traits = info.traits;
    },
    frame: (frame) => {
      seen ??= { samples: samplesOf(frame), traits };
      frame.release();
      stop.abort();
    },
  };
  await source.run(sink, stop.signal);
  if (!seen) throw new Error('no picture came');
  return seen;
}

/** As RTSP and WHIP decode. */
async function throughDecoder(path: string, codec: 'h264' | 'hevc'): Promise<Seen> {
  await using decoder = await opened(codec);
  for (const unit of accessUnits(await readFile(path), codec)) {
    for (const frame of await decoder.decoder.decode(unit)) {
      const seen = { samples: samplesOf(frame), traits: decoder.decoder.traits };
      frame.release();
      return seen;
    }
  }
  throw new Error('no picture came');
}

async function opened(codec: 'h264' | 'hevc'): Promise<AsyncDisposable & { readonly decoder: VideoDecoder }> {
  const decoder = await VideoDecoder.open({ codec, arena, clock: systemClock, stream: 's' });
  return { decoder, [Symbol.asyncDispose]: () => decoder.close() };
}

function throughFile(path: string): Promise<Seen> {
  return first(fileSource({ path, stream: 's', arena, clock: systemClock, events: noEvents }));
}

/** By an ffmpeg that reads it from a socket. */
async function throughFfmpeg(path: string, ffmpegPath: string): Promise<Seen> {
  const bytes = await readFile(path);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(bytes);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // A listening TCP server has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  try {
    const url = `tcp://127.0.0.1:${port}`;
    return await first(ffmpegSource({ url, stream: 's', arena, clock: systemClock, events: noEvents, ffmpegPath }));
  } finally {
    server.close();
  }
}

type Through = (path: string, codec: 'h264' | 'hevc') => Promise<Seen>;
const SOURCES: readonly (readonly [string, Through])[] = [
  ['the decoder of RTSP and WHIP', throughDecoder],
  ['a file', throughFile],
  ...FFMPEGS.map(([name, path]) => [`the ${name} ffmpeg`, (file) => throughFfmpeg(file, path)] as [string, Through]),
];

const FRAMES = 3;
const clips = new Map<string, Promise<string>>();

/** The patches, coded once by an encoder's arguments. */
function clip(name: string, format: string, raw: Buffer, ...args: string[]): Promise<string> {
  const path = join(folder, name);
  const made =
    clips.get(path) ??
    (async () => {
      await writeFile(`${path}.raw`, Buffer.concat(Array.from({ length: FRAMES }, () => raw)));
      const size = `${WIDTH}x${HEIGHT}`;
      const input = ['-f', 'rawvideo', '-s', size, '-r', '25', '-pix_fmt', format, '-i', `${path}.raw`];
      await run('ffmpeg', ['-v', 'error', '-y', ...input, ...args, path]);
      return path;
    })();
  clips.set(path, made);
  return made;
}

/** Nearly without loss. */
function coded(sampling: Sampling, depth: 8 | 10 | 12, colour: Colour, codec: 'h264' | 'hevc'): Promise<string> {
  const { matrix, range } = colour;
  const name = `${[codec, sampling, depth, matrix, range].join('-')}.${codec}`;
  const tag = matrix === 'bt601' ? 'smpte170m' : 'bt709';
  const format = formatOf(sampling, depth);
  const full = range === 'full';
  const encoder =
    codec === 'h264'
      ? ['libx264', '-qp', '1', '-x264-params', `fullrange=${full ? 'on' : 'off'}:aud=1:colormatrix=${tag}`]
      : ['libx265', '-x265-params', `log-level=error:aud=1:bframes=0:qp=2:colormatrix=${tag}:range=${range}`];
  const tags = ['-colorspace', tag, '-color_range', full ? 'pc' : 'tv'];
  const args = ['-pix_fmt', format, ...tags, '-preset', 'ultrafast', '-c:v', ...encoder, '-f', codec];
  return clip(name, format, rawPatches(sampling, depth, colour), ...args);
}

const SAMPLINGS = ['400', '420', '422', '444'] as const;
const COLOURS = (['bt601', 'bt709'] as const).flatMap((matrix) =>
  (['limited', 'full'] as const).map((range): Colour => ({ matrix, range })),
);
const FULL_601: Colour = { matrix: 'bt601', range: 'full' };
const LIMITED_601: Colour = { matrix: 'bt601', range: 'limited' };

describe.each(SOURCES)('through %s', (_, through) => {
  const check = async (sampling: Sampling, depth: 8 | 10 | 12, codec: 'h264' | 'hevc', colour: Colour) => {
    const seen = await through(await coded(sampling, depth, colour, codec), codec);
    expect(seen.traits).toEqual({ colour });
    expect(largestDifference(rgb(seen), sampling === '400' ? GREYS : PATCHES)).toBeLessThanOrEqual(3);
  };

  test.each(SAMPLINGS.flatMap((sampling) => ([8, 10] as const).map((depth) => [sampling, depth] as const)))(
    'H.265 in 4:%s, %i bits, of each matrix and range within three levels',
    async (sampling, depth) => {
      await Promise.all(COLOURS.map((colour) => check(sampling, depth, 'hevc', colour)));
    },
  );

  test.each(SAMPLINGS)('H.264 in 4:%s, of each range', async (sampling) => {
    await Promise.all([LIMITED_601, FULL_601].map((colour) => check(sampling, 8, 'h264', colour)));
  });
});

const RGB = Buffer.from(
  Array.from({ length: WIDTH * HEIGHT }, (_, index) => PATCHES[Math.floor((index % WIDTH) / 16)] ?? []).flat(2),
);
const YUV = (sampling: Sampling, colour: Colour, depth: 8 | 12 = 8) => rawPatches(sampling, depth, colour);

describe.each(SOURCES.slice(1))('through %s', (_, through) => {
  test.each([
    ['MJPEG in 4:2:0', 'a.avi', 'yuvj420p', YUV('420', FULL_601), ['-c:v', 'mjpeg', '-q:v', '1'], FULL_601],
    ['MJPEG in 4:2:2', 'b.avi', 'yuvj422p', YUV('422', FULL_601), ['-c:v', 'mjpeg', '-q:v', '1'], FULL_601],
    ['MJPEG in 4:4:4', 'c.avi', 'yuvj444p', YUV('444', FULL_601), ['-c:v', 'mjpeg', '-q:v', '1'], FULL_601],
    ['red, green and blue', 'd.mkv', 'rgb24', RGB, ['-c:v', 'ffv1', '-pix_fmt', 'gbrp'], LIMITED_601],
    ['the same in four bytes', 'e.nut', 'rgb24', RGB, ['-c:v', 'rawvideo', '-pix_fmt', 'bgr0'], LIMITED_601],
    ['a palette', 'f.nut', 'rgb24', RGB, ['-c:v', 'png', '-pix_fmt', 'pal8'], LIMITED_601],
    [
      'what a webcam sends',
      'g.nut',
      'yuv422p',
      YUV('422', LIMITED_601),
      ['-c:v', 'rawvideo', '-pix_fmt', 'yuyv422'],
      LIMITED_601,
    ],
    ['12 bits', 'h.mkv', 'yuv444p12le', YUV('444', LIMITED_601, 12), ['-c:v', 'ffv1'], LIMITED_601],
  ] as const)('%s', async (__, name, format, raw, args, colour) => {
    const seen = await through(await clip(name, format, raw, ...args), 'h264');
    expect(seen.traits?.colour).toEqual(colour);
    // A palette of 256 colours from a cube misses some of them by more.
    expect(largestDifference(rgb(seen), PATCHES)).toBeLessThanOrEqual(name === 'f.nut' ? 40 : 3);
  });
});

const SHAPED = [
  ...['-vf', 'setsar=16/11', '-flags', '+ildct+ilme', '-top', '1', '-c:v', 'libx264', '-preset', 'ultrafast'],
  ...['-pix_fmt', 'yuv420p', '-x264-params', 'tff=1:aud=1', '-f', 'h264'],
];

test.each(SOURCES)('%s tells the shape of samples, and pictures of two fields', async (__, through) => {
  const seen = await through(await clip('shaped.h264', 'yuv420p', YUV('420', LIMITED_601), ...SHAPED), 'h264');
  expect(seen.traits).toEqual({ colour: LIMITED_601, sampleAspect: { num: 16, den: 11 }, interlaced: true });
  expect(displayWidth(WIDTH, seen.traits?.sampleAspect)).toBe(186);
});
