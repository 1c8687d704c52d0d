import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';
import { presentedPictures } from '../support/presented.ts';

/** The rendered phantom, 15 pulses a second. */
const PHANTOM = fileURLToPath(new URL('../../demo/fluoroscopy15.mp4', import.meta.url));
const NOTICE = /not for diagnosis/i;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let browser: Browser;
let app: App;

/** What this test reads of /api/streams. */
interface Entry {
  readonly model: string;
  readonly target: string;
  readonly badge: boolean;
  readonly notice: string;
  readonly latencyFloorMs: number;
  readonly latencyBudgetMs: number;
}

async function entry(): Promise<Entry> {
  // The shape of our own API.
  const { streams } = (await (await fetch(`${app.url}/api/streams`)).json()) as { streams: Entry[] };
  return streams[0] as Entry;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  const exam = `${folder.path}/exam.mp4`;
  // 7.5 pulses a second, each shown four times at 30 fps, as an encoder of a room's video output would send it.
  const pulses = 'select=not(mod(n\\,2)),setpts=N/7.5/TB,fps=30';
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '30'];
  // The phantom repeats itself after ten seconds without a jump.
  await ffmpeg('-stream_loop', '3', '-i', PHANTOM, '-vf', pulses, ...coding, exam);
  browser = await launchChromium();
  // Whether this machine is fast enough for the default budget is another question.
  app = await startApp([`room=${exam}`, '--profile', 'fluoroscopy', '--latency-budget', '250ms']);
});

afterAll(async () => {
  await browser?.close();
  const end = await app?.stop();
  await folder?.remove();
  expect(end?.code, app?.log()).toBe(0);
  expect(app?.log()).toContain('"liveFrames":0');
});

it('7.5 pulses a second in a video of 30 frames: three pictures are made between pulses, evenly, and said to be made', async () => {
  await expect.poll(() => app.log(), { timeout: 20_000 }).toContain('7.5 pulses a second');
  await expect.poll(async () => Math.round((await entry()).latencyFloorMs), { timeout: 5000 }).toBe(100);
  const page = await browser.newPage();
  await page.goto(`${app.url}/api/streams`);
  // Until the delay has grown to what pulses need.
  const { pictures } = await presentedPictures(page, `${app.url}/whep/room`, 120, 6000);
  const records = pictures.flatMap(({ record }) => record ?? []);
  expect(records.length).toBeGreaterThanOrEqual(118);
  const made = records.filter(({ kind }) => kind === 'interpolated');
  const taken = records.filter(({ kind }) => kind === 'source');
  const { stats, ladder } = await app.stream('room');
  const { fps } = stats;
  const reasons = records.flatMap(({ reason }) => reason ?? []).join(' ');
  console.log(
    `fluoroscopy: ${fps.upconverted.toFixed(1)} fps of ${fps.source.toFixed(1)}; of ${records.length} pictures ` +
      `${taken.length} are pulses, ${made.length} made; ladder at ${ladder?.rung}; ${reasons}`,
  );
  // 0.75 on a machine with time to spare; with deadlines that it misses, source frames are repeated.
  expect(made.length / records.length).toBeGreaterThan(0.5);
  for (const { t, model } of made) {
    expect([0.25, 0.5, 0.75]).toContain(t);
    expect(model).toMatch(/^(fluoro-s|search)/);
  }
  // A repetition is never shown as another pulse.
  const gaps = taken.slice(1).map(({ pts }, i) => pts - (taken[i]?.pts ?? 0));
  for (const gap of gaps.filter((gap) => gap > 0)) expect(gap).toBeGreaterThan(0.13);
  expect(fps.upconverted).toBeGreaterThan(25);
  expect(fps.upconverted).toBeLessThan(33);
});

it('is marked and said not to be for diagnosis, and what the rate costs is said too', async () => {
  const { model, target, badge, notice, latencyFloorMs, latencyBudgetMs } = await entry();
  expect({ model, target, badge }).toEqual({ model: 'fluoro-s', target: '×4, at most 60 fps', badge: true });
  expect(notice).toMatch(NOTICE);
  expect(latencyBudgetMs).toBe(250);
  expect(latencyFloorMs).toBeCloseTo(100, -0.5);
  expect(app.log()).toMatch(NOTICE);
  expect(app.log()).toMatch(/waiting for the next frame alone adds 100 ms/);
});
