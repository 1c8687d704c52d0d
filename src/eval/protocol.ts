/** The rules of the evaluation: which frames are removed, at which size, what counts. Pure. */
import { basename, extname } from 'node:path';
import { FrameliftError } from '../errors.ts';

/** Factors that can be measured: of so many frames one is kept. */
const FACTORS = [2, 4, 8] as const;

/** With more gaps than this the first and the last one are left out: some contenders have no neighbours to look at there. */
const EDGES_COUNT_UP_TO = 6;

/** The factor. @throws FrameliftError `config.invalid` naming the value. */
export function checkFactor(factor: number): number {
  if (FACTORS.some((known) => known === factor)) return factor;
  throw new FrameliftError('config.invalid', `factor ${factor} cannot be measured`, {
    remedy: `Give --factor ${FACTORS.join(', ')}: of so many frames of a clip one is kept, the others are the truth.`,
  });
}

/** A whole number of an option within its range. @throws FrameliftError `config.invalid` naming option, value and range. */
export function checkWhole(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new FrameliftError('config.invalid', `--${option} ${value} is not a whole number from ${least} to ${most}`);
}

/** The size at which a clip is measured: at most `lines` lines, both sides multiples of 16 (scaled, not cropped). */
export function evalSize(width: number, height: number, lines: number): { width: number; height: number } {
  const smaller = height > lines;
  const w = smaller ? Math.round((width * lines) / height / 16) * 16 : width;
  const h = smaller ? lines : height;
  return { width: Math.floor(w / 16) * 16, height: Math.floor(h / 16) * 16 };
}

/** Times of the removed frames between two kept ones: 1/factor … (factor−1)/factor. */
export function timestepsOf(factor: number): number[] {
  return Array.from({ length: factor - 1 }, (_, i) => (i + 1) / factor);
}

/** Of the gaps of a clip, those that count: all, or without the first and the last where there are more than six. */
export function countedGaps<T>(gaps: readonly T[]): readonly T[] {
  return gaps.length > EDGES_COUNT_UP_TO ? gaps.slice(1, -1) : gaps;
}

/** Sorts names as people count: im2 before im10. */
export function naturally(names: readonly string[]): string[] {
  const collator = new Intl.Collator('en', { numeric: true });
  return names.toSorted((a, b) => collator.compare(a, b));
}

/** File names under which the truth of a clip may lie in another folder, best first: `x-clean.mkv` for `x-noisy.mkv`, then the same name. */
export function truthNames(clip: string): string[] {
  const name = basename(clip);
  const ending = extname(name);
  const stem = name.slice(0, name.length - ending.length);
  if (!stem.endsWith('-noisy')) return [name];
  return [`${stem.slice(0, -'-noisy'.length)}-clean${ending}`, name];
}

/** The PNG files of a sequence in order, when `files` (names in one folder) are one: a triplet or nine frames; else undefined. */
export function sequenceOf(files: readonly string[]): string[] | undefined {
  const pngs = naturally(files.filter((file) => extname(file).toLowerCase() === '.png'));
  if (pngs.length === 3 || pngs.length === 9) return pngs;
  // Results of others often lie beside the frames.
  const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `im${i + 1}.png`);
  return [numbered(9), numbered(3)].find(
    (names) => names.every((name) => pngs.includes(name)) && !pngs.includes(`im${names.length + 1}.png`),
  );
}
