/** What there is to measure: finds frame folders and clips, by themselves or in trees of folders. */
import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { FrameliftError } from '../errors.ts';
import { videoInfo } from '../ingest/file/video-file.ts';
import { naturally, sequenceOf, truthNames } from './protocol.ts';
import type { SsimKind } from './rgb-quality.ts';
import type { View } from './set/view.ts';

/** Pictures in order: the first and the last are given, those between are the truth. */
export interface FramesItem {
  readonly kind: 'frames';
  readonly name: string;
  readonly files: readonly string[];
  /** Of a published set: colours are measured, too, with this SSIM. */
  readonly rgb?: SsimKind;
  /** Of a published set: what of the pictures is measured. Default: all. */
  readonly view?: View;
  /** Part of the set that it belongs to. */
  readonly split?: string;
}

/** One thing to measure. */
export type Item =
  | FramesItem
  /** A video file; `truth` is another one whose frames stand for the removed ones. */
  | {
      readonly kind: 'clip';
      readonly name: string;
      readonly path: string;
      readonly truth?: string;
      /** It was found in a folder, not named: what is wrong with it is a note, no error. */
      readonly found?: boolean;
    };

/** What {@link findItems} found. */
export interface Found {
  readonly items: readonly Item[];
  /** A sentence for each folder whose files are not all measured. */
  readonly notes: readonly string[];
}

/** Containers that are single pictures, or lists of other files. */
const NO_CLIP = /(_pipe|^image2|^concat|^hls|^dash|^mpd)$/;
/** Files that a note names at most. */
const MAX_NAMED = 5;
const LAYOUT =
  'Give folders with im1.png im2.png im3.png (im2 is the truth), folders with nine png files, or video files.';

/**
 * All items of `paths` in natural order, each path searched through. What a file is, FFmpeg says, not its ending; hidden
 * files and folders are left out.
 * @throws FrameliftError `source.not-found` for a path or truth that is not there, `config.invalid` where nothing can be measured.
 */
export async function findItems(paths: readonly string[], truth?: string): Promise<Found> {
  const items: Item[] = [];
  const notes: string[] = [];
  for (const path of paths) items.push(...(await itemsOf(path, paths.length > 1, notes)));
  return { items: truth === undefined ? items : items.map((item) => withTruth(item, truth, items.length)), notes };
}

/** `several`: names start with the path's own, so that equal ones can be told apart. */
async function itemsOf(path: string, several: boolean, notes: string[]): Promise<Item[]> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) {
    throw new FrameliftError('source.not-found', `no file or folder "${path}"`, { remedy: LAYOUT });
  }
  if (!found.isDirectory()) {
    if (extname(path).toLowerCase() === '.png' && !(await isClip(path))) {
      throw new FrameliftError('config.invalid', `"${path}" is a single picture`, {
        remedy: `Give its folder, "${dirname(path)}".`,
      });
    }
    return [{ kind: 'clip', name: basename(path), path }];
  }
  const odd: string[] = [];
  const items = await walk(several ? dirname(resolve(path)) : resolve(path), resolve(path), odd);
  if (items.length === 0) {
    const reason = odd[0] === undefined ? 'it holds no png and no video files' : odd.join('; ');
    throw new FrameliftError('config.invalid', `nothing to measure in "${path}": ${reason}`, { remedy: LAYOUT });
  }
  notes.push(...odd);
  return items;
}

async function walk(root: string, folder: string, odd: string[]): Promise<Item[]> {
  const entries = list(folder).filter(({ name }) => !name.startsWith('.'));
  const isFile = (entry: Dirent): boolean => entry.isFile() || entry.isSymbolicLink();
  const files = entries.filter(isFile).map((entry) => entry.name);
  const nameOf = (path: string): string => relative(root, path) || basename(root);
  const items: Item[] = [];
  const sequence = sequenceOf(files);
  if (sequence) items.push({ kind: 'frames', name: nameOf(folder), files: sequence.map((file) => join(folder, file)) });
  const others: string[] = [];
  // Beside a sequence lie what others made of it.
  for (const file of naturally(files.filter((name) => !(sequence && isPng(name))))) {
    const path = join(folder, file);
    if (await isClip(path)) items.push({ kind: 'clip', name: nameOf(path), path, found: true });
    else others.push(file);
  }
  odd.push(...leftOut(folder, others));
  // Links to folders are not followed: they may lead back.
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  for (const name of naturally(folders)) items.push(...(await walk(root, join(folder, name), odd)));
  return items;
}

/** Whether FFmpeg reads it as a video that moves. */
async function isClip(path: string): Promise<boolean> {
  try {
    return !NO_CLIP.test((await videoInfo(path)).container);
  } catch (error) {
    if (error instanceof FrameliftError) return false;
    throw error;
  }
}

const isPng = (name: string): boolean => extname(name).toLowerCase() === '.png';

/** What is said of files that are not measured. */
function leftOut(folder: string, files: readonly string[]): string[] {
  const pngs = files.filter(isPng).length;
  const rest = files.filter((file) => !isPng(file));
  const notes = pngs > 0 ? [`${folder} holds ${pngs} png files, where 3 or 9 are needed`] : [];
  if (rest.length === 0) return notes;
  const more = rest.length > MAX_NAMED ? ` and ${rest.length - MAX_NAMED} more` : '';
  return [...notes, `not measured in ${folder}, being no videos: ${rest.slice(0, MAX_NAMED).join(', ')}${more}`];
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
