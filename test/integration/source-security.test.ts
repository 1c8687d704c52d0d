/**
 * Where sources may lead. 127.0.0.1, allowed as a single address, stands for the public internet; 127.0.0.9 for what is inside:
 * a trap listens there, and nothing may ever connect to it.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, isIP, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AddressGuard, OPERATORS_CLASSES } from '../../src/ingest/address-guard.ts';
import { type FfmpegSourceOptions, ffmpegSource } from '../../src/ingest/ffmpeg/source.ts';
import { rtspSource } from '../../src/ingest/rtsp/source.ts';
import { fromMs, systemClock } from '../../src/time.ts';
import { startApp } from '../support/app.ts';
import { type FakeScript, startFakeRtsp } from '../support/fake-rtsp.ts';
import { ffmpeg, Recording, temporaryFolder, testVideo } from '../support/media.ts';

const SECRET = 'hunter2';
let folder: string;
let removeFolder: () => Promise<void>;
let video: Buffer;
let trap: { readonly port: number; readonly connections: number };
let closeTrap: () => Promise<void>;
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  ({ path: folder, remove: removeFolder } = await temporaryFolder());
  await ffmpeg(...testVideo('160x96', '30', 30, '-tune', 'zerolatency', '-g', '15'), join(folder, 'a.ts'));
  video = await readFile(join(folder, 'a.ts'));
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  closeTrap = () => closed(server);
  const port = await listen(server, '127.0.0.9');
  trap = {
    port,
    get connections() {
      return connections;
    },
  };
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0)) await undo();
  expect(trap.connections).toBe(0);
});
afterAll(async () => {
  await closeTrap();
  await removeFolder();
});

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** A guard under which `camera.example` is outside and `inside.example` is not; `rebinding.example` is outside once. */
function guard(): AddressGuard & { readonly asked: readonly string[] } {
  const asked: string[] = [];
  const made = new AddressGuard(['127.0.0.1'], async (host) => {
    const again = asked.includes(host);
    asked.push(host);
    const inside = host === 'inside.example' || (host === 'rebinding.example' && again);
    const address = inside ? '127.0.0.9' : '127.0.0.1';
    return [{ address, family: isIP(address) }];
  });
  return Object.assign(made, { asked });
}

interface Outcome {
  readonly error: unknown;
  readonly frames: number;
}

/** Runs a source of `url` until it has given 20 frames or ended. */
async function play(url: string, options: Partial<FfmpegSourceOptions> = {}): Promise<Outcome> {
  const to = new Recording(20);
  const shared = { url, stream: 's', arena: to.arena, clock: systemClock, events: to, guard: guard(), ...options };
  const source = url.startsWith('rtsp')
    ? rtspSource(shared)
    : ffmpegSource({ env: process.env, startTimeout: fromMs(6000), ...shared });
  const error: unknown = await to.run(source).catch((thrown: unknown) => thrown);
  expect(to.arena.liveFrames).toBe(0);
  return { error, frames: to.frames.length };
}

/** A web server on what stands for the internet. */
async function web(listener: RequestListener, tls?: { key: Buffer; cert: Buffer }): Promise<number> {
  const server = tls ? createHttpsServer(tls, listener) : createHttpServer(listener);
  cleanUp.push(() => {
    server.closeAllConnections();
    return closed(server);
  });
  return await listen(server);
}

const PLAYLIST = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-TARGETDURATION:1', '#EXT-X-MEDIA-SEQUENCE:0'];

function playlist(segment: string, ...before: string[]): string {
  return [...PLAYLIST, ...before, '#EXTINF:1.0,', segment, '#EXT-X-ENDLIST', ''].join('\n');
}

const FORBIDDEN = { name: 'FrameliftError', code: 'source.forbidden', recoverable: false };

describe('addresses and names', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://0xa9fea9fe/',
    'http://[fe80::1]/live.m3u8',
    'rtsp://[::ffff:127.0.0.1]/',
    'rtsp://[::ffff:7f00:9]/',
    'rtsps://10.0.0.1/cam',
    'srt://127.0.0.1:9000',
    'srt://0.0.0.0:9000?mode=caller',
    'tcp://[64:ff9b::7f00:1]:80',
    'rtmp://[::1]/app/key',
    'udp://192.168.1.1:1234',
  ])('%s is refused before anything connects', async (url) => {
    const shared = { url: url.replace('://', `://user:${SECRET}@`), guard: new AddressGuard([]) };
    const to = new Recording();
    const options = { ...shared, stream: 's', arena: to.arena, clock: systemClock, events: to };
    const make = () => (url.startsWith('rtsp') ? rtspSource(options) : ffmpegSource(options));
    expect(make).toThrow(expect.objectContaining({ ...FORBIDDEN, message: expect.not.stringContaining(SECRET) }));
  });

  test.each(['rtsp', 'http', 'srt', 'tcp', 'rtmp'])('%s to a name that leads inside is refused', async (scheme) => {
    const { error } = await play(`${scheme}://user:${SECRET}@inside.example:${trap.port}/live/x?token=${SECRET}`);
    expect(error).toMatchObject({
      ...FORBIDDEN,
      message: expect.stringMatching(/^inside\.example leads to 127\.0\.0\.9, which is a loopback address/),
    });
    expect(JSON.stringify(error)).not.toContain(SECRET);
  });

  test('a name that changes after it was checked leads where it led then', async () => {
    const server = createServer((socket) => socket.end(video));
    cleanUp.push(() => closed(server));
    const checks = guard();
    const url = `tcp://rebinding.example:${await listen(server)}`;
    expect((await play(url, { guard: checks })).frames).toBeGreaterThanOrEqual(20);
    expect(checks.asked).toEqual(['rebinding.example']);
    const again = `tcp://rebinding.example:${trap.port}`;
    expect((await play(again, { guard: checks })).error).toMatchObject(FORBIDDEN);
  });
});

describe('RTSP', () => {
  test.each(['127.0.0.9', '[::ffff:127.0.0.9]', 'inside.example', '169.254.169.254'])(
    'a redirection to %s is refused',
    async (host) => {
      const script: FakeScript = ({ method }) =>
        method === 'DESCRIBE' ? { status: 302, headers: { Location: `rtsp://${host}:${trap.port}/cam` } } : undefined;
      const server = await startFakeRtsp({ script });
      cleanUp.push(() => server.close());
      const { error } = await play(server.url.replace('//', `//user:${SECRET}@`));
      expect(error).toMatchObject(FORBIDDEN);
      expect(String(error)).not.toContain(SECRET);
      expect(server.requests.map(({ method }) => method)).toEqual(['OPTIONS', 'DESCRIBE']);
    },
  );
});

test.each(['rtsp', 'http'])(
  '%s: what an operator may name is not open to redirections from outside',
  async (scheme) => {
    const asked: string[][] = [];
    /** An operator's, to which 127.0.0.1 is outside. */
    const operators = Object.assign(new AddressGuard([], undefined, OPERATORS_CLASSES), {
      beyond(addresses: readonly string[]) {
        asked.push([...addresses]);
        return new AddressGuard(['127.0.0.1']);
      },
    });
    expect(operators.permits('127.0.0.9')).toBe(true);
    const Location = `${scheme}://127.0.0.9:${trap.port}/cam`;
    const script: FakeScript = ({ method }) =>
      method === 'DESCRIBE' ? { status: 302, headers: { Location } } : undefined;
    const camera = await startFakeRtsp({ script });
    cleanUp.push(() => camera.close());
    const port = await web((_, response) => response.writeHead(302, { Location }).end());
    const url = scheme === 'rtsp' ? camera.url : `http://127.0.0.1:${port}/`;
    expect((await play(url, { guard: operators })).error).toMatchObject(FORBIDDEN);
    expect(asked).toEqual([['127.0.0.1']]);
  },
);

describe('HTTP', () => {
  test.each([
    'http://127.0.0.9:PORT/',
    'https://127.0.0.9:PORT/',
    '//127.0.0.9:PORT/x.ts',
    'http://inside.example:PORT/',
    'http://[::ffff:127.0.0.9]:PORT/',
    'http://169.254.169.254/latest/meta-data/',
    'file:///etc/passwd',
    'gopher://127.0.0.9:PORT/',
  ])('a redirection to %s is refused', async (location) => {
    const port = await web((request, response) => {
      if (request.url === '/hop') response.writeHead(307, { Location: '/live' }).end();
      else response.writeHead(302, { Location: location.replace('PORT', String(trap.port)) }).end();
    });
    const { error, frames } = await play(`http://camera.example:${port}/hop`);
    expect(error).toMatchObject(FORBIDDEN);
    expect(frames).toBe(0);
  });

  test.each([
    ['http://127.0.0.9:PORT/x.ts', FORBIDDEN],
    ['https://127.0.0.9:PORT/x.ts', FORBIDDEN],
    ['http://inside.example:PORT/x.ts', FORBIDDEN],
    ['httpproxy://127.0.0.9:PORT/x.ts', { name: 'FrameliftError' }],
    ['tcp://127.0.0.9:PORT', { name: 'FrameliftError' }],
    ['crypto+http://127.0.0.9:PORT/x.ts', { name: 'FrameliftError' }],
    ['unix:/run/docker.sock', { name: 'FrameliftError' }],
  ])('a playlist cannot lead to %s', async (segment, expected) => {
    const port = await web((_, response) => response.end(playlist(segment.replace('PORT', String(trap.port)))));
    const { error, frames } = await play(`http://camera.example:${port}/live.m3u8`);
    expect(error).toMatchObject(expected);
    expect(frames).toBe(0);
  });

  test.each(['http', 'tcp'])('nor can a list of ffmpeg’s own, by %s', async (scheme) => {
    const list = `ffconcat version 1.0\nfile tcp://127.0.0.9:${trap.port}\nfile http://127.0.0.9:${trap.port}/x.ts\n`;
    const server = createServer((socket) => socket.end(list));
    cleanUp.push(() => closed(server));
    const port = scheme === 'tcp' ? await listen(server) : await web((_, response) => response.end(list));
    const { error, frames } = await play(`${scheme}://camera.example:${port}/list`);
    expect(error).toMatchObject({ name: 'FrameliftError' });
    expect(frames).toBe(0);
  });

  test('nor can the key of its segments', async () => {
    const key = `#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.9:${trap.port}/key"`;
    const port = await web((_, response) => response.end(playlist('a.ts', key)));
    expect((await play(`http://camera.example:${port}/live.m3u8`)).error).toMatchObject(FORBIDDEN);
  });

  test('what is allowed plays: redirections, relative and absolute URLs, passwords, one connection to each name', async () => {
    const seen: string[] = [];
    const port = await web((request, response) => {
      seen.push(`${request.headers.host} ${request.url}`);
      if (request.headers.authorization !== `Basic ${btoa(`user:${SECRET}`)}`) {
        response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end();
      } else if (request.url === '/start') {
        response.writeHead(302, { Location: `http://user:${SECRET}@camera.example:${port}/live/list?a=1` }).end();
      } else if (request.url?.startsWith('/live/list')) {
        response.end(playlist(`http://user:${SECRET}@camera.example:${port}/absolute.ts`));
      } else response.end(video);
    });
    const outcome = await play(`http://user:${SECRET}@camera.example:${port}/start`);
    expect(outcome).toEqual({ error: undefined, frames: 20 });
    expect(seen).toContain(`camera.example:${port} /live/list?a=1`);
    expect(seen.at(-1)).toBe(`camera.example:${port} /absolute.ts`);
  });

  test('DASH plays through the gateway, and its absolute URLs are checked like those of HLS', async () => {
    const options = ['-f', 'dash', '-seg_duration', '1', '-use_template', '0', '-use_timeline', '0'];
    await ffmpeg(
      ...testVideo('160x96', '30', 60, '-tune', 'zerolatency', '-g', '30'),
      ...options,
      join(folder, 'd.mpd'),
    );
    const manifest = await readFile(join(folder, 'd.mpd'), 'utf8');
    const based = (base: string): string => manifest.replace(/(<Period[^>]*>)/, `$1<BaseURL>${base}</BaseURL>`);
    const port = await web(async (request, response) => {
      const name = request.url?.slice(1) ?? '';
      if (name === 'd.mpd') response.end(based(`http://camera.example:${port}/`));
      else if (name === 'evil.mpd') response.end(based(`http://127.0.0.9:${trap.port}/`));
      else response.end(await readFile(join(folder, basename(name))));
    });
    expect(await play(`http://camera.example:${port}/d.mpd`)).toEqual({ error: undefined, frames: 20 });
    expect((await play(`http://camera.example:${port}/evil.mpd`)).error).toMatchObject(FORBIDDEN);
  });

  test('HTTPS is spoken by us: certificates are checked, absolute URLs stay what they are', async () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const name = [
      '-subj',
      '/CN=camera.example',
      '-days',
      '1',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
    ];
    execFileSync('openssl', ['req', '-x509', '-nodes', ...name, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const names = new Set<unknown>();
    const port = await web(
      (request, response) => {
        names.add('servername' in request.socket ? request.socket.servername : undefined);
        response.end(request.url === '/b.ts' ? video : playlist(`https://camera.example:${port}/b.ts`));
      },
      { key: await readFile(key), cert: await readFile(cert) },
    );
    const url = `https://camera.example:${port}/live.m3u8`;
    expect((await play(url)).error).toMatchObject({
      ...{ code: 'source.unreachable', recoverable: false },
      remedy: expect.stringContaining('verifyCertificate'),
    });
    expect(await play(url, { verifyCertificate: false })).toEqual({ error: undefined, frames: 20 });
    expect([...names]).toEqual(['camera.example']);
  });
});

describe('a running framelift', () => {
  test('refuses what the API adds, follows what its operator wrote, and shows no secrets', async () => {
    const camera = await startFakeRtsp({
      script: ({ method }) => (method === 'DESCRIBE' ? { status: 404 } : undefined),
    });
    cleanUp.push(() => camera.close());
    const token = 'an-administrators-token';
    const config = join(folder, 'framelift.yaml');
    const own = camera.url.replace('//', `//user:${SECRET}@`);
    const settings = { auth: { admin: [token] }, engine: { model: 'repeat' }, streams: [{ name: 'own', source: own }] };
    await writeFile(config, JSON.stringify(settings));
    const app = await startApp(['--config', config]);
    cleanUp.push(() => app.stop());
    const post = async (source: string, more: object = {}): Promise<{ status: number; text: string }> => {
      const answer = await fetch(`${app.url}/api/streams`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ name: 'added', source, ...more }),
      });
      return { status: answer.status, text: await answer.text() };
    };
    for (const [source, more] of [
      [`http://user:${SECRET}@169.254.169.254/?token=${SECRET}`],
      [`rtsp://user:${SECRET}@[::ffff:127.0.0.1]/`],
      [`rtsp://user:${SECRET}@192.168.1.7/cam`],
      [`rtsp://user:${SECRET}@camera.example/`, { ingest: 'ffmpeg' }],
      ['/etc/passwd'],
      ['/no/such/file'],
      ['/dev/video0'],
    ] as const) {
      const { status, text } = await post(source, more);
      expect(`${status} ${text}`).toMatch(/^422 .*source\.forbidden/);
      expect(text).not.toContain(SECRET);
    }
    // A name is only known by looking it up, which is done when the stream connects.
    expect((await post(`rtsp://user:${SECRET}@localhost:${trap.port}/cam`)).status).toBe(201);
    await expect.poll(async () => (await app.stream('added')).error, { timeout: 5000 }).toMatch(/loopback/);
    await expect.poll(() => camera.requests.length, { timeout: 5000 }).toBeGreaterThan(0);
    expect(app.log()).toMatch(/localhost leads to .* is a loopback address/);
    expect(app.log()).not.toContain(SECRET);
    expect(app.log()).not.toContain(token);
  });
});
