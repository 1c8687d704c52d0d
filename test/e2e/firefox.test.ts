/// <reference lib="dom" />
import { writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
// Declares `window.framelift`.
import type {} from '../../src/web/browser.d.ts';
import { type App, startApp } from '../support/app.ts';
import { type Camera, startCamera } from '../support/camera.ts';
import { type Firefox, type FirefoxPage, launchFirefox } from '../support/firefox.ts';
import { temporaryFolder } from '../support/media.ts';
import { median } from '../support/page.ts';
import { TOKENS } from '../support/tokens.ts';

let app: App;
let camera: Camera;
let firefox: Firefox;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

/** Firefox has no connection to a loopback address; what goes to another one of this machine does not leave it either. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const own = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!own) throw new Error('this machine has no address beside the loopback, to which Firefox does not connect');
  return own.address;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  const config = join(folder.path, 'framelift.yaml');
  await writeFile(config, `webrtc: { advertisedHosts: [${ownAddress()}] }\n`);
  [camera, firefox] = await Promise.all([
    startCamera({ size: '640x360', fps: 30, sound: 'opus', beepEvery: 0.5 }),
    launchFirefox(),
  ]);
  app = await startApp(['--config', config, `theatre=${camera.url}`, 'door=whip', '--fps', '60']);
});

afterAll(async () => {
  await firefox?.[Symbol.asyncDispose]();
  const end = await app?.stop();
  await camera?.stop();
  await folder?.remove();
  expect(end?.code, app?.log()).toBe(0);
  expect(app?.log()).toContain('"liveFrames":0');
});

async function open(): Promise<FirefoxPage> {
  const page = await firefox.newPage();
  onTestFinished(() => page.close());
  return page;
}

/** Pictures that were painted in each of so many seconds, on a page of the upconverted variant. */
function paintedPerSecond(page: FirefoxPage, seconds: number): Promise<number[]> {
  return page.evaluate(
    (count) =>
      new Promise<number[]>((resolve) => {
        const video = document.querySelector<HTMLVideoElement>('figure[data-variant="upconverted"] video');
        const counts: number[] = [];
        let painted = 0;
        const step = (): void => {
          painted += 1;
          video?.requestVideoFrameCallback(step);
        };
        video?.requestVideoFrameCallback(step);
        const timer = setInterval(() => {
          counts.push(painted);
          painted = 0;
          if (counts.length < count) return;
          clearInterval(timer);
          resolve(counts);
        }, 1000);
      }),
    seconds,
  );
}

const presented = (page: FirefoxPage): Promise<number> =>
  page.evaluate(() => window.framelift.stats().upconverted.presented, undefined);

it('plays in Firefox without H.264, by VP8, with sound and provenance, and has its controls', async () => {
  const page = await open();
  await page.goto(`${app.url}/?view=upconverted#/theatre`);
  await expect.poll(() => presented(page), { timeout: 20_000 }).toBeGreaterThan(60);
  const counts = await paintedPerSecond(page, 4);
  const { upconverted } = await page.evaluate(() => window.framelift.stats(), undefined);
  const { fps } = (await app.stream('theatre')).stats;
  console.log(
    `Firefox painted ${counts.join(' ')} a second of ${fps.source.toFixed(1)} that came; ` +
      `${JSON.stringify(upconverted.origins)}`,
  );
  expect(median(counts)).toBeGreaterThanOrEqual(1.85 * fps.source);
  expect(upconverted.origins.records).toBeGreaterThan(60);
  expect(upconverted.origins.counts.source).toBeGreaterThan(30);
  expect(upconverted.origins.counts.unknown).toBeLessThan(12);
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  expect(metrics).toMatch(/framelift_rendition_viewers\{stream="theatre",variant="upconverted",rendition="vp8"\} 1\b/);

  const figure = 'figure[data-variant="upconverted"]';
  const level = (): Promise<number> =>
    page.evaluate((at) => document.querySelector<HTMLMeterElement>(`${at} .level`)?.value ?? -1, figure);
  const muted = (): Promise<boolean | undefined> =>
    page.evaluate((at) => document.querySelector<HTMLVideoElement>(`${at} video`)?.muted, figure);
  const press = (key: string): Promise<unknown> =>
    page.evaluate(
      (name) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true })),
      key,
    );
  if (await muted()) await press('m');
  expect(await muted()).toBe(false);
  await expect.poll(level, { timeout: 5000 }).toBeGreaterThan(0);
  await press('m');
  expect(await muted()).toBe(true);
});

it('publishes from Firefox by the page, and plays it there', async () => {
  const publisher = await open();
  await publisher.goto(`${app.url}/#/door`);
  await publisher.evaluate(async (token) => {
    const wait = async (ready: () => boolean | undefined): Promise<void> => {
      while (!ready()) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    const element = (id: string) => document.getElementById(id) as HTMLInputElement & HTMLSelectElement;
    await wait(() => !element('publish-open').hidden);
    element('publish-open').click();
    element('publish-token').value = token;
    element('publish-start').click();
    await wait(() => document.getElementById('publish-state')?.textContent?.startsWith('Publishing'));
  }, TOKENS.publish);
  await expect.poll(async () => (await app.stream('door')).phase, { timeout: 15_000 }).toBe('live');
  const page = await open();
  await page.goto(`${app.url}/?view=upconverted#/door`);
  await expect.poll(() => presented(page), { timeout: 20_000 }).toBeGreaterThan(60);
  const counts = await paintedPerSecond(page, 3);
  const { fps } = (await app.stream('door')).stats;
  const codec = await fetch(`${app.url}/metrics`).then(
    async (answer) => /framelift_source_info\{[^}]*"door"[^}]*\}/.exec(await answer.text())?.[0],
  );
  console.log(`Firefox published ${fps.source.toFixed(1)} frames a second (${codec}), and painted ${counts.join(' ')}`);
  expect(codec).toContain('codec="vp8"');
  expect(fps.source).toBeGreaterThanOrEqual(15);
  expect(fps.upconverted).toBeGreaterThan(1.3 * fps.source);
  // Firefox encodes 720p here and decodes it at once, without a GPU: it paints what it can, and of what is made
  // between its frames the ladder makes what is left of two cores, which may be nothing.
  expect(median(counts)).toBeGreaterThan(5);
});
