import { expect, test } from 'vitest';
import { passThroughOf } from '../../../../src/ingest/ffmpeg/abilities.ts';

test.each([
  ['4.4', '-vsync              video sync method\n-autoscale          x', '-vsync'],
  ['5.1', '-vsync              deprecated, use -fps_mode\n-fps_mode           set framerate mode', '-fps_mode'],
  ['7.0', '-vsync <>           deprecated\n-fps_mode[:<stream_spec>]  set framerate mode', '-fps_mode'],
  ['9.0', '-enc_time_base\n-fps_mode[:<stream_spec>]  set framerate mode', '-fps_mode'],
  ['one that is none', 'usage: x', undefined],
])('ffmpeg %s', (_, help, expected) => {
  expect(passThroughOf(help)).toBe(expected);
});
