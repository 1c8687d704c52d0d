/** Colours measured before and after, with tags honoured: every form, matrix, range, and both sides of 720 lines. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Arena } from '../../src/media/arena.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';
import { rewrite, samplesIn, traitsIn, worstMean } from '../support/rewrite.ts';

const arena = new Arena(32);
let folder: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder.remove();
  expect(arena.liveFrames).toBe(0);
});
const at = (name: string): string => join(folder.path, name);

const WIDTH = 16;
const FRAMES = 1;

/** What a file may say, by ffmpeg's options; the codes of H.273 that they are. */
const TAGS = {
  untagged: [[], [2, 2, 2]],
  bt601: [
    ['-colorspace', 'bt470bg', '-color_primaries', 'bt470bg', '-color_trc', 'gamma28'],
    [5, 5, 5],
  ],
  bt709: [
    ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709'],
    [1, 1, 1],
  ],
  bt2020: [
    ['-colorspace', 'bt2020nc', '-color_primaries', 'bt2020', '-color_trc', 'smpte2084'],
    [9, 9, 16],
  ],
} as const;
/** A few levels are lost where red, green and blue become luma and chroma of as many bits. */
const KINDS = [
  ...['yuvj420p', 'yuvj422p', 'yuvj444p'].map((format) => [format, 'mjpeg'] as const),
  ...['gray', 'gray10le', 'gray12le'].map((format) => [format, 'ffv1'] as const),
  ...['yuv420p', 'yuv422p', 'yuv444p', 'yuv420p10le', 'yuv422p10le', 'yuv444p10le'].map((f) => [f, 'ffv1'] as const),
  ...['yuv420p12le', 'yuv422p12le', 'yuv444p12le', 'bgr0', 'gbrp10le', 'gbrp12le'].map((f) => [f, 'ffv1'] as const),
];

interface Case {
  readonly name: string;
  readonly format: string;
  readonly encoder: string;
  readonly tags: keyof typeof TAGS;
  readonly range: 'tv' | 'pc';
  readonly lines: number;
}

const CASES = KINDS.flatMap(([format, encoder]): Case[] =>
  ([360, 720] as const).flatMap((lines) =>
    (Object.keys(TAGS) as (keyof typeof TAGS)[]).flatMap((tags) =>
      (['tv', 'pc'] as const)
        // JPEG is full range and BT.601 by itself; RGB has no range, and nothing without tags is full.
        .filter((range) => (range === 'tv' ? encoder !== 'mjpeg' : tags === 'bt709' || encoder === 'mjpeg'))
        .filter((range) => range === 'tv' || !/^(bgr|gbr)/.test(format))
        .filter(() => encoder !== 'mjpeg' || tags === 'untagged')
        .map((range) => ({ name: `${format}-${tags}-${range}-${lines}`, format, encoder, tags, range, lines })),
    ),
  ),
);

async function makeAll(): Promise<void> {
  // Soft, so that chroma that is resampled has nothing to lose.
  const source = `gradients=size=${WIDTH}x720:rate=10:seed=7:nb_colors=8:x0=0:y0=0:x1=${WIDTH - 1}:y1=719:speed=0.00001`;
  const outputs = CASES.flatMap(({ name, format, encoder, tags, range, lines }) => {
    const matrix = { untagged: lines < 720 ? 'bt601' : 'bt709', bt601: 'bt601', bt709: 'bt709', bt2020: 'bt2020' }[
      tags
    ];
    const scale = `scale=${WIDTH}:${lines}:flags=area:out_color_matrix=${matrix}:out_range=${range}`;
    const told = tags === 'untagged' || /^(bgr|gbr)/.test(format) ? [] : ['-color_range', range];
    const coded = ['-c:v', encoder, ...(encoder === 'mjpeg' ? ['-q:v', '1'] : []), ...told, ...TAGS[tags][0]];
    const untold = tags === 'untagged' && encoder !== 'mjpeg' ? ',setparams=range=unknown:colorspace=unknown' : '';
    const filter = `${scale},format=${format}${untold}`;
    return ['-map', '0:v', '-frames:v', `${FRAMES}`, '-vf', filter, ...coded, at(`${name}.mkv`)];
  });
  await ffmpeg('-f', 'lavfi', '-i', source, ...outputs);
}

test(`H.264 of ${CASES.length} kinds shows the same colours, and says the same of them`, {
  timeout: 120_000,
}, async () => {
  await makeAll();
  const wrong: string[] = [];
  for (const { name, format, tags, range } of CASES) {
    const [input, output] = [at(`${name}.mkv`), at(`${name}.h264.mkv`)];
    const options = { crf: '0', preset: 'ultrafast' };
    await rewrite(input, output, { arena, codec: 'h264', encoder: 'libx264', options });
    const [before, after] = [await traitsIn(input, arena), await traitsIn(output, arena)];
    const { matrix, primaries, transfer } = after.stored.codes;
    const [saidMatrix, saidPrimaries, saidTransfer] = TAGS[tags][1];
    const isRgb = /^(bgr|gbr)/.test(format);
    if (primaries !== saidPrimaries || transfer !== saidTransfer) wrong.push(`${name}: says ${primaries}, ${transfer}`);
    if (!isRgb && matrix !== before.stored.codes.matrix) wrong.push(`${name}: matrix ${matrix}`);
    if (isRgb && saidMatrix !== 2 && ![saidMatrix, 6].includes(matrix)) wrong.push(`${name}: matrix ${matrix} for RGB`);
    const isFull = range === 'pc' || (format.startsWith('gray') && tags === 'untagged');
    if (!isRgb && after.colour.range !== (isFull ? 'full' : 'limited'))
      wrong.push(`${name}: ${after.colour.range} range`);
  }
  expect(wrong).toEqual([]);
  const all = async (ending: string) =>
    samplesIn(
      CASES.map((kind) => {
        const path = at(`${kind.name}${ending}`);
        // ffmpeg takes grey for full range whatever its tag says: there the samples count.
        const isLuma = kind.format.startsWith('gray') && kind.tags !== 'untagged';
        return isLuma ? { path, format: 'gray16le', filter: 'extractplanes=y' } : { path, format: 'gbrp16le' };
      }),
    );
  const [before, after] = [await all('.mkv'), await all('.h264.mkv')];
  const differences = CASES.map(({ name, lines }, index) => {
    const [a, b] = [before[index] ?? Buffer.alloc(0), after[index] ?? Buffer.alloc(0)];
    const planeSize = WIDTH * lines;
    return [name, worstMean(a, b, a.length / 2 / planeSize, planeSize)] as const;
  });
  expect(differences.filter(([, difference]) => difference > 1)).toEqual([]);
});
