import { expect, test } from 'vitest';
import { isForbiddenAddress } from '../../src/ingest/address.ts';
import { FFMPEG_OUTPUT, ffmpegInput, shown } from '../../src/ingest/ffmpeg-url.ts';

/** The value after an option. */
function option(options: readonly string[], name: string): string | undefined {
  const at = options.indexOf(name);
  return at < 0 ? undefined : options[at + 1];
}

test.each([
  ['srt://camera:9000?passphrase=x', 'srt'],
  ['srt://:9000?mode=listener', 'srt'],
  ['udp://@:1234', 'udp'],
  ['udp://239.1.2.3:1234', 'udp'],
  ['rtmp://host/app/key', 'rtmp,tcp'],
  ['rtp://127.0.0.1:5004', 'rtp,udp'],
  ['https://host/live.m3u8', 'https,http,tls,tcp,crypto,data'],
  ['RTSP://user:secret@camera/stream', 'rtsp,rtp,udp,tcp'],
])('%s may use the protocols %s', (url, protocols) => {
  const input = ffmpegInput(url);
  expect(input.url).toBe(url);
  expect(option(input.options, '-protocol_whitelist')).toBe(protocols);
  expect(protocols.split(',')).not.toContain('file');
});

test('a V4L2 device needs no protocol', () => {
  const { url, options } = ffmpegInput('/dev/video0');
  expect(url).toBe('/dev/video0');
  expect(option(options, '-f')).toBe('v4l2');
  expect(options).not.toContain('-protocol_whitelist');
});

test.each([
  ['file:///etc/passwd', 'source.forbidden'],
  ['FILE:/etc/passwd', 'source.forbidden'],
  ['/etc/passwd', 'source.forbidden'],
  ['/dev/video0/../../etc/passwd', 'source.forbidden'],
  ['concat:a|b', 'source.unsupported-scheme'],
  ['v4l2:/dev/video0', 'source.unsupported-scheme'],
  ['exec:rm', 'source.unsupported-scheme'],
  ['pipe:0', 'source.unsupported-scheme'],
  ['lavfi:testsrc', 'source.unsupported-scheme'],
  ['subfile,,start,0,end,9,,:/etc/passwd', 'source.forbidden'],
  ['crypto+http://host/', 'source.unsupported-scheme'],
  ['constructor://host/', 'source.unsupported-scheme'],
  ['gopher://host/', 'source.unsupported-scheme'],
  ['http:/etc/passwd', 'config.invalid'],
  ['udp://a:1|udp://b:2', 'config.invalid'],
  ['http://host/\n-i /etc/passwd', 'config.invalid'],
  ['http://169.254.169.254/latest/meta-data', 'source.forbidden'],
  ['http://0xa9fea9fe/', 'source.forbidden'],
  ['http://[fe80::1]/', 'source.forbidden'],
  ['http://[::ffff:169.254.169.254]/', 'source.forbidden'],
])('%s is refused: %s', (url, code) => {
  expect(() => ffmpegInput(url)).toThrow(expect.objectContaining({ code }));
});

test('an unknown scheme is answered with the list of known ones', () => {
  expect(() => ffmpegInput('gopher://host/')).toThrow(
    expect.objectContaining({ remedy: expect.stringContaining('srt, rtmp, rtmps, http, https, udp, rtp, tcp, rtsp') }),
  );
});

test('messages show neither credentials nor queries', () => {
  expect(shown('srt://user:secret@host:9000?passphrase=secret')).toBe('srt://***@host:9000');
  expect(() => ffmpegInput('ftp://user:secret@host/?key=secret')).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('secret') }),
  );
});

test('loopback and private addresses are allowed, link-local ones are not', () => {
  for (const address of ['127.0.0.1', '10.0.0.1', '::1', 'camera.local', '192.168.1.2']) {
    expect(isForbiddenAddress(address)).toBe(false);
  }
  for (const address of ['169.254.0.1', 'fe80::1%eth0', '::ffff:169.254.169.254', 'fd00:ec2::254']) {
    expect(isForbiddenAddress(address)).toBe(true);
  }
});

test('the output keeps the timestamps and grows no index', () => {
  expect(option(FFMPEG_OUTPUT, '-write_index')).toBe('0');
  expect(option(FFMPEG_OUTPUT, '-enc_time_base')).toBe('1:1000000');
});
