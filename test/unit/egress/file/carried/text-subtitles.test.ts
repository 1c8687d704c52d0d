import { describe, expect, it } from 'vitest';
import {
  convertSubtitle,
  type TextForm,
  timedTextHeader,
} from '../../../../../src/egress/file/carried/text-subtitles.ts';

const FORMS: readonly TextForm[] = ['subrip', 'webvtt', 'mov_text'];
const TEXTS = [
  'hello',
  'two\nlines',
  '<i>all of it</i>',
  'a <b>bold</b> and <i>slanted <u>line</u></i> größer 語 🙂 <u>end</u>',
  '<b><i>nested</i></b> then <i>alone</i>',
];

const there = (text: string, to: TextForm): Buffer => {
  const { data } = convertSubtitle(Buffer.from(text), 'subrip', to);
  if (!data) throw new Error('nothing was said');
  return data;
};

describe('text subtitles', () => {
  it.each(FORMS)('to %s and back say the same, with the same look', (form) => {
    for (const text of TEXTS) {
      const back = convertSubtitle(there(text, form), form, 'subrip');
      expect(back).toEqual({ data: Buffer.from(text), plainer: false });
    }
  });

  it('timed text is its length, its bytes, and a record per look', () => {
    const data = there('a<i>ß</i>', 'mov_text');
    expect(data.readUInt16BE(0)).toBe(3);
    expect(data.subarray(2, 5).toString()).toBe('aß');
    expect(data.toString('latin1', 9, 13)).toBe('styl');
    // One record: from the second code point to before the third, italic.
    expect([data.readUInt16BE(13), data.readUInt16BE(15), data.readUInt16BE(17), data[21]]).toEqual([1, 1, 2, 2]);
  });

  it('angles and ampersands are text where they are no tags', () => {
    expect(there('1 < 2 & 3', 'webvtt').toString()).toBe('1 &lt; 2 &amp; 3');
    expect(convertSubtitle(Buffer.from('1 &lt; 2 &amp; 3'), 'webvtt', 'subrip').data?.toString()).toBe('1 < 2 & 3');
  });

  it('says when a colour, a font or a position had no place', () => {
    for (const text of ['<font color="red">x</font>', '{\\an8}x']) {
      const result = convertSubtitle(Buffer.from(text), 'subrip', 'mov_text');
      expect([result.data?.subarray(2).toString(), result.plainer]).toEqual(['x', true]);
    }
  });

  it('what says nothing is none', () => {
    expect(convertSubtitle(Buffer.from([0, 0]), 'mov_text', 'subrip').data).toBeUndefined();
    expect(convertSubtitle(Buffer.alloc(0), 'mov_text', 'subrip').data).toBeUndefined();
  });

  it('survives broken timed text', () => {
    for (const bytes of [
      [0, 9, 65],
      [0, 1, 65, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 1, 65, 0, 0, 0, 9, 115, 116, 121, 108, 0],
    ]) {
      expect(convertSubtitle(Buffer.from(bytes), 'mov_text', 'subrip').data?.toString()).toBe('A');
    }
  });

  it('the header of a track is what ISO 14496-30 lists: 30 bytes, then the fonts', () => {
    const header = timedTextHeader();
    expect(header.readUInt32BE(30)).toBe(header.length - 30);
    expect(header.toString('latin1', 34, 38)).toBe('ftab');
  });
});
