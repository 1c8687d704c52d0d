import { expect, test } from 'vitest';
import { StderrReader } from '../../../../src/ingest/ffmpeg/stderr-reader.ts';

test('the first video stream of the input is what is read', () => {
  const stderr = new StderrReader();
  stderr.line('[info]   Stream #0:0: Audio: aac (LC), 48000 Hz');
  expect(stderr.codec).toBe('unknown');
  stderr.line('[info]   Stream #0:1[0x100]: Video: h264 (Main), yuv420p(tv), 640x360, 29.97 fps, 90k tbn');
  stderr.line('[info]   Stream #0:0: Video: rawvideo, yuv420p, 640x360, 25 fps');
  expect([stderr.codec, stderr.fps]).toEqual(['h264', 29.97]);
});

test.each([
  ['ffmpeg 5', '[graph 0 input from stream 0:0 @ 0x55] [verbose] w:320 h:180 pixfmt:yuv420p tb:1/90000'],
  [
    'ffmpeg 7',
    '[vf#0:0 @ 0x55] [info] Changing video frame properties on the fly: parameters changed to yuv420p, 320x180',
  ],
])('a new size in the words of %s', (_, line) => {
  const stderr = new StderrReader();
  expect(stderr.announced).toEqual({ width: 0, height: 0 });
  expect(stderr.line(line)).toBeUndefined();
  expect(stderr.announced).toEqual({ width: 320, height: 180 });
});

test('a size that the decoder refuses is a finding', () => {
  const line = '[h264 @ 0x55] [error] Picture size 640x360 exceeds specified max pixel count 137984';
  expect(new StderrReader().line(line)).toEqual({ type: 'too-large', size: { width: 640, height: 360 } });
});

test.each([
  ['by nothing', 3_333_333, undefined],
  ['by 33 ms, as B-frames may', 3_300_000, undefined],
  ['by two seconds', 1_400_000, { type: 'clock-went-back' }],
])('a clock that goes back %s', (_, current, finding) => {
  const line = `[nut @ 0x5] [warning] Non-monotonous DTS in output stream 0:0; previous: 3333333, current: ${current}; changing to 3333334.`;
  expect(new StderrReader().line(line)).toEqual(finding);
});

test('the last thirty warnings and errors are kept, without their level and not at any length', () => {
  const stderr = new StderrReader();
  for (let i = 0; i < 40; i += 1) stderr.line(`[tcp @ 0x5] [error] number ${i}`);
  stderr.line('[info] of no interest');
  stderr.line(`[warning] ${'x'.repeat(1000)}`);
  expect(stderr.lines).toHaveLength(30);
  expect(stderr.lines[0]).toBe('[tcp @ 0x5] number 11');
  expect(stderr.lines[29]).toHaveLength(400);
});
