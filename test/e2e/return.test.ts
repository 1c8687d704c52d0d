/// <reference lib="dom" />
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';

const VIEWERS = 30;

let folder: string;
let config: string;
let browser: Browser;
let page: Page;
let app: App;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framelift-return-'));
  config = join(folder, 'framelift.yaml');
  const streams = [{ name: 'demo', source: 'demo', model: 'repeat' }];
  await writeFile(config, JSON.stringify({ streams, webrtc: { maxViewers: VIEWERS } }));
  [app, browser] = await Promise.all([startApp(['--config', config]), launchChromium()]);
  page = await browser.newPage();
  await page.goto(`${app.url}/healthz`);
});

afterAll(async () => {
  await browser?.close();
  await app?.stop();
  await rm(folder, { recursive: true });
});

/**
 * Has so many viewers offer at once, each again when it is told to and after 200 ms where nobody
 * answers. Resolves with the milliseconds from the first answer of the server to each one's connection,
 * and all that refused them.
 */
function comeAtOnce(viewers: number): Promise<{ connectedMs: number[]; refusals: string[] }> {
  return page.evaluate(async (count) => {
    const refusals: string[] = [];
    let up: number | undefined;
    const one = async (): Promise<number> => {
      const peer = new RTCPeerConnection();
      peer.addTransceiver('video', { direction: 'recvonly' });
      await peer.setLocalDescription();
      const body = peer.localDescription?.sdp ?? '';
      const headers = { 'Content-Type': 'application/sdp' };
      for (;;) {
        const response = await fetch('/whep/demo?variant=source', { method: 'POST', headers, body }).catch(
          () => undefined,
        );
        if (response) up ??= performance.now();
        if (response?.status === 201) {
          const connected = new Promise<void>((resolve) => {
            peer.onconnectionstatechange = () => peer.connectionState === 'connected' && resolve();
          });
          await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
          await connected;
          return performance.now() - (up ?? 0);
        }
        if (response) refusals.push((await response.json()).code);
        const wait = Number(response?.headers.get('Retry-After') ?? 0) * 1000 || 200;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    };
    const connectedMs = await Promise.all(Array.from({ length: count }, one));
    return { connectedMs, refusals };
  }, viewers);
}

it('has 30 viewers back within 5 s of a restart, and tells none that there are too many', async () => {
  const { port } = new URL(app.url);
  await app.stop();
  const coming = comeAtOnce(VIEWERS);
  app = await startApp(['--config', config], { port: Number(port) });
  const { connectedMs, refusals } = await coming;
  console.log(`the last of ${VIEWERS} viewers was in after ${Math.max(...connectedMs).toFixed(0)} ms`);
  expect(Math.max(...connectedMs)).toBeLessThan(5000);
  // Before the first frame a stream has nothing to show.
  expect(refusals.filter((code) => code !== 'webrtc.no-source')).toEqual([]);
});

it('keeps its viewers over 12 s in which the process stood still', async () => {
  const before = (await app.stream('demo')).stats.viewers;
  expect(before).toMatchObject({ source: VIEWERS });
  app.signal('SIGSTOP');
  await sleep(12_000);
  app.signal('SIGCONT');
  await sleep(2500);
  expect((await app.stream('demo')).stats.viewers).toEqual(before);
});
