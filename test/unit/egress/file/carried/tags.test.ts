import { describe, expect, it } from 'vitest';
import { fileTags, spelled, streamTags, timecodeAt } from '../../../../../src/egress/file/carried/tags.ts';

const rate = (num: number, den = 1): { num: number; den: number } => ({ num, den });

describe('tags', () => {
  it('what describes the old file or its coding is left out', () => {
    const old = {
      ENCODER: 'x',
      DURATION: '1',
      'BPS-eng': '1',
      _STATISTICS_TAGS: 'x',
      major_brand: 'isom',
      rotate: '90',
    };
    expect(streamTags({ ...old, language: 'ger', title: 'Ton' })).toEqual({ language: 'ger', title: 'Ton' });
  });

  it('names without a place are told', () => {
    const { kept, lost } = fileTags({ title: 'T', MOOD: 'good' }, ['title']);
    expect([kept, lost]).toEqual([{ title: 'T' }, ['MOOD']]);
    expect(fileTags({ MOOD: 'good' }, 'all')).toEqual({ kept: { MOOD: 'good' }, lost: [] });
  });

  it('languages are spelled as QuickTime does, in mov alone', () => {
    expect(spelled({ language: 'deu' }, '.mov')).toEqual({ language: 'ger' });
    expect(spelled({ language: 'deu' }, '.mp4')).toEqual({ language: 'deu' });
    expect(spelled({ language: 'eng' }, '.mov')).toEqual({ language: 'eng' });
  });
});

describe('a timecode at another rate', () => {
  it.each([
    ['01:00:00:12', rate(30), rate(60), 0, '01:00:00:24'],
    ['01:00:00:12', rate(25), rate(50), 1_000_000, '01:00:01:24'],
    ['00:59:59:29', rate(30), rate(30), 33_334, '01:00:00:00'],
    ['23:59:59:24', rate(25), rate(25), 40_000, '00:00:00:00'],
    // SMPTE ST 12-1: numbers 0 and 1 are dropped in each minute but the tenth ones.
    ['00:00:59;29', rate(30_000, 1001), rate(30_000, 1001), 33_367, '00:01:00;02'],
    ['00:09:59;29', rate(30_000, 1001), rate(30_000, 1001), 33_367, '00:10:00;00'],
    ['00:01:00;02', rate(30_000, 1001), rate(60_000, 1001), 0, '00:01:00;04'],
    ['10:00:00;00', rate(30_000, 1001), rate(60_000, 1001), 0, '10:00:00;00'],
  ])('%s at %o is, at %o and %i µs later, %s', (text, from, to, later, wanted) => {
    expect(timecodeAt(text, from, to, later)).toBe(wanted);
  });

  it('what is none stays unread', () => {
    expect(timecodeAt('noon', rate(25), rate(50), 0)).toBeUndefined();
    expect(timecodeAt('01:00:00:00', rate(0), rate(50), 0)).toBeUndefined();
  });
});
