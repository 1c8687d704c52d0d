/// <reference lib="dom" />
/** framelift behind nginx and Caddy as deploy/ has them: TLS, a name, another port, a sub-path. */
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type App, startApp } from '../support/app.ts';
import { writeCertificate } from '../support/certificate.ts';
import { launchChromium } from '../support/chromium.ts';
import { temporaryFolder } from '../support/media.ts';
import { countPerSecond, firstPicture } from '../support/page.ts';
import { freePort, PROXY_NAME, TlsProxy } from '../support/proxy.ts';
import { bearer, TOKENS } from '../support/tokens.ts';

let folder: { path: string; remove: () => Promise<void> };
let files: { cert: string; key: string };
let browser: Browser;
let app: App;
const ports = { nginx: 0, caddy: 0 };

/** Asks a proxy by its name, from `localAddress`. */
function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {} as Record<string, string>, host = `${PROXY_NAME}:${port}`, from = '127.0.0.1' } = {},
): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(files.cert);
    const target = { host: '127.0.0.1', port, path, method, localAddress: from, servername: PROXY_NAME, ca };
    const sent = request({ ...target, headers: { Host: host, ...headers }, checkServerIdentity: () => undefined });
    sent.on('error', reject).on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      const { statusCode: status = 0, headers: answered } = response;
      response.on('end', () => resolve({ status, headers: answered, body }));
    });
    sent.end();
  });
}

beforeAll(async () => {
  folder = await temporaryFolder();
  files = writeCertificate(folder.path, PROXY_NAME);
  ports.nginx = await freePort();
  ports.caddy = await freePort();
  const file = join(folder.path, 'framelift.yaml');
  const publicUrls = [`https://${PROXY_NAME}:${ports.nginx}/framelift/`, `https://${PROXY_NAME}:${ports.caddy}`];
  const streams = [
    { name: 'demo', source: 'demo' },
    { name: 'cam', source: 'whip' },
  ];
  const server = { basePath: '/framelift', publicUrls, trustProxy: ['loopback'] };
  writeFileSync(file, stringify({ server, engine: { model: 'repeat' }, streams }));
  app = await startApp(['--config', file, '--provider', 'cpu']);
  browser = await launchChromium({ camera: true, names: [PROXY_NAME] });
});

afterAll(async () => {
  await browser?.close();
  const end = await app?.stop();
  await folder?.remove();
  expect(end?.code, app?.log()).toBe(0);
});

describe('nginx', () => {
  let nginx: TlsProxy;
  let page: Page;
  const failures: string[] = [];

  beforeAll(async () => {
    nginx = await TlsProxy.nginx({
      ...files,
      port: ports.nginx,
      upstream: Number(new URL(app.url).port),
      folder: folder.path,
    });
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') failures.push(message.text());
    });
    page.on('response', (response) => {
      // The picture that is not there yet is asked for all the same.
      if (response.status() >= 400 && response.status() !== 409)
        failures.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(`https://${PROXY_NAME}:${ports.nginx}/framelift`);
  });

  afterAll(() => nginx?.[Symbol.asyncDispose]());

  it('shows the page with all that belongs to it, its feed and its video', async () => {
    expect(page.url()).toBe(`https://${PROXY_NAME}:${ports.nginx}/framelift/`);
    await firstPicture(page, 'upconverted');
    await firstPicture(page, 'source');
    const painted = async (): Promise<number> => (await countPerSecond(page, 'upconverted', 1))[0] ?? 0;
    await expect.poll(painted, { timeout: 10_000 }).toBeGreaterThan(10);
    expect(await page.evaluate('window.framelift.stats().transport')).toBe('websocket');
    for (const link of ['Metrics', 'API']) {
      const href = await page
        .getByRole('link', { name: link })
        .evaluate((anchor) => (anchor as HTMLAnchorElement).href);
      expect((await ask(ports.nginx, new URL(href).pathname)).status, href).toBe(200);
    }
    expect(failures.filter((text) => !text.includes('409'))).toEqual([]);
  });

  it('takes changes from the page, by who has the token', async () => {
    const change = (token: string) =>
      page.evaluate(async (authorization) => {
        const headers = { 'Content-Type': 'application/json', authorization };
        const body = JSON.stringify({ bitrateKbps: 900 });
        return (await fetch('api/streams/demo', { method: 'POST', headers, body })).status;
      }, bearer(token).authorization);
    expect([await change(TOKENS.admin), await change('a-wrong-token')]).toEqual([200, 401]);
  });

  it.each(['whip/cam', 'whep/demo'])(
    'signals by %s: an offer, a candidate, and the end by the Location',
    async (path) => {
      const token = path.startsWith('whip') ? TOKENS.publish : TOKENS.admin;
      const told = await page.evaluate(
        async ({ path, authorization }) => {
          const pc = new RTCPeerConnection();
          if (path.startsWith('whip')) {
            const stream = await navigator.mediaDevices.getUserMedia({ video: true });
            for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: 'sendonly' });
          } else pc.addTransceiver('video', { direction: 'recvonly' });
          await pc.setLocalDescription();
          const sdp = pc.localDescription?.sdp ?? '';
          const headers = { authorization, 'Content-Type': 'application/sdp' };
          const posted = await fetch(path, { method: 'POST', headers, body: sdp });
          const location = posted.headers.get('Location') ?? '';
          await pc.setRemoteDescription({ type: 'answer', sdp: await posted.text() });
          const [, ufrag] = /a=ice-ufrag:(\S+)/.exec(sdp) ?? [];
          const [, password] = /a=ice-pwd:(\S+)/.exec(sdp) ?? [];
          const candidate = 'a=candidate:1 1 udp 1 127.0.0.1 9 typ host';
          const lines = [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${password}`, 'm=video 9 RTP/AVP 0', 'a=mid:0', candidate];
          const patched = await fetch(location, {
            method: 'PATCH',
            headers: { authorization, 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
            body: `${lines.join('\r\n')}\r\n`,
          });
          const connected = new Promise<string>((resolve) => {
            const look = (): void => {
              if (pc.connectionState !== 'new' && pc.connectionState !== 'connecting') resolve(pc.connectionState);
            };
            pc.addEventListener('connectionstatechange', look);
            look();
          });
          const state = await connected;
          const deleted = await fetch(location, { method: 'DELETE', headers: { authorization } });
          pc.close();
          return { location, state, statuses: [posted.status, patched.status, deleted.status] };
        },
        { path, ...bearer(token) },
      );
      expect(told).toEqual({
        location: expect.stringMatching(new RegExp(`^/framelift/${path}/[\\w-]{24}$`)),
        state: 'connected',
        statuses: [201, 204, 200],
      });
    },
  );

  it('is told who asks, and not believed by its clients', async () => {
    const headers = { 'X-Forwarded-For': '203.0.113.9', Forwarded: 'for=203.0.113.9' };
    const options = { method: 'POST', headers, from: '127.0.0.7' };
    // Of refusals that follow each other quickly one is logged.
    const logged = async (): Promise<string> => {
      expect((await ask(ports.nginx, '/framelift/api/config/reload', options)).status).toBe(401);
      return app.log();
    };
    await expect.poll(logged, { interval: 300, timeout: 5000 }).toMatch(/reload","from":"127\.0\.0\.7"/);
    expect(app.log()).not.toContain('203.0.113.9');
  });

  it('by another name is refused, with what to write', async () => {
    const { status, body } = await ask(ports.nginx, '/framelift/', { host: 'rebound.example' });
    expect(status).toBe(403);
    expect(JSON.parse(body)).toMatchObject({
      message: 'this server does not answer as "rebound.example"',
      remedy: expect.stringContaining('server.publicUrls: ["https://rebound.example"]'),
    });
  });
});

it('Caddy leads to the page, its streams, and the WebSocket', async () => {
  await using _caddy = await TlsProxy.caddy({
    ...{ ...files, port: ports.caddy, upstream: Number(new URL(app.url).port), folder: folder.path },
  });
  const bare = await ask(ports.caddy, '/framelift');
  expect([bare.status, bare.headers.location]).toEqual([308, '/framelift/']);
  expect((await ask(ports.caddy, '/framelift/app.js')).body).toContain('import');
  const { streams } = JSON.parse((await ask(ports.caddy, '/framelift/api/streams')).body);
  expect(streams[0].whep.upconverted).toBe('/framelift/whep/demo');
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`https://${PROXY_NAME}:${ports.caddy}/framelift/`);
  // Not the page's own script: waiting for a text would be, and its policy forbids that.
  const transport = (): Promise<unknown> => page.evaluate('window.framelift?.stats().transport');
  await expect.poll(transport, { timeout: 10_000 }).toBe('websocket');
});
