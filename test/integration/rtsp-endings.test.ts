import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { fromMs } from '../../src/time.ts';
import { interleaved } from '../support/fake-rtsp.ts';
import { rtpBytes } from '../support/rtp.ts';
import { rtspRig } from '../support/rtsp-rig.ts';
import { watch } from '../support/watch.ts';

const rig = rtspRig();
const { start, source } = rig;

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

  test('a link-local sender named by SETUP is passed over: packets are taken from the server', async () => {
    const sender = createSocket('udp4');
    let port = 0;
    const { url } = await start({
      packets: [],
      script: ({ method, headers }) => {
        const transport = headers.get('transport') ?? '';
        if (method === 'SETUP') {
          port = Number(/client_port=(\d+)/.exec(transport)?.[1]);
          return { headers: { Transport: `${transport};server_port=9-10;source=169.254.169.254`, Session: 'abc' } };
        }
        if (method === 'PLAY') for (const packet of rig.packets) sender.send(rtpBytes(packet), port, '127.0.0.1');
        return undefined;
      },
    });
    const { frames, infos } = await watch(source(url, { transport: 'udp' }), 3, 5000);
    sender.close();
    expect(infos[0]?.transport).toBe('rtsp/udp');
    expect(frames).toHaveLength(3);
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

  test('frames without a keyframe are a stall that says so', async () => {
    const start2 = rig.packets.findIndex((p) => p.marker) + 1;
    const { url } = await start({ packets: rig.packets.slice(start2).map((p, i) => ({ ...p, sequence: i })) });
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
