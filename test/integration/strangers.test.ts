/// <reference lib="dom" />
/** What pages of other sites can do to a framelift on loopback where playing needs no token: tried by a browser. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { type App, startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { temporaryFolder } from '../support/media.ts';

const [FRIEND, STRANGER] = ['friend.example', 'stranger.example'];

let folder: { path: string; remove: () => Promise<void> };
let site: Server;
let app: App;
let browser: Browser;

/** Address of the site's page under one of its names. */
// A TCP server that listens has an AddressInfo.
const at = (name: string): string => `http://${name}:${(site.address() as AddressInfo).port}`;

beforeAll(async () => {
  folder = await temporaryFolder();
  site = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>site</title>');
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  const file = join(folder.path, 'framelift.yaml');
  const server = { frameAncestors: [at(FRIEND)] };
  const webrtc = { playOrigins: [at(FRIEND)] };
  const streams = [{ name: 'demo', source: 'demo' }];
  writeFileSync(file, stringify({ server, webrtc, engine: { model: 'repeat' }, streams }));
  app = await startApp(['--config', file]);
  await vi.waitFor(async () => expect((await app.stream('demo')).phase).toBe('live'), { timeout: 8000 });
  browser = await launchChromium({ names: [FRIEND, STRANGER] });
});

afterAll(async () => {
  await browser?.close();
  await app?.stop();
  site?.close();
  await folder?.remove();
});

async function pageOf(name: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(at(name));
  return page;
}

/** Offers to play from a page; status and Location of the answer, as far as the browser shows them. */
function play(page: Page): Promise<unknown> {
  return page.evaluate(async (url) => {
    const pc = new RTCPeerConnection();
    pc.addTransceiver('video', { direction: 'recvonly' });
    await pc.setLocalDescription();
    const body = pc.localDescription?.sdp ?? '';
    try {
      const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body });
      const location = response.headers.get('Location');
      if (location) await fetch(new URL(location, url), { method: 'DELETE' });
      return [response.status, location?.replace(/[^/]+$/, '…')];
    } catch (thrown) {
      return String(thrown);
    } finally {
      pc.close();
    }
  }, `${app.url}/whep/demo`);
}

/** What a frame in the page shows of framelift. */
async function framed(page: Page): Promise<string | undefined> {
  await page.evaluate((url) => {
    const frame = document.createElement('iframe');
    frame.src = url;
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve));
    document.body.append(frame);
    return loaded;
  }, `${app.url}/`);
  return page.frames()[1]?.title();
}

describe('a page of a stranger', () => {
  it('can neither play, nor read, nor show the page in a frame', async () => {
    const page = await pageOf(STRANGER);
    expect(await play(page)).toBe('TypeError: Failed to fetch');
    const read = (path: string) =>
      page.evaluate((url) => fetch(url).then((response) => response.text(), String), `${app.url}${path}`);
    for (const path of ['/api/streams', '/metrics', '/']) expect(await read(path)).toBe('TypeError: Failed to fetch');
    expect(await framed(page)).not.toMatch(/framelift$/);
  });

  it('cannot open the WebSocket', async () => {
    const page = await pageOf(STRANGER);
    const opened = page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => resolve('open');
          socket.onclose = () => resolve('refused');
        }),
      `${app.url.replace('http', 'ws')}/ws`,
    );
    expect(await opened).toBe('refused');
  });

  it('whose name leads to this machine gets in nowhere', async () => {
    const page = await browser.newPage();
    const rebound = `http://${STRANGER}:${new URL(app.url).port}`;
    for (const path of ['/', '/api/streams', '/whep/demo', '/healthz']) {
      expect((await page.goto(`${rebound}${path}`))?.status(), path).toBe(403);
    }
  });
});

it('a page that playOrigins and frameAncestors name can play, and show the page in a frame', async () => {
  const page = await pageOf(FRIEND);
  expect(await play(page)).toEqual([201, '/whep/demo/…']);
  // The stream's name stands before it once the page knows it.
  expect(await framed(page)).toMatch(/framelift$/);
});
