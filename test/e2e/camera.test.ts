/// <reference lib="dom" />
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { ageMs, type Camera, type CameraOptions, startCamera } from '../support/camera.ts';
import { launchChromium } from '../support/chromium.ts';
import {
  countPerSecond,
  firstPicture,
  median,
  openPage,
  type Presented,
  quantile,
  watchFrames,
} from '../support/page.ts';

const FPS = 30;

let browser: Browser;
let app: App | undefined;
let camera: Camera | undefined;

beforeAll(async () => {
  browser = await launchChromium();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  const end = await app?.stop();
  const log = app?.log();
  app = undefined;
  await camera?.stop();
  camera = undefined;
  if (end) {
    expect(end.code, log).toBe(0);
    expect(log).toContain('"liveFrames":0');
  }
});

afterAll(() => browser?.close());

async function connect(options: CameraOptions, login = ''): Promise<{ app: App; camera: Camera }> {
  camera = await startCamera({ size: '640x360', fps: FPS, ...options });
  app = await startApp([camera.url.replace('rtsp://', `rtsp://${login}`), '--fps', '60']);
  return { app, camera };
}

/** A source frame among the presented, and how many frames before it were presented without being read. */
interface Seen {
  readonly number: number;
  readonly latencyMs: number;
  readonly unread: number;
}

/** The source frames among the presented: their barcode is clean, and stamp and number agree with the camera's pace. */
function sourceFrames(presented: readonly Presented[]): Seen[] {
  const paceOf = ({ barcode }: Presented): number =>
    barcode ? barcode.stampMs - (barcode.number * 1000) / FPS : Number.NaN;
  const start = median(presented.filter(({ barcode }) => barcode).map(paceOf));
  const seen: Seen[] = [];
  let unread = 0;
  for (const frame of presented) {
    unread += frame.since - 1;
    if (!frame.barcode || Math.abs(paceOf(frame) - start) > 500 / FPS) continue;
    seen.push({ number: frame.barcode.number, latencyMs: ageMs(frame.barcode, frame.shownMs), unread });
    unread = 0;
  }
  return seen;
}

/**
 * Share of the camera's frames between the first and the last seen that were presented, and whether they came in order.
 * `share` leaves out numbers that may have been among the frames that were presented (the browser counts them) while the
 * page was too late to read them; `read` does not.
 */
function coverage(frames: readonly Seen[]): { share: number; read: number; ordered: boolean } {
  const numbers = frames.map((frame) => frame.number);
  const expected = (numbers.at(-1) ?? 0) - (numbers[0] ?? 0) + 1;
  const seen = new Set(numbers).size;
  let hidden = 0;
  frames.forEach(({ number, unread }, i) => {
    const missing = number - (numbers[i - 1] ?? number) - 1;
    hidden += Math.max(0, Math.min(missing, unread));
  });
  return {
    share: seen / (expected - hidden),
    read: seen / expected,
    ordered: numbers.every((n, i) => i === 0 || n >= (numbers[i - 1] ?? 0)),
  };
}

/** Frames per second that the browser presented between the first and the last that the page read. */
function presentedPerSecond(presented: readonly Presented[]): number {
  const [first, last] = [presented[0], presented.at(-1)];
  const all = presented.slice(1).reduce((sum, frame) => sum + frame.since, 0);
  return first && last ? (1000 * all) / (last.shownMs - first.shownMs) : 0;
}

it.each(['h264', 'h265'] as const)(
  '%s camera at 30 fps is presented at 60, whole, in order and soon',
  async (codec) => {
    const { app } = await connect({ codec });
    const page = await openPage(browser, app.url, 'upconverted');
    await firstPicture(page, 'upconverted');
    await page.waitForTimeout(2000);
    const counts = await countPerSecond(page, 'upconverted', 4);
    const presented = await watchFrames(page, 5);
    const frames = sourceFrames(presented);
    const { share, read, ordered } = coverage(frames);
    const latency = frames.map((frame) => frame.latencyMs);
    console.log(
      `${codec} camera: ${counts.join(' ')} fps; ${(100 * share).toFixed(1)} % of source frames presented, ` +
        `${(100 * read).toFixed(1)} % read; ` +
        `latency p50 ${median(latency).toFixed(0)} ms, p95 ${quantile(latency, 0.95).toFixed(0)} ms`,
    );
    expect(median(counts)).toBeGreaterThanOrEqual(57);
    // 0.98 to 1 on a machine with time to spare (docs/measurements.md). Where frames arrive at the edge of the browser's
    // 60 Hz refresh, it shows one of two; with camera, server and browser on two cores it did so to 3 % of the frames.
    expect(share).toBeGreaterThanOrEqual(0.95);
    // What the browser merged or the page could not read is no excuse for what was not there: the browser presented as
    // many frames as it could show, and the server sent every source frame.
    expect(presentedPerSecond(presented)).toBeGreaterThanOrEqual(57);
    expect(read).toBeGreaterThanOrEqual(0.7);
    const { fps, frames: sent } = (await app.stream('live')).stats;
    expect(sent.source / (5 * fps.source)).toBeGreaterThanOrEqual(0.98);
    expect(ordered).toBe(true);
    // A bound on delay that grows. The figure itself depends on the machine's state: the same commit gave 105 and 151 ms on one day (docs/measurements.md).
    expect(median(latency)).toBeLessThanOrEqual(200);
    expect((await app.stream('live')).stats.frames.interpolated).toBeGreaterThan(100);
  },
);

it('is back within 5 s of the camera, with its viewer still connected', async () => {
  const { app, camera: first } = await connect({ stopAfter: 5 });
  const page = await openPage(browser, app.url, 'upconverted');
  await firstPicture(page, 'upconverted');
  await first.exited;
  await expect.poll(async () => (await app.stream('live')).state, { timeout: 8000 }).toBe('waiting');
  expect((await app.stream('live')).stats.viewers.upconverted).toBe(1);
  await page.waitForTimeout(2000);
  camera = await startCamera({ size: '640x360', fps: FPS, port: first.port });
  const returned = performance.now();
  await expect.poll(async () => (await app.stream('live')).phase, { timeout: 10_000, interval: 50 }).toBe('live');
  const presented = await watchFrames(page, 3);
  expect(presented.length).toBeGreaterThan(60);
  const back = performance.now() - returned - 3500;
  console.log(`camera restarted: live again after ${back.toFixed(0)} ms`);
  expect(back).toBeLessThan(5000);
  expect((await app.stream('live')).stats.viewers.upconverted).toBe(1);
});

it('survives a stall of 3 s', async () => {
  const { app } = await connect({ stallAt: 5, stallFor: 3 });
  const page = await openPage(browser, app.url, 'upconverted');
  await firstPicture(page, 'upconverted');
  await expect.poll(async () => (await app.stream('live')).state, { timeout: 12_000 }).toBe('waiting');
  await expect.poll(async () => (await app.stream('live')).state, { timeout: 12_000 }).toMatch(/^(full|degraded)$/);
  const counts = await countPerSecond(page, 'upconverted', 3);
  expect(median(counts)).toBeGreaterThanOrEqual(55);
  expect((await app.stream('live')).stats.viewers.upconverted).toBe(1);
});

it('goes on with its viewer when the camera changes its resolution', async () => {
  const { app } = await connect({ resizeAt: 5, resizeTo: '480x272' });
  const page = await openPage(browser, app.url, 'upconverted');
  await firstPicture(page, 'upconverted');
  const size = (): Promise<number[]> =>
    page.evaluate(() => {
      const video = document.querySelector<HTMLVideoElement>('figure[data-variant="upconverted"] video');
      return [video?.videoWidth ?? 0, video?.videoHeight ?? 0];
    });
  expect(await size()).toEqual([640, 360]);
  await expect.poll(size, { timeout: 12_000 }).toEqual([480, 272]);
  expect(median(await countPerSecond(page, 'upconverted', 3))).toBeGreaterThanOrEqual(55);
  expect(app.log()).toContain('"reconnects":0');
});

it('never mixes two scenes', async () => {
  const { app } = await connect({ cutEvery: 2 });
  const page = await openPage(browser, app.url, 'upconverted');
  await firstPicture(page, 'upconverted');
  await page.waitForTimeout(1000);
  const presented = await watchFrames(page, 7, 'piece');
  const pieces = presented.map(({ piece }) => piece);
  const steps = pieces.slice(1).map((piece, i) => difference(piece, pieces[i] ?? piece));
  const usual = median(steps);
  const cuts = steps.filter((step) => step > 4 * usual);
  console.log(`cuts: ${cuts.map((step) => step.toFixed(0)).join(' ')} in 7 s, usual step ${usual.toFixed(1)}`);
  expect(cuts.length).toBeGreaterThanOrEqual(3);
  // A mixed frame lies between the scenes: two large steps in a row, which add up to the step from scene to scene. (A
  // large step behind a cut that does not add up is motion while the page missed frames.)
  const mixed = steps.flatMap((step, i) => {
    const next = steps[i + 1] ?? 0;
    if (Math.min(step, next) <= 2.5 * usual) return [];
    const both = difference(pieces[i + 2] as Uint8Array, pieces[i] as Uint8Array);
    return both > 0.8 * (step + next) ? [`${step.toFixed(0)} + ${next.toFixed(0)} = ${both.toFixed(0)}`] : [];
  });
  expect(mixed).toEqual([]);
});

/** Mean absolute difference. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
}
