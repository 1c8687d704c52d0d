import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { urlFile } from '../../../src/commands/url-file.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'framelift-url-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe('--url-file', () => {
  it('holds the address from when framelift listens, and none of an earlier run before', () => {
    const path = join(folder(), 'url');
    writeFileSync(path, 'http://127.0.0.1:1/\n');
    const tell = urlFile(path);
    expect(existsSync(path)).toBe(false);
    tell('https://127.0.0.1:8443');
    expect(readFileSync(path, 'utf8')).toBe('https://127.0.0.1:8443\n');
  });

  it('is refused where it cannot be written', () => {
    const path = join(folder(), 'missing', 'url');
    expect(() => urlFile(path)('http://127.0.0.1:1')).toThrow(/--url-file: .*missing\/url cannot be written: ENOENT/);
    expect(() => urlFile(folder())('http://127.0.0.1:1')).toThrow('cannot be written');
  });

  it('is nothing without a path', () => expect(() => urlFile(undefined)('http://127.0.0.1:1')).not.toThrow());
});
