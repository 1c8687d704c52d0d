import { describe, expect, it } from 'vitest';
import { parseChapters } from '../../../../src/ingest/file/chapters.ts';

const HEAD = [
  "Input #0, matroska,webm, from '':",
  '  Metadata:',
  '    title           : ',
  'Holiday',
  '',
  '  Chapters:',
];
const tag = (name: string, ...value: string[]): string[] => [`        ${name.padEnd(16)}: `, ...value, ''];

describe('chapters in FFmpeg’s description of a file', () => {
  it('with their times and tags', () => {
    const first = ['    Chapter #0:0: ', 'start 0.000000, ', 'end 1.000000', '      Metadata:', ...tag('title', 'One')];
    const second = [
      '    Chapter #0:1: ',
      'start 1.000000, ',
      'end 2.500000',
      '      Metadata:',
      ...tag('title', 'end 1.0'),
    ];
    const stream = ['  Stream #0', ':0', ': Video: h264', '    Metadata:', '      title           : ', 'not mine', ''];
    expect(parseChapters([...HEAD, ...first, ...second, ...stream])).toEqual([
      { start: 0, end: 1_000_000, tags: { title: 'One' } },
      { start: 1_000_000, end: 2_500_000, tags: { title: 'end 1.0' } },
    ]);
  });

  it('without a title, and with one of two lines', () => {
    const first = ['    Chapter #0:0: ', 'start 0.500000, ', 'end 1.000000'];
    const lines = ['one', `        ${' '.repeat(16)}: `, 'two'];
    const second = [
      '    Chapter #0:1: ',
      'start 1.000000, ',
      'end 2.000000',
      '      Metadata:',
      ...tag('title', ...lines),
    ];
    expect(parseChapters([...HEAD, ...first, ...second]).map(({ tags }) => tags)).toEqual([{}, { title: 'one\ntwo' }]);
  });

  it('end where groups of streams or programs begin', () => {
    const first = ['    Chapter #0:0: ', 'start 0.000000, ', 'end 1.000000', '      Metadata:', ...tag('title', 'One')];
    for (const next of ['  Stream group #0:0[0x7]: Track Reference:', '  Program 1 ']) {
      expect(parseChapters([...HEAD, ...first, next, 'more'])[0]?.tags).toEqual({ title: 'One' });
    }
  });

  it('a file without', () => {
    expect(parseChapters(HEAD.slice(0, -1))).toEqual([]);
  });
});
