import { mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FileSink, type SinkSystem, writeFault } from '../../../../src/egress/file/sink.ts';

const folder = mkdtempSync(join(tmpdir(), 'framelift-sink-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'out.mkv');

function failing(code: string): () => never {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}

const WORKING: SinkSystem = { write: writeSync, sync: () => {}, close: () => {} };

/** A sink whose system fails in one call. */
const sinkWith = (system: Partial<SinkSystem>): FileSink =>
  new FileSink(path, openSync(path, 'w'), { ...WORKING, ...system });

describe('FileSink', () => {
  it('writes at any position, in as many pieces as the system takes', () => {
    const pieces = (file: number, bytes: Uint8Array, from: number, count: number, at: number | null): number =>
      writeSync(file, bytes, from, Math.min(count, 3), at);
    const sink = sinkWith({ write: pieces });
    sink.write(Buffer.from('0123456789'));
    sink.position = 4;
    sink.write(Buffer.from('XY'));
    sink.position = sink.size;
    sink.write(Buffer.from('!'));
    sink.finish();
    expect(readFileSync(path, 'utf8')).toBe('0123XY6789!');
  });

  it.each([
    ['ENOSPC', 'no space left on the disk of "'],
    ['EDQUOT', 'quota is used up'],
    ['EIO', 'has failed (I/O error)'],
    ['EROFS', 'is read-only'],
    ['EPERM', 'may not be written'],
    ['EFBIG', 'no larger file'],
    ['ENXIO', 'cannot be written (ENXIO)'],
  ])('%s of a write, a sync or a close is thrown at once, in words, and by all that follows', (code, words) => {
    for (const call of ['write', 'sync', 'close'] as const) {
      const sink = sinkWith({ [call]: failing(code) });
      const expected = { code: 'mux.failed', message: expect.stringContaining(words) };
      const act = (): void => {
        sink.write(Buffer.from('x'));
        sink.finish();
      };
      expect(act).toThrow(expect.objectContaining(expected));
      expect(sink.failure).toMatchObject(expected);
      expect(() => sink.write(Buffer.from('x'))).toThrow(expect.objectContaining(expected));
      sink.abandon();
    }
  });

  it('says what to do about a full disk', () => {
    expect(writeFault('a', Object.assign(new Error(''), { code: 'ENOSPC' })).remedy).toMatch(/room/);
  });

  it('creates no file over another with wx', async () => {
    await FileSink.create(path).then((sink) => sink.finish());
    await expect(FileSink.create(path, 'wx')).rejects.toMatchObject({ code: 'mux.failed' });
  });
});
