import { describe, expect, it } from 'vitest';
import { boxAt, withChapters, withCovers } from '../../../../../src/egress/file/completion/mp4.ts';
import { micros } from '../../../../../src/time.ts';

const box = (name: string, content: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length);
  head.write(name, 4, 'latin1');
  return Buffer.concat([head, content]);
};
const chapter = (title: string, start = 0) => ({
  start: micros(start),
  end: micros(start + 1),
  title,
  language: 'und',
});
/** Names of boxes, each with those in it. */
function tree(bytes: Buffer, within: readonly string[]): string[] {
  const names: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const found = boxAt(bytes.subarray(at), at);
    if (!found) throw new Error('no box');
    names.push(found.name);
    if (found.name === within[0]) {
      const skip = found.name === 'meta' ? 12 : 8;
      names.push(
        ...tree(bytes.subarray(at + skip, at + found.size), within.slice(1)).map((name) => `${found.name}/${name}`),
      );
    }
    at += found.size;
  }
  return names;
}

describe('a finished mp4 file', () => {
  const mvhd = box('mvhd', Buffer.alloc(20));

  it('gets chapters where it has tags, and where it has none', () => {
    const bare = withChapters(box('moov', mvhd), [chapter('One')]);
    expect(tree(bare, ['moov', 'udta'])).toEqual(['moov', 'moov/mvhd', 'moov/udta', 'moov/udta/chpl']);
    const tagged = withChapters(box('moov', Buffer.concat([box('udta', box('meta', Buffer.alloc(9))), mvhd])), [
      chapter('One'),
    ]);
    expect(tree(tagged, ['moov', 'udta'])).toEqual([
      'moov',
      'moov/udta',
      'moov/udta/meta',
      'moov/udta/chpl',
      'moov/mvhd',
    ]);
  });

  it('a chapter is its time in 100 ns and its title', () => {
    const moov = withChapters(box('moov', mvhd), [chapter('One'), chapter('Zwei', 1_500_000)]);
    const list = moov.subarray(moov.indexOf('chpl', 0, 'latin1') + 4);
    expect([list[8], list.readBigUInt64BE(9 + 12), list[29]]).toEqual([2, 15_000_000n, 4]);
    expect(list.toString('utf8', 30)).toBe('Zwei');
  });

  it('a title is cut between letters at 255 bytes, and the 256th chapter is not there', () => {
    const moov = withChapters(box('moov', mvhd), [chapter(`${'x'.repeat(254)}ß`)]);
    expect(moov.at(-255)).toBe(254);
    const many = withChapters(
      box('moov', mvhd),
      Array.from({ length: 300 }, () => chapter('')),
    );
    expect(many[many.indexOf('chpl', 0, 'latin1') + 4 + 8]).toBe(255);
  });

  it('gets a cover among tags that are there, and makes their boxes where they are not', () => {
    const cover = [{ codec: 'png', data: Buffer.from('picture') }];
    const path = ['moov', 'udta', 'meta', 'ilst', 'covr'];
    const bare = withCovers(box('moov', mvhd), cover);
    expect(tree(bare, path).slice(2)).toEqual([
      'moov/udta',
      'moov/udta/meta',
      'moov/udta/meta/hdlr',
      'moov/udta/meta/ilst',
      'moov/udta/meta/ilst/covr',
      'moov/udta/meta/ilst/covr/data',
    ]);
    const twice = withCovers(bare, cover);
    expect(tree(twice, path).filter((name) => name.endsWith('/covr'))).toHaveLength(2);
    expect(tree(twice, path).filter((name) => name.endsWith('/meta'))).toHaveLength(1);
  });
});
