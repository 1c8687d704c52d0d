/** What `inspect` says of files that `convert` has made, and of those that somebody has changed since. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../support/app.ts';
import { ffmpeg, temporaryFolder, testVideo } from '../support/media.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  await ffmpeg(...testVideo('192x112', '25', 20, at('in.mp4')));
});

afterAll(() => folder.remove());

it.concurrent.each([
  ['h264', 'mp4'],
  ['h265', 'mkv'],
] as const)('%s in %s: each picture says whether it is the source’s', async (codec, container) => {
  const file = at(`${codec}.${container}`);
  const args = [
    'convert',
    at('in.mp4'),
    file,
    '--codec',
    codec,
    '--model',
    'search',
    '--preset',
    'ultrafast',
    '--overwrite',
  ];
  expect((await runCli(args, { timeoutMs: 60_000 })).code).toBe(0);
  const { code, stdout } = await runCli(['inspect', file, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ pictures: 39, kinds: { source: 20, interpolated: 19 }, unmarked: 0, models: { search: 19 }, sound: true },
  });
  expect(code).toBe(0);

  // The same file with one of its marks changed, none of its sizes.
  const bytes = await readFile(file);
  const mark = bytes.indexOf('"kind":"interpolated"');
  bytes.write('"kind":"source"      ', mark);
  await writeFile(at(`forged-${codec}.${container}`), bytes);
  const forged = await runCli(['inspect', at(`forged-${codec}.${container}`)]);
  expect(forged.stdout).toContain('WRONG: 1 marks that cannot be read');
  expect(forged.code).toBe(1);
});

it.concurrent('says what it cannot tell', async () => {
  const unmarked = await runCli(['inspect', at('in.mp4')]);
  expect(unmarked.stdout).toContain('unmarked      20 (100.0 %)');
  expect(unmarked.code).toBe(1);
  const missing = await runCli(['inspect', at('none.mp4')]);
  expect(missing.stderr).toMatch(/no file ".*none\.mp4"/);
  await writeFile(at('noise.mp4'), 'no media at all');
  const noise = await runCli(['inspect', at('noise.mp4')]);
  expect(noise.stderr).toMatch(/is no media that FFmpeg reads/);
  expect([missing.code, noise.code].every((code) => code !== 0)).toBe(true);
});
