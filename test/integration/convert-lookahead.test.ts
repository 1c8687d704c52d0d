/** Motion that changes, through `convert`: with the pair before, with both pairs beside, and without them. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConvertOptions, convert } from '../../src/commands/convert/convert.ts';
import { InterpEngine } from '../../src/interp/engine/engine.ts';
import { Arena } from '../../src/media/arena.ts';
import { noEvents } from '../../src/metrics/events.ts';
import { systemClock } from '../../src/time.ts';
import { texture } from '../support/flow-rig.ts';
import { samplesOf, toFrame } from '../support/i420-images.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';
import { seededRandom } from '../support/random.ts';

const [WIDTH, HEIGHT] = [192, 112];
const LUMA = WIDTH * HEIGHT;
const FRAME = (LUMA * 3) / 2;
/** Frames that convert is given; what it puts between them is compared with the truth. */
const KEPT = 8;

let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** A camera that is panned over a texture: how far, by the time in kept frames. */
type Pan = (time: number) => number;

const PANS: Record<string, Pan> = {
  accelerating: (t) => t + 0.8 * t * t,
  'still, then moving': (t) => 9 * Math.max(0, t - 4),
  'moving, then still': (t) => 9 * Math.min(4, t),
};

function picture(pan: Pan, time: number, noise = 0): Uint8Array {
  const samples = new Uint8Array(FRAME).fill(128);
  const random = seededRandom(time);
  const x0 = pan(time);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      samples[y * WIDTH + x] = Math.round(255 * texture(x - x0, y + x0 / 3) + noise * (random() - 0.5));
    }
  }
  return samples;
}

/** A frame as a camera gives it. */
const taken = (pan: Pan, nth: number): Uint8Array => picture(pan, nth, 8);

/** Luma PSNR of all interpolated frames together but those at both ends, which have one pair beside at most. */
function quality(pan: Pan, made: readonly Uint8Array[]): number {
  let [sum, count] = [0, 0];
  for (const [gap, samples] of made.entries()) {
    if (gap === 0 || gap === made.length - 1) continue;
    const truth = picture(pan, gap + 0.5);
    for (let i = 0; i < LUMA; i++) sum += ((samples[i] ?? 0) - (truth[i] ?? 0)) ** 2;
    count += LUMA;
  }
  return 10 * Math.log10((255 * 255 * count) / sum);
}

/** What convert puts between the frames of a clip. */
async function converted(name: string, options: Partial<ConvertOptions>): Promise<Uint8Array[]> {
  const output = at(`${name}-${options.lookahead}.mkv`);
  const result = await convert({
    ...{ input: at(`${name}.mkv`), output, model: 'search', factor: 2, codec: 'ffv1', threads: 1, overwrite: true },
    ...options,
  });
  expect(result.acceleration).toBe(options.lookahead === 'off' ? 'before' : 'both');
  const bytes = execFileSync('ffmpeg', ['-v', 'error', '-i', output, '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-']);
  const frames = Array.from({ length: bytes.length / FRAME }, (_, i) => bytes.subarray(i * FRAME, (i + 1) * FRAME));
  expect(frames).toHaveLength(2 * KEPT - 1);
  return frames.filter((_, i) => i % 2 === 1);
}

/** What the search puts there that knows each pair alone. */
async function alone(pan: Pan): Promise<Uint8Array[]> {
  const arena = new Arena(64);
  await using engine = await InterpEngine.start({
    ...{ arena, clock: systemClock, events: noEvents, model: 'search', threads: 1 },
  });
  const made: Uint8Array[] = [];
  for (let i = 0; i < KEPT - 1; i++) {
    const [a, b] = [0, 1].map((k) => toFrame(arena, { width: WIDTH, height: HEIGHT, samples: taken(pan, i + k) }));
    if (!a || !b) throw new Error('two frames');
    const result = await engine.interpolate({ stream: 's', a, b, timesteps: [0.5] });
    if (result.status !== 'done') throw new Error(result.reason);
    made.push(...result.frames.map(samplesOf));
    for (const frame of [a, b, ...result.frames]) frame.release();
  }
  return made;
}

/** Quality without the pairs beside, with the one before, and with both. */
async function qualities(name: string): Promise<Record<'none' | 'before' | 'both', number>> {
  const pan = PANS[name];
  if (!pan) throw new Error('no such pan');
  const raw = Buffer.concat(Array.from({ length: KEPT }, (_, i) => taken(pan, i)));
  writeFileSync(at('raw.yuv'), raw);
  const form = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-r', '25'];
  await ffmpeg(...form, '-i', at('raw.yuv'), '-c:v', 'ffv1', at(`${name}.mkv`));
  return {
    none: quality(pan, await alone(pan)),
    before: quality(pan, await converted(name, { lookahead: 'off' })),
    both: quality(pan, await converted(name, { lookahead: 'on' })),
  };
}

describe('convert', () => {
  it('puts the frames of a pan that gathers speed nearer to where they belong, nearer still with look-ahead', async () => {
    const { none, before, both } = await qualities('accelerating');
    expect(before - none).toBeGreaterThan(0.7);
    expect(both - before).toBeGreaterThan(0.2);
  });

  // What it costs is noise: vectors of an even motion differ a little from pair to pair.
  it.each(['still, then moving', 'moving, then still'])('does not harm a pan that is %s', async (name) => {
    const { none, before, both } = await qualities(name);
    expect(before).toBeGreaterThan(none - 0.1);
    expect(both).toBeGreaterThan(none - 0.05);
  });
});
