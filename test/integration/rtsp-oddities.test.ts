import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Arena } from '../../src/arena.ts';
import type { RtpPacket } from '../../src/ingest/rtp.ts';
import { type RtspOptions, rtspSource } from '../../src/ingest/rtsp.ts';
import { fromMs, systemClock } from '../../src/time.ts';
import { cutAtDelimiters, encodeTestPicture } from '../support/coded.ts';
import {
  type FakeOptions,
  type FakeRequest,
  type FakeRtsp,
  type FakeScript,
  interleaved,
  startFakeRtsp,
} from '../support/fake-rtsp.ts';
import { packetize, rtpBytes } from '../support/rtp.ts';
import { DropCounter, watch } from '../support/watch.ts';

const arena = new Arena(64);
let server: FakeRtsp | undefined;
/** Ten pictures, the first a keyframe, parameter sets in band. */
let packets: RtpPacket[];

beforeAll(() => {
  const coded = encodeTestPicture('libx264', '320x180', 10, ['-tune', 'zerolatency', '-g', '10']);
  packets = packetize(cutAtDelimiters(coded, 'h264'), 'h264', { sequence: 65_500 });
});

afterEach(async () => {
  await expect.poll(() => server?.open ?? 0).toBe(0);
  await server?.close();
  server = undefined;
  expect(arena.liveFrames).toBe(0);
});

async function start(options: FakeOptions = {}): Promise<FakeRtsp> {
  server = await startFakeRtsp({ packets, ...options });
  return server;
}

function source(url: string, options: Partial<RtspOptions> = {}) {
  return rtspSource({ url, stream: 's', arena, clock: systemClock, events: new DropCounter(), ...options });
}

const uris = (requests: readonly FakeRequest[], method: string) =>
  requests.filter((r) => r.method === method).map((r) => r.uri.replace(/127\.0\.0\.1:\d+/, 'h'));

const sdp = (control: string, session = '') =>
  `v=0\r\n${session}m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n${control === '' ? '' : `a=control:${control}\r\n`}`;

test('the whole exchange of a well-behaved server', async () => {
  const { url, requests } = await start();
  const { frames, error, stopMs } = await watch(source(url.replace('//', '//u:p@')), 20);
  expect(error).toBeUndefined();
  expect(frames).toHaveLength(20);
  expect(requests.map((r) => r.method)).toEqual(['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'TEARDOWN']);
  expect(requests.every((r) => !r.uri.includes('@'))).toBe(true);
  expect(requests.slice(3).every((r) => r.headers.get('session') === 'abc')).toBe(true);
  expect(stopMs).toBeLessThan(200);
});

describe('control URLs', () => {
  test.each([
    ['relative to Content-Base', 'track1', 'rtsp://h/base/', 'rtsp://h/base/track1', 'rtsp://h/base/'],
    ['relative to a base without its slash', 'track1', 'rtsp://h/base', 'rtsp://h/base/track1', 'rtsp://h/base'],
    ['relative to the request', 'track1', undefined, 'rtsp://h/cam/track1', 'rtsp://h/cam'],
    ['absolute', 'rtsp://h/x/y', undefined, 'rtsp://h/x/y', 'rtsp://h/cam'],
    ['a star', '*', undefined, 'rtsp://h/cam', 'rtsp://h/cam'],
    ['absent', '', undefined, 'rtsp://h/cam', 'rtsp://h/cam'],
  ])('%s', async (_, control, base, setup, play) => {
    const { url, requests } = await start({
      script: ({ method }) =>
        method === 'DESCRIBE'
          ? { headers: base === undefined ? {} : { 'Content-Base': base }, body: sdp(control, 'a=control:*\r\n') }
          : undefined,
    });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
    expect(uris(requests, 'SETUP')).toEqual([setup]);
    expect(uris(requests, 'PLAY')).toEqual([play]);
  });

  test('a server without aggregate control gets PLAY for the track', async () => {
    const { url, requests } = await start({
      script: ({ method, uri }) => (method === 'PLAY' && !uri.endsWith('track1') ? { status: 459 } : undefined),
    });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
    expect(uris(requests, 'PLAY')).toEqual(['rtsp://h/cam/', 'rtsp://h/cam/track1']);
  });
});

describe('on the wire', () => {
  test('the server chooses other interleaved channels', async () => {
    const { url } = await start({ channel: 6 });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
  });

  test('packets come before and together with the answer to PLAY, which has no CSeq', async () => {
    const first = packets.slice(0, packets.findIndex((p) => p.marker) + 1);
    const wire = Buffer.concat(first.map((p) => interleaved(0, rtpBytes(p))));
    const second = Buffer.from('RTSP/1.0 200 OK\r\nSession: abc\r\n\r\n');
    const { url } = await start({
      packets: [],
      script: ({ method }, socket) => {
        if (method !== 'PLAY') return undefined;
        socket.write(Buffer.concat([wire, second]));
        return 'drop';
      },
    });
    expect((await watch(source(url), 1)).frames).toHaveLength(1);
  });

  test("the server's own requests are answered and disturb nothing", async () => {
    const answers: string[] = [];
    const { url } = await start({
      script: ({ method }, socket) => {
        if (method !== 'PLAY') return undefined;
        socket.on('data', (chunk) => answers.push(chunk.toString('latin1')));
        return {
          after: Buffer.from(
            'OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\nANNOUNCE rtsp://x RTSP/1.0\r\nCSeq: 78\r\nContent-Length: 2\r\n\r\nxx',
          ),
        };
      },
    });
    expect((await watch(source(url), 5)).frames).toHaveLength(5);
    expect(answers.join('')).toContain('RTSP/1.0 200 OK\r\nCSeq: 77');
    expect(answers.join('')).toContain('RTSP/1.0 501 Not Implemented\r\nCSeq: 78');
  });

  test('parameter sets in the description that no decoder takes do not matter when the stream has its own', async () => {
    const { url } = await start({
      sdp: `${sdp('track1')}a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z////w==,aP//\r\n`,
    });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
  });

  test('parameter sets only in the description are enough', async () => {
    const sets = packets
      .filter((p) => [7, 8].includes((p.payload[0] ?? 0) & 31))
      .map((p) => Buffer.from(p.payload).toString('base64'));
    expect(sets).toHaveLength(2);
    const bare = packets
      .filter((p) => ![7, 8].includes((p.payload[0] ?? 0) & 31))
      .map((p, i) => ({ ...p, sequence: i }));
    const { url } = await start({
      packets: bare,
      sdp: `${sdp('track1')}a=fmtp:96 sprop-parameter-sets=${sets.join(',')}\r\n`,
    });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
  });

  test('random RTP among the packets neither ends the run nor leaks', async () => {
    const noise = packets.map((p, i) => (i % 7 === 3 ? { ...p, payload: p.payload.map((b) => b ^ 0x55) } : p));
    const { url } = await start({ packets: noise });
    const events = new DropCounter();
    const { error } = await watch(source(url, { events }), 1000, 1500);
    expect(error).toBeUndefined();
    expect(Object.keys(events.drops)).toContain('corrupt');
  });
});

describe('digest authentication', () => {
  const CREDENTIALS = 'nurse:s3cret';

  /** A server that checks each request; its nonce dies after `lifetime` uses. */
  function guard(algorithm: 'MD5' | 'SHA-256', lifetime = 1000, sayStale = true): FakeScript {
    const hash = (text: string) =>
      createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
        .update(text)
        .digest('hex');
    let nonce = 0;
    let uses = 0;
    const challenge = (stale: boolean) => {
      nonce += 1;
      uses = 0;
      const digest = `Digest realm="cam", nonce="n${nonce}", qop="auth", algorithm=${algorithm}${stale && sayStale ? ', stale=true' : ''}`;
      return { status: 401, headers: { 'WWW-Authenticate': `Basic realm="cam"\n${digest}` } };
    };
    return ({ method, uri, headers }) => {
      const field = headers.get('authorization') ?? '';
      const value = (name: string) => new RegExp(`[ ,]${name}="?([^",]*)`).exec(field)?.[1] ?? '';
      if (value('nonce') !== `n${nonce}`) return challenge(field !== '');
      uses += 1;
      const ha1 = hash(`nurse:cam:s3cret`);
      const expected = hash(`${ha1}:n${nonce}:${value('nc')}:${value('cnonce')}:auth:${hash(`${method}:${uri}`)}`);
      if (expected !== value('response') || Number.parseInt(value('nc'), 16) !== uses || value('uri') !== uri) {
        return challenge(false);
      }
      return uses > lifetime ? challenge(true) : undefined;
    };
  }

  test.each(['MD5', 'SHA-256'] as const)('%s', async (algorithm) => {
    const { url, requests } = await start({ script: guard(algorithm) });
    expect((await watch(source(url.replace('//', `//${CREDENTIALS}@`)), 3)).frames).toHaveLength(3);
    expect(requests.map((r) => r.method)).toEqual(['OPTIONS', 'OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'TEARDOWN']);
  });

  test.each([true, false])('a nonce good for one request, stale said: %s', async (sayStale) => {
    const { url } = await start({ script: guard('SHA-256', 1, sayStale) });
    expect((await watch(source(url.replace('//', `//${CREDENTIALS}@`)), 3)).frames).toHaveLength(3);
  });

  test('a wrong password ends at once', async () => {
    const { url, requests } = await start({ script: guard('MD5') });
    const { error } = await watch(source(url.replace('//', '//nurse:wrong@')), 1);
    expect(error).toMatchObject({ code: 'source.unauthorized', recoverable: false });
    expect(requests).toHaveLength(2);
  });
});

describe('keep-alive', () => {
  const session =
    (timeout: number): FakeScript =>
    ({ method }) =>
      method === 'SETUP'
        ? { headers: { Session: `abc;timeout=${timeout}`, Transport: 'RTP/AVP/TCP;interleaved=0-1' } }
        : undefined;

  test('GET_PARAMETER where the server lists it, at half the timeout', async () => {
    const { url, requests } = await start({ script: session(2) });
    await watch(source(url), 1000, 2500);
    expect(requests.filter((r) => r.method === 'GET_PARAMETER')).toHaveLength(2);
  });

  test('OPTIONS where it does not', async () => {
    const { url, requests } = await start({
      script: (request, socket) =>
        request.method === 'OPTIONS' ? { headers: { Public: 'DESCRIBE, SETUP, PLAY' } } : session(2)(request, socket),
    });
    await watch(source(url), 1000, 1500);
    expect(requests.filter((r) => r.method === 'OPTIONS')).toHaveLength(2);
  });

  test('a session that the server forgot is an error', async () => {
    const { url } = await start({
      script: (request, socket) => (request.method === 'GET_PARAMETER' ? { status: 454 } : session(2)(request, socket)),
    });
    const { error } = await watch(source(url), 1000, 5000);
    expect(error).toMatchObject({
      code: 'source.protocol',
      recoverable: true,
      message: expect.stringContaining('454'),
    });
  });

  test('an unanswered keep-alive is none while pictures arrive', async () => {
    const { url } = await start({
      script: (request, socket) => (request.method === 'GET_PARAMETER' ? 'drop' : session(2)(request, socket)),
    });
    const { error } = await watch(source(url, { connectTimeout: fromMs(300) }), 1000, 2500);
    expect(error).toBeUndefined();
  });
});

describe('redirects', () => {
  test('to the same scheme are followed', async () => {
    const { url, requests } = await start({
      script: ({ method, uri }) =>
        method === 'DESCRIBE' && !uri.endsWith('/other')
          ? { status: 302, headers: { Location: uri.replace('/cam', '/other') } }
          : undefined,
    });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
    expect(uris(requests, 'DESCRIBE')).toEqual(['rtsp://h/cam', 'rtsp://h/other']);
  });

  test.each([
    ['http://127.0.0.1/cam', 'source.forbidden'],
    ['file:///etc/passwd', 'source.forbidden'],
    ['rtsp://169.254.169.254/latest', 'source.forbidden'],
    [undefined, 'source.protocol'],
  ])('to %s are not', async (location, code) => {
    const { url } = await start({
      script: ({ method }) =>
        method === 'DESCRIBE'
          ? { status: 301, headers: location === undefined ? {} : { Location: location } }
          : undefined,
    });
    expect((await watch(source(url), 1)).error).toMatchObject({ code });
  });

  test('in circles are given up', async () => {
    const { url } = await start({
      script: ({ method, uri }) => (method === 'DESCRIBE' ? { status: 302, headers: { Location: uri } } : undefined),
    });
    expect((await watch(source(url), 1)).error).toMatchObject({ code: 'source.protocol' });
  });
});

describe('refusals', () => {
  test.each([
    ['DESCRIBE', 401, 'source.unauthorized', false],
    ['DESCRIBE', 403, 'source.unauthorized', false],
    ['DESCRIBE', 404, 'source.not-found', true],
    ['DESCRIBE', 500, 'source.protocol', true],
    ['DESCRIBE', 503, 'source.unreachable', true],
    ['SETUP', 461, 'source.protocol', false],
    ['SETUP', 453, 'source.unreachable', true],
    ['PLAY', 454, 'source.protocol', true],
  ])('%s answered with %i is %s, recoverable: %s', async (method, status, code, recoverable) => {
    const { url } = await start({ script: (request) => (request.method === method ? { status } : undefined) });
    expect((await watch(source(url), 1)).error).toMatchObject({ code, recoverable });
  });

  test('461 for UDP falls back to TCP', async () => {
    const { url, requests } = await start({
      script: ({ method, headers }) =>
        method === 'SETUP' && !headers.get('transport')?.includes('TCP') ? { status: 461 } : undefined,
    });
    const { frames, infos } = await watch(source(url, { transport: 'udp' }), 3);
    expect(frames).toHaveLength(3);
    expect(infos[0]?.transport).toBe('rtsp/tcp');
    expect(requests.filter((r) => r.method === 'SETUP')).toHaveLength(2);
  });

  test('audio alone is no video', async () => {
    const { url } = await start({ sdp: 'm=audio 0 RTP/AVP 0\r\n' });
    expect((await watch(source(url), 1)).error).toMatchObject({ code: 'source.no-video', recoverable: false });
  });

  test('a codec that is not taken is named', async () => {
    const { url } = await start({ sdp: 'm=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\n' });
    expect((await watch(source(url), 1)).error).toMatchObject({
      code: 'source.unsupported-codec',
      message: expect.stringContaining('MP4V-ES'),
    });
  });
});

describe('silence and endings', () => {
  test('a server that accepts and says nothing is unreachable', async () => {
    const { url } = await start({ script: () => 'drop' });
    const { error } = await watch(source(url, { connectTimeout: fromMs(200) }), 1);
    expect(error).toMatchObject({ code: 'source.unreachable', message: expect.stringContaining('OPTIONS') });
  });

  test('a server that speaks something else is a protocol error', async () => {
    const web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const address = web.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const { error } = await watch(source(`rtsp://127.0.0.1:${port}/cam`), 1);
    web.close();
    expect(error).toMatchObject({ code: 'source.protocol' });
  });

  test('no packet at all is a stall that says so', async () => {
    const { url } = await start({ packets: [] });
    const { error } = await watch(source(url, { stallTimeout: fromMs(300) }), 1);
    expect(error).toMatchObject({
      code: 'source.stalled',
      recoverable: true,
      message: expect.stringContaining('no packet'),
    });
  });

  test('pictures without a keyframe are a stall that says so', async () => {
    const start2 = packets.findIndex((p) => p.marker) + 1;
    const { url } = await start({ packets: packets.slice(start2).map((p, i) => ({ ...p, sequence: i })) });
    const { error } = await watch(source(url, { stallTimeout: fromMs(400) }), 1);
    expect(error).toMatchObject({ code: 'source.stalled', message: expect.stringContaining('keyframe') });
  });

  test('a connection that the server closes is an end', async () => {
    const { url } = await start({
      script: ({ method }, socket) => {
        if (method === 'PLAY') setTimeout(() => socket.end(), 300);
        return undefined;
      },
    });
    const { frames, error } = await watch(source(url), 1000);
    expect(frames.length).toBeGreaterThan(3);
    expect(error).toMatchObject({ code: 'source.ended', recoverable: true });
  });

  test('an RTCP goodbye is an end', async () => {
    const goodbye = Uint8Array.of(0x81, 203, 0, 1, 0, 0, 0, 1);
    const { url } = await start({
      script: ({ method }) => (method === 'PLAY' ? { after: interleaved(1, goodbye) } : undefined),
    });
    expect((await watch(source(url), 1000)).error).toMatchObject({ code: 'source.ended' });
  });

  test('stopping is quick when the server does not answer TEARDOWN', async () => {
    const { url } = await start({ script: ({ method }) => (method === 'TEARDOWN' ? 'drop' : undefined) });
    const { error, stopMs } = await watch(source(url), 3);
    expect(error).toBeUndefined();
    expect(stopMs).toBeLessThan(500);
  });

  test.each(['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY'])('stopping during %s is quick and no error', async (method) => {
    const { url } = await start({ script: (request) => (request.method === method ? 'drop' : undefined) });
    const { error, stopMs } = await watch(source(url), 1, 200);
    expect(error).toBeUndefined();
    expect(stopMs).toBeLessThan(500);
  });
});
