/** Published sets of triplets: the outer two pictures are given, the one between is the truth. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { haveAll, linesOf, namesIn, notTheSet, rootOf, type Wanted } from './folder.ts';

/** Pictures in order, and what they are called. */
export interface Window {
  readonly name: string;
  readonly files: readonly string[];
}

/** What there is of a part of a set. */
export interface Listed {
  readonly windows: readonly Window[];
  /** Of those that the set names, how many are not there, and the first of them. */
  readonly missing: readonly string[];
}

/** Vimeo-90K's test triplets: a list, and three pictures in the folder of each line. */
export function vimeo90k(folder: string, wanted: Wanted): Listed {
  const list = 'tri_testlist.txt';
  const root = rootOf(folder, ['vimeo_triplet'], [list], wanted);
  const windows = linesOf(join(root, list)).map((name) => ({
    name,
    files: [1, 2, 3].map((i) => join(root, 'sequences', ...name.split('/'), `im${i}.png`)),
  }));
  return present(windows, folder, wanted);
}

/** The triplets of UCF101 that deep voxel flow was measured on: a numbered folder each. */
export function ucf101(folder: string, wanted: Wanted): Listed {
  const inside = ['ucf101_interp_ours', 'UCF101/ucf101_interp_ours'];
  const roots = ['.', ...inside].map((name) => join(folder, name));
  const numbered = (root: string): string[] => namesIn(root).filter((name) => /^\d+$/.test(name));
  rootOf(folder, [], ['.'], wanted);
  const root = roots.find((path) => numbered(path).length > 0);
  if (root === undefined) throw notTheSet(folder, wanted);
  const windows = numbered(root).map((name) => ({
    name,
    files: ['frame_00.png', 'frame_01_gt.png', 'frame_02.png'].map((file) => join(root, name, file)),
  }));
  return present(windows, folder, wanted);
}

/**
 * A part of SNU-FILM: three paths in a line. The lists name folders of whoever wrote them (`data/SNU-FILM/test/…`): of
 * their first ones, as many are left out as the set at hand lacks.
 */
export function snuFilm(folder: string, wanted: Wanted, split: string): Listed {
  const list = `test-${split}.txt`;
  const inside = ['eval_modes', 'SNU-FILM', 'SNU-FILM/eval_modes'];
  const place = rootOf(folder, inside, [list], { ...wanted, layout: `${wanted.layout} (here ${list})` });
  const lines = linesOf(join(place, list)).map((line) => line.split(/\s+/));
  const roots = [place, dirname(place), folder, join(folder, 'SNU-FILM')];
  const at = (path: string): string | undefined => {
    const parts = path.split('/');
    return parts
      .flatMap((_, i) => roots.map((root) => join(root, ...parts.slice(i))))
      .find((candidate) => existsSync(candidate));
  };
  const windows = lines.map((paths) => ({
    name: (paths[1] ?? '')
      .split('/')
      .slice(-3)
      .join('/')
      .replace(/\.png$/, ''),
    files: paths.slice(0, 3).map((path) => at(path) ?? join(folder, path)),
  }));
  return present(windows, folder, wanted);
}

const MIDDLEBURY = [
  'Beanbags',
  'Dimetrodon',
  'DogDance',
  'Grove2',
  'Grove3',
  'Hydrangea',
  'MiniCooper',
  'RubberWhale',
  'Urban2',
  'Urban3',
  'Venus',
  'Walking',
];

/** Middlebury-Other: two pictures of each of twelve scenes, and the one between in another folder. */
export function middlebury(folder: string, wanted: Wanted): Listed {
  const root = rootOf(folder, ['middlebury', 'Middlebury'], ['other-gt-interp'], wanted);
  const windows = MIDDLEBURY.map((name) => ({
    name,
    files: [
      join(root, 'other-data', name, 'frame10.png'),
      join(root, 'other-gt-interp', name, 'frame10i11.png'),
      join(root, 'other-data', name, 'frame11.png'),
    ],
  }));
  return present(windows, folder, wanted);
}

/** Those that are there. @throws FrameliftError when there are none. */
export function present(windows: readonly Window[], folder: string, wanted: Wanted): Listed {
  const there = windows.filter(({ files }) => haveAll(files));
  const missing = windows.filter((window) => !there.includes(window));
  const lost = missing[0]?.files.find((file) => !existsSync(file));
  if (there.length === 0) throw notTheSet(folder, wanted, lost === undefined ? undefined : `there is no ${lost}`);
  return { windows: there, missing: missing.map(({ files }) => files.find((file) => !existsSync(file)) ?? '') };
}
