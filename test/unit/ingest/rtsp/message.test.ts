import { expect, test } from 'vitest';
import { formatRequest, RtspParser } from '../../../../src/ingest/rtsp/message.ts';
import { seededRandom } from '../../../support/random.ts';

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
