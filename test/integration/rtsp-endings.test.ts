import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { fromMs } from '../../src/time.ts';
import { interleaved } from '../support/fake-rtsp.ts';
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

  /** A server whose stream says goodbye in the name of `ssrc` while it sends. */
  const leaving = (ssrc: number) =>
    start({
      script: ({ method }, socket) => {
        if (method === 'PLAY') setTimeout(() => socket.write(interleaved(1, goodbye(ssrc))), 300);
        return undefined;
      },
    });
  const goodbye = (ssrc: number) => Uint8Array.of(0x81, 203, 0, 1, 0, 0, 0, ssrc);

  test('an RTCP goodbye of the sender is an end', async () => {
    const { url } = await leaving(1);
    expect((await watch(source(url), 1000)).error).toMatchObject({ code: 'source.ended' });
  });

  test('an RTCP goodbye of another sender is none', async () => {
    const { url } = await leaving(2);
    const { frames, error } = await watch(source(url), 60);
    expect(error).toBeUndefined();
    expect(frames).toHaveLength(60);
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
