import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFfmpeg } from '../../../../src/ingest/ffmpeg/binary.ts';

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framelift-'));
  program = join(folder, process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg');
  await writeFile(program, '', { mode: 0o755 });
});

afterAll(() => rm(folder, { recursive: true }));

test('FFMPEG_PATH goes before the PATH, the PATH before the bundled one', () => {
  expect(findFfmpeg({ FFMPEG_PATH: program, PATH: '' })).toEqual({ path: program, origin: 'FFMPEG_PATH' });
  expect(findFfmpeg({ PATH: `/nowhere:${folder}` }, '/nowhere')).toEqual({ path: program, origin: 'PATH' });
  expect(findFfmpeg({ PATH: '' }, program)).toEqual({ path: program, origin: 'node-av' });
});

test('a wrong FFMPEG_PATH is said, not passed over', () => {
  expect(() => findFfmpeg({ FFMPEG_PATH: folder, PATH: folder })).toThrow(
    expect.objectContaining({ code: 'ffmpeg.missing', message: expect.stringContaining(folder) }),
  );
});

test('none at all: the error says how to install it', () => {
  expect(() => findFfmpeg({}, '/nowhere')).toThrow(
    expect.objectContaining({ code: 'ffmpeg.missing', remedy: expect.stringContaining('apt install ffmpeg') }),
  );
});
