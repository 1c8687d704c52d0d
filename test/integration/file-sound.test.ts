/** The sound of files that are played as live sources. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fileSource } from '../../src/ingest/file/source.ts';
import { Arena } from '../../src/media/arena.ts';
import type { SoundPacket } from '../../src/media/sound.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { RecordedLog } from '../support/recorded-log.ts';

let folder: string;
const arena = new Arena(64);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sound-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  expect(arena.liveFrames).toBe(0);
});

/** A second of picture, 25 frames, with this sound. */
function make(name: string, sound: readonly string[]): string {
  const path = join(folder, name);
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x120:rate=25'];
  const coded = ['-t', '1', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
  const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', ...picture, ...sound, ...coded, '-y', path]);
  if (status !== 0) throw new Error(String(stderr));
  return path;
}

/** Plays a file until so many frames have come. */
async function play(path: string, frames: number, log = new RecordedLog()) {
  const stop = new AbortController();
  const sounds: SoundPacket[] = [];
  const pts: number[] = [];
  let codec: string | undefined;
  const options = { path, stream: 's', arena, clock: systemClock, events: noEvents, log, loop: true, sound: true };
  await fileSource(options).run(
    {
      frame: (frame) => {
        pts.push(frame.pts);
        frame.release();
        if (pts.length >= frames) stop.abort();
      },
      info: ({ sound }) => {
        codec = sound?.codec;
      },
      sound: (packet) => sounds.push(packet),
    },
    stop.signal,
  );
  return { sounds, pts, codec, log };
}

const SINE = ['-f', 'lavfi', '-i', 'sine=440:sample_rate=44100', '-ac', '2', '-c:a', 'aac'];

it('becomes Opus, on the timeline of the frames, over the end of a loop', async () => {
  const { sounds, pts, codec } = await play(make('aac.mp4', SINE), 40);
  expect([codec, sounds[0]?.codec]).toEqual(['aac', 'opus']);
  // 1.6 s of frames, 0.4 s ahead at most.
  expect(sounds.length).toBeGreaterThan(65);
  expect(sounds.length).toBeLessThan(110);
  const times = sounds.map((sound) => sound.pts);
  expect(Math.abs((times[0] ?? 0) - (pts[0] ?? 0))).toBeLessThan(60_000);
  expect(Math.abs((times.at(-1) ?? 0) - (pts.at(-1) ?? 0))).toBeLessThan(600_000);
  expect(times.filter((time, i) => i > 0 && time < (times[i - 1] ?? 0) - 30_000)).toEqual([]);
});

it('is none where a file has none', async () => {
  const { sounds, codec } = await play(make('silent.mp4', []), 10);
  expect([sounds.length, codec]).toEqual([0, undefined]);
});

it('is decoded whatever its codec is', async () => {
  const { codec, sounds } = await play(make('pcm.mov', [...SINE.slice(0, 6), '-c:a', 'pcm_s16be']), 10);
  expect([codec, sounds[0]?.codec]).toEqual(['pcm_s16be', 'opus']);
});
