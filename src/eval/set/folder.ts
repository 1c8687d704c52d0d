/** Looking into the folder of a set, and saying what is wrong with it. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FrameliftError } from '../../errors.ts';
import { naturally } from '../protocol.ts';

/** Entries of a folder that a message names at most. */
const MAX_NAMED = 6;

/** What a folder that is no such set is told. */
export interface Wanted {
  /** Name for `--set`. */
  readonly set: string;
  /** What is looked for, in words. */
  readonly layout: string;
  /** Where the set is to be had, in words. */
  readonly source: string;
}

/**
 * The folder that holds `marks`: `folder` itself or one of `inside` it. @throws FrameliftError `source.not-found` when
 * there is no such folder, `config.invalid` when it holds something else.
 */
export function rootOf(folder: string, inside: readonly string[], marks: readonly string[], wanted: Wanted): string {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new FrameliftError('source.not-found', `--set ${wanted.set}: no folder "${folder}"`, {
      remedy: remedy(wanted),
    });
  }
  const root = ['.', ...inside]
    .map((name) => join(folder, name))
    .find((path) => marks.some((mark) => existsSync(join(path, mark))));
  if (root === undefined) throw notTheSet(folder, wanted);
  return root;
}

/** Says what was looked for and what is there. */
export function notTheSet(folder: string, wanted: Wanted, because?: string): FrameliftError {
  const names = namesIn(folder);
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  const found = names.length === 0 ? 'nothing' : `${names.slice(0, MAX_NAMED).join(', ')}${more}`;
  return new FrameliftError(
    'config.invalid',
    `"${folder}" is not the set ${wanted.set}: looked for ${wanted.layout}, found ${found}${because === undefined ? '' : ` (${because})`}`,
    { remedy: remedy(wanted) },
  );
}

function remedy({ source }: Wanted): string {
  return `Give the folder of the set as it is published: ${source}.`;
}

/** Names in a folder in natural order; none where it is not there. Hidden ones are left out. */
export function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return naturally(readdirSync(folder).filter((name) => !name.startsWith('.')));
}

/** Lines of a text file that are not empty. */
export function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Whether all of these files are there. */
export function haveAll(files: readonly string[]): boolean {
  return files.every((file) => existsSync(file));
}
