import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lastLine, runCli } from '../support/app.ts';
import { convertUntil } from '../support/convert-run.ts';
import { ffmpeg, frameHashes, testVideo } from '../support/media.ts';
import { seededRandom } from '../support/random.ts';
import { SmallDisk } from '../support/small-disk.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/framelift.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'framelift-safety-'));
const at = (name: string): string => join(folder, name);
const input = at('in.mkv');
/** 240 source frames: 479 of the output, four segments. */
const options = ['--fps', '60', '--model', 'search', '--quiet'];
/** Undisturbed outputs by ending. */
const whole: Record<string, Buffer> = {};

beforeAll(async () => {
  await ffmpeg(...testVideo('160x90', '30', 240), input);
  for (const ending of ['mp4', 'mkv']) {
    const { code, stderr } = await runCli(['convert', input, at(`whole.${ending}`), ...options]);
    expect(code, stderr).toBe(0);
    whole[ending] = readFileSync(at(`whole.${ending}`));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Names in the folder that begin so. */
const named = (start: string): string[] => readdirSync(folder).filter((name) => name.startsWith(start));

/** Kills a run once its file has this share of the undisturbed one's bytes. */
async function killAt(share: number, output: string, ending: string, how = '--resume'): Promise<void> {
  const bytes = share * (whole[ending]?.length ?? 0);
  const args = [input, at(`${output}.${ending}`), ...options, how];
  const run = await convertUntil(args, { file: at(`${output}.partial.${ending}`), bytes, signal: 'SIGKILL' });
  expect(run, run.stderr).toMatchObject({ reached: true, signal: 'SIGKILL' });
}

describe('convert, killed with -9', () => {
  // Of an attempt before.
  beforeEach(() => {
    for (const name of named('killed.')) rmSync(at(name));
  });

  it('mp4: leaves something playable, goes on from there, and again, and gives the very same file', async () => {
    await killAt(0.55, 'killed', 'mp4');
    const playable = (await frameHashes(at('killed.partial.mp4'))).length;
    // Of 479, what the last fragment and the encoder held is lost: a second of each.
    expect(playable).toBeGreaterThan(0.55 * 479 - 120);
    // Killed while it takes over what the first has made: nothing of that is lost.
    await killAt(0.05, 'killed', 'mp4');
    expect(named('killed.')).toContain('killed.partial-kept.mp4');
    await killAt(0.3 + 0.5 * seededRandom(Math.trunc(process.uptime() * 1000))(), 'killed', 'mp4');
    const { code, stdout, stderr } = await runCli([
      'convert',
      input,
      at('killed.mp4'),
      ...options,
      '--resume',
      '--json',
    ]);
    expect(code, stderr).toBe(0);
    const { kept, notes, ...result } = JSON.parse(lastLine(stdout)) as {
      kept: number;
      notes: string[];
      outputFrames: number;
    };
    expect(kept).toBeGreaterThan(120);
    expect(notes).toContain(`the first ${kept} frames are those of the run before`);
    expect(result).toMatchObject({ sourceFrames: 240, outputFrames: 479, interpolated: 239, repeated: 0 });
    expect(readFileSync(at('killed.mp4')).equals(whole.mp4 ?? Buffer.of())).toBe(true);
    expect(named('killed.')).toEqual(['killed.mp4']);
  });
});

describe('convert, stopped by a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s: a whole file beside the output, exit code %i', async (signal, code) => {
    const output = at(`${signal}.mp4`);
    const file = at(`${signal}.partial.mp4`);
    const args = [input, output, ...options, '--json'];
    const run = await convertUntil(args, { file, bytes: 0.5 * (whole.mp4?.length ?? 0), signal });
    expect(run, run.stderr).toMatchObject({ reached: true, code });
    const { unfinished } = JSON.parse(lastLine(run.stdout)) as {
      unfinished: { frames: number; path: string; resumesAt: number };
    };
    expect(unfinished.path).toBe(file);
    expect(unfinished.resumesAt).toBeGreaterThanOrEqual(120);
    expect(await frameHashes(file)).toHaveLength(unfinished.frames);
    expect(existsSync(output)).toBe(false);
  });
});

describe('convert, an output that exists', () => {
  it('stays as it is: refused, failing and killed runs do not touch it, a complete one replaces it', async () => {
    const output = at('old.mkv');
    writeFileSync(output, 'precious');
    const refused = await runCli(['convert', input, output, ...options]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/old\.mkv" exists already[\s\S]*--overwrite/),
    ]);
    writeFileSync(at('text.mkv'), 'no video');
    expect((await runCli(['convert', at('text.mkv'), output, ...options, '--overwrite'])).code).toBe(1);
    await killAt(0.6, 'old', 'mkv', '--overwrite');
    expect((await frameHashes(at('old.partial.mkv'))).length).toBeGreaterThan(0.6 * 479 - 120);
    expect(readFileSync(output, 'utf8')).toBe('precious');
    // Leave to replace it was given to the run that --resume continues.
    expect((await runCli(['convert', input, output, ...options, '--resume'])).code).toBe(0);
    expect(readFileSync(output).equals(whole.mkv ?? Buffer.of())).toBe(true);
    expect(named('old.')).toEqual(['old.mkv']);
  });

  it('is written by one run at a time', async () => {
    const first = spawn(process.execPath, [LAUNCHER, 'convert', input, at('both.mkv'), ...options], {
      stdio: 'ignore',
    });
    const ended = once(first, 'close');
    while (!existsSync(at('both.partial.mkv')) && first.exitCode === null)
      await new Promise((wake) => setTimeout(wake, 5));
    first.kill('SIGSTOP');
    const second = await runCli(['convert', input, at('both.mkv'), ...options, '--overwrite']);
    first.kill('SIGCONT');
    expect([second.code, second.stderr]).toEqual([2, expect.stringContaining('is being written by another framelift')]);
    expect((await ended)[0]).toBe(0);
    expect(readFileSync(at('both.mkv')).equals(whole.mkv ?? Buffer.of())).toBe(true);
  });
});

describe('convert, without room', () => {
  it.each(['mkv', 'mp4'])(
    '%s on a disk of 200 KB: says so, keeps what is there, and goes on when there is more',
    async (ending) => {
      await using disk = await SmallDisk.of(200);
      const output = join(disk.path, `out.${ending}`);
      const command = [process.execPath, LAUNCHER, 'convert', input, output, ...options, '--crf', '4'];
      const full = disk.run(...command);
      expect([full.code, full.stderr]).toEqual([
        1,
        expect.stringContaining(`no space left on the disk of "${join(disk.path, `out.partial.${ending}`)}"`),
      ]);
      const frames = Number(/holds the first (\d+) frames, playable/.exec(full.stderr)?.[1]);
      const count = ['-v', 'error', '-count_frames', '-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0'];
      const { stdout } = disk.run('ffprobe', ...count, join(disk.path, `out.partial.${ending}`));
      expect(frames).toBeGreaterThan(20);
      expect(Number.parseInt(stdout, 10)).toBeGreaterThanOrEqual(frames);
      disk.remount('size=20m');
      const again = disk.run(...command, '--resume');
      expect(again.code, again.stderr).toBe(0);
      expect(disk.run('ls', disk.path).stdout.trim()).toBe(`out.${ending}`);
    },
  );

  it('a device that is always full, and standard output', async () => {
    symlinkSync('/dev/full', at('full.mkv'));
    const { code, stderr } = await runCli(['convert', input, at('full.mkv'), ...options]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no space left on the disk of "/dev/full"')]);
    expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
    const listing = spawn('sh', ['-c', `"${process.execPath}" "${LAUNCHER}" models > /dev/full`], { stdio: 'ignore' });
    expect((await once(listing, 'close'))[0]).toBe(1);
  });

  it('a disk that is read-only', async () => {
    await using disk = await SmallDisk.of(200);
    disk.remount('ro');
    const { code, stderr } = disk.run(
      process.execPath,
      LAUNCHER,
      'convert',
      input,
      join(disk.path, 'out.mkv'),
      ...options,
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining('is not open to you for writing')]);
  });
});
