/**
 * Chapters of a finished Matroska or WebM file (RFC 9559, 5.1.7): node-av's muxer cannot be told of any. The element goes to the
 * end of the segment, and into the list of where things are. Pure; the file is given and returned as pieces.
 */
import type { WrittenChapter } from './chapter.ts';

/** Bytes to be written at a place in a file. */
export interface Patch {
  readonly at: number;
  readonly bytes: Buffer;
}

const SEGMENT = 0x18538067;
const SEEK_HEAD = 0x114d9b74;
const VOID = 0xec;
const CHAPTERS = 0x1043a770;

interface Element {
  readonly id: number;
  /** Where it begins, where its size stands, where its content begins and ends. */
  readonly at: number;
  readonly sizeAt: number;
  readonly content: number;
  readonly end: number;
}

/**
 * What is to be written, in this order, so that a finished file gets chapters. @param head its first bytes: all before the first
 * cluster. @param length of the file. @returns undefined for a file of another make.
 */
export function matroskaChapters(
  head: Buffer,
  length: number,
  chapters: readonly WrittenChapter[],
): Patch[] | undefined {
  const header = elementAt(head, 0);
  const segment = header && elementAt(head, header.end);
  const list = segment && elementAt(head, segment.content);
  const room = list && elementAt(head, list.end);
  if (segment?.id !== SEGMENT || segment.end !== length || segment.content - segment.sizeAt !== 8) return undefined;
  if (list?.id !== SEEK_HEAD || room?.id !== VOID) return undefined;
  const added = element(CHAPTERS, edition(chapters));
  const entry = seekEntry(CHAPTERS, length - segment.content);
  const entries = Buffer.concat([head.subarray(list.content, list.end), entry]);
  const newList = Buffer.concat([idBytes(SEEK_HEAD), sizeBytes(entries.length, list.content - list.sizeAt), entries]);
  const left = room.end - list.at - newList.length;
  if (left < 2) return undefined;
  return [
    { at: length, bytes: added },
    { at: list.at, bytes: Buffer.concat([newList, filler(left)]) },
    { at: segment.sizeAt, bytes: sizeBytes(length - segment.content + added.length, 8) },
  ];
}

function edition(chapters: readonly WrittenChapter[]): Buffer {
  const atoms = chapters.map(({ start, end, title, language }, i) => {
    const display = [element(0x85, Buffer.from(title, 'utf8')), element(0x437c, Buffer.from(language, 'latin1'))];
    return element(0xb6, [
      element(0x73c4, unsigned(i + 1)),
      element(0x91, unsigned(start * 1000)),
      element(0x92, unsigned(end * 1000)),
      ...(title === '' ? [] : [element(0x80, display)]),
    ]);
  });
  return element(0x45b9, [element(0x45bc, unsigned(1)), ...atoms]);
}

function seekEntry(id: number, position: number): Buffer {
  return element(0x4dbb, [element(0x53ab, idBytes(id)), element(0x53ac, unsigned(position))]);
}

function element(id: number, content: Buffer | readonly Buffer[]): Buffer {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.concat([...content]);
  return Buffer.concat([idBytes(id), sizeBytes(bytes.length, 4), bytes]);
}

function filler(length: number): Buffer {
  const sizeLength = length >= 9 ? 8 : 1;
  return Buffer.concat([
    idBytes(VOID),
    sizeBytes(length - 1 - sizeLength, sizeLength),
    Buffer.alloc(length - 1 - sizeLength),
  ]);
}

/** An id is written as it is: its length is marked in it. */
function idBytes(id: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(id);
  return bytes.subarray(id > 0xff_ff_ff ? 0 : id > 0xff_ff ? 1 : id > 0xff ? 2 : 3);
}

/** A size in so many bytes, of which the first bits tell the number. */
function sizeBytes(size: number, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(size) | (1n << BigInt(7 * length)));
  return bytes.subarray(8 - length);
}

function unsigned(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function elementAt(bytes: Buffer, at: number): Element | undefined {
  const idLength = lengthOf(bytes, at);
  const sizeAt = at + idLength;
  const sizeLength = lengthOf(bytes, sizeAt);
  const content = sizeAt + sizeLength;
  if (idLength === 0 || idLength > 4 || sizeLength === 0 || content > bytes.length) return undefined;
  let size = 0n;
  for (const byte of bytes.subarray(sizeAt, content)) size = (size << 8n) | BigInt(byte);
  size &= (1n << BigInt(7 * sizeLength)) - 1n;
  return { id: bytes.readUIntBE(at, idLength), at, sizeAt, content, end: content + Number(size) };
}

/** Bytes of an id or a size: one more than it has leading zeros. 0 beyond the end. */
function lengthOf(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  return first === 0 ? 0 : Math.clz32(first) - 23;
}
