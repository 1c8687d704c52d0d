import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { ImpairedPath } from '../support/impair.ts';
import { LinkViewer } from '../support/link-viewer.ts';

let folder: string;
let browser: Browser;
let app: App;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framelift-link-'));
  const config = join(folder, 'framelift.json');
  // Fifteen frames a second in, sixty out, three times what the path will carry.
  const stream = { name: 'live', source: 'demo', fps: 60, model: 'repeat', bitrateKbps: 4000 };
  await writeFile(config, JSON.stringify({ streams: [stream] }));
  [app, browser] = await Promise.all([startApp(['--config', config]), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await app?.stop();
  await rm(folder, { recursive: true });
});

/** The value of a series of /metrics. */
async function metric(series: string): Promise<number | undefined> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}

it('a viewer on a path of 1.3 Mb/s loses frames that are not the source’s and does not freeze; the other loses nothing; it climbs back', async () => {
  await using path = await ImpairedPath.open();
  path.impair({ rate: 1.3e6, delayMs: 10, queueMs: 400 });
  const [weak, other] = await Promise.all([LinkViewer.play(browser, app.url, path), LinkViewer.play(browser, app.url)]);
  await sleep(3000);
  await Promise.all([weak.begin(), other.begin()]);
  path.queued.length = 0;
  await sleep(6000);
  const [seen, beside] = await Promise.all([weak.look(), other.look()]);
  const queued = path.queued.toSorted((a, b) => a - b);
  console.log('weak', seen, 'other', beside, 'queue p95', queued[Math.floor(queued.length * 0.95)]);
  expect(seen.fps).toBeGreaterThan(13);
  expect(seen.fps).toBeLessThan(17);
  expect(seen.freezeSeconds).toBeLessThanOrEqual(0.3);
  expect(queued[Math.floor(queued.length * 0.95)]).toBeLessThan(200);
  expect(beside.fps).toBeGreaterThan(55);
  const series = (rendition: string): string => `{stream="live",variant="upconverted",rendition="${rendition}"}`;
  expect(await metric(`framelift_rendition_viewers${series('reduced')}`)).toBe(1);
  path.impair({});
  expect(await weak.climb(12)).toBeLessThan(12);
  expect(await metric(`framelift_rendition_viewers${series('reduced')}`)).toBe(0);
  await Promise.all([weak.close(), other.close()]);
});
