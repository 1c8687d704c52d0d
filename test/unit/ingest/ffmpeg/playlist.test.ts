import { expect, test } from 'vitest';
import { ANY_VARIANT, withOneVariant, withUrlsDisguised } from '../../../../src/ingest/ffmpeg/playlist.ts';

const MASTER = `#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=320x180,CODECS="avc1.42c00d,mp4a.40.2"
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS="mp4a.40.2"
sound.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2500000,RESOLUTION=1280x720,FRAME-RATE=60.000
# a comment
https://cdn.example/high.m3u8?a=1,2
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,FRAME-RATE=29.970
mid.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1200000,RESOLUTION=640x360,FRAME-RATE=29.970
mid-better.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,URI="iframes.m3u8"
`;

/** The URIs that are left. */
const uris = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test.each([
  ['without limits the largest', {}, 'https://cdn.example/high.m3u8?a=1,2'],
  ['by height', { maxHeight: 480 }, 'mid-better.m3u8'],
  ['by width', { maxWidth: 639 }, 'low/index.m3u8'],
  ['by bitrate, of two of a size the one that still fits', { maxBitrateKbps: 1000 }, 'mid.m3u8'],
  ['by rate', { maxFps: 30 }, 'mid-better.m3u8'],
  ['by rate, 29.97 being 30', { maxFps: 29.97 }, 'mid-better.m3u8'],
])('%s', (_, limits, chosen) => {
  const { text } = withOneVariant(MASTER, { ...ANY_VARIANT, ...limits });
  // What has sound alone is left for ffmpeg, which takes none of it.
  expect(uris(text)).toEqual(expect.arrayContaining([chosen]));
  expect(uris(text).filter((uri) => uri !== 'sound.m3u8')).toEqual([chosen]);
  expect(text).toContain('#EXT-X-I-FRAME-STREAM-INF');
});

test('where no variant fits, that is said with what there is', () => {
  expect(() => withOneVariant(MASTER, { ...ANY_VARIANT, maxWidth: 200, maxHeight: 200 })).toThrow(
    expect.objectContaining({
      code: 'source.too-large',
      message: expect.stringMatching(/200x200.*320x180 \(400 kbit\/s\), 1280x720 at 60 fps \(2500 kbit\/s\)/),
    }),
  );
});

test('variants that do not say how large they are: the one with the most bits', () => {
  const list = (...rates: number[]) => rates.map((rate) => `#EXT-X-STREAM-INF:BANDWIDTH=${rate}\r\n${rate}.m3u8\r\n`);
  const { text } = withOneVariant(`#EXTM3U\r\n${list(1000, 9000, 4000).join('')}`, ANY_VARIANT);
  expect(text).toBe(`#EXTM3U\r\n${list(9000).join('')}`);
});

test.each([
  ['a media playlist', '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n'],
  ['the last line without an end', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8'],
  ['a variant without its URI', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1'],
  ['nothing', ''],
])('%s stays as it is', (_, text) => {
  expect(withOneVariant(text, ANY_VARIANT).text).toBe(text);
});

test.each([
  ['a line', 'https://a.example:81/x.ts?y=1', '<https://a.example:81>/x.ts?y=1'],
  ['an attribute', '#EXT-X-KEY:URI="http://u:p@a.example/k"', '#EXT-X-KEY:URI="<http://u:p@a.example>/k"'],
  ['an element', '<BaseURL>HTTP://a.example</BaseURL>', '<BaseURL><HTTP://a.example></BaseURL>'],
  ['a query at once', 'http://a.example?b', '<http://a.example>/?b'],
  ['a backslash, behind which ffmpeg would find another host', 'http://a\\@b/', '<http://a>/\\@b/'],
  ['two', 'http://a/\nhttp://b/', '<http://a>/\n<http://b>/'],
])('URLs are found: %s', (_, text, expected) => {
  expect(withUrlsDisguised(text, (origin) => `<${origin}>`)).toBe(expected);
});

test.each([
  'relative/a.ts',
  'ftp://a/',
  'xhttp://a/',
  'http:/a',
  '://',
  's://',
  'http://',
  `http://${'a'.repeat(600)}/`,
])('no web URL: %s', (text) => {
  expect(withUrlsDisguised(text, (origin) => (origin.length > 7 ? `<${origin}>` : undefined))).toBe(text);
});
