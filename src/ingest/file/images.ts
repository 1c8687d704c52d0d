/** Numbered images as an input: which files they are. */
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { FrameliftError, messageOf } from '../../errors.ts';
import { ImagePattern, missingNumbers } from '../../media/image-pattern.ts';
import type { Rational } from '../../media/rate.ts';
import type { ImageNumbers } from './info.ts';

/** Numbered images, found and complete. */
export interface FoundImages extends ImageNumbers {
  /** The first of them. */
  readonly path: string;
  /** As FFmpeg's image reader wants it, every other `%` doubled. */
  readonly url: string;
}

/** Endings of files with one picture each. */
const STILLS: readonly string[] = [
  ...['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp', '.dpx', '.exr', '.tga'],
  ...['.pgm', '.ppm', '.pnm', '.pam', '.jp2', '.j2k', '.sgi', '.webp'],
];
/** Where an animated PNG or WebP says so. */
const HEAD = 4096;
const MAX_TOLD = 3;

/**
 * The images that a path stands for: a pattern such as `frames/%06d.png`, or one of several numbered files, which is then the
 * first. Undefined for a path that is a file of its own.
 * @throws FrameliftError `source.not-found` for a pattern that fits no file, `source.protocol` where numbers are missing.
 */
export function findImages(path: string): FoundImages | undefined {
  if (existsSync(path)) return fromFirst(path);
  const pattern = STILLS.includes(extname(path).toLowerCase()) ? ImagePattern.parse(path) : undefined;
  if (!pattern) return undefined;
  const numbers = numbersOf(pattern);
  const [first] = numbers;
  if (first === undefined) {
    throw new FrameliftError('source.not-found', `there is no file ${pattern.path(1)}, nor any other of ${path}`, {
      remedy: 'Give the names with one number in them, such as frames/%06d.png for frames/000001.png.',
    });
  }
  return complete(pattern, numbers, first);
}

/** @throws FrameliftError `config.invalid` for images without a rate, and for a rate of what has its own. */
export function requireImageRate(path: string, images: FoundImages | undefined, rate: Rational | undefined): void {
  if (images && !rate) {
    throw new FrameliftError('config.invalid', `"${path}": images have no rate`, {
      remedy: 'Give it with --input-fps, such as --input-fps 24.',
    });
  }
  if (!images && rate) {
    throw new FrameliftError('config.invalid', `"${path}" has times of its own: --input-fps is for numbered images`, {
      remedy: 'Leave --input-fps out.',
    });
  }
}

/** Says which images are read. */
export function imagesNote({ pattern, first, last, before }: ImageNumbers): string {
  const left = before > 0 ? `; ${before} with smaller numbers are left out` : '';
  return `the input is the images ${first} to ${last} of ${pattern}${left}`;
}

/** Undefined for a picture that stands alone, and for one that moves. */
function fromFirst(path: string): FoundImages | undefined {
  if (!STILLS.includes(extname(path).toLowerCase())) return undefined;
  const named = ImagePattern.ofFile(path);
  if (!named) return undefined;
  const numbers = numbersOf(named.pattern);
  if (!numbers.some((number) => number > named.number) || isAnimated(path)) return undefined;
  return complete(named.pattern, numbers, named.number);
}

function complete(pattern: ImagePattern, all: readonly number[], first: number): FoundImages {
  const numbers = all.filter((number) => number >= first);
  const gaps = missingNumbers(numbers);
  const last = numbers.at(-1) ?? first;
  if (gaps.length > 0) throw gapped(pattern, gaps, first, last);
  return {
    ...{ pattern: pattern.text, first, last, before: all.length - numbers.length },
    path: pattern.path(first),
    url: urlOf(pattern),
  };
}

function urlOf(pattern: ImagePattern): string {
  const escaped = (text: string): string => text.replaceAll('%', '%%');
  const folder = escaped(resolve(pattern.folder));
  const number = pattern.digits > 1 ? `%0${pattern.digits}d` : '%d';
  return `file:${folder}/${escaped(pattern.prefix)}${number}${escaped(pattern.suffix)}`;
}

function numbersOf(pattern: ImagePattern): number[] {
  try {
    return pattern.numbers(readdirSync(pattern.folder));
  } catch (cause) {
    throw new FrameliftError('source.not-found', `the folder ${pattern.folder} cannot be read (${messageOf(cause)})`, {
      cause,
    });
  }
}

function isAnimated(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD);
    readSync(file, head);
    return head.includes('acTL') || head.includes('ANIM');
  } finally {
    closeSync(file);
  }
}

function gapped(
  pattern: ImagePattern,
  gaps: readonly (readonly [from: number, to: number])[],
  first: number,
  last: number,
): FrameliftError {
  const count = gaps.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const runs = gaps.slice(0, MAX_TOLD).map(([from, to]) => (from === to ? `${from}` : `${from}…${to}`));
  const more = gaps.length > MAX_TOLD ? ' …' : '';
  const what = `${count} of the images ${first} to ${last} are missing: ${runs.join(', ')}${more}`;
  return new FrameliftError('source.protocol', `${pattern.text}: ${what}`, {
    remedy: 'Restore them, or number the files without gaps: a missing frame would change the speed.',
  });
}
