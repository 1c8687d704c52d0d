/** Names of numbered images: `frames/%06d.png`. Pure. */
import { basename, dirname, join } from 'node:path';
import { FrameliftError } from '../errors.ts';

/** `%d`, `%6d` or `%06d`, and `%%`, which is a percent sign. */
const DIRECTIVE = /%(?:%|(0?)(\d*)d)/g;
/** More digits than any sequence has. */
const MAX_DIGITS = 12;

/** The names of a sequence of images, which differ in a number. */
export class ImagePattern {
  /** As it was written. */
  readonly text: string;
  readonly folder: string;
  /** What stands before and after the number in the file's name. */
  readonly prefix: string;
  readonly suffix: string;
  /** Digits that a number has at least, filled with zeros. 1 = as many as it needs. */
  readonly digits: number;

  private constructor(text: string, folder: string, prefix: string, digits: number, suffix: string) {
    this.text = text;
    this.folder = folder;
    this.prefix = prefix;
    this.digits = digits;
    this.suffix = suffix;
  }

  /**
   * Reads a path as a pattern; undefined when it has no `%`.
   * @throws FrameliftError `config.invalid` when it has, but not the one directive for a number in the file's name.
   */
  static parse(path: string): ImagePattern | undefined {
    if (!path.includes('%')) return undefined;
    const [folder, name] = [dirname(path), basename(path)];
    const found = [...name.matchAll(DIRECTIVE)];
    const numbers = found.filter((match) => match[0] !== '%%');
    const strays = name.replaceAll(DIRECTIVE, '').includes('%') || folder.includes('%');
    const only = numbers[0];
    if (numbers.length === 0 && !strays) return undefined;
    if (!only || numbers.length > 1 || strays) throw notPattern(path);
    const digits = Number(only[2] || 1);
    if ((digits > 1 && only[1] === '') || digits > MAX_DIGITS) throw notPattern(path);
    const plain = (text: string): string => text.replaceAll('%%', '%');
    const after = only.index + only[0].length;
    return new ImagePattern(path, folder, plain(name.slice(0, only.index)), digits, plain(name.slice(after)));
  }

  /** The pattern of a file that is one of a sequence, and its number; undefined for a name without one before its ending. */
  static ofFile(path: string): { readonly pattern: ImagePattern; readonly number: number } | undefined {
    const [folder, name] = [dirname(path), basename(path)];
    const match = /^(.*?)(\d{1,12})(\.[^.\d]+)$/.exec(name);
    if (!match) return undefined;
    const [, prefix = '', number = '', suffix = ''] = match;
    // "9.png" comes before "10.png", "09.png" does too, but "10.png" may follow either.
    const digits = number.startsWith('0') && number.length > 1 ? number.length : 1;
    const text = join(folder, `${prefix}%${digits > 1 ? `0${digits}` : ''}d${suffix}`);
    return { pattern: new ImagePattern(text, folder, prefix, digits, suffix), number: Number(number) };
  }

  /** The path of the image of this number. */
  path(number: number): string {
    return join(this.folder, this.#name(number));
  }

  /** The numbers of those among a folder's files that are of the sequence, ascending. */
  numbers(names: readonly string[]): number[] {
    const found: number[] = [];
    for (const name of names) {
      if (!name.startsWith(this.prefix) || !name.endsWith(this.suffix)) continue;
      const digits = name.slice(this.prefix.length, name.length - this.suffix.length);
      const number = /^\d+$/.test(digits) ? Number(digits) : undefined;
      if (number !== undefined && name === this.#name(number)) found.push(number);
    }
    return found.sort((a, b) => a - b);
  }

  #name(number: number): string {
    return `${this.prefix}${String(number).padStart(this.digits, '0')}${this.suffix}`;
  }
}

/** Runs of numbers that are missing between the first and the last of these ascending ones. */
export function missingNumbers(numbers: readonly number[]): (readonly [from: number, to: number])[] {
  const gaps: (readonly [number, number])[] = [];
  for (let i = 1; i < numbers.length; i++) {
    const [before, next] = [numbers[i - 1] ?? 0, numbers[i] ?? 0];
    if (next > before + 1) gaps.push([before + 1, next - 1]);
  }
  return gaps;
}

function notPattern(path: string): FrameliftError {
  return new FrameliftError('config.invalid', `"${path}" is no pattern for numbered images`, {
    remedy: 'Give one number in the name of the file, such as frames/%06d.png; a percent sign itself is %%.',
  });
}
