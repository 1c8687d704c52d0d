/** Pictures through every encoder that convert may use: what is chosen, what is said to be lost, what comes out. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Arena } from '../../src/media/arena.ts';
import { Frame } from '../../src/media/frame.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';
import { type Rewritten, rewrite, samplesIn, traitsIn, worstMean } from '../support/rewrite.ts';

const run = promisify(execFile);
const arena = new Arena(32);
let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder.remove();
  expect(arena.liveFrames).toBe(0);
});

const TAGGED = ['-colorspace', 'bt709', '-color_range', 'tv'];

/** Colours so soft that resampled chroma has nothing to lose, coded without loss, in one run of ffmpeg. */
async function sources(
  size: string,
  files: readonly { readonly path: string; readonly format: string; readonly args: readonly string[] }[],
): Promise<void> {
  const [x1, y1] = size.split('x').map((side) => Number(side) - 1);
  const gradients = `gradients=size=${size}:rate=10:seed=3:nb_colors=3:x0=0:y0=0:x1=${x1}:y1=${y1}:speed=0.00001`;
  const outputs = files.flatMap(({ path, format, args }) => [
    ...['-map', '0:v', '-frames:v', '2', '-vf', `format=${format}`, '-c:v', 'ffv1', ...args, path],
  ]);
  await ffmpeg('-f', 'lavfi', '-i', gradients, ...outputs);
}

const ENCODERS: Readonly<Record<string, readonly [encoder: string, ending: string, options: Record<string, string>]>> =
  {
    h264: ['libx264', '.mp4', { crf: '0', preset: 'ultrafast' }],
    h265: ['libx265', '.mp4', { 'x265-params': 'lossless=1:log-level=none', preset: 'ultrafast' }],
    av1: ['libsvtav1', '.mkv', { crf: '1', preset: '10', 'svtav1-params': 'lp=1' }],
    vp9: ['libvpx-vp9', '.mkv', { lossless: '1', 'auto-alt-ref': '0', deadline: 'realtime', 'cpu-used': '8' }],
    prores: ['prores_ks', '.mov', {}],
    ffv1: ['ffv1', '.mkv', {}],
    png: ['png', '.mkv', {}],
  };

async function through(codec: string, input: string): Promise<Rewritten & { readonly path: string }> {
  const [encoder, ending, options] = ENCODERS[codec] ?? ['', '', {}];
  const path = `${input}.${codec}${ending}`;
  return { ...(await rewrite(input, path, { arena, codec, encoder, options })), path };
}

const FINER = (from: string, to: string, codec: string) => `${from} becomes ${to}: ${codec} holds nothing finer here`;
const BITS = (from: number, to: number, codec: string) => `${from} bits become ${to}: ${codec} holds no more here`;
const YUV = (to: string, codec: string) =>
  `red, green and blue become luma and chroma (${to}): ${codec} holds nothing else`;
const RGB = (codec: string) => `luma and chroma become red, green and blue: ${codec} holds nothing else`;

const TABLE = [
  ['yuv422p10le', 'h264', 'yuv422p10le', []],
  ['yuv444p12le', 'h264', 'yuv444p10le', [BITS(12, 10, 'h264')]],
  ['gray', 'h264', 'yuv420p', []],
  ['gray12le', 'h264', 'yuv420p10le', [BITS(12, 10, 'h264')]],
  ['yuv440p', 'h264', 'yuv444p', []],
  ['yuv444p12le', 'h265', 'yuv444p12le', []],
  ['gbrp10le', 'h265', 'gbrp10le', []],
  ['yuv422p10le', 'av1', 'yuv420p10le', [FINER('4:2:2', '4:2:0', 'av1')]],
  ['yuv444p12le', 'av1', 'yuv420p10le', [FINER('4:4:4', '4:2:0', 'av1'), BITS(12, 10, 'av1')]],
  ['bgr0', 'av1', 'yuv420p', [YUV('4:2:0', 'av1')]],
  ['gray10le', 'vp9', 'yuv420p10le', []],
  ['yuv440p12le', 'vp9', 'yuv440p12le', []],
  ['gbrp12le', 'vp9', 'gbrp12le', []],
  ['yuv420p16le', 'vp9', 'yuv420p12le', [BITS(16, 12, 'vp9')]],
  ['yuv420p', 'prores', 'yuv422p10le', []],
  ['yuva444p16le', 'prores', 'yuva444p10le', [BITS(16, 10, 'prores')]],
  ['gbrap12le', 'prores', 'yuva444p10le', [YUV('4:4:4', 'prores'), BITS(12, 10, 'prores')]],
  ['yuv420p', 'png', 'rgb24', [RGB('png')]],
  ['yuv422p10le', 'png', 'rgb48be', [RGB('png')]],
  ['gray16le', 'png', 'gray16be', []],
  ['gray', 'png', 'gray', []],
  ['ya8', 'png', 'ya8', []],
  ['bgra', 'png', 'rgba', []],
  ['gbrap16le', 'png', 'rgba64be', []],
  ['yuv411p', 'ffv1', 'yuv411p', []],
] as const;

test('each form as each codec takes the form that holds it, or the nearest', async () => {
  const files = TABLE.map(([format, codec], index) => {
    // Tagged, since pictures of luma say what they mean only so.
    const tags = /^(bgr|gbr|gray|ya)/.test(format) ? [] : TAGGED;
    return { path: at(`${index}-${format}.${codec}.mkv`), format, args: tags };
  });
  await sources('64x48', files);
  const results: { path: string; format: string; lost: readonly string[] }[] = [];
  for (const [index, [, codec]] of TABLE.entries()) results.push(await through(codec, files[index]?.path ?? ''));
  expect(results.map(({ format, lost }, index) => [TABLE[index]?.[0], TABLE[index]?.[1], format, lost])).toEqual(TABLE);
  const read = (paths: readonly { path: string }[]) =>
    samplesIn(paths.map(({ path }) => ({ path, format: 'gbrap16le' })));
  const [before, after] = [await read(files), await read(results)];
  const worst = TABLE.map((row, i) => [row, worstMean(bytes(before, i), bytes(after, i), 4, 64 * 48)] as const);
  expect(worst.filter(([, difference]) => difference > 1)).toEqual([]);
});

function bytes(buffers: readonly Buffer[], index: number): Buffer {
  return buffers[index] ?? Buffer.alloc(0);
}

const HDR10 = 'master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400';

/** A file of HDR10, whose metadata is in its stream alone. */
async function hdr10(): Promise<string> {
  const params = `log-level=none:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:${HDR10}`;
  const coded = ['-pix_fmt', 'yuv420p10le', '-c:v', 'libx265', '-x265-params', params];
  await ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=10', '-frames:v', '3', ...coded, at('hdr10.mkv'));
  return at('hdr10.mkv');
}

/** What ffprobe finds in the container alone. */
async function inContainer(path: string): Promise<Record<string, unknown>[]> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', path]);
  const found = JSON.parse(stdout) as { streams: { side_data_list?: Record<string, unknown>[] }[] }; // ffprobe's own
  return found.streams[0]?.side_data_list ?? [];
}

test('HDR10 keeps its colours and its metadata, in the stream and in the container', async () => {
  const input = await hdr10();
  const before = await traitsIn(input, arena);
  expect(before.stored.codes).toMatchObject({ matrix: 9, primaries: 9, transfer: 16, range: 'limited' });
  for (const codec of ['h264', 'h265', 'av1', 'vp9', 'ffv1', 'prores']) {
    const { path, lost } = await through(codec, input);
    expect(lost).toEqual([]);
    const { stored } = await traitsIn(path, arena);
    expect(stored.codes, codec).toMatchObject({ matrix: 9, primaries: 9, transfer: 16 });
    expect(values(stored.hdr?.mastering), codec).toEqual(values(before.stored.hdr?.mastering));
    expect(values(stored.hdr?.light), codec).toEqual(values(before.stored.hdr?.light));
    const beside = (await inContainer(path)).map((data) => data.side_data_type);
    expect(beside, codec).toEqual(
      expect.arrayContaining(['Mastering display metadata', 'Content light level metadata']),
    );
  }
  // MPEG transport streams have no place for it: what is found there is in the coded stream.
  for (const codec of ['h264', 'h265']) {
    const [encoder, , options] = ENCODERS[codec] ?? ['', '', {}];
    await rewrite(input, at(`${codec}.ts`), { arena, codec, encoder, options });
    const { stored } = await traitsIn(at(`${codec}.ts`), arena);
    expect(values(stored.hdr?.mastering), codec).toEqual(values(before.stored.hdr?.mastering));
    expect(values(stored.hdr?.light), codec).toEqual(values(before.stored.hdr?.light));
  }
});

/** Fractions of four and four bytes as their values, to a millionth; else whole numbers. */
function values(bytes: Uint8Array | undefined): number[] {
  if (!bytes) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 80) return [view.getUint32(0, true), view.getUint32(4, true)];
  return Array.from({ length: 10 }, (_, i) => {
    return Math.round((1e4 * view.getInt32(8 * i, true)) / view.getInt32(8 * i + 4, true)) / 1e4;
  });
}

/** Pictures of two halves, of which one is transparent from the frame of this number on. */
async function halfClear(name: string, since: number): Promise<string> {
  const clear = `geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(gt(X,32)*gte(N,${since}),60,255)'`;
  const pictures = ['-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=10', '-frames:v', '3'];
  await ffmpeg(...pictures, '-vf', `format=rgba,${clear}`, '-c:v', 'png', at(name));
  return at(name);
}

test('transparent pictures stay so, or are refused before any work', async () => {
  const input = await halfClear('clear.mkv', 0);
  for (const codec of ['ffv1', 'png', 'prores', 'vp9']) {
    const rewritten = await through(codec, input);
    expect(rewritten.format, codec).toMatch(codec === 'vp9' ? 'yuva420p' : /^(bgra|rgba|yuva444p10le)$/);
    // VP9's alpha is coded beside its pictures, where ffmpeg's own decoder does not look: ours does.
    const path = codec === 'vp9' ? (await through('ffv1', rewritten.path)).path : rewritten.path;
    const [before, after] = await samplesIn(
      [input, path].map((file) => ({ path: file, format: 'gray16le', filter: 'format=gbrap16le,extractplanes=a' })),
    );
    expect(worstMean(before ?? Buffer.alloc(0), after ?? Buffer.alloc(0), 1, 64 * 48), codec).toBeLessThanOrEqual(1);
  }
  for (const codec of ['h264', 'h265', 'av1']) {
    const refused = through(codec, input);
    await expect(refused).rejects.toMatchObject({ code: 'config.invalid' });
    await expect(refused).rejects.toThrow(`the input is partly transparent, which ${codec} cannot hold`);
  }
});

test('what could be transparent and is not goes anywhere, until it is', async () => {
  const { lost, format } = await through('h264', await halfClear('opaque.mkv', 9));
  expect({ lost, format }).toEqual({ lost: [YUV('4:4:4', 'h264')], format: 'yuv444p' });
  await expect(through('av1', await halfClear('late.mkv', 2))).rejects.toThrow('partly transparent');
});

const ODD = [
  ['yuv420p', 'h264', '66x50', 'column and row'],
  ['yuv420p', 'h265', '66x50', 'column and row'],
  ['yuv422p', 'h264', '66x49', 'column'],
  ['yuv444p', 'h264', '65x49', ''],
  ['yuv420p', 'vp9', '65x49', ''],
  ['yuv420p', 'av1', '65x49', ''],
  ['yuv420p', 'ffv1', '65x49', ''],
  ['bgr0', 'png', '65x49', ''],
] as const;

test('pictures of odd sizes keep their last row and column', async () => {
  const files = ODD.map(([format, codec]) => ({ path: at(`odd-${format}.${codec}.mkv`), format, args: [] }));
  await sources('65x49', files);
  const paths: string[] = [];
  for (const [index, [, codec, stored, doubled]] of ODD.entries()) {
    const { path, lost } = await through(codec, files[index]?.path ?? '');
    const note = `65x49 is stored as ${stored}, its last ${doubled} doubled: ${codec} has even sizes only here`;
    expect(lost).toEqual(doubled === '' ? [] : [note]);
    paths.push(path);
  }
  const before = await samplesIn(files.map(({ path }) => ({ path, format: 'yuv444p16le' })));
  const filter = 'crop=65:49:0:0:exact=1';
  const after = await samplesIn(paths.map((path) => ({ path, format: 'yuv444p16le', filter })));
  const worst = ODD.map((row, i) => [row, worstMean(bytes(before, i), bytes(after, i), 3, 65 * 49)] as const);
  expect(worst.filter(([, difference]) => difference > 1)).toEqual([]);
});

test('frames that a model made in 8 bits are brought to the form of the others, and that is said', async () => {
  const input = at('deep.mkv');
  await sources('64x48', [{ path: input, format: 'yuv422p10le', args: TAGGED }]);
  const instead = (frame: Frame, index: number): Frame | undefined => {
    if (index === 0) return undefined;
    const shallow = Frame.allocate(arena, frame.width, frame.height, frame);
    shallow.bytes.set(frame.bytes);
    return shallow;
  };
  const output = at('deep.out.mkv');
  const { lost } = await rewrite(input, output, { arena, codec: 'ffv1', encoder: 'ffv1', instead });
  expect(lost).toEqual(['the model made its frames in 8-bit 4:2:0; source frames are as they came']);
  const [before, after] = await samplesIn([input, output].map((path) => ({ path, format: 'yuv444p16le' })));
  expect(worstMean(before ?? Buffer.alloc(0), after ?? Buffer.alloc(0), 3, 64 * 48)).toBeLessThanOrEqual(1);
});
