/// <reference lib="dom" />
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { openTab } from '../support/background-tab.ts';
import { launchChromium } from '../support/chromium.ts';
import { firstPicture } from '../support/page.ts';

let app: App;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(['theatre=demo', '--model', 'search']), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  const end = await app?.stop();
  expect(end?.code, app?.log()).toBe(0);
});

/** Opens the source in a browser that `maim` has made another of. Resolves with when the page asked for sessions, in ms: the list grows. */
async function maimed(maim: () => void): Promise<number[]> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const asked: number[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') asked.push(performance.now());
  });
  await page.addInitScript(maim);
  await page.goto(`${app.url}/?view=source#/theatre`);
  await firstPicture(page, 'source', 15_000);
  return asked;
}

it('keeps its session in a hidden tab and in a browser that tells of no frames, and makes it anew where none is decoded', async () => {
  const untold = await maimed(() => {
    Reflect.deleteProperty(HTMLVideoElement.prototype, 'requestVideoFrameCallback');
  });
  const stuck = await maimed(() => {
    const read = RTCPeerConnection.prototype.getStats;
    RTCPeerConnection.prototype.getStats = async function frozen(this: RTCPeerConnection): Promise<RTCStatsReport> {
      const report = await read.call(this);
      return new Map([...report].map(([id, entry]) => [id, { ...entry, framesDecoded: entry.framesDecoded && 1 }]));
    };
  });
  const tab = await openTab(browser, `${app.url}/?view=upconverted#/theatre`);
  onTestFinished(() => tab.close());
  const presented = 'window.framelift.stats().upconverted.presented';
  const decoded = `document.querySelector('[data-variant="upconverted"] video').getVideoPlaybackQuality().totalVideoFrames`;
  /** Requests for sessions: an OPTIONS and a POST for each. */
  const asked = `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/whep/')).length`;
  await vi.waitFor(async () => expect(await tab.evaluate(presented)).toBeGreaterThan(30), 15_000);
  const front = await openTab(browser, 'about:blank');
  onTestFinished(() => front.close());
  await vi.waitFor(async () => expect(await tab.evaluate('document.visibilityState')).toBe('hidden'), 2000);
  const before = await tab.evaluate<number>(presented);
  const decodedBefore = await tab.evaluate<number>(decoded);
  await new Promise((resolve) => setTimeout(resolve, 21_000));
  expect(untold).toHaveLength(1);
  const [first = 0, second = 0, third = Number.POSITIVE_INFINITY] = stuck;
  expect(second - first).toBeGreaterThan(8000);
  expect(third - second).toBeGreaterThan(16_000);
  expect(await tab.evaluate(asked)).toBe(2);
  // Frames came and were decoded, and not one was presented: what once passed for a stuck connection.
  expect(await tab.evaluate(decoded)).toBeGreaterThan(decodedBefore + 200);
  expect(await tab.evaluate(presented)).toBeLessThan(before + 30);
  await tab.show();
  await vi.waitFor(async () => expect(await tab.evaluate(presented)).toBeGreaterThan(before + 60), 5000);
  expect(await tab.evaluate(asked)).toBe(2);
});
