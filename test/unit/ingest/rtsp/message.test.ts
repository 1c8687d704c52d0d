import { expect, test } from 'vitest';
import { FrameliftError } from '../../../../src/errors.ts';
import { formatRequest, RtspParser } from '../../../../src/ingest/rtsp/message.ts';
import { seededRandom } from '../../../support/random.ts';
import { fastestMs } from '../../../support/timing.ts';

function collect() {
  const seen: string[] = [];
  const parser = new RtspParser({
    response: (r) =>
      seen.push(`${r.status} ${r.reason} ${[...r.headers].map((h) => h.join('=')).join(';')} <${r.body}>`),
    request: (r) => seen.push(`${r.method} ${r.headers.get('cseq')}`),
    packet: (channel, bytes) => seen.push(`$${channel} ${Buffer.from(bytes).toString('hex')}`),
  });
  return { seen, parser };
}

const STREAM = Buffer.concat([
  Buffer.from(
    'RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\nWWW-Authenticate: Basic a\r\nWWW-Authenticate: Digest b\r\n\r\nhello',
  ),
  Buffer.from([0x24, 0, 0, 3, 1, 2, 3]),
  Buffer.from([0x24, 1, 0, 0]),
  Buffer.from('\r\n'),
  Buffer.from('OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 7\r\n\r\n'),
  Buffer.from([0x24, 2, 0, 4, 0x52, 0x54, 0x53, 0x50]),
  Buffer.from('RTSP/1.0 404 Not Found\nCSeq:2\n\n'),
]);
const EXPECTED = [
  '200 OK cseq=1;content-length=5;www-authenticate=Basic a\nDigest b <hello>',
  '$0 010203',
  '$1 ',
  'OPTIONS 7',
  '$2 52545350',
  '404 Not Found cseq=2 <>',
];

test('responses, requests and packets in one chunk', () => {
  const { seen, parser } = collect();
  parser.push(STREAM);
  expect(seen).toEqual(EXPECTED);
});

test('the same, byte by byte', () => {
  const { seen, parser } = collect();
  for (const byte of STREAM) parser.push(Buffer.from([byte]));
  expect(seen).toEqual(EXPECTED);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('the same, in random chunks (seed %i)', (seed) => {
  const random = seededRandom(seed);
  const { seen, parser } = collect();
  for (let at = 0; at < STREAM.length; ) {
    const size = 1 + Math.floor(random() * 20);
    parser.push(STREAM.subarray(at, at + size));
    at += size;
  }
  expect(seen).toEqual(EXPECTED);
});

test('a response without body, status line without reason', () => {
  const { seen, parser } = collect();
  parser.push(Buffer.from('RTSP/1.0 200\r\nCSeq: 3\r\n\r\n'));
  expect(seen).toEqual(['200  cseq=3 <>']);
});

test.each([
  ['endless header', Buffer.concat([Buffer.from('RTSP/1.0 200 OK\r\nX: '), Buffer.alloc(80_000, 'a')])],
  ['huge body', Buffer.from('RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n')],
  ['negative body', Buffer.from('RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n')],
  ['a fractional body', Buffer.from('RTSP/1.0 200 OK\r\nContent-Length: 1.5\r\n\r\n')],
  ['a body in hexadecimal', Buffer.from('RTSP/1.0 200 OK\r\nContent-Length: 0x10\r\n\r\n')],
  ['a body that is not said', Buffer.from('RTSP/1.0 200 OK\r\nContent-Length:\r\n\r\n')],
  ['two bodies', Buffer.from('RTSP/1.0 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello')],
  ['endless fields', Buffer.from(`RTSP/1.0 200 OK\r\n${'a:\r\n'.repeat(200)}`)],
  ['no RTSP at all', Buffer.alloc(400_000, 0x7e)],
  ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
])('%s is a protocol error, not a wait for ever', (_, bytes) => {
  const { parser } = collect();
  expect(() => parser.push(bytes)).toThrow(expect.objectContaining({ code: 'source.protocol' }));
});

test('random bytes throw nothing but protocol errors, and memory stays bounded', () => {
  const random = seededRandom(42);
  for (let round = 0; round < 50; round += 1) {
    const { parser } = collect();
    try {
      for (let i = 0; i < 40; i += 1) {
        const chunk = Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256)));
        parser.push(chunk);
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 'source.protocol' });
    }
  }
});

test('requests', () => {
  expect(formatRequest('PLAY', 'rtsp://x/y', { CSeq: '4', Session: 'abc' })).toBe(
    'PLAY rtsp://x/y RTSP/1.0\r\nCSeq: 4\r\nSession: abc\r\n\r\n',
  );
});

test('a length that is said twice is one length', () => {
  const { seen, parser } = collect();
  parser.push(
    Buffer.from('RTSP/1.0 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhiRTSP/1.0 201 OK\r\n\r\n'),
  );
  expect(seen).toEqual(['200 OK content-length=2\n2 <hi>', '201 OK  <>']);
});

test('a body that comes byte by byte costs no more than its bytes', () => {
  const length = 1 << 18;
  const { seen, parser } = collect();
  parser.push(Buffer.from(`RTSP/1.0 200 OK\r\nContent-Length: ${length}\r\n\r\n`));
  const byte = Buffer.from('x');
  const ms = fastestMs(() => {
    for (let i = 0; i < length; i += 1) parser.push(byte);
  }, 1);
  expect(ms).toBeLessThan(2000);
  expect(seen).toHaveLength(1);
});

const REASON = `RTSP/1.0 200 ${'x'.repeat(60_000)}\r\n\r\n`;

test('a reason of 60 kB is cut', () => {
  const { seen, parser } = collect();
  parser.push(Buffer.from(REASON));
  expect(seen[0]?.length).toBeLessThan(200);
});

/** As much as a socket gives at once. */
const CHUNK = 65_536;
const filled = (text: string) => Buffer.from(text.repeat(Math.ceil(CHUNK / text.length)).slice(0, CHUNK));

test.each([
  ['one reason', Buffer.from(REASON)],
  ['blanks behind RTSP/1.0', Buffer.from(`RTSP/1.0 ${' '.repeat(60_000)}\r\n\r\n`)],
  ['a field of digits', Buffer.from(`RTSP/1.0 401 No\r\nWWW-Authenticate: ${'1'.repeat(60_000)}\r\n\r\n`)],
  ['tiny responses', filled('RTSP/1.0 100 \r\n\r\n')],
  ['tiny responses with bare line ends', filled('RTSP/1.0 100\n\n')],
  ['tiny requests', filled('AAA \n\n')],
  ['empty packets', filled('$\0\0\0')],
  ['what might be a method', filled('A')],
  ['methods without a blank', filled('OPTIONS_')],
  ['line ends', filled('\r\n')],
  ['half a response', filled('RTSP/')],
  ['lines that are no header', filled('RTSP/1.0 200 OK\r\nx\r\n')],
])('the largest chunk takes no time: %s', (_, chunk) => {
  const ms = fastestMs(() => {
    let messages = 0;
    // A connection ends after 500 messages at once.
    const count = () => {
      messages += 1;
      if (messages > 500) throw new FrameliftError('source.protocol', 'too many');
    };
    const parser = new RtspParser({ response: count, request: count, packet: () => {} });
    try {
      parser.push(Buffer.concat([Buffer.from('OPTIONS * RTSP/1.0\r\n\r\n'), chunk]));
    } catch (error) {
      expect(error).toMatchObject({ code: 'source.protocol' });
    }
  });
  expect(ms).toBeLessThan(20);
});
