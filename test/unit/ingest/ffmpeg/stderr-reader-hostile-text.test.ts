/** What files and servers say of themselves passes through ffmpeg's stderr and our gateway: linear, at any length. */
import { describe, expect, test } from 'vitest';
import { redactUrls } from '../../../../src/errors.ts';
import { ffmpegFault } from '../../../../src/ingest/ffmpeg/fault.ts';
import { undisguised } from '../../../../src/ingest/ffmpeg/http-gateway.ts';
import { LineSplitter, MAX_LINE_LENGTH } from '../../../../src/ingest/ffmpeg/line-splitter.ts';
import { ANY_VARIANT, withOneVariant, withUrlsDisguised } from '../../../../src/ingest/ffmpeg/playlist.ts';
import { StderrReader } from '../../../../src/ingest/ffmpeg/stderr-reader.ts';
import { shownText } from '../../../../src/ingest/ffmpeg/url.ts';
import { processorMs } from '../../../support/processor-time.ts';

/** Longest time for the largest input, milliseconds. */
const LIMIT = 20;

/** Pieces of what the parsers look for: repeated, cut off, begun and never ended. */
const PIECES = [
  ...[
    'Stream #0:1',
    '[info]   Stream #0:0: Video: ',
    ': Video: rawvideo',
    ', yuv420p(',
    ', a(b',
    '(swapped)',
    ' 1',
    '(',
    ')',
  ],
  ...[
    '[graph 0 input from stream ',
    '[graph -1 ',
    ' w:1 h:1 pixfmt:',
    'parameters changed to ',
    'yuv420p(pc, ',
    ', 1x',
  ],
  ...[
    'Picture size 1x',
    '11111',
    'non-monotonic dts',
    'previous: 1',
    '[warning] ',
    '[error] [error',
    'Option ',
    'Decoder ',
  ],
  ...[
    'http://',
    'http://@',
    'http://a.framelift.invalid',
    '.framelift.invalid',
    'abcdef0.',
    'rtmp://x:y@',
    'a:',
    '://',
    ' @ 0x',
  ],
  ...[
    '#EXT-X-STREAM-INF:',
    '#EXT-X-STREAM-INF:\n',
    '#EXT-X-STREAM-INF:A=1\n#\n',
    'A="',
    'A=1,',
    '\n',
    '\r',
    '\r\n',
    '#\n',
  ],
  ...[
    'http://a\n',
    'http://a.example/x.ts\n',
    '"https://b',
    'https',
    's://',
    ' ',
    '\t',
    'x',
    '<',
    '&amp;',
    'é',
    '\u0000',
  ],
];

function repeated(piece: string, length: number): string {
  return piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
}

describe('a line of stderr', () => {
  /** As {@link import('../../../../src/ingest/ffmpeg/source.ts')} treats each line. */
  const take = (text: string) => {
    const reader = new StderrReader();
    reader.line("[info] Output #0, nut, to 'pipe:1':");
    for (const prefix of [
      '',
      '[info]   Stream #0:0: Video: rawvideo',
      '[graph 0 input from stream 0:0 @ 0x5] [verbose] ',
      '[warning] ',
    ]) {
      const line = undisguised(`${prefix}${text}`);
      reader.line(line);
      shownText(line.slice(0, 1000));
    }
    ffmpegFault(reader.lines, 1, 0);
  };

  test.each(PIECES)('made of %j', (piece) => {
    expect(processorMs(() => take(repeated(piece, MAX_LINE_LENGTH)))).toBeLessThan(LIMIT);
  });

  test('a title of a megabyte is cut before anybody reads it', () => {
    const lines: string[] = [];
    const title = `[info]     title           : ${repeated('Stream #0:1', 1 << 20)}`;
    const push = () => {
      const splitter = new LineSplitter((line) => lines.push(line));
      // As the pipe delivers it.
      for (let at = 0; at < title.length; at += 65_536) splitter.push(title.slice(at, at + 65_536));
      splitter.push('\n');
    };
    expect(processorMs(push)).toBeLessThan(LIMIT);
    expect(lines[0]).toBe(title.slice(0, MAX_LINE_LENGTH));
  });
});

describe('a playlist of 4 MiB', () => {
  const LENGTH = 4 << 20;
  test.each(PIECES)('made of %j', (piece) => {
    const text = repeated(piece, LENGTH);
    const attempt = (run: () => unknown) => () => {
      try {
        run();
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^source\.(protocol|too-large)$/) });
      }
    };
    const limits = { ...ANY_VARIANT, maxHeight: 10 };
    expect(processorMs(attempt(() => withOneVariant(text, limits)))).toBeLessThan(LIMIT);
    expect(processorMs(attempt(() => withUrlsDisguised(text, () => 'http://b')))).toBeLessThan(LIMIT);
  });
});

test.each(PIECES)('a request for 16 KiB of %j, and an error that holds it', (piece) => {
  const text = repeated(piece, 16_384);
  expect(processorMs(() => undisguised(`http://${text}`))).toBeLessThan(LIMIT);
  expect(processorMs(() => redactUrls(text))).toBeLessThan(LIMIT);
});

test('metadata cannot pass for a word of ffmpeg', () => {
  const reader = new StderrReader();
  reader.line('[info]     title           : x');
  // Behind a carriage return or a line feed in a title ffmpeg begins a line of its own, with blanks.
  reader.line('[info]                     : [info]   Stream #0:0: Video: rawvideo (I420 / 0x3), yuv420p(pc), 64x64');
  reader.line("[info]     Output #0, nut, to 'pipe:1':");
  reader.line('[info]     Stream #0:0    : Video: rawvideo (I420 / 0x3), yuv420p(pc), 64x64');
  reader.line('[info]     w:1 h:1 pixfmt : w:1 h:1 pixfmt:yuv420p');
  expect([reader.codec, reader.raw, reader.announced]).toEqual(['unknown', undefined, { width: 0, height: 0 }]);
});
