import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { print } from '../../../src/commands/print.ts';

const failing = (code: string): Writable =>
  new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: oh`), { code })) });

describe('print', () => {
  it('waits until the line is written', async () => {
    const lines: string[] = [];
    const slow = new Writable({
      write(chunk, _encoding, done) {
        setImmediate(() => {
          lines.push(String(chunk));
          done();
        });
      },
    });
    await print(slow, 'result');
    expect(lines).toEqual(['result\n']);
  });

  it('throws where it cannot be', async () => {
    await expect(print(failing('ENOSPC'), 'x')).rejects.toMatchObject({
      code: 'mux.failed',
      message: expect.stringContaining('ENOSPC'),
    });
  });

  it('takes a reader that has gone for satisfied', async () => {
    await print(failing('EPIPE'), 'x');
  });
});
