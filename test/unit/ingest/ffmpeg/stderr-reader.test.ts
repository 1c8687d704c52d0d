import { expect, test } from 'vitest';
import { StderrReader } from '../../../../src/ingest/ffmpeg/stderr-reader.ts';

test('the first video stream of the input is what is read', () => {
  const stderr = new StderrReader();
  stderr.line('[info]   Stream #0:0: Audio: aac (LC), 48000 Hz');
  expect(stderr.codec).toBe('unknown');
  stderr.line('[info]   Stream #0:1[0x100]: Video: h264 (Main), yuv420p(tv), 640x360, 29.97 fps, 90k tbn');
  stderr.line('[info]   Stream #0:2: Video: hevc, yuv420p, 64x36, 25 fps');
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

test.each([
  ['[h264 @ 0x55] [error] Picture size 640x360 exceeds specified max pixel count 137984', 640, 360],
  ['[IMGUTILS @ 0x7ff] [error] Picture size 65500x65500 is invalid', 65_500, 65_500],
])('a size that is refused is a finding: %s', (line, width, height) => {
  expect(new StderrReader().line(line)).toEqual({ type: 'too-large', size: { width, height } });
});

/** What ffmpeg says before and of the frames. */
function told(input: string, output: string): StderrReader {
  const stderr = new StderrReader();
  stderr.line(`[info]   Stream #0:0: Video: h264 (High), 1 reference frame, ${input}, 64x48, 25 fps`);
  expect(stderr.raw).toBeUndefined();
  stderr.line("[info] Output #0, nut, to 'pipe:1':");
  stderr.line(`[info]   Stream #0:0(eng): Video: rawvideo, 1 reference frame ${output}, 64x48 (0x0) [SAR 1:1], q=2-31`);
  return stderr;
}

test.each([
  ['yuv420p', '(I420 / 0x30323449), yuv420p', 'yuv420p', undefined, undefined, false],
  ['yuv420p(tv, bt709)', '(I420 / 0x3), yuv420p(tv, bt709, progressive, left)', 'yuv420p', 'bt709', 'limited', false],
  ['yuvj422p(pc)', '(Y42B / 0x4), yuvj422p(pc, smpte170m/unknown/bt709, left)', 'yuvj422p', 'bt601', 'full', false],
  [
    'yuv420p(top first)',
    '(I420 / 0x3), yuv420p(bottom coded first (swapped), left)',
    'yuv420p',
    undefined,
    undefined,
    true,
  ],
  ['yuv420p(top first)', '(I420 / 0x3), yuv420p(progressive)', 'yuv420p', undefined, undefined, true],
  [
    'yuv420p10le(tv, bt2020nc/bt2020/smpte2084)',
    '(Y3[11][10] / 0xA), yuv420p10le(tv, bt2020nc/bt2020/smpte2084)',
    'yuv420p10le',
    'bt2020',
    'limited',
    false,
  ],
  ['gray', '(Y800 / 0x3), gray(pc, progressive)', 'gray', undefined, undefined, false],
  ['gray10le(tv)', '(Y1[0][10] / 0xA), gray10le(tv, progressive)', 'gray10le', undefined, 'limited', false],
  ['bgr0(pc, gbr/unknown/unknown)', '(BGR[0] / 0x5), bgr0(pc, gbr/unknown/unknown)', 'bgr0', undefined, 'full', false],
] as const)('of %s: %s', (input, output, format, matrix, range, interlaced) => {
  expect(told(input, output).raw).toEqual({ format, tags: { matrix, range }, interlaced });
});

test('newer programs announce shape and colour with the size', () => {
  const stderr = new StderrReader();
  stderr.line(
    '[graph -1 input from stream 0:0 @ 0x7f] [verbose] w:64 h:48 pixfmt:yuv420p tb:1/9 fr:25/1 sar:16/11 csp:bt709 range:pc alpha:x',
  );
  expect(stderr.announced).toEqual({
    ...{ width: 64, height: 48, sampleAspect: { num: 16, den: 11 } },
    tags: { matrix: 'bt709', range: 'full' },
  });
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
