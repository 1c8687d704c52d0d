import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type FfmpegSourceOptions, ffmpegSource } from '../../src/ingest/ffmpeg/source.ts';
import { DEFAULT_LIMITS } from '../../src/ingest/limits.ts';
import { fromMs, systemClock } from '../../src/time.ts';
import { freePort, startCamera } from '../support/camera.ts';
import { FFMPEGS, newestFfmpeg } from '../support/ffmpegs.ts';
import { ffmpeg, Recording, temporaryFolder, testVideo, timestamps } from '../support/media.ts';

const LIVE = ['-tune', 'zerolatency', '-g', '15'];
let folder: string;
let remove: () => Promise<void>;
/** Run the real ffmpeg of that name and write its process id down. */
const wrappers = new Map<string, string>();
const PROGRAMS = FFMPEGS.map(([name]) => name);
let program = 'installed';
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  ({ path: folder, remove } = await temporaryFolder());
  for (const [name, path] of FFMPEGS) {
    wrappers.set(name, await script(name, `echo $$ >> ${at('pids')}\nexec ${path} "$@"`));
  }
});
afterEach(async () => {
  program = 'installed';
  for (const undo of cleanUp.splice(0)) await undo();
  expect(await alive()).toEqual([]);
});
afterAll(() => remove());

function at(name: string): string {
  return join(folder, name);
}

async function script(name: string, body: string): Promise<string> {
  await writeFile(at(name), `#!/bin/sh\n${body}\n`);
  await chmod(at(name), 0o755);
  return at(name);
}

/** Process ids of children that still run. */
async function alive(): Promise<number[]> {
  const pids = await readFile(at('pids'), 'utf8').catch(() => '');
  return pids.split('\n').filter(Boolean).map(Number).filter(running);
}

function running(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function receive(url: string, to: Recording, options: Partial<FfmpegSourceOptions> = {}): Promise<void> {
  const { arena } = to;
  const ffmpegPath = wrappers.get(program) ?? '';
  return to.run(ffmpegSource({ url, stream: 's', arena, clock: systemClock, events: to, ffmpegPath, ...options }));
}

async function listen(server: Server | HttpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => new Promise((done) => server.close(done)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}

/** Serves bytes to whoever connects; keeps the connection open if asked. */
async function serveTcp(bytes: Uint8Array, keepOpen = false): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (keepOpen) socket.write(bytes);
    else socket.end(bytes);
  });
  return `tcp://127.0.0.1:${await listen(server)}`;
}

async function serveHttp(files: Record<string, Uint8Array | number>): Promise<string> {
  const server = createHttpServer((request, response) => {
    const found = files[(request.url ?? '').slice(1)] ?? 404;
    if (typeof found === 'number') response.writeHead(found).end();
    else response.end(found);
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

/** An ffmpeg that sends until the test ends. */
function send(...args: string[]): ChildProcess {
  const child = spawn('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', '-re', ...args], {
    stdio: 'ignore',
  });
  cleanUp.push(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
  return child;
}

test.each([
  ['no B-frames', 'installed', LIVE],
  ['B-frames', 'installed', ['-bf', '2', '-g', '15']],
  ['B-frames', 'newest', ['-bf', '2', '-g', '15']],
])('MPEG-TS over TCP, %s, %s ffmpeg: every frame, with the times of the source', async (_, name, args) => {
  program = name;
  await ffmpeg(...testVideo('160x96', '30000/1001', 60, ...args), at('a.ts'));
  const to = new Recording();
  const url = await serveTcp(await readFile(at('a.ts')));
  await expect(receive(url, to)).rejects.toMatchObject({ code: 'source.ended', recoverable: true });
  expect(to.pts).toEqual(await timestamps(at('a.ts')));
  const traits = { colour: { matrix: 'bt601', range: 'limited' } };
  expect(to.infos).toEqual([{ codec: 'h264', width: 160, height: 96, fps: 29.97, transport: 'ffmpeg', traits }]);
  expect(to.frames.flatMap((frame, i) => (frame.discontinuity ? [i] : []))).toEqual([0]);
  expect(to.arena.liveFrames).toBe(0);
});

test.each(PROGRAMS)('%s ffmpeg: variable frame rate and odd sizes pass unchanged', async (name) => {
  program = name;
  const filter = "scale=161:97,select='not(mod(n,3))+lt(n,10)'";
  await ffmpeg(
    ...testVideo('160x96', '30', 40, ...LIVE),
    '-vf',
    filter,
    '-pix_fmt',
    'yuv444p',
    '-fps_mode',
    'vfr',
    at('v.ts'),
  );
  const to = new Recording();
  await expect(receive(await serveTcp(await readFile(at('v.ts'))), to)).rejects.toMatchObject({ code: 'source.ended' });
  expect(to.pts).toEqual(await timestamps(at('v.ts')));
  expect(new Set(to.frames.map((frame) => frame.size))).toEqual(new Set(['161x97']));
});

test('live MPEG-TS over UDP, stopped: resolves with the child gone', async () => {
  const url = `udp://127.0.0.1:${await freePort()}`;
  send(...testVideo('320x180', '30', 3000, ...LIVE), '-f', 'mpegts', `${url}?pkt_size=1316`);
  const to = new Recording(20);
  await receive(url, to);
  expect(to.frames.length).toBeGreaterThanOrEqual(20);
  expect(to.arena.liveFrames).toBe(0);
});

test('SRT', async () => {
  const url = `srt://127.0.0.1:${await freePort()}`;
  send(...testVideo('160x96', '30', 3000, ...LIVE), '-f', 'mpegts', `${url}?mode=listener`);
  const to = new Recording(10);
  await receive(url, to);
  expect(to.frames.length).toBeGreaterThanOrEqual(10);
});

test('an MJPEG camera by RTSP, which only ffmpeg takes', async () => {
  const camera = await startCamera({ codec: 'jpeg', size: '320x192', user: 'me', password: 'secret' });
  cleanUp.push(() => camera.stop());
  const to = new Recording(20);
  await receive(camera.url.replace('rtsp://', 'rtsp://me:secret@'), to);
  expect(to.infos).toMatchObject([{ codec: 'mjpeg', width: 320, height: 192 }]);
  expect(to.frames.length).toBeGreaterThanOrEqual(20);
  const wrong = receive(camera.url.replace('rtsp://', 'rtsp://me:wrong@'), new Recording());
  await expect(wrong).rejects.toMatchObject({
    code: 'source.unauthorized',
    message: expect.not.stringContaining('wrong'),
  });
});

test.each(PROGRAMS)('%s ffmpeg: HLS is delivered in real time, though it could be had at once', async (name) => {
  program = name;
  const live = [...LIVE, '-f', 'hls', '-hls_time', '1', '-hls_list_size', '0', at('live.m3u8')];
  await ffmpeg(...testVideo('160x96', '30', 150), ...live);
  const files: Record<string, Uint8Array> = { 'live.m3u8': await readFile(at('live.m3u8')) };
  for (let i = 0; i < 5; i += 1) files[`live${i}.ts`] = await readFile(at(`live${i}.ts`)).catch(() => Buffer.alloc(0));
  const to = new Recording(45);
  await receive(`${await serveHttp(files)}/live.m3u8`, to);
  const [first, last] = [to.frames[0], to.frames[44]];
  const media = (last?.pts ?? 0) - (first?.pts ?? 0);
  expect((last?.arrival ?? 0) - (first?.arrival ?? 0)).toBeGreaterThan(media * 0.9);
  expect(to.arena.liveFrames).toBe(0);
});

test('an on-demand source is delivered to its end, though ffmpeg is gone before', async () => {
  await ffmpeg(...testVideo('160x96', '5', 5, ...LIVE), at('short.ts'));
  const to = new Recording();
  const url = await serveHttp({ 'short.ts': await readFile(at('short.ts')) });
  await expect(receive(`${url}/short.ts`, to)).rejects.toMatchObject({ code: 'source.ended' });
  expect(to.pts).toEqual(await timestamps(at('short.ts')));
  expect(to.arena.liveFrames).toBe(0);
});

test.each(PROGRAMS)('%s ffmpeg: a source whose clock restarts ends the run instead of standing still', async (name) => {
  program = name;
  await ffmpeg(...testVideo('160x96', '30', 60, ...LIVE), at('twice.ts'));
  const part = await readFile(at('twice.ts'));
  const to = new Recording();
  const running = receive(await serveTcp(Buffer.concat([part, part]), true), to);
  await expect(running).rejects.toMatchObject({ code: 'source.protocol', recoverable: true });
  // The last ones may be lost where the two meet.
  expect(to.pts.length).toBeGreaterThan(50);
  expect(to.pts).toEqual((await timestamps(at('twice.ts'))).slice(0, to.pts.length));
});

test('the program is looked up in the environment that is given, and in no other', async () => {
  await ffmpeg(...testVideo('160x96', '25', 1), at('env.ts'));
  const url = await serveTcp(await readFile(at('env.ts')));
  const used = async () => (await readFile(at('pids'), 'utf8').catch(() => '')).split('\n').length;
  const before = await used();
  const to = new Recording();
  const source = ffmpegSource({
    ...{ url, stream: 's', arena: to.arena, clock: systemClock, events: to },
    env: { FFMPEG_PATH: wrappers.get('installed') },
  });
  await expect(to.run(source)).rejects.toMatchObject({ code: 'source.ended' });
  expect(await used()).toBeGreaterThan(before);
});

test('a playlist cannot lead to a local file', async () => {
  const list = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n';
  const url = await serveHttp({ 'evil.m3u8': Buffer.from(list) });
  const to = new Recording();
  await expect(receive(`${url}/evil.m3u8`, to)).rejects.toMatchObject({ name: 'FrameliftError' });
  expect(to.frames).toEqual([]);
});

test.each(PROGRAMS)('%s ffmpeg: errors say why', async (name) => {
  program = name;
  await ffmpeg('-f', 'lavfi', '-i', 'sine=duration=1', '-c:a', 'aac', at('sound.ts'));
  const web = await serveHttp({ secret: 401, text: Buffer.from('hello'), 'sound.ts': await readFile(at('sound.ts')) });
  const code = async (url: string) => {
    const to = new Recording();
    const error: unknown = await receive(url, to, { startTimeout: fromMs(8000) }).catch((thrown: unknown) => thrown);
    return error;
  };
  expect(await code(`${web}/missing.ts`)).toMatchObject({ code: 'source.not-found' });
  expect(await code(`${web}/secret`)).toMatchObject({ code: 'source.unauthorized', recoverable: false });
  expect(await code(`${web}/text`)).toMatchObject({ code: 'source.protocol' });
  expect(await code(`${web}/sound.ts`)).toMatchObject({ code: 'source.no-video' });
  expect(await code(`tcp://127.0.0.1:${await freePort()}`)).toMatchObject({
    code: 'source.unreachable',
    recoverable: true,
  });
  expect(await code('http://nowhere.invalid/x')).toMatchObject({ code: 'source.unreachable' });
});

test('an ffmpeg that cannot be started is said', async () => {
  const to = new Recording();
  const starting = receive('tcp://127.0.0.1:1', to, { ffmpegPath: at('nothing') });
  await expect(starting).rejects.toMatchObject({ code: 'ffmpeg.failed' });
});

test('one frame, then the end', async () => {
  await ffmpeg(...testVideo('160x96', '25', 1), at('one.ts'));
  const to = new Recording();
  await expect(receive(await serveTcp(await readFile(at('one.ts'))), to)).rejects.toMatchObject({
    code: 'source.ended',
  });
  expect(to.frames).toHaveLength(1);
});

test('a source that falls silent is stalled after the given time', async () => {
  await ffmpeg(...testVideo('160x96', '30', 60, ...LIVE), at('half.ts'));
  const to = new Recording();
  const url = await serveTcp(await readFile(at('half.ts')), true);
  const stalled = receive(url, to, { stallTimeout: fromMs(700) });
  await expect(stalled).rejects.toMatchObject({ code: 'source.stalled', recoverable: true });
  expect(to.frames.length).toBeGreaterThan(50);
});

test('a source that never sends is stalled too', async () => {
  const to = new Recording();
  const url = await serveTcp(new Uint8Array(), true);
  await expect(receive(url, to, { startTimeout: fromMs(500) })).rejects.toMatchObject({ code: 'source.stalled' });
});

test.each(PROGRAMS)(
  '%s ffmpeg: a size that changes while running is announced, without a new connection',
  async (name) => {
    program = name;
    await ffmpeg(...testVideo('160x96', '30', 30, ...LIVE), at('s1.ts'));
    await ffmpeg(...testVideo('320x180', '30', 30, ...LIVE), '-output_ts_offset', '1', at('s2.ts'));
    const both = Buffer.concat([await readFile(at('s1.ts')), await readFile(at('s2.ts'))]);
    const to = new Recording();
    await expect(receive(await serveTcp(both), to)).rejects.toMatchObject({ code: 'source.ended' });
    expect(to.infos.map(({ width, height }) => `${width}x${height}`)).toEqual(['160x96', '320x180']);
    const change = to.frames.findIndex((frame) => frame.size === '320x180');
    expect(to.frames[change]?.discontinuity).toBe(true);
    expect(to.frames.length).toBeGreaterThan(50);
    expect(to.arena.liveFrames).toBe(0);
  },
);

test('a child that ignores SIGTERM is killed', async () => {
  const body = `case "$*" in *-encoders*) exit 0;; *'-h long'*) echo '-fps_mode mode'; exit 0;; esac\necho $$ >> ${at('pids')}\ntrap '' TERM\necho up >&2\nwhile :; do sleep 0.05; done`;
  const stubborn = await script('stubborn', body);
  const to = new Recording();
  const running = receive('tcp://127.0.0.1:9', to, { ffmpegPath: stubborn });
  while ((await alive()).length === 0) await new Promise((resolve) => setImmediate(resolve));
  const started = performance.now();
  to.stop();
  await running;
  expect(performance.now() - started).toBeLessThan(2000);
  expect(await alive()).toEqual([]);
});

test('stopped before it has begun, it never connects', async () => {
  const to = new Recording();
  to.stop();
  await receive('tcp://127.0.0.1:9', to);
  expect(to.infos).toEqual([]);
});

test.each(PROGRAMS)('%s ffmpeg: of a master playlist the best variant within the limits is taken', async (name) => {
  program = name;
  const sizes = ['160x96', '320x180', '640x360'];
  const files: Record<string, Uint8Array> = {};
  for (const size of sizes) {
    const list = at(`${size}.m3u8`);
    await ffmpeg(...testVideo(size, '30', 30), ...LIVE, '-f', 'hls', '-hls_list_size', '0', list);
    files[`${size}.m3u8`] = await readFile(list);
    files[`${size}0.ts`] = await readFile(at(`${size}0.ts`));
  }
  const variants = sizes.map(
    (size, i) => `#EXT-X-STREAM-INF:BANDWIDTH=${i + 1}00000,RESOLUTION=${size}\n${size}.m3u8\n`,
  );
  const url = `${await serveHttp({ ...files, 'master.m3u8': Buffer.from(`#EXTM3U\n${variants.join('')}`) })}/master.m3u8`;
  const size = async (from: string, options: Partial<FfmpegSourceOptions> = {}) => {
    const to = new Recording(1);
    await receive(from, to, options);
    return to.frames[0]?.size;
  };
  const limits = { maxWidth: 8192, maxHeight: 8192, maxFps: 240, maxBitrateKbps: 250 };
  expect(await size(url)).toBe('640x360');
  expect(await size(url, { limits })).toBe('320x180');
  expect(await size(`${url}#maxHeight=100`, { limits })).toBe('160x96');
  const none = size(url, { limits: { ...limits, maxWidth: 100 } });
  await expect(none).rejects.toMatchObject({ code: 'source.too-large', message: expect.stringContaining('640x360') });
});

/** A picture header of any size, with no picture behind it. */
const header = (size: string) => `YUV4MPEG2 W${size.replace('x', ' H')} F25:1 Ip A1:1 C420jpeg\nFRAME\n`;

test.each(PROGRAMS.flatMap((name) => ['65500x65500', '8193x16', '2147483647x2'].map((size) => [name, size] as const)))(
  '%s ffmpeg: a source of %s is refused by its header',
  async (name, size) => {
    program = name;
    const to = new Recording();
    const bytes = Buffer.concat([Buffer.from(header(size)), Buffer.alloc(1 << 20)]);
    const running = receive(await serveTcp(bytes, true), to, { limits: DEFAULT_LIMITS, startTimeout: fromMs(8000) });
    await expect(running).rejects.toMatchObject({
      ...{ code: 'source.too-large', message: expect.stringContaining(size) },
    });
    expect(to.frames).toEqual([]);
  },
);

/** As OBS does. */
function publish(path: string, url: string, ...codec: string[]): void {
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x96:rate=25:duration=2', '-pix_fmt', 'yuv420p', '-g', '25'];
  const child = spawn(path, ['-v', 'error', '-nostdin', '-re', ...picture, ...codec, '-f', 'flv', url], {
    stdio: 'ignore',
  });
  cleanUp.push(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  });
}

/** Publishes once the port is open. */
async function publishTo(port: number, path: string, url: string, ...codec: string[]): Promise<void> {
  // Connecting to see would be taken for the publisher.
  const open = async () =>
    (await readFile('/proc/net/tcp', 'utf8')).includes(
      `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`,
    );
  await vi.waitFor(async () => expect(await open()).toBe(true), { timeout: 10_000, interval: 50 });
  publish(path, url, ...codec);
}

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency'];
const H265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error'];

describe('RTMP, listening', () => {
  test.each([
    ['installed', 'H.264', 'h264', H264],
    ['newest', 'H.264', 'h264', H264],
    ['newest', 'H.265, enhanced RTMP', 'hevc', H265],
  ])('%s ffmpeg takes a publisher with %s, to its end', async (name, _, codec, args) => {
    program = name;
    const port = await freePort();
    const to = new Recording();
    const url = `rtmp://127.0.0.1:${port}/live/key`;
    const running = receive(`${url}?listen=1`, to);
    const ended = expect(running).rejects.toMatchObject({ code: 'source.ended', recoverable: true });
    await publishTo(port, newestFfmpeg(), url, ...args);
    await ended;
    expect(to.infos).toMatchObject([{ codec, width: 160, height: 96 }]);
    expect(to.frames).toHaveLength(50);
  });

  test('an ffmpeg that is too old for H.265 says which one is needed', async () => {
    const port = await freePort();
    const url = `rtmp://127.0.0.1:${port}/live/key`;
    const running = receive(`${url}?listen=1`, new Recording());
    const ended = expect(running).rejects.toMatchObject({
      ...{ code: 'source.unsupported-codec', remedy: expect.stringContaining('6.1') },
    });
    await publishTo(port, newestFfmpeg(), url, ...H265);
    await ended;
  });

  test.each([
    ['installed', 'live/other'],
    ['installed', 'other/key'],
    ['newest', 'live/other'],
    ['newest', 'other/key'],
  ])('%s ffmpeg: a publisher to %s is sent away, and nothing of it is shown', async (name, path) => {
    program = name;
    const port = await freePort();
    const to = new Recording();
    const running = receive(`rtmp://127.0.0.1:${port}/live/key?listen=1`, to);
    const ended = expect(running).rejects.toMatchObject({ code: 'source.unauthorized', recoverable: true });
    await publishTo(port, newestFfmpeg(), `rtmp://127.0.0.1:${port}/${path}`, ...H264);
    await ended;
    expect(to.frames).toEqual([]);
  });
});
