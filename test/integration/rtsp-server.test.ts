/** Our own RTSP server, read by ffmpeg and GStreamer, over TCP and UDP, and what hostile clients get of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitNalUnits } from '../../src/egress/rtp/packetizer.ts';
import type { MetricEvent } from '../../src/metrics/events.ts';
import { Access } from '../../src/server/auth.ts';
import { RtspServer } from '../../src/server/rtsp/server.ts';
import { systemClock } from '../../src/time.ts';
import { type PushRig, startPushRig } from '../support/push-rig.ts';
import { RecordedLog } from '../support/recorded-log.ts';

const GSTREAMER = fileURLToPath(new URL('../support/gstreamer_rtsp.py', import.meta.url));
const FRAMES = 35;
const TOKEN = 'play-token-of-tests';
const log = new RecordedLog();
const events: MetricEvent[] = [];
let rig: PushRig;
let server: RtspServer;

beforeAll(async () => {
  rig = startPushRig('opus', '320x180');
  server = await RtspServer.start(
    { host: '127.0.0.1', port: 0, maxConnections: 16 },
    {
      access: new Access({ publish: [], play: [TOKEN], admin: [] }),
      // Of a publication, readers take no more.
      find: (stream) => (stream === 'cam' ? (rig as never) : undefined),
      ...{ clock: systemClock, events: { emit: (event) => void events.push(event) }, log },
    },
  );
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rig[Symbol.dispose]();
  expect(rig.followers).toBe(0);
});

const url = (credentials = `viewer:${TOKEN}@`, rest = 'cam'): string =>
  `rtsp://${credentials}127.0.0.1:${server.port}/${rest}`;

const slicesOf = (annexB: Buffer): Buffer[] =>
  splitNalUnits(annexB).filter((nal) => [1, 5].includes((nal[0] ?? 0) & 31));

/** Runs a reader to its end. */
async function read(program: string, args: readonly string[]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000, killSignal: 'SIGKILL' });
  const out: Buffer[] = [];
  let words = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    words += chunk;
  });
  const [code]: unknown[] = await once(child, 'close');
  return { code, words, slices: slicesOf(Buffer.concat(out)) };
}

/** Every slice is one of ours, none is missing, from a keyframe on. */
function expectOurs(slices: readonly Buffer[]): void {
  const sent = rig.clip.map((unit) => slicesOf(Buffer.from(unit)));
  const first = sent.findIndex(([slice]) => slice && slices[0]?.equals(slice));
  expect(first % 10).toBe(0);
  const wrong = slices.filter((slice, index) => !sent[(first + index) % sent.length]?.[0]?.equals(slice));
  expect(wrong.length).toBe(0);
}

const ffmpeg = (transport: 'tcp' | 'udp', from: string) =>
  read('ffmpeg', [
    ...['-hide_banner', '-rtsp_transport', transport, '-i', from, '-map', '0:v', '-c', 'copy'],
    ...['-frames:v', String(FRAMES), '-f', 'h264', '-'],
  ]);
const gstreamer = (protocol: 'tcp' | 'udp') =>
  read('/usr/bin/python3', [
    ...[
      GSTREAMER,
      url(''),
      '--protocol',
      protocol,
      '--frames',
      String(FRAMES),
      '--user',
      'viewer',
      '--password',
      TOKEN,
    ],
  ]);

describe('readers', () => {
  it('are sent the very access units, and the sound: ffmpeg and GStreamer, over TCP and UDP', async () => {
    const all = await Promise.all([
      ffmpeg('tcp', url()),
      ffmpeg('udp', `${url(undefined, 'cam?variant=source')}`),
      gstreamer('tcp'),
      gstreamer('udp'),
    ]);
    for (const { code, words, slices } of all) {
      expect(code, words).toBe(0);
      expect(slices.length, words).toBeGreaterThanOrEqual(FRAMES - 1);
      expectOurs(slices);
    }
    for (const { words } of all.slice(0, 2)) expect(words).toMatch(/Video: h264.*320x180[\s\S]*Audio: opus/);
    for (const { words } of all.slice(2)) {
      const { video, audio } = JSON.parse(words.trim().split('\n').at(-1) ?? '') as Record<string, number[]>;
      const span = (times: number[] = []): number => (times.at(-1) ?? 0) - (times[0] ?? 0);
      // It moves the first pictures to where its clock finds them.
      expect(Math.abs(span(video) - (FRAMES - 1) / 30)).toBeLessThan(0.3);
      expect(audio?.length).toBeGreaterThan(30);
    }
    const readers = events.flatMap((event) => (event.type === 'rtsp-readers' ? [event] : []));
    expect(readers.some(({ variant }) => variant === 'source')).toBe(true);
    expect(readers.filter(({ variant }) => variant === 'upconverted').at(-1)?.count).toBe(0);
  });
});

/** A raw connection. */
async function dial(): Promise<{ socket: Socket; text: () => string; ask: (text: string) => Promise<string> }> {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  const ask = async (request: string): Promise<string> => {
    const before = text.length;
    socket.write(request);
    for (let i = 0; i < 500 && !socket.destroyed; i += 1) {
      if (/\r\n\r\n/.test(text.slice(before))) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return text.slice(before).split('\r\n', 1)[0] ?? '';
  };
  return { socket, text: () => text, ask };
}

const AUTH = `Authorization: Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}\r\n`;
const request = (method: string, rest = 'cam', fields = AUTH): string =>
  `${method} rtsp://127.0.0.1/${rest} RTSP/1.0\r\nCSeq: 1\r\n${fields}\r\n`;
const TCP = 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n';

describe('requests', () => {
  it.each([
    ['what it can', request('OPTIONS', 'cam', ''), 200],
    ['no credentials', request('DESCRIBE', 'cam', ''), 401],
    ['a wrong password', request('DESCRIBE', 'cam', 'Authorization: Basic eDp3cm9uZ3dyb25n\r\n'), 401],
    ['two Authorization fields', request('DESCRIBE', 'cam', `Authorization: Bearer wrongwrong\r\n${AUTH}`), 401],
    ['a bearer token', request('DESCRIBE', 'cam', `Authorization: Bearer ${TOKEN}\r\n`), 200],
    ['another stream', request('DESCRIBE', 'other'), 404],
    ['no stream', request('DESCRIBE', ''), 404],
    ['another variant', request('DESCRIBE', 'cam?variant=best'), 404],
    ['a path out of it', request('DESCRIBE', '../cam'), 404],
    ['to play before anything', request('PLAY'), 454],
    ['a session of somebody else', request('PLAY', 'cam', `${AUTH}Session: 1\r\n`), 454],
    ['no transport', request('SETUP', 'cam/trackID=0'), 461],
    ['multicast', request('SETUP', 'cam/trackID=0', `${AUTH}Transport: RTP/AVP;multicast\r\n`), 461],
    ['a port of a service', request('SETUP', 'cam', `${AUTH}Transport: RTP/AVP;unicast;client_port=53-54\r\n`), 461],
    ['to record', request('SETUP', 'cam', `${AUTH}Transport: RTP/AVP/TCP;interleaved=0-1;mode=record\r\n`), 461],
    ['to publish', request('ANNOUNCE'), 405],
    ['something new', request('REDIRECT'), 501],
    ['an extension', request('DESCRIBE', 'cam', `${AUTH}Require: x\r\n`), 551],
  ])('%s', async (_, text, status) => {
    const { socket, ask } = await dial();
    expect(await ask(text)).toMatch(new RegExp(`^RTSP/1.0 ${status} `));
    socket.destroy();
  });

  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4)],
    ['binary', '\0'.repeat(5000)],
    ['an endless header', `OPTIONS * RTSP/1.0\r\n${'x: y\r\n'.repeat(500)}`],
    ['an endless line', `OPTIONS ${'x'.repeat(80_000)}`],
    ['a huge body', request('OPTIONS', 'cam', 'Content-Length: 999999\r\n')],
    ['a flood', request('OPTIONS', 'cam', '').repeat(200)],
    ['guesses', request('DESCRIBE', 'cam', 'Authorization: Basic eDp3cm9uZ3dyb25n\r\n').repeat(6)],
  ])('%s ends the connection, and it alone', async (_, text) => {
    const { socket } = await dial();
    const closed = once(socket, 'close');
    socket.write(text);
    await closed;
    const next = await dial();
    expect(await next.ask(request('OPTIONS', 'cam', ''))).toMatch(/ 200 /);
    next.socket.destroy();
  });

  it('are paused, played again and ended', async () => {
    const { socket, ask, text } = await dial();
    expect(await ask(request('SETUP', 'cam/trackID=0', AUTH + TCP))).toMatch(/ 200 /);
    const session = `${AUTH}Session: ${/Session: (\w+)/.exec(text())?.[1]}\r\n`;
    expect(await ask(request('SETUP', 'cam/trackID=2', session + TCP))).toMatch(/ 200 /);
    expect(await ask(request('PLAY', 'cam', session))).toMatch(/ 200 /);
    const followed = async (count: number): Promise<void> => {
      for (let i = 0; i < 200 && rig.followers !== count; i += 1) await new Promise((r) => setTimeout(r, 5));
      expect(rig.followers).toBe(count);
    };
    await followed(1);
    socket.write(request('PAUSE', 'cam', session));
    await followed(0);
    socket.write(request('PLAY', 'cam', session));
    await followed(1);
    socket.write(request('TEARDOWN', 'cam', session));
    await followed(0);
    socket.destroy();
  });
});
