import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { writeWhole } from '../../../../src/egress/file/whole-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'framelift-whole-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

describe('writeWhole', () => {
  it('replaces a file, and leaves nothing beside it', () => {
    writeFileSync(join(folder, 'a'), 'old');
    writeWhole(join(folder, 'a'), Buffer.from('new'));
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('keeps a link a link', () => {
    writeFileSync(join(folder, 'a'), 'old');
    symlinkSync('a', join(folder, 'b'));
    writeWhole(join(folder, 'b'), Buffer.from('new'));
    expect([readlinkSync(join(folder, 'b')), readFileSync(join(folder, 'a'), 'utf8')]).toEqual(['a', 'new']);
  });

  it('says why it cannot, and names the file', () => {
    symlinkSync('/dev/full', join(folder, 'full.png'));
    expect(() => writeWhole(join(folder, 'full.png'), Buffer.from('x'))).toThrow(
      /no space left on the disk of ".*full\.png"/,
    );
    expect(() => writeWhole(join(folder, 'no/a.png'), Buffer.from('x'))).toThrow(
      /a\.png" cannot be written \(ENOENT\)/,
    );
    expect(readdirSync(folder)).toEqual(['full.png']);
  });
});
