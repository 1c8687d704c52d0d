import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { countPerSecond, firstPicture, median, openPage } from '../support/page.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

it('paints both streams within 5 s, the upconverted one at 57 fps or more, the source at 15', () =>
  withApp(startApp([]), async (app, page) => {
    const [fast, slow] = await paintedPerSecond('demo', page);
    expect(median(fast)).toBeGreaterThanOrEqual(57);
    expect(median(slow)).toBe(15);
    const { stats } = await app.stream('demo');
    const { interpolated, repeated } = stats.frames;
    console.log(`demo: ${interpolated} gaps interpolated, ${repeated} repeated in the last 5 s`);
    expect(interpolated / (interpolated + repeated)).toBeGreaterThan(0.9);
  }));

/** Opens the page of an app, and ends the app afterwards: in time, and with every frame released. */
async function withApp(starting: Promise<App>, watch: (app: App, page: Page) => Promise<void>): Promise<void> {
  const app = await starting;
  try {
    const page = await openPage(browser, app.url);
    await watch(app, page);
    await page.close();
  } finally {
    const end = await app.stop();
    expect(end.code, app.log()).toBe(0);
    expect(end.ms).toBeLessThan(2000);
    expect(app.log()).toContain('"liveFrames":0');
  }
}

/** Frames of each second that the upconverted and the source stream paint. */
async function paintedPerSecond(name: string, page: Page): Promise<[number[], number[]]> {
  const [upconverted, source] = await Promise.all([firstPicture(page, 'upconverted'), firstPicture(page, 'source')]);
  console.log(
    `${name}: first picture after ${upconverted.toFixed(0)} ms (upconverted), ${source.toFixed(0)} ms (source)`,
  );
  expect(Math.max(upconverted, source)).toBeLessThan(5000);
  await page.waitForTimeout(3000);
  const [fast, slow] = await Promise.all([countPerSecond(page, 'upconverted', 6), countPerSecond(page, 'source', 6)]);
  console.log(`${name}: presented per second: ${fast.join(' ')} | source ${slow.join(' ')}`);
  return [fast, slow];
}
