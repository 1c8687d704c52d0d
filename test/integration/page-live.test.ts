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

const DEGRADED: StreamEntry = { ...LIVE, state: 'degraded', reason: 'too slow' };

/** Opens the page; `polls` counts its polls of the API. */
async function open(url: string): Promise<{ page: Page; polls: () => number }> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  let polls = 0;
  page.on('request', (request) => {
    if (request.url().endsWith('/api/streams')) polls += 1;
  });
  await page.goto(url);
  return { page, polls: () => polls };
}

const transport = (page: Page): Promise<unknown> => page.evaluate('window.framelift.stats().transport');
const shows = (page: Page, state: string, timeout = 5000): Promise<unknown> =>
  page.waitForFunction((text) => document.getElementById('state-name')?.textContent === text, state, { timeout });

it('updates over the WebSocket, and polls while there is none', async () => {
  const entries = [LIVE];
  const server = await startServer(entries);
  const { page, polls } = await open(server.url);
  await shows(page, 'Full rate');
  expect(await transport(page)).toBe('websocket');
  entries[0] = DEGRADED;
  await shows(page, 'Degraded', 1000);
  await page.waitForTimeout(3000);
  expect(polls()).toBe(0);

  await server.close();
  await shows(page, 'Server unreachable', 1500);
  entries[0] = LIVE;
  await startServer(entries, { port: server.port });
  await shows(page, 'Full rate', 3000);
  await vi.waitFor(async () => expect(await transport(page)).toBe('websocket'), { timeout: 8000, interval: 100 });
  const before = polls();
  await page.waitForTimeout(2500);
  expect(polls()).toBe(before);
});

it('polls where no WebSocket gets through', async () => {
  const entries = [LIVE];
  const server = await startServer(entries);
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  // A proxy in between that opens the socket and delivers nothing.
  await page.routeWebSocket('**/ws', () => {});
  await page.goto(server.url);
  await shows(page, 'Full rate');
  expect(await transport(page)).toBe('polling');
  entries[0] = DEGRADED;
  await shows(page, 'Degraded', 2500);
  await page.waitForTimeout(5000);
  entries[0] = LIVE;
  await shows(page, 'Full rate', 2500);
});
