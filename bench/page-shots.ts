/**
 * Pictures of the page for the documents: `npm run docs:page`. framelift plays its demo and takes the browser's test camera, and a headless
 * Chromium looks at both. Writes docs/page.png, docs/page-dark.png and docs/page-compare.png.
 */
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { startApp } from '../test/support/app.ts';
import { launchChromium } from '../test/support/chromium.ts';
import { firstPicture } from '../test/support/page.ts';
import { TOKENS } from '../test/support/tokens.ts';

/** The plots show the last minute; this much of it is enough to see them work. */
const FILLED_MS = 20_000;

const shot = (name: string): string => fileURLToPath(new URL(`../docs/${name}.png`, import.meta.url));

/** A page that publishes the browser's camera to `camera`, as a person would, and plays nothing itself. */
async function publish(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage();
  await page.goto(`${url}/#/none`);
  await page.getByRole('button', { name: 'Publish camera' }).click();
  await page.getByLabel('Token for publishing').fill(TOKENS.publish);
  await page.getByRole('button', { name: 'Start' }).click();
  await page.locator('#publish-state', { hasText: /^Publishing$/ }).waitFor();
}

async function open(browser: Browser, address: string, colorScheme: 'dark' | 'light'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme });
  await page.goto(address);
  await firstPicture(page, 'upconverted', 15_000);
  await page.getByRole('checkbox', { name: 'Badge' }).click();
  await page.waitForTimeout(FILLED_MS);
  return page;
}

const app = await startApp(['theatre=demo', 'camera=whip']);
const browser = await launchChromium({ camera: true });
try {
  await publish(browser, app.url);
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
