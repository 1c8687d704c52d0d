import { describe, expect, it } from 'vitest';
import { matroskaChapters } from '../../../../../src/egress/file/completion/matroska.ts';
import { micros } from '../../../../../src/time.ts';

const element = (id: string, content: Buffer): Buffer => {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(content.length) | (1n << 56n));
  return Buffer.concat([Buffer.from(id, 'hex'), size, content]);
};
const file = (room: number): Buffer =>
  Buffer.concat([
    element('1a45dfa3', Buffer.alloc(4)),
    element(
      '18538067',
      Buffer.concat([
        element('114d9b74', Buffer.alloc(5)),
        element('ec', Buffer.alloc(room)),
        element('1549a966', Buffer.from('info')),
      ]),
    ),
  ]);
const chapters = [{ start: micros(0), end: micros(5), title: 'One', language: 'eng' }];

describe('a finished Matroska file', () => {
  it('gets chapters at its end, and an entry for them in place of a filler', () => {
    const before = file(60);
    const patches = matroskaChapters(before, before.length, chapters);
    let after = Buffer.from(before);
    for (const { at, bytes } of patches ?? []) {
      if (at === after.length) after = Buffer.concat([after, bytes]);
      else bytes.copy(after, at);
    }
    const info = before.indexOf('info');
    expect(after.indexOf('info')).toBe(info);
    // The segment reaches to the end; the entry names id and place of the chapters.
    const segment = before.indexOf(Buffer.from('18538067', 'hex'));
    const size = after.readBigUInt64BE(segment + 4) & ((1n << 56n) - 1n);
    expect(segment + 12 + Number(size)).toBe(after.length);
    const entry = after.indexOf(Buffer.from('1043a770', 'hex'));
    expect(entry).toBeLessThan(info);
    const added = after.lastIndexOf(Buffer.from('1043a770', 'hex'));
    const place = after.indexOf(Buffer.from('53ac', 'hex')) + 2 + 4;
    expect([added, segment + 12 + Number(after.readBigUInt64BE(place))]).toEqual([before.length, before.length]);
  });

  it('without room for the entry, cut off, or of another make, is not touched', () => {
    expect(matroskaChapters(file(10), file(10).length, chapters)).toBeUndefined();
    expect(matroskaChapters(file(60), file(60).length + 1, chapters)).toBeUndefined();
    expect(matroskaChapters(Buffer.from('RIFF0000AVI '), 12, chapters)).toBeUndefined();
    expect(matroskaChapters(Buffer.alloc(0), 0, chapters)).toBeUndefined();
  });
});
