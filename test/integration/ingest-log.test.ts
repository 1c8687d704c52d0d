/** What the log says of sources that do not work, and of those that do: alone it must tell what is wrong, and no secret. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ffmpegSource } from '../../src/ingest/ffmpeg/source.ts';
import { fileSource } from '../../src/ingest/file/source.ts';
import { fromMs, systemClock } from '../../src/time.ts';
import type { FakeScript } from '../support/fake-rtsp.ts';
import { ffmpeg, JumpingClock, Recording, temporaryFolder, testVideo } from '../support/media.ts';
import { RecordedLog } from '../support/recorded-log.ts';
import { rtspRig } from '../support/rtsp-rig.ts';
import { watch } from '../support/watch.ts';

const PASSWORD = 'hunter2-s3cret';
const TOKEN = 't0ken-of-the-query';

const rig = rtspRig();
const { start, source } = rig;
let folder: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder());
  await ffmpeg(...testVideo('160x96', '30', 30, '-tune', 'zerolatency', '-g', '15'), join(folder, 'a.ts'));
});
afterAll(() => remove());

/** The URL with a password and a token. */
function secretUrl(url: string): string {
  return `${url.replace('//', `//nurse:${PASSWORD}@`)}?token=${TOKEN}`;
}

/** Neither as it is nor in Basic's disguise. */
function expectNoSecrets(log: RecordedLog): void {
  const text = JSON.stringify(log.lines);
  expect(log.lines.length).toBeGreaterThanOrEqual(3);
  expect(log.lines.filter(({ stream }) => stream !== 's')).toEqual([]);
  for (const secret of [PASSWORD, TOKEN, Buffer.from(`nurse:${PASSWORD}`).toString('base64')]) {
    expect(text).not.toContain(secret);
  }
}

/** Asks for a password on every request and takes none. */
function challenging(challenge: string): FakeScript {
  return () => ({ status: 401, headers: { 'WWW-Authenticate': challenge } });
}

describe('a camera that answers 401', () => {
  test('to a wrong password: the challenge, our answer to it, and the second refusal', async () => {
    const { url } = await start({ script: challenging('Digest realm="cam", nonce="n1", algorithm=MD5') });
    const log = new RecordedLog('debug');
    const { error } = await watch(source(secretUrl(url), { log }), 1);
    expect(error).toMatchObject({ message: 'the server rejects the user name or the password' });
    expect(log.messages('debug')).toEqual([
      'connected',
      'RTSP > OPTIONS',
      'RTSP < 401 Other',
      'RTSP > OPTIONS',
      'RTSP < 401 Other',
    ]);
    const [, , refusal, answer] = log.lines;
    expect(refusal?.headers).toMatchObject({ 'www-authenticate': expect.stringContaining('realm="cam"') });
    expect(answer?.headers).toMatchObject({ CSeq: '2', Authorization: 'Digest ***' });
    expectNoSecrets(log);
  });

  test.each([
    ['Bearer realm="cam"', 'the server asks for Bearer: framelift has Basic and Digest'],
    [
      'Digest realm="cam", nonce="n1", algorithm=SHA-1',
      'the server asks for Digest with SHA-1: framelift has Basic and Digest',
    ],
  ])('with %s, which we lack: the error names it', async (challenge, message) => {
    const { url } = await start({ script: challenging(challenge) });
    const log = new RecordedLog('debug');
    const { error } = await watch(source(secretUrl(url), { log }), 1);
    expect(error).toMatchObject({ code: 'source.unauthorized', message, remedy: expect.stringContaining('Digest') });
    expect(log.find('RTSP < 401 Other').headers).toMatchObject({ 'www-authenticate': challenge });
    expectNoSecrets(log);
  });
});

test('a camera that sends no keyframe: told while it is waited for, and as the reason of the stall', async () => {
  const second = rig.packets.findIndex((packet) => packet.marker) + 1;
  const { url } = await start({
    packets: rig.packets.slice(second).map((packet, sequence) => ({ ...packet, sequence })),
  });
  const log = new RecordedLog('debug');
  const { error, frames } = await watch(source(secretUrl(url), { log, stallTimeout: fromMs(600) }), 1);
  expect(frames).toEqual([]);
  expect(log.find('video chosen')).toMatchObject({ codec: 'h264', payloadType: 96, left: [] });
  expect(log.find('decoder opened')).toMatchObject({ codec: 'h264', threads: 1 });
  expect(log.find('frames are dropped: nothing can be decoded before a keyframe')).toMatchObject({
    ...{ stage: 'decode', reason: 'awaiting-keyframe' },
  });
  const what = /^\d+ access units in 0\.[36] s and no keyframe: nothing can be decoded without one$/;
  expect(log.messages('warn')).toEqual([expect.stringMatching(what)]);
  expect(error).toMatchObject({ code: 'source.stalled', message: expect.stringMatching(what) });
  expect(log.messages('debug')).not.toContain('first keyframe');
  expectNoSecrets(log);
});

test('a camera that works, at trace: dialogue, choices, first frame, samples; no secret, whatever it sends back', async () => {
  const sdp = `v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 98 96\r\na=rtpmap:98 MP4V-ES/90000\r\na=rtpmap:96 H264/90000\r\na=control:track1?token=${TOKEN}\r\nm=video 0 RTP/AVP 97\r\n`;
  const script: FakeScript = ({ method, headers, uri }) => {
    if (!headers.has('authorization')) {
      return { status: 401, headers: { 'WWW-Authenticate': `Basic realm="not ${PASSWORD}"` } };
    }
    return method === 'DESCRIBE'
      ? { headers: { 'Content-Base': `${uri.replace('//', `//nurse:${PASSWORD}@`)}/` }, body: sdp }
      : undefined;
  };
  const { url } = await start({ script });
  const log = new RecordedLog('trace');
  const { frames } = await watch(source(secretUrl(url), { log }), 3);
  expect(frames).toHaveLength(3);
  const order = ['connected', 'RTSP > DESCRIBE', 'video chosen', 'RTSP > SETUP', 'transport chosen', 'decoder opened'];
  const rest = ['RTSP > PLAY', 'RTP packet', 'first keyframe', 'access unit', 'frames have this size', 'first frame'];
  for (const message of [...order, ...rest, 'RTSP > TEARDOWN']) log.find(message);
  const told = log.lines.map(({ message }) => message).filter((message) => order.includes(message));
  expect(told).toEqual(order);
  expect(log.find('video chosen').left).toEqual([
    'audio: not video',
    'MP4V-ES: not the first format that is known',
    'video: only the first video section is taken',
  ]);
  expect(log.find('transport chosen')).toMatchObject({ transport: 'rtsp/tcp', channels: [0, 1] });
  expect(log.find('frames have this size')).toMatchObject({ width: 320, height: 180 });
  expectNoSecrets(log);
});

test('a name is told with its addresses', async () => {
  const { url } = await start();
  const log = new RecordedLog('debug');
  await watch(source(url.replace('127.0.0.1', 'localhost'), { log }), 1);
  expect(log.find('address found').host).toBe('localhost');
  expect(log.find('connected')).toMatchObject({ host: 'localhost', address: '127.0.0.1' });
});

describe('ffmpeg', () => {
  test('by TCP: its command line, its lines, how it ended', async () => {
    const video = await readFile(join(folder, 'a.ts'));
    const server = createServer((socket) => socket.end(video).on('error', () => {})).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const [to, log] = [new Recording(), new RecordedLog('trace')];
    const url = secretUrl(`tcp://127.0.0.1:${port}`);
    const options = { url, stream: 's', arena: to.arena, clock: systemClock, events: to, env: process.env, log };
    await to.run(ffmpegSource(options)).catch(() => {});
    server.close();
    expect(to.frames.length).toBeGreaterThan(20);
    expect(log.find('starting ffmpeg').command).toEqual(
      expect.arrayContaining(['-protocol_whitelist', 'tcp', '-i', `tcp://***@127.0.0.1:${port}`]),
    );
    const lines = log.lines.flatMap(({ line }) => line ?? []).join('\n');
    expect(lines).toMatch(/Video: h264/);
    expect(log.find('frames have this size')).toMatchObject({ codec: 'h264', width: 160, height: 96 });
    expect(log.find('ffmpeg exited')).toMatchObject({ code: 0, frames: to.frames.length });
    expectNoSecrets(log);
  });

  test('by HTTP: what the gateway was asked for, and what was answered', async () => {
    const server = createHttpServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const [to, log] = [new Recording(), new RecordedLog('trace')];
    const url = secretUrl(`http://127.0.0.1:${port}/live.m3u8`);
    const options = { url, stream: 's', arena: to.arena, clock: systemClock, events: to, env: process.env, log };
    await expect(to.run(ffmpegSource(options))).rejects.toMatchObject({ code: 'source.not-found' });
    server.close();
    expect(log.find("ffmpeg's GET by the gateway")).toMatchObject({
      ...{ url: `http://127.0.0.1:${port}/live.m3u8`, status: 404, address: '127.0.0.1' },
    });
    expectNoSecrets(log);
  });
});

test('a file: what the container says, and how it is decoded', async () => {
  const [to, log] = [new Recording(), new RecordedLog('debug')];
  const path = join(folder, 'a.ts');
  const options = { path, stream: 's', arena: to.arena, clock: new JumpingClock(), events: to, log };
  await to.run(fileSource(options)).catch(() => {});
  expect(log.find('file opened')).toMatchObject({ path, codec: 'h264', container: 'mpegts', width: 160 });
  expect(log.find('decoder opened')).toMatchObject({ codec: 'h264', lowDelay: false });
});
