/// <reference lib="dom" />
/**
 * Pictures of the page for the documents: `npm run docs:page`. framelift plays its demo beside a stream that waits for a publisher, and a
 * headless Chromium looks at it. Writes docs/page.png, docs/page-dark.png and docs/page-compare.png.
 */
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { startApp } from '../test/support/app.ts';
import { launchChromium } from '../test/support/chromium.ts';
import { firstPicture } from '../test/support/page.ts';

/** The plots show the last minute; this much of it is enough to see them work. */
const FILLED_MS = 20_000;
/** The pictures show a machine that keeps up: it gets this long to. */
const SETTLED_WITHIN_MS = 40_000;

const shot = (name: string): string => fileURLToPath(new URL(`../docs/${name}.png`, import.meta.url));

async function open(browser: Browser, address: string, colorScheme: 'dark' | 'light'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme });
  await page.goto(address);
  await firstPicture(page, 'upconverted', 15_000);
  await page.getByRole('checkbox', { name: 'Badge' }).click();
  await page.waitForTimeout(FILLED_MS);
  // From 15 to 60 fps three frames of four are made: 180 of the last 240.
  await page.waitForFunction(() => window.framelift.stats().upconverted.origins.counts.interpolated > 170, undefined, {
    timeout: SETTLED_WITHIN_MS,
  });
  // The badge stands on interpolated frames: three of four moments have one.
  await page.locator('.badge', { hasText: 'Synthetic' }).waitFor();
  return page;
}

const app = await startApp(['theatre=demo', 'camera=whip']);
const browser = await launchChromium();
try {
  for (const [name, view, colorScheme] of [
    ['page', 'both', 'light'],
    ['page-dark', 'both', 'dark'],
    ['page-compare', 'compare', 'dark'],
  ] as const) {
    const page = await open(browser, `${app.url}/?view=${view}#/theatre`, colorScheme);
    await page.screenshot({ path: shot(name) });
    await page.close();
    console.log(shot(name));
  }
} finally {
  await browser.close();
  await app.stop();
}
