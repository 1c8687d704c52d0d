import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { passThroughOption } from '../../src/ingest/ffmpeg/abilities.ts';
import { type NutHeader, NutReader } from '../../src/ingest/ffmpeg/nut-reader.ts';
import { ffmpegOutput } from '../../src/ingest/ffmpeg/url.ts';
import { micros } from '../../src/time.ts';
import { FFMPEGS } from '../support/ffmpegs.ts';

/** ffmpeg's test picture as what follows `output`. */
function picture(program: string, size: string, output: readonly string[]): Buffer {
  const input = [
    '-f',
    'lavfi',
    '-i',
    `testsrc2=size=${size}:rate=30000/1001,format=yuv420p,setsar=16/11`,
    '-frames:v',
    '12',
  ];
  return execFileSync(program, ['-v', 'error', '-nostdin', '-copyts', ...input, ...output, 'pipe:1'], {
    maxBuffer: 1 << 26,
  });
}

const SIZES = [
  ['640x360', 65_536],
  ['322x182', 10_007],
  ['162x98', 4096],
  // Small enough for ffmpeg to leave bytes out that its header holds.
  ['48x48', 1000],
  ['64x48', 7],
] as const;

test.each(FFMPEGS.flatMap(([name, program]) => SIZES.map((size) => [name, program, ...size] as const)))(
  '%s ffmpeg (%s), %s in chunks of %i bytes: every frame bit-exact, with its time',
  async (_, program, size, chunk) => {
    const stream = picture(program, size, ffmpegOutput(await passThroughOption(program)));
    const raw = picture(program, size, ['-f', 'rawvideo', '-pix_fmt', 'yuv420p']);
    const headers: NutHeader[] = [];
    const frames: Buffer[] = [];
    const times: number[] = [];
    const reader = new NutReader({
      header: (header) => headers.push(header),
      frame: (data, pts) => {
        frames.push(Buffer.from(data));
        times.push(pts);
      },
    });
    for (let i = 0; i < stream.length; i += chunk) reader.push(stream.subarray(i, i + chunk));
    const [width = 0, height = 0] = size.split('x').map(Number);
    expect(new Set(headers.map((header) => JSON.stringify(header)))).toEqual(
      new Set([JSON.stringify({ fourcc: 'I420', width, height, sampleAspect: { num: 16, den: 11 } })]),
    );
    expect(Buffer.concat(frames).equals(raw)).toBe(true);
    expect(times).toEqual(Array.from({ length: 12 }, (_, i) => micros((i * 1001e6) / 30_000)));
  },
);
