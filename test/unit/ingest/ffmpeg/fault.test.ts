import { expect, test } from 'vitest';
import { ffmpegFault } from '../../../../src/ingest/ffmpeg/fault.ts';

// Lines as ffmpeg 5.1 and 7.1 print them.
test.each([
  ['tcp://127.0.0.1:1: Connection refused', 'source.unreachable', true],
  ['[tcp @ 0x55d0] Connection to tcp://10.0.0.9:554 failed: Connection timed out', 'source.unreachable', true],
  ['[tcp @ 0x55d0] Failed to resolve hostname nowhere.invalid: Name or service not known', 'source.unreachable', true],
  ['srt://127.0.0.1:1: Input/output error', 'source.unreachable', true],
  ['[http @ 0x55d0] HTTP error 401 Unauthorized', 'source.unauthorized', false],
  ['http://host/: Server returned 403 Forbidden (access denied)', 'source.unauthorized', false],
  ['[rtsp @ 0x55d0] method DESCRIBE failed: 401 Unauthorized', 'source.unauthorized', false],
  ['http://host/x: Server returned 404 Not Found', 'source.not-found', true],
  ['/dev/video9: No such file or directory', 'source.not-found', true],
  ["Stream map '0:v:0' matches no streams.", 'source.no-video', true],
  ['Output file #0 does not contain any stream', 'source.no-video', true],
  ['http://host/t.txt: Invalid data found when processing input', 'source.protocol', true],
  ["[hls @ 0x55d0] Protocol 'file' not on whitelist 'http,tcp'!", 'source.forbidden', false],
  ['srt://host:1: Protocol not found', 'source.unsupported-scheme', false],
  ['Decoding requested, but no decoder found for: none', 'source.unsupported-codec', false],
  ["Unrecognized option 'autoscale'.", 'ffmpeg.failed', false],
  ['something new', 'ffmpeg.failed', true],
])('%s → %s', (line, code, recoverable) => {
  expect(ffmpegFault(['a warning before', line], 1, 0)).toMatchObject({ code, recoverable });
});

test('an end after frames is an orderly one, an end without any is not', () => {
  expect(ffmpegFault([], 0, 100)).toMatchObject({ code: 'source.ended' });
  expect(ffmpegFault([], 0, 0)).toMatchObject({ code: 'source.no-video' });
  expect(ffmpegFault([], null, 5)).toMatchObject({ code: 'ffmpeg.failed' });
});

test('messages carry neither credentials nor the addresses of objects', () => {
  const line = '[tcp @ 0x55d0a1] srt://user:secret@host:9000?passphrase=secret: Connection refused';
  expect(ffmpegFault([line], 1, 0).message).toBe('ffmpeg: srt://***@host:9000: Connection refused');
});
