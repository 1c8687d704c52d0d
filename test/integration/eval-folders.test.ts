import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evaluate } from '../../src/eval/evaluate.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';

let folder: { path: string; remove: () => Promise<void> };
const at = (...names: string[]): string => join(folder.path, ...names);

/** Endings, and ffmpeg's arguments for them. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  apng: ['-f', 'apng'],
  avi: ['-c:v', 'mpeg4'],
  gif: [],
  m4v: ['-c:v', 'libx264'],
  mkv: ['-c:v', 'ffv1'],
  mov: ['-c:v', 'mjpeg'],
  mpg: ['-c:v', 'mpeg2video'],
  mts: ['-f', 'mpegts', '-c:v', 'libx264'],
  nut: ['-c:v', 'ffv1'],
  ts: ['-c:v', 'mpeg2video'],
  webm: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'],
  webp: ['-c:v', 'libwebp_anim'],
  y4m: ['-pix_fmt', 'yuv420p'],
  'no-ending-of-ours': ['-f', 'matroska', '-c:v', 'ffv1'],
};

beforeAll(async () => {
  folder = await temporaryFolder();
  mkdirSync(at('clips', 'triplet'), { recursive: true });
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x96:rate=10', '-frames:v', '6', '-pix_fmt', 'yuv420p'];
  for (const [ending, args] of Object.entries(KINDS)) await ffmpeg(...picture, ...args, at('clips', `clip.${ending}`));
  await ffmpeg(...picture, '-f', 'apng', at('clips', 'moving.png'));
  await ffmpeg(...picture, '-frames:v', '3', at('clips', 'triplet', 'im%d.png'));
  await ffmpeg(...picture, '-frames:v', '1', '-pix_fmt', 'yuvj420p', at('clips', 'photo.jpg'));
  copyFileSync(at('clips', 'clip.mkv'), at('clips', '.hidden.mkv'));
  copyFileSync(at('clips', 'clip.mkv'), at('clips', 'broken.mkv'));
  truncateSync(at('clips', 'broken.mkv'), 100);
  writeFileSync(at('clips', 'list.txt'), "ffconcat version 1.0\nfile 'clip.mkv'\n");
  writeFileSync(at('clips', 'readme.txt'), 'not a video');
  await ffmpeg(...picture, '-frames:v', '1', at('clips', 'one.gif'));
});

afterAll(() => folder.remove());

it('a folder is measured whatever its videos are; what cannot be is named', async () => {
  const { items, notes } = await evaluate({ paths: [at('clips')], models: [], baselines: ['repeat'], frames: 3 });
  const clips = Object.keys(KINDS).map((ending) => `clip.${ending}`);
  expect(items.map((item) => item.name).toSorted()).toEqual([...clips, 'moving.png', 'triplet'].toSorted());
  expect(notes).toEqual([
    expect.stringMatching(
      /^not measured in .*clips, being no videos: broken\.mkv, list\.txt, photo\.jpg, readme\.txt$/,
    ),
    expect.stringMatching(/^not measured: .*one\.gif has 1 frames; factor 2 needs 3 at least$/),
  ]);
});

it('a clip that is named must be measurable', async () => {
  const measure = evaluate({ paths: [at('clips', 'one.gif')], models: [], baselines: ['repeat'] });
  await expect(measure).rejects.toMatchObject({ code: 'config.invalid' });
});
