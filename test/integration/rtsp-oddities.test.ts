import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromMs } from '../../src/time.ts';
import { type FakeRequest, type FakeScript, interleaved } from '../support/fake-rtsp.ts';
import { rtpBytes } from '../support/rtp.ts';
import { rtspRig } from '../support/rtsp-rig.ts';
import { DropCounter, watch } from '../support/watch.ts';

const rig = rtspRig();
const { start, source } = rig;

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
  test('two senders on one channel: the first is followed, the other counted', async () => {
    const events = new DropCounter();
    const { url } = await start({
      script: ({ method }, socket) => {
        if (method !== 'PLAY') return undefined;
        const second = rig.packets.map((packet) => interleaved(0, rtpBytes({ ...packet, ssrc: 2 })));
        // Negative: the other one is the first to send.
        let at = -10;
        const timer = setInterval(() => socket.write(second[at++ % second.length] ?? ''), 10);
        socket.once('close', () => clearInterval(timer));
        return undefined;
      },
    });
    const { frames, error } = await watch(source(url, { events }), 60, 5000);
    expect(error).toBeUndefined();
    expect(frames).toHaveLength(60);
    expect(events.drops['foreign-sender']).toBeGreaterThan(20);
    expect(Object.keys(events.drops)).toEqual(['foreign-sender']);
  });

  test('RTP and RTCP on one channel are told apart', async () => {
    const report = Uint8Array.of(0x80, 201, 0, 1, 0, 0, 0, 1);
    const { url } = await start({
      script: ({ method }) => {
        if (method === 'PLAY') return { after: interleaved(0, report) };
        if (method !== 'SETUP') return undefined;
        return { headers: { Session: 'abc', Transport: 'RTP/AVP/TCP;unicast;interleaved=0-0' } };
      },
    });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
  });

  test.each(['interleaved=300-301', 'interleaved=-1', 'interleaved=', 'ssrc=zz;mode=record;ttl=999'])(
    '%s of the server means what was asked for',
    async (parameters) => {
      const { url } = await start({
        script: ({ method }) =>
          method === 'SETUP'
            ? { headers: { Session: 'abc', Transport: `RTP/AVP/TCP;unicast;${parameters}` } }
            : undefined,
      });
      expect((await watch(source(url), 3)).frames).toHaveLength(3);
    },
  );

  test.each(['abc', '-1', '1e9', ''])('CSeq %j of the server is none: its answers are in order', async (cseq) => {
    const { url } = await start({
      script: ({ method }, socket) => {
        if (method !== 'OPTIONS') return undefined;
        socket.write(`RTSP/1.0 200 OK\r\nCSeq: ${cseq}\r\nPublic: PLAY\r\n\r\n`);
        return 'drop';
      },
    });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
  });

  test('the server chooses other interleaved channels', async () => {
    const { url } = await start({ channel: 6 });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
  });

  test('packets come before and together with the answer to PLAY, which has no CSeq', async () => {
    const first = rig.packets.slice(0, rig.packets.findIndex((p) => p.marker) + 1);
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
    const sets = rig.packets
      .filter((p) => [7, 8].includes((p.payload[0] ?? 0) & 31))
      .map((p) => Buffer.from(p.payload).toString('base64'));
    expect(sets).toHaveLength(2);
    const bare = rig.packets
      .filter((p) => ![7, 8].includes((p.payload[0] ?? 0) & 31))
      .map((p, i) => ({ ...p, sequence: i }));
    const { url } = await start({
      packets: bare,
      sdp: `${sdp('track1')}a=fmtp:96 sprop-parameter-sets=${sets.join(',')}\r\n`,
    });
    expect((await watch(source(url), 3)).frames).toHaveLength(3);
  });

  test('random RTP among the packets neither ends the run nor leaks', async () => {
    const noise = rig.packets.map((p, i) => (i % 7 === 3 ? { ...p, payload: p.payload.map((b) => b ^ 0x55) } : p));
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

describe('a connection that the server closes after its challenge', () => {
  const closing =
    (challenge: string): FakeScript =>
    ({ method, headers }, socket) => {
      if (method === 'OPTIONS' || headers.has('authorization')) return undefined;
      process.nextTick(() => socket.end());
      return { status: 401, headers: { 'WWW-Authenticate': challenge } };
    };

  test.each(['Basic realm="x"', 'Digest realm="x", nonce="n"'])('%s is answered on another one', async (challenge) => {
    const { url, requests } = await start({ script: closing(challenge) });
    expect((await watch(source(url.replace('//', '//u:p@')), 3)).frames).toHaveLength(3);
    expect(requests.map(({ method }) => method).slice(0, 2)).toEqual(['OPTIONS', 'DESCRIBE']);
    expect(
      requests.filter(({ headers }) => headers.get('authorization')?.startsWith(challenge.slice(0, 5))),
    ).not.toEqual([]);
  });

  test('closed every time: given up', async () => {
    const { url, requests } = await start({
      script: ({ method }, socket) => {
        if (method === 'OPTIONS') return undefined;
        process.nextTick(() => socket.end());
        return { status: 401, headers: { 'WWW-Authenticate': 'Digest realm="x", nonce="n", stale=true' } };
      },
    });
    const { error } = await watch(source(url.replace('//', '//u:p@')), 1);
    expect(error).toMatchObject({ code: expect.stringMatching(/^source\.(ended|unreachable|unauthorized)$/) });
    expect(requests.length).toBeLessThan(10);
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

  test('an unanswered keep-alive is none while frames arrive', async () => {
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

  test('by a server that resets the connection at once are an end', async () => {
    const { url } = await start({
      script: ({ method, uri }, socket) => {
        if (method !== 'DESCRIBE') return undefined;
        process.nextTick(() => socket.resetAndDestroy());
        return { status: 302, headers: { Location: uri } };
      },
    });
    expect((await watch(source(url), 1)).error).toMatchObject({ code: 'source.ended', recoverable: true });
  });

  test('in circles are given up', async () => {
    const { url } = await start({
      script: ({ method, uri }) => (method === 'DESCRIBE' ? { status: 302, headers: { Location: uri } } : undefined),
    });
    expect((await watch(source(url), 1)).error).toMatchObject({ code: 'source.protocol' });
  });
});
