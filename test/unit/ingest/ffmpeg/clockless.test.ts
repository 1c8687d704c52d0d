import { expect, test } from 'vitest';
import { endsWithTheNext, inputFormat, isClockless, isSegmented } from '../../../../src/ingest/ffmpeg/clockless.ts';

test.each([
  ["[info] Input #0, mpjpeg, from 'http://cam.example/video':", 'mpjpeg'],
  ["[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'x':", 'mov,mp4,m4a,3gp,3g2,mj2'],
  ["[info] Input #0, h264, from 'tcp://10.0.0.7:5000':", 'h264'],
  ["[info]     title           : Input #0, h264, from 'x'", undefined],
  ['[info]   Stream #0:0: Video: h264', undefined],
  [`[info] Input #0, ${'a,'.repeat(60_000)} from`, undefined],
])('%.60s', (line, format) => expect(inputFormat(line)).toBe(format));

test('coded video alone and MJPEG over HTTP have no clock; containers have one', () => {
  for (const format of ['mpjpeg', 'h264', 'hevc', 'm4v', 'mjpeg', 'obu']) expect(isClockless(format)).toBe(true);
  for (const format of ['mpegts', 'flv', 'hls', 'rtsp', 'ivf', 'video4linux2,v4l2', 'matroska,webm']) {
    expect(isClockless(format)).toBe(false);
  }
});

test('a picture of coded video ends where the next one begins; one of multipart MJPEG has its length', () => {
  expect(['h264', 'hevc', 'mjpeg'].map(endsWithTheNext)).toEqual([true, true, true]);
  expect(['mpjpeg', 'jpeg_pipe', 'mpegts'].map(endsWithTheNext)).toEqual([false, false, false]);
});

test('playlists are read in segments, containers are not', () => {
  expect(['hls', 'dash'].map(isSegmented)).toEqual([true, true]);
  expect(['mpegts', 'flv', 'mov,mp4,m4a,3gp,3g2,mj2', 'mpjpeg'].map(isSegmented)).toEqual([false, false, false, false]);
});
