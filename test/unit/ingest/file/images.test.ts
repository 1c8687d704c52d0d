import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findImages, imagesNote, requireImageRate } from '../../../../src/ingest/file/images.ts';

const folder = mkdtempSync(join(tmpdir(), 'framelift-images-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder with these empty files; returns paths in it. */
function files(name: string, ...names: string[]): (file: string) => string {
  mkdirSync(join(folder, name));
  for (const file of names) writeFileSync(join(folder, name, file), '');
  return (file) => join(folder, name, file);
}

describe('findImages', () => {
  it('takes a pattern from its smallest number on', () => {
    const at = files('pattern', '0005.png', '0006.png', '0007.png', '8.png', 'note.txt');
    expect(findImages(at('%04d.png'))).toMatchObject({
      ...{ pattern: at('%04d.png'), first: 5, last: 7, before: 0 },
      ...{ path: at('0005.png'), url: `file:${at('%04d.png')}` },
    });
  });

  it('takes the first of numbered files, and tells of those before it', () => {
    const at = files('first', 'a01.png', 'a02.png', 'a03.png', 'a04.png');
    const found = findImages(at('a02.png'));
    expect(found).toMatchObject({ pattern: at('a%02d.png'), first: 2, last: 4, before: 1 });
    expect(found && imagesNote(found)).toContain('images 2 to 4 of');
    expect(found && imagesNote(found)).toContain('1 with smaller numbers are left out');
  });

  it('doubles every other percent sign for FFmpeg', () => {
    const at = files('50%d', '9%_1.png', '9%_2.png');
    expect(findImages(at('9%_1.png'))?.url).toBe(`file:${folder}/50%%d/9%%_%d.png`);
  });

  it.each([
    ['the last of numbered files', ['a1.png', 'a2.png'], 'a2.png'],
    ['a numbered video', ['a1.mp4', 'a2.mp4'], 'a1.mp4'],
    ['a numbered GIF', ['a1.gif', 'a2.gif'], 'a1.gif'],
    ['a name without number', ['a.png', 'b.png'], 'a.png'],
    ['a file whose name looks like a pattern', ['a%d.png', 'a1.png'], 'a%d.png'],
    ['a file that is not there', [], 'a1.png'],
    ['a pattern of another kind of file', [], 'a%d.mp4'],
  ])('%s is a file of its own', (title, names, path) => {
    expect(findImages(files(title, ...names)(path))).toBeUndefined();
  });

  it('takes no animated PNG for one of many', () => {
    const at = files('animated', 'a2.png');
    writeFileSync(at('a1.png'), Buffer.from('\x89PNG\r\n\x1a\n....IHDR....acTL'));
    expect(findImages(at('a1.png'))).toBeUndefined();
  });

  it.each([
    [['1.png', '3.png'], '1 of the images 1 to 3 are missing: 2'],
    [['1.png', '5.png', '7.png'], '4 of the images 1 to 7 are missing: 2…4, 6'],
    [['1.png', '3.png', '5.png', '7.png', '9.png'], '4 of the images 1 to 9 are missing: 2, 4, 6 …'],
  ])('%j: says which are missing', (names, message) => {
    const at = files(names.join(), ...names);
    for (const path of ['%d.png', '1.png']) {
      expect(() => findImages(at(path))).toThrow(message);
      expect(() => findImages(at(path))).toThrow(
        expect.objectContaining({ code: 'source.protocol', remedy: expect.any(String) }),
      );
    }
  });

  it('a pattern that fits nothing', () => {
    const at = files('none', 'b1.png');
    expect(() => findImages(at('a%03d.png'))).toThrow(expect.objectContaining({ code: 'source.not-found' }));
    expect(() => findImages(join(folder, 'absent', '%d.png'))).toThrow(
      expect.objectContaining({ code: 'source.not-found', message: expect.stringContaining('cannot be read') }),
    );
  });
});

describe('requireImageRate', () => {
  const images = { pattern: '%d.png', first: 1, last: 2, before: 0, path: '1.png', url: '' };
  const rate = { num: 24, den: 1 };

  it('wants a rate for images, and for nothing else', () => {
    expect(() => requireImageRate('%d.png', images, rate)).not.toThrow();
    expect(() => requireImageRate('a.mp4', undefined, undefined)).not.toThrow();
    expect(() => requireImageRate('%d.png', images, undefined)).toThrow('images have no rate');
    expect(() => requireImageRate('a.mp4', undefined, rate)).toThrow('--input-fps is for numbered images');
  });
});
