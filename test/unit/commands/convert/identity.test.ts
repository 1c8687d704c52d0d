import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { identityOf, optionsThatMatter } from '../../../../src/commands/convert/identity.ts';
import { differences } from '../../../../src/egress/file/resume-state.ts';

describe('identityOf', () => {
  it('tells inputs apart by size, time and content at both ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'framelift-identity-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const input = join(folder, 'in.mp4');
    const bytes = Buffer.alloc(3 << 20, 1);
    const identity = async (change?: () => void) => {
      change?.();
      writeFileSync(input, bytes);
      utimesSync(input, 1000, 1000);
      return identityOf({ input }, 'blend', 'cpu');
    };
    const before = await identity();
    expect(differences(before, await identity())).toEqual([]);
    for (const at of [0, bytes.length - 1]) {
      const now = await identity(() => bytes.writeUInt8(2 + (at % 7), at));
      expect(differences(before, now)).toEqual([expect.stringContaining("the input's content was")]);
    }
    utimesSync(input, 2000, 2000);
    const touched = await identityOf({ input }, 'search', 'cpu');
    expect(differences(before, touched).join()).toMatch(/time of change was 1970.*the model was blend, is search/);
  });
});

describe('optionsThatMatter', () => {
  it('are all but the ones that change nothing of the output', () => {
    const options = {
      ...{
        input: 'a',
        output: 'b',
        overwrite: true,
        resume: true,
        threads: 4,
        signal: undefined,
        onProgress: () => {},
      },
      ...{ crf: 14, codec: 'h264', minConfidence: 0.5, fps: undefined },
    };
    expect(optionsThatMatter(options)).toEqual({ '--crf': '14', '--codec': 'h264', '--min-confidence': '0.5' });
  });
});
