/** Published sets of whole sequences, of which frames are removed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FrameliftError } from '../../errors.ts';
import { namesIn, notTheSet, rootOf, type Wanted } from './folder.ts';
import { type Listed, present, type Window } from './triplets.ts';

const GOPRO = [
  'GOPR0384_11_00',
  'GOPR0384_11_05',
  'GOPR0385_11_01',
  'GOPR0396_11_00',
  'GOPR0410_11_00',
  'GOPR0854_11_00',
  'GOPR0862_11_00',
  'GOPR0868_11_00',
  'GOPR0869_11_00',
  'GOPR0871_11_00',
  'GOPR0881_11_01',
];
/** Every eighth frame is kept. */
const GOPRO_FACTOR = 8;

/** GoPro's eleven test sequences: in each, windows of nine frames that share their ends. */
export function gopro(folder: string, wanted: Wanted): Listed {
  const inside = ['test', 'GOPRO_Large_all/test', 'GOPRO/test', 'GOPRO'];
  const root = rootOf(folder, inside, GOPRO, wanted);
  const windows: Window[] = [];
  for (const name of GOPRO) {
    const path = join(root, name);
    if (existsSync(join(path, 'sharp'))) {
      throw notTheSet(
        folder,
        wanted,
        `${name} holds "sharp" and "blur": that is GOPRO_Large, whose sharp frames do not follow each other`,
      );
    }
    const frames = namesIn(path).filter((file) => file.toLowerCase().endsWith('.png'));
    if (frames.length <= GOPRO_FACTOR) {
      windows.push({ name, files: [join(path, '000001.png … 000009.png')] });
      continue;
    }
    for (let i = 0; i + GOPRO_FACTOR < frames.length; i += GOPRO_FACTOR) {
      const files = frames.slice(i, i + GOPRO_FACTOR + 1).map((file) => join(path, file));
      windows.push({ name: `${name} ${i + 1}-${i + GOPRO_FACTOR + 1}`, files });
    }
  }
  return present(windows, folder, wanted);
}

const XIPH = [
  'BoxingPractice',
  'Crosswalk',
  'DrivingPOV',
  'FoodMarket',
  'FoodMarket2',
  'RitualDance',
  'SquareAndTimelapse',
  'Tango',
];
/** Frames of each clip; every second one between the first and the last but one is removed. */
const XIPH_FRAMES = 100;

/** Xiph's eight clips of Netflix, their first hundred frames as pictures: 49 removed ones of each. */
export function xiph(folder: string, wanted: Wanted): Listed {
  const frame = (clip: string, n: number): string => `${clip}-${String(n).padStart(3, '0')}.png`;
  const films = existsSync(folder) ? namesIn(folder).filter((name) => /^Netflix_.*\.y4m$/.test(name)) : [];
  const marks = XIPH.map((clip) => frame(clip, 1));
  const hasPictures = ['.', 'netflix'].some((name) => marks.some((mark) => existsSync(join(folder, name, mark))));
  if (!hasPictures && films[0] !== undefined) throw filmsAlone(folder, films[0]);
  const root = rootOf(folder, ['netflix'], marks, wanted);
  const windows = XIPH.flatMap((clip) =>
    Array.from({ length: XIPH_FRAMES / 2 - 1 }, (_, i) => {
      const n = 2 * i + 2;
      return { name: `${clip} ${n}`, files: [n - 1, n, n + 1].map((k) => join(root, frame(clip, k))) };
    }),
  );
  return present(windows, folder, wanted);
}

/** The benchmark is measured on pictures, made by one conversion of colours. */
function filmsAlone(folder: string, film: string): FrameliftError {
  const clip = film.replace(/^Netflix_/, '').replace(/_.*$/, '');
  return new FrameliftError(
    'config.invalid',
    `"${folder}" holds the films of xiph (${film}), not their first hundred frames as pictures (${clip}-001.png …)`,
    {
      remedy: `As the benchmark does, run for each: ffmpeg -i ${film} -pix_fmt rgb24 -frames:v 100 ${clip}-%03d.png`,
    },
  );
}
