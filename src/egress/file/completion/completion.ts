/** What a finished file is given that the muxer cannot be told. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { extname } from 'node:path';
import { FrameliftError } from '../../../errors.ts';
import { type Micros, micros, minus } from '../../../time.ts';
import { writeFault } from '../sink.ts';
import { aviStarts } from './avi.ts';
import type { WrittenChapter } from './chapter.ts';
import { matroskaChapters, type Patch } from './matroska.ts';
import { boxAt, type CoverPicture, withChapters, withCovers } from './mp4.ts';

/** A chapter on the input's timeline. */
export interface GivenChapter {
  readonly start: Micros;
  readonly end: Micros;
  readonly tags: Readonly<Record<string, string>>;
}

/** More than all that stands before the first cluster is never needed. */
const HEAD_BYTES = 1 << 20;

/** Chapters for an output whose zero is `start` and whose end is `end` on the input's timeline: clipped, those outside left out. Pure. */
export function chaptersWithin(
  given: readonly GivenChapter[],
  start: Micros,
  end: Micros | undefined,
): WrittenChapter[] {
  return given
    .filter((chapter) => chapter.end > start && (end === undefined || chapter.start < end))
    .map((chapter) => ({
      start: minus(micros(Math.max(chapter.start, start)), start),
      end: minus(micros(Math.min(chapter.end, end ?? chapter.end)), start),
      title: chapter.tags.title ?? '',
      language: chapter.tags.language ?? 'und',
    }));
}

/** What a file is given. */
export interface Additions {
  readonly chapters: readonly WrittenChapter[];
  /** Of mp4 alone; to the muxers of others they are streams. */
  readonly covers: readonly CoverPicture[];
  /** Of AVI alone: when its streams begin, in order; the first is the picture. */
  readonly starts: readonly Micros[];
}

/**
 * Gives a finished file what it lacks, and brings it to the disk. @param name a name with the ending of the container.
 * @throws FrameliftError `mux.failed`, also for a file that framelift has not written.
 */
export function complete(path: string, name: string, additions: Additions): void {
  const ending = extname(name).toLowerCase();
  const late = ending === '.avi' && additions.starts.some((start) => start > 0);
  if (additions.chapters.length === 0 && additions.covers.length === 0 && !late) return;
  try {
    const file = openSync(path, 'r+');
    try {
      const patches = patchesFor(ending, file, additions);
      if (!patches)
        throw new FrameliftError('mux.failed', `"${path}": there is no place for chapters and covers in this file`);
      for (const { at, bytes } of patches) writeAll(file, at, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw writeFault(path, error);
  }
}

function patchesFor(ending: string, file: number, additions: Additions): Patch[] | undefined {
  if (ending === '.avi') return aviStarts(readAt(file, 0, HEAD_BYTES), additions.starts);
  return ending === '.mkv' || ending === '.webm' ? inMatroska(file, additions) : inMp4(file, additions);
}

function inMatroska(file: number, { chapters }: Additions): Patch[] | undefined {
  const { size } = fstatSync(file);
  return matroskaChapters(readAt(file, 0, Math.min(size, HEAD_BYTES)), size, chapters);
}

/** `moov` is the last box, so nothing lies behind it that would have to move. */
function inMp4(file: number, { chapters, covers }: Additions): Patch[] | undefined {
  const { size } = fstatSync(file);
  for (let at = 0; at < size; ) {
    const box = boxAt(readAt(file, at, Math.min(16, size - at)), at);
    if (!box) return undefined;
    if (box.name === 'moov') {
      if (at + box.size !== size) return undefined;
      let moov = readAt(file, at, box.size);
      if (chapters.length > 0) moov = withChapters(moov, chapters);
      if (covers.length > 0) moov = withCovers(moov, covers);
      return [{ at, bytes: moov }];
    }
    at += box.size;
  }
  return undefined;
}

function readAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  for (let count = -1; done < length && count !== 0; done += count) {
    count = readSync(file, bytes, done, length - done, at + done);
  }
  return bytes.subarray(0, done);
}

function writeAll(file: number, at: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, at + done);
}
