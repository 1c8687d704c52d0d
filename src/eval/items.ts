/** What there is to measure: finds frame folders and clips, by themselves or in trees of folders. */
import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { FrameliftError } from '../errors.ts';
import { naturally, sequenceOf, truthNames } from './protocol.ts';

/** One thing to measure. */
export type Item =
  /** Pictures in order: the first and the last are given, those between are the truth. */
  | { readonly kind: 'frames'; readonly name: string; readonly files: readonly string[] }
  /** A video file; `truth` is another one whose frames stand for the removed ones. */
  | { readonly kind: 'clip'; readonly name: string; readonly path: string; readonly truth?: string };

const VIDEO = new Set(['.mp4', '.mkv', '.webm', '.ts', '.mov', '.wmv', '.avi', '.m4v', '.nut']);
const LAYOUT =
  'Give folders with im1.png im2.png im3.png (im2 is the truth), folders with nine png files, or video files.';

/**
 * All items of `paths` in natural order, each path searched through.
 * @throws FrameliftError `source.not-found` for a path or truth that is not there, `config.invalid` where nothing can be measured.
 */
export function findItems(paths: readonly string[], truth?: string): Item[] {
  const items = paths.flatMap((path) => itemsOf(path, paths.length > 1));
  return truth === undefined ? items : items.map((item) => withTruth(item, truth, items.length));
}

/** `several`: names start with the path's own, so that equal ones can be told apart. */
function itemsOf(path: string, several: boolean): Item[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) {
    throw new FrameliftError('source.not-found', `no file or folder "${path}"`, { remedy: LAYOUT });
  }
  if (!found.isDirectory()) {
    if (extname(path).toLowerCase() === '.png') {
      throw new FrameliftError('config.invalid', `"${path}" is a single picture`, {
        remedy: `Give its folder, "${dirname(path)}".`,
      });
    }
    return [{ kind: 'clip', name: basename(path), path }];
  }
  const odd: string[] = [];
  const items = walk(several ? dirname(resolve(path)) : resolve(path), resolve(path), odd);
  if (items.length > 0) return items;
  const reason = odd[0] === undefined ? 'it holds no png and no video files' : odd[0];
  throw new FrameliftError('config.invalid', `nothing to measure in "${path}": ${reason}`, { remedy: LAYOUT });
}

function walk(root: string, folder: string, odd: string[]): Item[] {
  const entries = list(folder);
  const isFile = (entry: Dirent): boolean => entry.isFile() || entry.isSymbolicLink();
  const files = entries.filter(isFile).map((entry) => entry.name);
  const nameOf = (path: string): string => relative(root, path) || basename(root);
  const items: Item[] = [];
  const sequence = sequenceOf(files);
  if (sequence) items.push({ kind: 'frames', name: nameOf(folder), files: sequence.map((file) => join(folder, file)) });
  else {
    const pngs = files.filter((file) => extname(file).toLowerCase() === '.png').length;
    if (pngs > 0) odd.push(`${folder} holds ${pngs} png files, where 3 or 9 are needed`);
  }
  for (const file of naturally(files.filter((name) => VIDEO.has(extname(name).toLowerCase())))) {
    items.push({ kind: 'clip', name: nameOf(join(folder, file)), path: join(folder, file) });
  }
  // Links to folders are not followed: they may lead back.
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  for (const name of naturally(folders)) items.push(...walk(root, join(folder, name), odd));
  return items;
}

function list(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    throw new FrameliftError('source.forbidden', `the folder "${folder}" cannot be read`, { cause });
  }
}

function withTruth(item: Item, truth: string, items: number): Item {
  if (item.kind === 'frames') {
    throw new FrameliftError('config.invalid', `"${item.name}" holds pictures, which bring their own truth`, {
      remedy: 'Use --truth with video clips only.',
    });
  }
  const found = statSync(truth, { throwIfNoEntry: false });
  if (!found) throw new FrameliftError('source.not-found', `--truth: no file or folder "${truth}"`);
  if (!found.isDirectory()) {
    if (items === 1) return { ...item, truth };
    throw new FrameliftError('config.invalid', `--truth "${truth}" is one file, but there are ${items} clips`, {
      remedy: 'Give the folder that holds the truth of each clip.',
    });
  }
  const names = truthNames(item.path);
  const name = names.find((candidate) => existsSync(join(truth, candidate)));
  if (name !== undefined) return { ...item, truth: join(truth, name) };
  throw new FrameliftError('source.not-found', `--truth: no ${names.join(' and no ')} in "${truth}" for ${item.name}`);
}
