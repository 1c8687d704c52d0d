import { connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { StreamEntry } from '../../../src/server/contract.ts';
import { MAX_OFFER_BYTES } from '../../../src/webrtc/resource.ts';
import { ask } from '../../support/request.ts';
import { LIVE, startServer as start } from '../../support/server.ts';

describe('the page', () => {
  it('comes with its files, types and strict headers', async () => {
    const { url } = await start();
    const page = await fetch(`${url}/`);
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="([a-z/-]+\.[a-z]+)"/g)].map((match) => `/${match[1]}`);
    expect(files).toContain('/app.js');
    // It is served at any path.
    expect(html).not.toMatch(/(?:src|href)="\//);
    expect(html).not.toMatch(/https?:\/\/|<style|<script>|onload=/);
    for (const path of ['/', ...files, '/player/screen.js', '/player/whep.js', '/plot.js', '/readings.js']) {
      const response = await fetch(url + path);
      expect(response.status, path).toBe(200);
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      await response.arrayBuffer();
    }
    expect((await fetch(`${url}/app.js`)).headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  });

  it('is not sent again to who has it', async () => {
    const { url } = await start();
    const etag = (await fetch(`${url}/styles/base.css`)).headers.get('etag') ?? '';
    const again = await fetch(`${url}/styles/base.css`, { headers: { 'If-None-Match': etag } });
    expect(again.status).toBe(304);
  });

  it('imports only what is served', async () => {
    const { url } = await start();
    const scripts = new Set([`${url}/app.js`]);
    for (const script of scripts) {
      const response = await fetch(script);
      expect(response.status, script).toBe(200);
      for (const [, path] of (await response.text()).matchAll(/from '([^']+)'/g)) {
        scripts.add(new URL(path ?? '', script).href);
      }
    }
    expect(scripts).toContain(`${url}/player/screen.js`);
  });
});

describe('requests that are refused', () => {
  it('stays within the page: no traversal', async () => {
    const server = await start();
    for (const path of [
      '/../server.ts',
      '/..%2fserver.ts',
      '/%2e%2e/server.ts',
      '/web/index.html',
      '/index.html/../../cli.ts',
    ]) {
      const { status, body } = await ask(server, path);
      expect(status, path).toBe(404);
      expect(JSON.parse(body)).toMatchObject({ code: 'http.not-found' });
    }
    expect((await ask(server, '/%zz')).status).toBe(400);
  });

  it('answers only as a name of this machine, on loopback', async () => {
    const server = await start();
    expect((await ask(server, '/healthz', { Host: 'rebound.example' })).status).toBe(403);
    expect((await ask(server, '/healthz', { Host: 'localhost' })).status).toBe(200);
    expect((await ask(server, '/healthz', { Host: `[::1]:${server.port}` })).status).toBe(200);
  });

  it('says which methods are possible', async () => {
    const { url } = await start();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const response = await fetch(`${url}/healthz`, { method });
      expect(response.status, method).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, HEAD');
      expect(await response.json()).toMatchObject({ code: 'http.method-not-allowed', remedy: 'Use GET, HEAD.' });
    }
    expect((await fetch(`${url}/healthz`, { method: 'HEAD' })).status).toBe(200);
  });

  it('cuts off a request that is never finished being bytes', async () => {
    const server = await start();
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      socket.setEncoding('utf8').on('data', (text: string) => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('WHEP over HTTP', () => {
  const offer = { method: 'POST', headers: { 'Content-Type': 'application/sdp' } };

  it('hands everything to the endpoint and its answer back', async () => {
    const { url } = await start();
    const post = (path: string, init: RequestInit): Promise<Response> => fetch(`${url}/whep/${path}`, init);
    expect((await post('none', { ...offer, body: 'v=0' })).status).toBe(404);
    expect(
      (await post('cam', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } })).status,
    ).toBe(415);
    expect((await post('cam', { method: 'POST' })).status).toBe(415);
    const early = await post('cam', { ...offer, body: 'v=0' });
    expect([400, 409]).toContain(early.status);
    const preflight = await post('cam', { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('accept-post')).toBe('application/sdp');
    expect((await post('cam/no-such-session', { method: 'DELETE' })).status).toBe(404);
    expect((await post('cam', { method: 'GET' })).status).toBe(405);
  });

  it('refuses a body that is too large, however it is announced', async () => {
    const { url } = await start();
    const chunked = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < 5; i += 1) controller.enqueue(new Uint8Array(MAX_OFFER_BYTES / 4).fill(120));
        controller.close();
      },
    });
    // `duplex` is required for streams and missing in the types.
    const streamed = { ...offer, body: chunked, duplex: 'half' } as RequestInit;
    for (const init of [{ ...offer, body: 'x'.repeat(MAX_OFFER_BYTES + 1) }, streamed]) {
      const response = await fetch(`${url}/whep/cam`, init);
      expect(response.status).toBe(413);
    }
    const fits = await fetch(`${url}/whep/cam`, { ...offer, body: 'x'.repeat(MAX_OFFER_BYTES) });
    expect(fits.status).not.toBe(413);
  });
});

describe('health and API', () => {
  it('is ready when every stream has shown a frame and the engine is warm', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({ status: 'ready', reasons: [] });
  });

  it('is ready while a stream waits for its first publisher, who could not come through a balancer otherwise', async () => {
    const { url } = await start([{ ...LIVE, ready: false, awaitsPublisher: true }]);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const without = await start([{ ...LIVE, ready: false, awaitsPublisher: false }]);
    expect((await fetch(`${without.url}/readyz`)).status).toBe(503);
  });

  it('says why it is not ready, without credentials', async () => {
    const error = 'rtsp://user:secret@camera.example/1: connection refused';
    const waiting: StreamEntry = { ...LIVE, ready: false, state: 'waiting', error };
    const { url } = await start([waiting], {
      streams: { list: () => [waiting], engineWarm: () => false, engineFaults: () => [] },
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      status: 'not-ready',
      reasons: [
        { reason: 'the model is still loading' },
        { stream: 'cam', reason: 'no frame yet: rtsp://***@camera.example/1: connection refused' },
      ],
    });
  });

  it('is not ready while a model cannot interpolate, and says why', async () => {
    const faults = [{ model: 'flow-s', reason: 'an interpolation worker crashed 5 times in a row' }];
    const { url } = await start([LIVE], {
      streams: { list: () => [LIVE], engineWarm: () => true, engineFaults: () => faults },
    });
    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      status: 'not-ready',
      reasons: [{ reason: 'model flow-s: an interpolation worker crashed 5 times in a row' }],
    });
  });

  it('lists streams with statistics, sources redacted', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/api/streams`);
    const text = await response.text();
    expect(text).not.toContain('secret');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(JSON.parse(text)).toMatchObject({
      version: '1.2.3',
      streams: [
        {
          name: 'cam',
          label: 'rtsp://***@camera.example/1',
          state: 'full',
          source: { codec: 'h264', width: 640, height: 360, fps: 30 },
          whep: { upconverted: '/whep/cam', source: '/whep/cam?variant=source' },
          stats: { fps: { upconverted: 0, source: 0 }, viewers: { upconverted: 0, source: 0 } },
        },
      ],
    });
  });

  it('serves metrics in the text format of Prometheus', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toContain('framelift_build_info{version="1.2.3"');
  });
});

describe('start and stop', () => {
  it('names the port that is taken and the way out', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(start([LIVE], { port })).rejects.toMatchObject({
      code: 'server.port-taken',
      message: `port ${port} on 127.0.0.1 is taken by another program`,
      remedy: expect.stringContaining('--port'),
    });
    await new Promise((resolve) => other.close(resolve));
  });

  it('explains an address that is not this machine', async () => {
    await expect(start([LIVE], { host: '192.0.2.1' })).rejects.toMatchObject({
      code: 'server.failed',
      remedy: expect.stringContaining('--host'),
    });
  });

  it('closes at once although a client keeps its connection, and twice', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const before = performance.now();
    await server.close();
    await server.close();
    await closed;
    expect(performance.now() - before).toBeLessThan(1000);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });
});
