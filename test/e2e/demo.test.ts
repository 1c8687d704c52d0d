import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { countPerSecond, firstPicture, median, openPage } from '../support/page.ts';

let app: App;
let browser: Browser;

beforeAll(async () => {
  app = await startApp([]);
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  const end = await app?.stop();
  expect(end?.code, app?.log()).toBe(0);
  expect(end?.ms).toBeLessThan(2000);
  expect(app?.log()).toContain('"liveFrames":0');
});

it('paints both streams within 5 s, the upconverted one at 57 fps or more, the source at 15', async () => {
  const page = await openPage(browser, app.url);
  const [upconverted, source] = await Promise.all([firstPicture(page, 'upconverted'), firstPicture(page, 'source')]);
  console.log(`demo: first picture after ${upconverted.toFixed(0)} ms (upconverted), ${source.toFixed(0)} ms (source)`);
  expect(Math.max(upconverted, source)).toBeLessThan(5000);
  await page.waitForTimeout(3000);
  const [fast, slow] = await Promise.all([countPerSecond(page, 'upconverted', 10), countPerSecond(page, 'source', 10)]);
  console.log(`demo: presented per second: ${fast.join(' ')} | source ${slow.join(' ')}`);
  expect(median(fast)).toBeGreaterThanOrEqual(57);
  expect(median(slow)).toBe(15);
  const { stats } = await app.stream('demo');
  const { interpolated, repeated } = stats.frames;
  console.log(`demo: ${interpolated} gaps interpolated, ${repeated} repeated in the last 5 s`);
  expect(interpolated / (interpolated + repeated)).toBeGreaterThan(0.9);
  await page.close();
});
