/** The published sets that `--set` knows: layout, parts, units. */
import { FrameliftError } from '../../errors.ts';
import type { FramesItem } from '../items.ts';
import type { SsimKind } from '../rgb-quality.ts';
import type { Wanted } from './folder.ts';
import { gopro, xiph } from './sequences.ts';
import { type Listed, middlebury, snuFilm, ucf101, vimeo90k } from './triplets.ts';
import type { View } from './view.ts';

/** One set. */
interface BenchmarkSet {
  /** As papers call it. */
  readonly title: string;
  /** Its parts, each with its pictures and how many it has. */
  readonly splits: readonly { readonly name: string; readonly count?: number; readonly view: View }[];
  readonly layout: string;
  readonly source: string;
  readonly ssim: SsimKind;
  /** Frames between two kept ones, and one. */
  readonly factor: number;
  /** What is done to the pictures, in words. */
  readonly pictures: string;
  /** Which figure papers list. */
  readonly published: string;
  find(folder: string, wanted: Wanted, split: string): Listed;
}

const PSNR_SSIM = 'PSNR-RGB and SSIM-RGB';

const SETS = {
  vimeo90k: {
    title: 'Vimeo-90K, test triplets',
    splits: [{ name: 'test', count: 3782, view: 'whole' }],
    layout: 'tri_testlist.txt and sequences/00001/0266/im1.png im2.png im3.png',
    source: 'vimeo_triplet.zip of the page of "Video Enhancement with Task-Oriented Flow" (Xue et al., IJCV 2019)',
    ssim: 'gaussian',
    factor: 2,
    pictures: 'whole',
    published: PSNR_SSIM,
    find: vimeo90k,
  },
  ucf101: {
    title: 'UCF101, 379 triplets of deep voxel flow',
    splits: [{ name: 'test', count: 379, view: 'whole' }],
    layout: 'numbered folders 1, 11, 21 … with frame_00.png frame_01_gt.png frame_02.png',
    source: 'ucf101_interp_ours of the page of "Video Frame Synthesis using Deep Voxel Flow" (Liu et al., ICCV 2017)',
    ssim: 'gaussian',
    factor: 2,
    pictures: 'whole',
    published: PSNR_SSIM,
    find: ucf101,
  },
  'snu-film': {
    title: 'SNU-FILM',
    splits: ['easy', 'medium', 'hard', 'extreme'].map((name) => ({ name, count: 310, view: 'whole' as const })),
    layout: 'test-easy.txt … test-extreme.txt (or eval_modes/test-easy.txt …) and test/GOPRO_test, test/YouTube_test',
    source:
      'test.zip and eval_modes.zip of the page of "Channel Attention Is All You Need for Video Frame Interpolation" (Choi et al., AAAI 2020)',
    ssim: 'gaussian',
    factor: 2,
    pictures: 'whole',
    published: `${PSNR_SSIM}, each part for itself`,
    find: snuFilm,
  },
  middlebury: {
    title: 'Middlebury-Other, 12 scenes with a truth',
    splits: [{ name: 'other', count: 12, view: 'whole' }],
    layout: 'other-data/Beanbags/frame10.png frame11.png and other-gt-interp/Beanbags/frame10i11.png',
    source: 'other-color-twoframes.zip and other-gt-interp.zip of vision.middlebury.edu/flow/data',
    ssim: 'gaussian',
    factor: 2,
    pictures: 'whole',
    published: 'MAE-RGB, there called "IE" (RIFE 1.96, IFRNet-S 1.995)',
    find: middlebury,
  },
  gopro: {
    title: 'GoPro, 11 test sequences of 240 fps, 8x',
    splits: [{ name: 'test', view: 'centre-512' }],
    layout: 'test/GOPR0384_11_00/000001.png … (or GOPR0384_11_00 at once)',
    source:
      'GOPRO_Large_all.zip of the page of "Deep Multi-Scale Convolutional Neural Network for Dynamic Scene Deblurring" (Nah et al., CVPR 2017)',
    ssim: 'gaussian',
    factor: 8,
    pictures: 'their middle, 512x512',
    published: PSNR_SSIM,
    find: gopro,
  },
  xiph: {
    title: 'Xiph, 8 clips of Netflix at 4096x2160',
    splits: [
      { name: '2k', count: 392, view: 'half' },
      { name: '4k', count: 392, view: 'centre-half' },
    ],
    layout: 'BoxingPractice-001.png … Tango-100.png (or netflix/BoxingPractice-001.png …)',
    source:
      'media.xiph.org/video/derf, eight films of 4096x2160 at 60 fps whose first hundred frames are made pictures (Niklaus and Liu, "Softmax Splatting for Video Frame Interpolation", CVPR 2020)',
    ssim: 'uniform',
    factor: 2,
    pictures: '2k: at half the size; 4k: their middle of 2048x1080',
    published: `${PSNR_SSIM}, each part for itself`,
    find: xiph,
  },
} satisfies Readonly<Record<string, BenchmarkSet>>;

/** Name for `--set`. */
export type SetName = keyof typeof SETS;

/** All of them. */
export const SET_NAMES = Object.keys(SETS) as readonly SetName[]; // of the table above: its keys

/** How a set is measured, for reports. */
export interface SetProtocol {
  readonly set: SetName;
  readonly title: string;
  readonly splits: readonly string[];
  /** Of so many frames one is kept. */
  readonly factor: number;
  readonly pictures: string;
  readonly samples: string;
  readonly published: string;
}

/** What {@link findSet} found. */
export interface FoundSet {
  readonly items: readonly FramesItem[];
  readonly notes: readonly string[];
  readonly protocol: SetProtocol;
}

const SSIM_WORDS: Readonly<Record<SsimKind, string>> = {
  gaussian: 'windows of 11x11x3, sigma 1.5, across the colours (as MATLAB, CAIN, RIFE, IFRNet)',
  uniform: 'windows of 7x7 in each colour (as scikit-image)',
};

/**
 * What there is of a set in a folder. @param only names of parts; none: all.
 * @throws FrameliftError `source.not-found`, `config.invalid` saying what was looked for, what is there, and where the set is to be had.
 */
export function findSet(set: SetName, folder: string, only: readonly string[] = []): FoundSet {
  const about: BenchmarkSet = SETS[set];
  const { title, layout, source, ssim, factor, pictures, published } = about;
  const splits = about.splits.filter(({ name }) => only.length === 0 || only.includes(name));
  const names = about.splits.map(({ name }) => name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new FrameliftError('config.invalid', `${set} has no part "${unknown}"; it has ${names.join(', ')}`);
  }
  const notes: string[] = [];
  const items = splits.flatMap(({ name: split, count, view }) => {
    const { windows, missing } = about.find(folder, { set, layout, source }, split);
    const part = names.length > 1 ? `${set} ${split}` : set;
    if (missing.length > 0)
      notes.push(`${part}: ${missing.length} are not there and not measured, the first is ${missing[0]}`);
    if (count !== undefined && windows.length !== count) {
      notes.push(
        `${part}: ${windows.length} measured, of ${count} that the set has: no figure to compare with published ones`,
      );
    }
    return windows.map(({ name, files }): FramesItem => ({ kind: 'frames', name, files, rgb: ssim, view, split }));
  });
  const samples = `red, green and blue of the whole picture (PSNR-RGB, MAE-RGB; SSIM-RGB: ${SSIM_WORDS[ssim]}), whole grey levels; IE: luma`;
  const protocol = { set, title, splits: splits.map(({ name }) => name), factor, pictures, samples, published };
  return { items, notes, protocol };
}

/** For the help: a line for each set. */
export function setsTable(): string {
  const entries = Object.entries<BenchmarkSet>(SETS);
  return entries.map(([name, { layout }]) => `  ${name.padEnd(11)} ${layout}`).join('\n');
}
