import { expect, test } from 'vitest';
import { ffmpegInput, ffmpegOutput, pinned, shown } from '../../../../src/ingest/ffmpeg/url.ts';

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
  ['https://host/live.m3u8', 'http,tcp,crypto,data'],
  ['RTSP://user:secret@camera/stream', 'rtsp,rtp,udp,tcp'],
])('%s may use the protocols %s', (url, protocols) => {
  const input = ffmpegInput(url);
  expect(input.url).toBe(url);
  expect(option(input.options, '-protocol_whitelist')).toBe(protocols);
  for (const never of ['file', 'pipe', 'concat', 'subfile', 'httpproxy', 'unix']) {
    expect(protocols.split(',')).not.toContain(never);
  }
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
  ['http://good.example\\@evil.example/', 'config.invalid'],
  ['rtmp://host/app socks=10.0.0.1:1080', 'config.invalid'],
  ['srt://[::1', 'config.invalid'],
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

test.each([
  ['srt://camera:9000?mode=caller', 'camera'],
  ['http://0xa9fea9fe/', '169.254.169.254'],
  ['https://[::ffff:169.254.169.254]/', '::ffff:a9fe:a9fe'],
  ['rtsp://user:p@ss@[fe80::1]:554/x', 'fe80::1'],
  ['rtmp://user:secret@host:1935/app/key', 'host'],
  ['srt://:9000', '0.0.0.0'],
  ['srt://0.0.0.0:9000', '0.0.0.0'],
  ['tcp://:9000', '0.0.0.0'],
  ['srt://0.0.0.0:9000?mode=caller&mode=listener', '0.0.0.0'],
  ['srt://0.0.0.0:9000?mode=caller#&mode=listener', '0.0.0.0'],
  ['tcp://0.0.0.0:22?listen=0&listen', '0.0.0.0'],
  ['tcp://0.0.0.0:22?listen&listen=0', '0.0.0.0'],
  ['tcp://0.0.0.0:22?listen&a?b=1', '0.0.0.0'],
  ['tcp://0.0.0.0:22?listen=10', '0.0.0.0'],
  ['rtmp://0.0.0.0/app/key?listen=1', undefined],
  ['rtmp://0.0.0.0/app/key?listen=2', '0.0.0.0'],
  ['rtmps://0.0.0.0/app/key?listen=1', '0.0.0.0'],
  ['rtmp://10.0.0.1/app/key?listen=1', '10.0.0.1'],
  ['udp://camera:1234', 'camera'],
  ['srt://:9000?mode=listener', undefined],
  ['srt://0.0.0.0:9000?latency=20&mode=listener', undefined],
  ['tcp://0.0.0.0:9000?listen', undefined],
  ['tcp://0.0.0.0:9000?listen=1&listen_timeout=5000', undefined],
  ['udp://@:1234', undefined],
  ['rtp://0.0.0.0:5004', undefined],
])('%s: the host to check is %s', (url, host) => {
  expect(ffmpegInput(url).host).toBe(host);
});

test.each([
  ['srt://camera:9000?streamid=#!::r=a/b@c', '10.0.0.7', 'srt://10.0.0.7:9000?streamid=#!::r=a/b@c'],
  ['rtmp://u:p@host/app/key', 'fd00::7', 'rtmp://u:p@[fd00::7]/app/key'],
  ['rtsp://u:p@ss@[2606:4700::1]:554/x?y', '10.0.0.7', 'rtsp://u:p@ss@10.0.0.7:554/x?y'],
])('%s pinned to %s', (url, address, expected) => {
  expect(pinned(url, address)).toBe(expected);
});

test.each([
  ['rtmp://host:1935/live/key?token=x', 'rtmp://host:1935/live'],
  ['rtmps://u:p@host/app/instance/key', 'rtmps://host/app/instance'],
  ['rtmp://host/app/mp4:dir/clip', 'rtmp://host/app'],
  ['rtmp://host/ondemand/a/b', 'rtmp://host/ondemand'],
])('%s: the server is told %s, whatever address ffmpeg sees', (url, expected) => {
  expect(option(ffmpegInput(url).options, '-rtmp_tcurl')).toBe(expected);
});

test('the output keeps the timestamps and grows no index', () => {
  expect(option(ffmpegOutput('-fps_mode'), '-write_index')).toBe('0');
  expect(option(ffmpegOutput('-fps_mode'), '-enc_time_base')).toBe('1:1000000');
});

test.each([
  ['rtmp://0.0.0.0:1935/live/key?listen=1', 'rtmp://0.0.0.0:1935/live/key'],
  ['rtmp://127.0.0.1/live/key?listen', 'rtmp://127.0.0.1/live/key'],
  ['rtmp://0.0.0.0/live/key?user=a&listen=1', 'rtmp://0.0.0.0/live/key?user=a'],
])('%s waits for a publisher at %s', (source, url) => {
  const input = ffmpegInput(source);
  expect(input).toMatchObject({ url, listens: true });
  expect(option(input.options, '-rtmp_listen')).toBe('1');
  expect(input.options).not.toContain('-rtmp_tcurl');
});

test.each(['srt://0.0.0.0:9000?mode=listener', 'tcp://0.0.0.0:9000?listen'])('%s waits, too', (source) => {
  expect(ffmpegInput(source)).toMatchObject({ url: source, listens: true });
});

test('the fragment of a web URL chooses among variants', () => {
  const { variants } = ffmpegInput('https://host/master.m3u8?a=1#maxHeight=480&maxBitrateKbps=1500');
  expect(variants).toEqual({ maxHeight: 480, maxBitrateKbps: 1500 });
  expect(ffmpegInput('https://host/master.m3u8').variants).toEqual({});
});

test.each(['#maxheight=480', '#maxHeight=', '#maxHeight=-1', '#maxHeight=x', '#t=10'])(
  'a fragment %s asks for nothing',
  (hash) => {
    expect(() => ffmpegInput(`https://host/a.m3u8${hash}`)).toThrow(
      expect.objectContaining({ code: 'config.invalid' }),
    );
  },
);
