import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { VideoEncoder } from '../../src/egress/codec/encoder.ts';
import { testEncoder } from '../../src/egress/codec/hardware/self-test.ts';
import { selectEncoder } from '../../src/egress/codec/hardware/trial.ts';
import type { EncodedUnit } from '../../src/egress/viewer.ts';
import type { FrameliftError } from '../../src/errors.ts';
import { testPair } from '../../src/interp/providers/test-pair.ts';
import { Arena } from '../../src/media/arena.ts';
import { systemClock } from '../../src/time.ts';
import { startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/media.ts';
import { bearer, TOKENS } from '../support/tokens.ts';

const SCRIPTED = fileURLToPath(new URL('../support/encoder-scripted-probe.ts', import.meta.url));
const devices = (): readonly string[] => ['renderD128'];

it.concurrent.each([
  ['nvenc', 'linux', 'nvenc', /^1\.3 ms for a frame of 640x360$/],
  ['vaapi', 'linux', 'x264', /^vaapi cannot be used: it crashed its test process \(SIGSEGV\); x264 takes its place$/],
  ['qsv', 'linux', 'x264', /^qsv cannot be used: no frame within 2 s; x264 takes its place$/],
  ['videotoolbox', 'darwin', 'x264', /: its picture is 9\.0 dB like what it was given: A driver speaks\.; x264/],
] as const)('a trial of %s on %s ends in %s', async (wanted, platform, encoder, detail) => {
  const selection = await selectEncoder(wanted, { script: SCRIPTED, limitMs: 2000, platform, devices });
  expect(selection).toMatchObject({ wanted, encoder, detail: expect.stringMatching(detail) });
  expect(selection.remedy === undefined).toBe(encoder === wanted);
});

it('the test itself passes an encoder that works, and says what one lacks that is not there', async () => {
  expect(await testEncoder('x264')).toBeLessThan(1000);
  // It gives VP8, which is no H.264.
  await expect(testEncoder('libvpx')).rejects.toThrow();
  const absent = ['vaapi', 'qsv', 'nvenc'] as const;
  const tried = await Promise.all(absent.map((encoder) => selectEncoder(encoder, { platform: 'linux', devices })));
  for (const { wanted, encoder, detail, remedy } of tried) {
    console.log(`${wanted}: ${detail}`);
    // A machine that has one passes, too.
    if (encoder === wanted) expect(detail).toMatch(/ms for a frame/);
    else {
      expect(detail).toMatch(new RegExp(`^${wanted} cannot be used: .{10,}; x264 takes its place$`));
      expect(remedy).toContain('set encoder: x264');
    }
  }
});

it('an encoder that fails in the middle gives its place to x264, with a word', async () => {
  const arena = new Arena(32);
  const [errors, units]: [FrameliftError[], EncodedUnit[]] = [[], []];
  const encoder = new VideoEncoder({
    ...{ clock: systemClock, fps: 60, bitrate: 1e6, encoder: 'videotoolbox' },
    onAccessUnit: (unit) => units.push(unit),
    onDrop: () => {},
    onError: (error) => errors.push(error),
  });
  for (const frame of [...testPair(arena, 320, 180), ...testPair(arena, 320, 180)]) {
    encoder.encode(frame, systemClock.now());
    while (encoder.depth > 0) await new Promise(setImmediate);
  }
  await expect.poll(() => units.length, { timeout: 5000 }).toBeGreaterThanOrEqual(2);
  await encoder.close();
  expect(arena.liveFrames).toBe(0);
  expect(units[0]?.keyframe).toBe(true);
  expect(errors.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^videotoolbox: .*h264_videotoolbox.*; x264 takes its place$/),
  ]);
});

it('log and API say what became of the encoder that was asked for', async () => {
  const { path, remove } = await temporaryFolder();
  const config = join(path, 'framelift.yaml');
  await writeFile(config, 'encoder: videotoolbox\n');
  const app = await startApp(['--config', config, 'door=whip']);
  const answer = await fetch(`${app.url}/api/streams`, { headers: bearer(TOKENS.admin) });
  const { encoder } = (await answer.json()) as { encoder: object };
  await app.stop();
  await remove();
  const detail = 'videotoolbox cannot be used: it is part of macOS, and this is linux; x264 takes its place';
  expect(encoder).toMatchObject({ wanted: 'videotoolbox', encoder: 'x264', detail });
  const line = app
    .log()
    .split('\n')
    .find((text) => text.includes('videotoolbox'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    level: 40,
    encoder: 'x264',
    remedy: expect.stringContaining('Mac'),
    msg: detail,
  });
});
