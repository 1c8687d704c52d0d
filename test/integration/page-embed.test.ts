/// <reference lib="dom" />
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Access } from '../../src/server/auth.ts';
import type { StreamEntry } from '../../src/server/contract.ts';
import { launchChromium } from '../support/chromium.ts';
import { LIVE, startServer } from '../support/server.ts';

const THEATRE: StreamEntry = { ...LIVE, name: 'cam', badge: true, notice: 'Not for diagnosis.' };

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

const faults: string[] = [];

async function open(address: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 640, height: 360 } });
  onTestFinished(() => page.close());
  faults.length = 0;
  page.on('pageerror', ({ message }) => faults.push(message));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) faults.push(message.text());
  });
  await page.goto(address);
  return page;
}

const says = (page: Page, text: string | RegExp): Promise<void> =>
  page.locator('.overlay').getByText(text).waitFor({ timeout: 5000 });

it('shows nothing but the picture, its badge and its notice, and these from edge to edge', async () => {
  const { url } = await startServer([THEATRE]);
  const page = await open(`${url}/embed/cam`);
  await says(page, 'Waiting for source');
  expect(await page.title()).toBe('cam · framelift');
  const shown = await page.evaluate(() =>
    [...document.querySelectorAll('body *')]
      .filter((element) => element.checkVisibility() && element.children.length === 0)
      .map((element) => element.className || element.tagName),
  );
  expect(shown.toSorted()).toEqual(['VIDEO', 'badge', 'detail', 'headline', 'notice', 'visually-hidden']);
  expect(await page.locator('video').boundingBox()).toEqual({ x: 0, y: 0, width: 640, height: 360 });
  expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBe(360);
  expect(await page.getByRole('note').textContent()).toBe('Not for diagnosis.');
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    // Put there by the line above; its types are those of the module.
    (window as unknown as { axe: typeof import('axe-core') }).axe.run(document),
  );
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  expect(faults).toEqual([]);
});

it('takes its token from the fragment and says what is missing, wrong or gone', async () => {
  const access = new Access({ publish: [], play: ['let-me-see'], admin: [] });
  const { url } = await startServer([LIVE], { access });
  const page = await open(`${url}/embed/cam`);
  await says(page, 'Token required');
  await says(page, /^Add #token=/);
  await page.evaluate(() => {
    location.hash = '#token=a-wrong-one';
  });
  await says(page, /did not accept/);
  await page.evaluate(() => {
    location.hash = '#token=let-me-see';
  });
  await says(page, 'Waiting for source');
  expect(page.url()).toBe(`${url}/embed/cam`);
  const gone = await open(`${url}/embed/old#token=let-me-see`);
  await says(gone, 'This server has no stream “old”.');
  expect(gone.url()).toBe(`${url}/embed/old`);
});

it('works in a frame in which the browser refuses all storage', async () => {
  const access = new Access({ publish: [], play: ['let-me-see'], admin: [] });
  const { url } = await startServer([LIVE], { access });
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, {
        get: () => {
          throw new DOMException('the user has blocked it', 'SecurityError');
        },
      });
    }
  });
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  await page.goto(`${url}/embed/cam#token=let-me-see`);
  await says(page, 'Waiting for source');
  await page.goto(`${url}/#/cam&token=let-me-see`);
  await page.locator('#state-name', { hasText: 'Full rate' }).waitFor({ timeout: 5000 });
  await page.getByRole('button', { name: /^Switch to/ }).click();
  expect(errors).toEqual([]);
});

it('page and player work under a path of a proxy that cuts it off, whatever the path', async () => {
  const server = await startServer([LIVE]);
  const wrong: string[] = [];
  // As little of a proxy as there can be; a real one is tested elsewhere. It has no WebSocket: the page polls.
  const proxy = createServer((request, response) => {
    const path = request.url ?? '';
    if (!path.startsWith('/a/framelift/')) wrong.push(path);
    void fetch(`${server.url}${path.replace('/a/framelift', '')}`, {
      method: request.method ?? 'GET',
      ...(request.method === 'POST' ? { headers: { 'Content-Type': 'application/sdp' }, body: 'v=0' } : {}),
    }).then(async (answer) => {
      const type = answer.headers.get('content-type');
      response.writeHead(answer.status, type ? { 'Content-Type': type } : {});
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  // A TCP server that listens has an AddressInfo.
  const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/a/framelift`;
  const page = await open(`${base}/#/cam`);
  await page.locator('#state-name', { hasText: 'Full rate' }).waitFor({ timeout: 8000 });
  expect(await page.evaluate(() => getComputedStyle(document.body).display)).toBe('flex');
  expect(await page.getByRole('link', { name: 'API' }).evaluate((link: HTMLAnchorElement) => link.href)).toBe(
    `${base}/api/streams`,
  );
  const player = await open(`${base}/embed/cam`);
  await player.waitForFunction(() => !document.querySelector('.headline')?.textContent?.startsWith('Connecting'));
  expect(wrong).toEqual([]);
  expect(faults).toEqual([]);
});
