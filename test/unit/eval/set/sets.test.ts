import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findSet, SET_NAMES, type SetName, setsTable } from '../../../../src/eval/set/sets.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'framelift-sets-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes files (name → content) below the folder. */
function put(files: readonly (string | readonly [string, string])[]): void {
  for (const file of files) {
    const [name, content] = typeof file === 'string' ? [file, ''] : file;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

const SNU = (split: string, n: number): [string, string] => [
  `eval_modes/test-${split}.txt`,
  `data/SNU-FILM/test/YouTube_test/0${n}/1.png data/SNU-FILM/test/YouTube_test/0${n}/2.png data/SNU-FILM/test/YouTube_test/0${n}/3.png\n`,
];
const nine = (path: string, from: number): string[] =>
  Array.from({ length: 9 }, (_, i) => `${path}/${String(from + i).padStart(6, '0')}.png`);
const XIPH_CLIPS =
  'BoxingPractice Crosswalk DrivingPOV FoodMarket FoodMarket2 RitualDance SquareAndTimelapse Tango'.split(' ');

/** The least that each set holds, and what is measured of it: name, part, view, files. */
const LAYOUTS: Record<SetName, { files: (string | [string, string])[]; items: [string, string, string, string[]][] }> =
  {
    vimeo90k: {
      files: [
        ['tri_testlist.txt', '00001/0266\r\n00002/0001\n\n'],
        ...['00001/0266', '00002/0001'].flatMap((name) => [1, 2, 3].map((i) => `sequences/${name}/im${i}.png`)),
      ],
      items: ['00001/0266', '00002/0001'].map((name) => [
        name,
        'test',
        'whole',
        [1, 2, 3].map((i) => `sequences/${name}/im${i}.png`),
      ]),
    },
    ucf101: {
      files: ['1', '101', '11'].flatMap((n) =>
        ['frame_00', 'frame_01_gt', 'frame_01_ours', 'frame_02'].map((name) => `${n}/${name}.png`),
      ),
      items: ['1', '11', '101'].map((n) => [
        n,
        'test',
        'whole',
        [`${n}/frame_00.png`, `${n}/frame_01_gt.png`, `${n}/frame_02.png`],
      ]),
    },
    'snu-film': {
      files: [
        ...['easy', 'medium', 'hard', 'extreme'].map((split, n) => SNU(split, n)),
        ...[0, 1, 2, 3].flatMap((n) => [1, 2, 3].map((i) => `test/YouTube_test/0${n}/${i}.png`)),
      ],
      items: ['easy', 'medium', 'hard', 'extreme'].map((split, n) => [
        `YouTube_test/0${n}/2`,
        split,
        'whole',
        [1, 2, 3].map((i) => `test/YouTube_test/0${n}/${i}.png`),
      ]),
    },
    middlebury: {
      files: ['Beanbags', 'Walking'].flatMap((name) => [
        `other-data/${name}/frame10.png`,
        `other-data/${name}/frame11.png`,
        `other-gt-interp/${name}/frame10i11.png`,
      ]),
      items: ['Beanbags', 'Walking'].map((name) => [
        name,
        'other',
        'whole',
        [`other-data/${name}/frame10.png`, `other-gt-interp/${name}/frame10i11.png`, `other-data/${name}/frame11.png`],
      ]),
    },
    gopro: {
      // Seventeen frames are two windows that share a frame; what is over is no window.
      files: [...nine('test/GOPR0384_11_00', 1), ...nine('test/GOPR0384_11_00', 10), ...nine('test/GOPR0881_11_01', 4)],
      items: [
        ['GOPR0384_11_00 1-9', 'test', 'centre-512', nine('test/GOPR0384_11_00', 1)],
        ['GOPR0384_11_00 9-17', 'test', 'centre-512', nine('test/GOPR0384_11_00', 9)],
        ['GOPR0881_11_01 1-9', 'test', 'centre-512', nine('test/GOPR0881_11_01', 4)],
      ],
    },
    xiph: {
      files: XIPH_CLIPS.flatMap((clip) => [1, 2, 3].map((n) => `netflix/${clip}-00${n}.png`)),
      items: [
        ['2k', 'half'],
        ['4k', 'centre-half'],
      ].flatMap(([split = '', view = '']) =>
        XIPH_CLIPS.map((clip): [string, string, string, string[]] => [
          `${clip} 2`,
          split,
          view,
          [1, 2, 3].map((n) => `netflix/${clip}-00${n}.png`),
        ]),
      ),
    },
  };

describe.each(SET_NAMES)('%s', (set) => {
  const { files, items } = LAYOUTS[set];

  it('is found in its published layout, part by part', () => {
    put(files);
    const found = findSet(set, folder);
    expect(
      found.items.map((item) => [item.name, item.split, item.view, item.files.map((f) => f.slice(folder.length + 1))]),
    ).toEqual(items);
    expect(new Set(found.items.map((item) => item.split))).toEqual(new Set(found.protocol.splits));
    expect(found.items.every((item) => item.files.length === found.protocol.factor + 1)).toBe(true);
    // What it lacks of the whole is said: no figure of it is a published one.
    expect(found.notes.join('\n')).toMatch(/of \d+ that the set has|not there and not measured/);
  });

  it('says what was looked for where the folder is another, and where the set is to be had', () => {
    put(['holiday/beach.png', 'readme.txt']);
    const attempt = (): unknown => findSet(set, folder);
    expect(attempt).toThrow(new RegExp(`is not the set ${set}: looked for .+, found holiday, readme\\.txt`));
    expect(attempt).toThrow(
      expect.objectContaining({ remedy: expect.stringMatching(/^Give the folder .*as it is published: .{20}/) }),
    );
    expect(() => findSet(set, join(folder, 'nowhere'))).toThrow(expect.objectContaining({ code: 'source.not-found' }));
  });

  it('stands in the help with its layout', () => {
    expect(setsTable()).toMatch(new RegExp(`^  ${set} +\\S+`, 'm'));
  });
});

it('parts can be chosen, and those that are not there are named', () => {
  put(LAYOUTS['snu-film'].files);
  expect(findSet('snu-film', folder, ['hard']).items.map((item) => item.split)).toEqual(['hard']);
  expect(() => findSet('snu-film', folder, ['harder'])).toThrow(/no part "harder"; it has easy, medium, hard, extreme/);
});

it('triplets of the list that are not there are counted, and the first is named', () => {
  put(LAYOUTS.vimeo90k.files);
  rmSync(join(folder, 'sequences/00001/0266/im2.png'));
  const { items, notes } = findSet('vimeo90k', folder);
  expect(items).toHaveLength(1);
  expect(notes[0]).toMatch(/^vimeo90k: 1 are not there and not measured, the first is .*00001\/0266\/im2\.png$/);
});

it('lists beside the pictures, and a folder around the set, are found too', () => {
  put(
    LAYOUTS['snu-film'].files.map((file) =>
      typeof file === 'string' ? file : [file[0].replace('eval_modes/', ''), file[1]],
    ),
  );
  expect(findSet('snu-film', folder).items).toHaveLength(4);
  put(
    LAYOUTS.vimeo90k.files.map((file) =>
      typeof file === 'string' ? `vimeo_triplet/${file}` : [`vimeo_triplet/${file[0]}`, file[1]],
    ),
  );
  expect(findSet('vimeo90k', folder).items).toHaveLength(2);
});

it('the deblurring form of GoPro is no substitute', () => {
  put(nine('test/GOPR0384_11_00/sharp', 1));
  expect(() => findSet('gopro', folder)).toThrow(/GOPRO_Large, whose sharp frames do not follow each other/);
});

it('the films of Xiph are told how they become pictures', () => {
  put(['Netflix_Tango_4096x2160_60fps_10bit_420.y4m']);
  expect(() => findSet('xiph', folder)).toThrow(
    expect.objectContaining({ remedy: expect.stringContaining('-pix_fmt rgb24 -frames:v 100 Tango-%03d.png') }),
  );
});
