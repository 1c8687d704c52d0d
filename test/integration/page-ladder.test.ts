/// <reference lib="dom" />
import { expect, it, onTestFinished } from 'vitest';
import type { StreamEntry } from '../../src/server/contract.ts';
import { launchChromium } from '../support/chromium.ts';
import { LIVE, startServer } from '../support/server.ts';

it('the page tells the rung, its place on the ladder, and what led there, within a second of the change', async () => {
  const rungs = ['flow-s', 'search', 'hold'];
  const entries: StreamEntry[] = [{ ...LIVE, ladder: undefined }];
  const server = await startServer(entries);
  const browser = await launchChromium();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(server.url);
  const shows = (text: string): Promise<unknown> =>
    page.waitForFunction((wanted) => document.getElementById('rung')?.textContent === wanted, text, { timeout: 2000 });
  await shows('preparing');
  entries[0] = LIVE;
  await shows('flow-s, 1 of 3');
  const detail = 'flow-s: its pairs took 61 ms, the budget leaves 40 ms';
  const since = LIVE.ladder?.since;
  if (since === undefined) throw new Error('the stream has no ladder');
  const status = { state: 'degraded', reason: `search instead of flow-s (${detail})` } as const;
  entries[0] = { ...LIVE, ...status, ladder: { rung: 'search', rungs, reason: 'late', detail, since } };
  await shows('search, 2 of 3: late');
  expect(await page.title()).toContain('cam');
  expect(await page.locator('#rung').getAttribute('title')).toBe(detail);
  expect(await page.locator('#state-reason').textContent()).toBe(status.reason);
});
