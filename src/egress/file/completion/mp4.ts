/**
 * What a finished mp4 or mov file is given afterwards. Chapters, in the box `chpl` that Nero introduced and players know: node-av's
 * muxer cannot be told of any. Covers, of which FFmpeg makes a broken track when it writes fragments. The table of contents,
 * `moov`, lies behind the media and may grow. Pure.
 */
import type { WrittenChapter } from './chapter.ts';

/** A box of a file. */
export interface Box {
  readonly name: string;
  readonly at: number;
  readonly size: number;
}

/** The box counts them in a byte. */
export const MAX_MP4_CHAPTERS = 255;
/** … and the bytes of a title. */
const MAX_TITLE = 255;

/** The head of a box: its name, and its size, which is told in 16 bytes where it is large. Undefined for none. */
export function boxAt(head: Buffer, at: number): Box | undefined {
  if (head.length < 8) return undefined;
  const size = head.readUInt32BE(0);
  const name = head.toString('latin1', 4, 8);
  if (size === 1) return head.length < 16 ? undefined : { name, at, size: Number(head.readBigUInt64BE(8)) };
  return size < 8 ? undefined : { name, at, size };
}

/** A still picture that stands for a film. */
export interface CoverPicture {
  /** FFmpeg's name of the codec, one of {@link MP4_COVERS}. */
  readonly codec: string;
  readonly data: Buffer;
}

/** Pictures that iTunes' tags hold, and their numbers there. */
const COVER_TYPES: Readonly<Record<string, number>> = { mjpeg: 13, png: 14, bmp: 27 };

/** Codecs of covers that can be held. */
export const MP4_COVERS: readonly string[] = Object.keys(COVER_TYPES);

/** `moov`, whole, with chapters in its `udta`. At most {@link MAX_MP4_CHAPTERS}. */
export function withChapters(moov: Buffer, chapters: readonly WrittenChapter[]): Buffer {
  const list = box('chpl', chapterList(chapters.slice(0, MAX_MP4_CHAPTERS)));
  return within(moov, ['udta'], (udta) => Buffer.concat([udta, list]));
}

/** `moov`, whole, with covers in iTunes' tags, `udta/meta/ilst`. */
export function withCovers(moov: Buffer, covers: readonly CoverPicture[]): Buffer {
  const data = covers.map(({ codec, data: picture }) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(COVER_TYPES[codec] ?? 0);
    return box('data', Buffer.concat([head, picture]));
  });
  const covr = box('covr', Buffer.concat(data));
  return within(moov, ['udta', 'meta', 'ilst'], (ilst) => Buffer.concat([ilst, covr]));
}

/** Changes the content of a box some levels down, which is made where it is not there; boxes around it grow. */
function within(parent: Buffer, [name, ...rest]: readonly string[], change: (content: Buffer) => Buffer): Buffer {
  if (name === undefined) return box(nameOf(parent), change(parent.subarray(8)));
  const child = childOf(parent, name);
  const old = child ? parent.subarray(child.at, child.at + child.size) : box(name, EMPTY[name] ?? Buffer.alloc(0));
  const [before, after] = child ? [child.at, child.at + child.size] : [parent.length, parent.length];
  return box(
    nameOf(parent),
    Buffer.concat([parent.subarray(8, before), within(old, rest, change), parent.subarray(after)]),
  );
}

function nameOf(bytes: Buffer): string {
  return bytes.toString('latin1', 4, 8);
}

function chapterList(chapters: readonly WrittenChapter[]): Buffer {
  const parts = chapters.map(({ start, title }) => {
    const text = shortened(title);
    const head = Buffer.alloc(9);
    head.writeBigUInt64BE(BigInt(start) * 10n); // units of 100 ns
    head.writeUInt8(text.length, 8);
    return Buffer.concat([head, text]);
  });
  // Version 1, no flags, four bytes without a meaning.
  return Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, chapters.length]), ...parts]);
}

/** UTF-8 that fits, cut between letters. */
function shortened(title: string): Buffer {
  const bytes = Buffer.from(title, 'utf8');
  let end = Math.min(bytes.length, MAX_TITLE);
  // A byte 10xxxxxx goes on with the letter before.
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

function childOf(parent: Buffer, name: string): Box | undefined {
  // `meta` has a version before its boxes.
  for (let at = nameOf(parent) === 'meta' ? 12 : 8; at + 8 <= parent.length; ) {
    const child = boxAt(parent.subarray(at), at);
    if (!child || child.name === name) return child;
    at += child.size;
  }
  return undefined;
}

function box(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length);
  head.write(name, 4, 'latin1');
  return Buffer.concat([head, content]);
}

/** What a box holds that is made: `meta` says that iTunes' tags follow. */
const EMPTY: Readonly<Record<string, Buffer>> = {
  meta: Buffer.concat([
    Buffer.alloc(4),
    box('hdlr', Buffer.concat([Buffer.alloc(8), Buffer.from('mdirappl', 'latin1'), Buffer.alloc(9)])),
  ]),
};
