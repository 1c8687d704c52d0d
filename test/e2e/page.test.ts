/// <reference lib="dom" />
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { Scrape } from '../../bench/metrics-text.ts';
import { type App, startApp } from '../support/app.ts';
import { type Camera, freePort, readBarcode, startCamera } from '../support/camera.ts';
import { launchChromium } from '../support/chromium.ts';
import { countPerSecond, firstPicture, median } from '../support/page.ts';
import { TOKENS } from '../support/tokens.ts';

let app: App;
let port: number;
let camera: Camera;
let browser: Browser;

/** framelift with a camera that numbers its frames, and a stream that takes publishers. */
const serve = (): Promise<App> => startApp([`theatre=${camera.url}`, 'door=whip', '--fps', '60'], { port });

beforeAll(async () => {
  [camera, port, browser] = await Promise.all([
    startCamera({ size: '640x360', fps: 30 }),
    freePort(),
    launchChromium({ camera: true }),
  ]);
  app = await serve();
});

afterAll(async () => {
  await browser?.close();
  const end = await app?.stop();
  await camera?.stop();
  expect(end?.code, app?.log()).toBe(0);
  expect(app?.log()).toContain('"liveFrames":0');
  expect(app?.log()).not.toContain(TOKENS.publish);
});

async function open(address: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  onTestFinished(() => page.close());
  await page.goto(`${app.url}/${address}`);
  return page;
}

it('the strip shows where presented pictures come from, as the server counts them', async () => {
  const page = await open('?view=upconverted#/theatre');
  await firstPicture(page, 'upconverted', 15_000);
  // The strip is full of frames whose origin is known, and a tenth of them at least is made: enough to tell shares apart.
  await page.waitForFunction(
    () => {
      const { source, interpolated, extrapolated, repeated } = window.framelift.stats().upconverted.origins.counts;
      return source + interpolated + extrapolated + repeated === 240 && interpolated > 24;
    },
    undefined,
    { timeout: 20_000 },
  );
  const counts = await page.evaluate(() => window.framelift.stats().upconverted.origins.counts);
  const { frames } = (await app.stream('theatre')).stats;
  const share = counts.interpolated / 240;
  const told = frames.interpolated / Object.values(frames).reduce((sum, count) => sum + count);
  console.log(`presented: ${JSON.stringify(counts)}; the server: ${JSON.stringify(frames)}`);
  expect(Math.abs(share - told)).toBeLessThan(0.08);
  // The player tells what is seen.
  const metrics = Scrape.parse(await (await fetch(`${app.url}/metrics`)).text());
  const shown = metrics.histogram('framelift_viewer_presented_fps', { stream: 'theatre', variant: 'upconverted' });
  expect(shown.count).toBeGreaterThan(2);
  expect(1 - shown.upTo(30) / shown.count).toBeGreaterThan(0.5);
  // What is painted: only source cells reach the top, and none touches another at twice the rate.
  const painted = await page.evaluate(() => {
    const strip = document.querySelector<HTMLCanvasElement>('#strip');
    const row = strip?.getContext('2d')?.getImageData(0, 0, strip.width, 1).data ?? new Uint8ClampedArray();
    let cells = 0;
    for (let i = 3; i < row.length; i += 4) if (row[i] && !row[i - 4]) cells += 1;
    return cells;
  });
  expect(Math.abs(painted - counts.source)).toBeLessThan(8);
  const badge = page.locator('.badge');
  expect(await badge.isVisible()).toBe(false);
  await page.getByRole('checkbox', { name: 'Badge' }).click();
  await badge.filter({ hasText: 'Synthetic' }).waitFor({ timeout: 2000 });
  // It goes again: over a frame that a camera took.
  await badge.waitFor({ state: 'hidden', timeout: 2000 });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await badge.filter({ hasText: 'Contains synthetic frames' }).waitFor({ timeout: 2000 });
  const changes = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let seen = 0;
        const badges = document.querySelectorAll('.badge');
        const watch = new MutationObserver((records) => {
          seen += records.length;
        });
        for (const one of badges) watch.observe(one, { attributeFilter: ['hidden'], childList: true, subtree: true });
        setTimeout(() => resolve(seen), 1000);
      }),
  );
  expect(changes).toBe(0);
});

/** Under the slider: what both halves show at the same time, as the barcodes of the camera's frames. */
function bothHalves(page: Page, seconds: number): Promise<{ source: string; upconverted: string }[]> {
  return page.evaluate(
    (duration) =>
      new Promise((resolve, reject) => {
        const held = document.querySelector<HTMLCanvasElement>('.held');
        const video = document.querySelector<HTMLVideoElement>('figure[data-variant="upconverted"] video');
        const canvas = new OffscreenCanvas(240, 16);
        const pen = canvas.getContext('2d', { willReadFrequently: true });
        if (!held || !video || !pen) return reject(new Error('no video'));
        const strip = (from: CanvasImageSource): string => {
          pen.drawImage(from, 0, 0, video.videoWidth, 24, 0, 0, 240, 16);
          const { data } = pen.getImageData(0, 0, 240, 16);
          return String.fromCharCode(...Uint8Array.from({ length: 240 * 16 }, (_, i) => data[4 * i + 1] ?? 0));
        };
        const seen: { source: string; upconverted: string }[] = [];
        const look = (): void => {
          seen.push({ source: strip(held), upconverted: strip(video) });
          video.requestVideoFrameCallback(look);
        };
        video.requestVideoFrameCallback(look);
        setTimeout(() => resolve(seen), 1000 * duration);
      }),
    seconds,
  );
}

it('under the slider both halves show the same frame of the camera', async () => {
  const page = await open('?view=compare#/theatre');
  await Promise.all([firstPicture(page, 'upconverted', 15_000), firstPicture(page, 'source', 15_000)]);
  await page.locator('#sync', { hasText: 'In sync by source timestamps' }).waitFor({ timeout: 5000 });
  await page.waitForTimeout(1000);
  // The held source lies exactly where the video is.
  const place = (selector: string): Promise<unknown> => page.locator(selector).boundingBox();
  expect(await place('.held')).toEqual(await place('figure[data-variant="source"] video'));
  const numberIn = (pixels: string): number | undefined => readBarcode(Buffer.from(pixels, 'latin1'), 240, 240)?.number;
  const seen = (await bothHalves(page, 4)).map((half) => [numberIn(half.source), numberIn(half.upconverted)] as const);
  // The held source turns to another frame when the upconverted half shows that very frame; until the next one, interpolated frames are beside it.
  const turns = seen.filter(([source], i) => i > 0 && source !== undefined && source !== seen[i - 1]?.[0]);
  const decided = turns.filter(([, upconverted]) => upconverted !== undefined);
  const same = decided.filter(([source, upconverted]) => source === upconverted).length;
  console.log(`slider: ${same} of ${decided.length} source frames met; ${await page.locator('#sync').textContent()}`);
  expect(decided.length).toBeGreaterThan(50);
  const ahead = seen.filter(([source = 0, upconverted = Number.POSITIVE_INFINITY]) => source > upconverted).length;
  expect(ahead / seen.length).toBeLessThan(0.02);
  // At full rate the source would else be ahead by two frames, and meet none. A busy browser does not tell of each frame.
  expect(same / decided.length).toBeGreaterThan(0.8);
});

/** Opens the dialog and publishes the camera, as a person would. */
async function publish(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Publish camera' }).click();
  await page.getByLabel('Publishing token').fill(TOKENS.publish);
  await page.getByRole('button', { name: 'Start' }).click();
  await page.locator('#publish-state', { hasText: /^Publishing$/ }).waitFor({ timeout: 10_000 });
}

it('publishes its camera, plays it, shows what is sent, gives way to another publisher, and stops', async () => {
  const page = await open('?view=upconverted#/door');
  await page.locator('#state-name', { hasText: 'Waiting' }).waitFor();
  await page.getByRole('button', { name: 'Publish camera' }).click();
  expect(await page.locator('#publish-stream option').allTextContents()).toEqual(['door']);
  await page.getByLabel('Publishing token').fill('a-wrong-one');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.locator('#publish-state', { hasText: 'the token does not allow publishing' }).waitFor({ timeout: 5000 });
  await page.getByRole('button', { name: 'Close' }).click();
  await publish(page);
  await page.locator('#sent-video', { hasText: / × \d+, .* fps/ }).waitFor({ timeout: 5000 });
  await page.locator('#sent-bitrate', { hasText: /[kM]b\/s/ }).waitFor({ timeout: 5000 });
  await page.getByRole('button', { name: 'Close' }).click();
  await firstPicture(page, 'upconverted', 15_000);
  const counts = await countPerSecond(page, 'upconverted', 3);
  console.log(`camera of the page: ${counts.join(' ')} fps played`);
  expect(median(counts)).toBeGreaterThan(40);

  const other = await open('?view=source#/theatre');
  await publish(other);
  await page
    .locator('#publish-state', { hasText: 'Another publisher has taken over door.' })
    .waitFor({ timeout: 15_000 });
  await other.getByRole('button', { name: 'Stop' }).click();
  expect(await other.locator('#publish-state').textContent()).toBe('Stopped');
  const letGo = (): Promise<boolean> =>
    other.evaluate(() => document.querySelector<HTMLVideoElement>('#publish-preview')?.srcObject === null);
  expect(await letGo()).toBe(true);
  await page.locator('#state-name', { hasText: 'Waiting' }).waitFor({ timeout: 8000 });
});

it('the player for other pages plays in a frame, and knows where its frames come from', async () => {
  const page = await open('metrics');
  await page.evaluate((address) => {
    const frame = document.createElement('iframe');
    Object.assign(frame, { src: address, width: 640, height: 360 });
    document.body.replaceChildren(frame);
  }, `${app.url}/embed/theatre?badge=on`);
  const player = page.frameLocator('iframe');
  await player.locator('.overlay').waitFor({ state: 'hidden', timeout: 15_000 });
  await vi.waitFor(
    async () =>
      expect(await player.locator('video').evaluate((video: HTMLVideoElement) => video.currentTime)).toBeGreaterThan(1),
    10_000,
  );
  // Its records come: over a camera's own frames there is no badge, over frames of unknown origin there would be.
  await player.locator('.badge').waitFor({ state: 'hidden', timeout: 5000 });
});

it('plays on by itself after the server was started again', async () => {
  const page = await open('?view=source#/theatre');
  await firstPicture(page, 'source', 15_000);
  await app.stop();
  await page.locator('#state-name', { hasText: 'Server unreachable' }).waitFor({ timeout: 5000 });
  app = await serve();
  const before = await page.evaluate(() => window.framelift.stats().source.presented);
  await page.waitForFunction((old) => window.framelift.stats().source.presented > old + 30, before, {
    timeout: 15_000,
  });
  // What is kept of the source is shown at once, sooner than the state of its stream is judged.
  const judged = page.locator('#state-name', { hasText: /^(Full rate|Degraded|Pass-through)$/ });
  await judged.waitFor({ timeout: 5000 });
});
