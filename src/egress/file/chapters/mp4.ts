/**
 * Chapters of a finished mp4 or mov file, in the box `chpl` that Nero introduced and players know: node-av's muxer cannot be told
 * of any. The table of contents, `moov`, lies behind the media and may grow. Pure.
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

/** `moov`, whole, with chapters in its `udta`. At most {@link MAX_MP4_CHAPTERS}. */
export function mp4Chapters(moov: Buffer, chapters: readonly WrittenChapter[]): Buffer {
  const list = box('chpl', chapterList(chapters.slice(0, MAX_MP4_CHAPTERS)));
  const udta = childOf(moov, 'udta');
  if (!udta) return box('moov', Buffer.concat([moov.subarray(8), box('udta', list)]));
  const inside = Buffer.concat([moov.subarray(udta.at + 8, udta.at + udta.size), list]);
  return box(
    'moov',
    Buffer.concat([moov.subarray(8, udta.at), box('udta', inside), moov.subarray(udta.at + udta.size)]),
  );
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
  for (let at = 8; at + 8 <= parent.length; ) {
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
