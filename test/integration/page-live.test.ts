/// <reference lib="dom" />
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import type { StreamEntry } from '../../src/server/contract.ts';
import { launchChromium } from '../support/chromium.ts';
import { LIVE, startServer } from '../support/server.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

const DEGRADED: StreamEntry = { ...LIVE, status: { ...LIVE.status, state: 'degraded', reason: 'too slow' } };

/** Opens the page; `asked` counts its questions to the API. */
async function open(url: string): Promise<{ page: Page; asked: () => number }> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  let asked = 0;
  page.on('request', (request) => {
    if (request.url().endsWith('/api/streams')) asked += 1;
  });
  await page.goto(url);
  return { page, asked: () => asked };
}

const through = (page: Page): Promise<unknown> => page.evaluate('window.framelift.stats().through');
const shows = (page: Page, state: string, timeout = 5000): Promise<unknown> =>
  page.waitForFunction((text) => document.getElementById('state-name')?.textContent === text, state, { timeout });

it('lives on the socket, and on questions while there is none', async () => {
  const entries = [LIVE];
  const server = await startServer(entries);
  const { page, asked } = await open(server.url);
  await shows(page, 'Full rate');
  expect(await through(page)).toBe('socket');
  entries[0] = DEGRADED;
  await shows(page, 'Degraded', 1000);
  await page.waitForTimeout(3000);
  expect(asked()).toBe(0);

  await server.close();
  await shows(page, 'Server unreachable', 1500);
  entries[0] = LIVE;
  await startServer(entries, { port: server.port });
  await shows(page, 'Full rate', 3000);
  await vi.waitFor(async () => expect(await through(page)).toBe('socket'), { timeout: 8000, interval: 100 });
  const before = asked();
  await page.waitForTimeout(2500);
  expect(asked()).toBe(before);
});

it('asks where no socket comes through', async () => {
  const entries = [LIVE];
  const server = await startServer(entries);
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  // A proxy in between that opens the socket and delivers nothing.
  await page.routeWebSocket('**/ws', () => {});
  await page.goto(server.url);
  await shows(page, 'Full rate');
  expect(await through(page)).toBe('question');
  entries[0] = DEGRADED;
  await shows(page, 'Degraded', 2500);
  await page.waitForTimeout(5000);
  entries[0] = LIVE;
  await shows(page, 'Full rate', 2500);
});
