/** Every form of samples goes through frames and a lossless codec and comes out as it was. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Arena } from '../../src/media/arena.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';
import { rewrite, samplesIn } from '../support/rewrite.ts';

const arena = new Arena(16);
let folder: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder.remove();
  expect(arena.liveFrames).toBe(0);
});

/** Of an odd size, since chroma of half samples is where it fails. */
const PLANAR = [
  ...['yuvj420p', 'yuvj422p', 'yuvj444p', 'yuvj440p', 'yuv410p', 'yuv411p', 'yuv420p', 'yuv422p', 'yuv440p', 'yuv444p'],
  ...[9, 10, 12, 14, 16].flatMap((bits) => ['420', '422', '444'].map((chroma) => `yuv${chroma}p${bits}le`)),
  ...['yuv420p10be', 'yuv444p16be'],
  ...['gray', 'gray9le', 'gray10le', 'gray12le', 'gray14le', 'gray16le', 'gray16be', 'ya8', 'ya16be'],
  ...['gbrp', 'gbrp9le', 'gbrp10le', 'gbrp12le', 'gbrp14le', 'gbrp16le', 'gbrp10be'],
  ...['gbrap', 'gbrap10le', 'gbrap12le', 'gbrap16le'],
  ...['yuva420p', 'yuva422p', 'yuva444p', 'yuva420p10le', 'yuva422p9le', 'yuva444p12le', 'yuva444p16le'],
  ...[
    'rgb24',
    'bgr24',
    'rgba',
    'bgra',
    'argb',
    'abgr',
    'rgb0',
    'bgr0',
    '0rgb',
    '0bgr',
    'rgb48le',
    'rgb48be',
    'bgr48le',
  ],
  ...['rgba64le', 'rgba64be', 'bgra64le', 'rgb565le', 'rgb555le', 'rgb8', 'pal8', 'monow', 'monob'],
  ...['nv12', 'nv21'],
];
/** What raw video in NUT cannot say, or FFmpeg's converter cannot make: how it is made. */
const MAKING: Readonly<Record<string, readonly [filter: string, codec: string]>> = {
  ya16be: ['format=ya16be', 'png'],
  pal8: ['split[a][b];[a]palettegen[p];[b][p]paletteuse', 'png'],
};
/** Chroma in pairs across: even widths only. */
const PAIRED = ['yuyv422', 'uyvy422', 'yvyu422'];
const FORMATS = [...PLANAR.map((format) => [format, 63, 47] as const), ...PAIRED.map((f) => [f, 64, 47] as const)];

const at = (name: string): string => join(folder.path, name);

test('in every pixel format', { timeout: 60_000 }, async () => {
  const pictures = [
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=64x64:rate=10',
    '-f',
    'lavfi',
    '-i',
    'gradients=size=64x64:rate=10',
  ];
  // Transparency and noise, so that nothing passes by being flat.
  const mixed = '[1:v]format=gray[a];[0:v]noise=alls=30:allf=t,format=rgb24[b];[b][a]alphamerge';
  await ffmpeg(...pictures, '-filter_complex', mixed, '-frames:v', '2', '-c:v', 'png', '-f', 'nut', at('all.nut'));
  const outputs = FORMATS.flatMap(([format, width, height]) => {
    const [filter, codec] = MAKING[format] ?? [`format=${format}`, 'rawvideo'];
    const cropped = `crop=${width}:${height}:0:0:exact=1,${filter}`;
    return ['-map', '0:v', '-vf', cropped, '-c:v', codec, '-f', 'nut', at(`${format}.nut`)];
  });
  await ffmpeg('-i', at('all.nut'), ...outputs);
  const made: Record<string, string> = {};
  for (const [format] of FORMATS) {
    const [input, output] = [at(`${format}.nut`), at(`${format}.mkv`)];
    const { lost, format: chosen } = await rewrite(input, output, { arena, codec: 'ffv1', encoder: 'ffv1' });
    expect(lost, format).toEqual([]);
    made[format] = chosen;
  }
  const read = async (ending: string) =>
    samplesIn(
      FORMATS.map(([format]) => {
        // ffmpeg would bring grey to the limited range on its way to luma.
        const filter = format === 'ya16be' ? { filter: 'scale=in_range=full:out_range=full' } : {};
        return { path: at(`${format}.${ending}`), format: readAs(format), ...filter };
      }),
    );
  const [before, after] = [await read('nut'), await read('mkv')];
  const changed = FORMATS.flatMap(([format], index) =>
    before[index] && after[index]?.equals(before[index]) ? [] : [`${format} by way of ${made[format]}`],
  );
  expect(changed).toEqual([]);
});

/** Formats that ffmpeg would dither on the way back, and those whose padding means nothing, as what they hold. */
function readAs(format: string): string {
  if (/^(rgb565le|rgb555le|rgb8|mono.|rgb0|bgr0|0rgb|0bgr)$/.test(format)) return 'rgb24';
  if (format === 'pal8') return 'rgba';
  if (format === 'ya16be') return 'yuva420p16le';
  return format.replace('yuvj', 'yuv');
}
