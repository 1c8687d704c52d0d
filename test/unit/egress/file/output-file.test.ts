import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { OutputFile, outputNames } from '../../../../src/egress/file/output-file.ts';
import type { Identity } from '../../../../src/egress/file/resume-state.ts';

const SAME: Identity = { 'the input': 'a.mp4', '--crf': '14' };
let folder: string;
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'framelift-output-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

/** Writes an output, and completes it or leaves it as a killed process would. */
async function written(path: string, text: string, how: 'complete' | 'leave', options = {}): Promise<void> {
  await using output = await OutputFile.open(path, options);
  const sink = await output.create(SAME);
  sink.write(Buffer.from(text));
  output.note({ frames: 120, counts: {} });
  sink.finish();
  if (how === 'complete') output.complete();
}

describe('an output', () => {
  it('has its name only when it is complete, and nothing is left beside it', async () => {
    await using output = await OutputFile.open(at('out.mp4'));
    expect(readdirSync(folder)).toEqual([]);
    const sink = await output.create(SAME);
    sink.write(Buffer.from('whole'));
    expect(readdirSync(folder).sort()).toEqual(['out.partial.mp4', 'out.partial.mp4.json']);
    sink.finish();
    output.complete();
    expect(readdirSync(folder)).toEqual(['out.mp4']);
    expect(readFileSync(at('out.mp4'), 'utf8')).toBe('whole');
  });

  it.each(['out.mp4', 'out', 'a.b.mkv', '.hidden.mkv'])(
    'of the name %s has names of its own, with its ending',
    (name) => {
      const { partial, kept, state } = outputNames(`/films/${name}`);
      expect(new Set([partial, kept, state, `/films/${name}`]).size).toBe(4);
      for (const path of [partial, kept])
        expect(path.endsWith(name.includes('.') ? name.slice(name.lastIndexOf('.')) : '')).toBe(true);
    },
  );

  it('that exists is refused, its owner is asked, and it keeps its mode', async () => {
    writeFileSync(at('out.mp4'), 'old');
    chmodSync(at('out.mp4'), 0o640);
    const exists = {
      code: 'config.invalid',
      message: expect.stringContaining('exists already'),
      remedy: expect.stringContaining('--overwrite'),
    };
    await expect(OutputFile.open(at('out.mp4'))).rejects.toMatchObject(exists);
    await expect(OutputFile.open(at('out.mp4'), { confirm: async () => false })).rejects.toMatchObject(exists);
    const asked: string[] = [];
    await written(at('out.mp4'), 'new', 'complete', { confirm: async (question: string) => asked.push(question) > 0 });
    expect(asked).toEqual([expect.stringContaining('out.mp4" exists already')]);
    expect(readFileSync(at('out.mp4'), 'utf8')).toBe('new');
    expect(statSync(at('out.mp4')).mode & 0o777).toBe(0o640);
  });

  it('stays as it was when the new one is discarded, or left', async () => {
    writeFileSync(at('out.mp4'), 'old');
    await using output = await OutputFile.open(at('out.mp4'), { overwrite: true });
    (await output.create(SAME)).finish();
    output.discard();
    expect(readdirSync(folder)).toEqual(['out.mp4']);
    await output[Symbol.asyncDispose]();
    await written(at('out.mp4'), 'half', 'leave', { overwrite: true });
    expect(readFileSync(at('out.mp4'), 'utf8')).toBe('old');
  });

  it("is one process' alone, under all its names", async () => {
    writeFileSync(at('out.mp4'), 'old');
    symlinkSync(at('out.mp4'), at('link.mp4'));
    await using first = await OutputFile.open(at('out.mp4'), { overwrite: true });
    const taken = { code: 'config.invalid', message: expect.stringContaining('is being written by another framelift') };
    await expect(OutputFile.open(at('out.mp4'), { overwrite: true })).rejects.toMatchObject(taken);
    await expect(OutputFile.open(at('link.mp4'), { overwrite: true })).rejects.toMatchObject(taken);
    await first[Symbol.asyncDispose]();
    await (await OutputFile.open(at('link.mp4'), { overwrite: true }))[Symbol.asyncDispose]();
  });
});

describe('unfinished work', () => {
  it('is neither overwritten nor gone on from unasked', async () => {
    await written(at('out.mp4'), 'half', 'leave');
    await expect(OutputFile.open(at('out.mp4'))).rejects.toMatchObject({
      message: expect.stringContaining('out.partial.mp4" is left of a run that did not finish'),
      remedy: expect.stringMatching(/--resume.*--overwrite/),
    });
    expect(readFileSync(at('out.partial.mp4'), 'utf8')).toBe('half');
  });

  it('is set aside by --resume until it is in the new file', async () => {
    await written(at('out.mp4'), 'half', 'leave');
    await using output = await OutputFile.open(at('out.mp4'), { resume: true });
    expect(output.found?.segments).toEqual([{ frames: 120, counts: {} }]);
    expect(output.candidates).toEqual([at('out.partial.mp4')]);
    let moved = '';
    const movedTo = (path: string): void => {
      moved = path;
    };
    const sink = await output.create(SAME, { path: at('out.partial.mp4'), movedTo });
    expect([readFileSync(moved, 'utf8'), readFileSync(at('out.partial.mp4'), 'utf8')]).toEqual(['half', '']);
    sink.finish();
    output.dropKept();
    expect(existsSync(moved)).toBe(false);
  });

  it('that was to replace a file may still do so; that was not to, may not', async () => {
    writeFileSync(at('out.mp4'), 'old');
    await written(at('out.mp4'), 'half', 'leave', { overwrite: true });
    await (await OutputFile.open(at('out.mp4'), { resume: true }))[Symbol.asyncDispose]();
    await written(at('new.mp4'), 'half', 'leave');
    writeFileSync(at('new.mp4'), 'of somebody else');
    await expect(OutputFile.open(at('new.mp4'), { resume: true })).rejects.toThrow('exists already');
    await using agreed = await OutputFile.open(at('new.mp4'), { resume: true, confirm: async () => true });
    expect(agreed.found).toBeDefined();
  });

  it('of something else is refused with what differs', async () => {
    await written(at('out.mp4'), 'half', 'leave');
    await using output = await OutputFile.open(at('out.mp4'), { resume: true });
    output.requireSame(SAME);
    expect(() => output.requireSame({ ...SAME, '--crf': '20', '--grain': '1' })).toThrow(
      /cannot be gone on from: --crf was 14, is 20; --grain was not given, is 1/,
    );
  });

  it('starts again with --overwrite: old packets never stand beside a new state', async () => {
    await written(at('out.mp4'), 'half', 'leave');
    writeFileSync(at('out.partial-kept.mp4'), 'more');
    await written(at('out.mp4'), 'new', 'complete', { overwrite: true });
    expect(readdirSync(folder)).toEqual(['out.mp4']);
  });

  it('that framelift does not know is not touched', async () => {
    writeFileSync(at('out.partial.mp4'), 'my own');
    for (const how of [{}, { overwrite: true }, { resume: true }]) {
      await expect(OutputFile.open(at('out.mp4'), how)).rejects.toThrow('is in the way');
    }
    expect(readFileSync(at('out.partial.mp4'), 'utf8')).toBe('my own');
  });
});

describe('a name that is no file', () => {
  it('a folder, and a folder that is not there', async () => {
    mkdirSync(at('films.mp4'));
    await expect(OutputFile.open(at('films.mp4'), { overwrite: true })).rejects.toThrow('is a folder');
    await expect(OutputFile.open(at('nowhere/out.mp4'))).rejects.toThrow('does not exist');
  });

  it('a link: what it leads to is replaced, the link stays', async () => {
    mkdirSync(at('there'));
    for (const exists of [true, false]) {
      rmSync(at('link.mp4'), { force: true });
      symlinkSync(at(`there/${exists}.mp4`), at('link.mp4'));
      if (exists) writeFileSync(at('there/true.mp4'), 'old');
      await written(at('link.mp4'), 'new', 'complete', { overwrite: true });
      expect(readlinkSync(at('link.mp4'))).toBe(at(`there/${exists}.mp4`));
      expect(readFileSync(at(`there/${exists}.mp4`), 'utf8')).toBe('new');
    }
    expect(readdirSync(at('there')).sort()).toEqual(['false.mp4', 'true.mp4']);
  });

  it('a device or pipe: written as it is, unasked, by as many as like', async () => {
    symlinkSync('/dev/null', at('null.mkv'));
    execFileSync('mkfifo', [at('pipe.mkv')]);
    await written(at('null.mkv'), 'new', 'complete');
    await using pipe = await OutputFile.open(at('pipe.mkv'));
    expect([pipe.isFile, pipe.working]).toEqual([false, at('pipe.mkv')]);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['null.mkv', 'pipe.mkv']);
  });
});
