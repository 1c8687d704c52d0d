/// <reference lib="dom" />
/** What framelift tells of pictures that are not square and not progressive, and of a file that shouts at ffmpeg's log. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { ffmpeg, temporaryFolder, testVideo } from '../support/media.ts';
import { openPage } from '../support/page.ts';

let app: App;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  const { path: folder, remove } = await temporaryFolder();
  cleanUp.push(remove);
  const wide = join(folder, 'wide.mkv');
  const interlaced = ['-vf', 'setsar=16/11', '-flags', '+ildct+ilme', '-x264-params', 'tff=1', '-pix_fmt', 'yuv420p'];
  await ffmpeg(...testVideo('160x96', '25', 200, ...interlaced, '-g', '25'), wide);
  const loud = join(folder, 'loud.mkv');
  const metadata = join(folder, 'metadata.txt');
  await writeFile(metadata, `;FFMETADATA1\ntitle=${'Stream #0:1'.repeat(20_000).replaceAll('#', '\\#')}\n`);
  const plain = join(folder, 'plain.mkv');
  await ffmpeg(...testVideo('160x96', '25', 200, '-g', '25'), plain);
  await ffmpeg('-i', plain, '-f', 'ffmetadata', '-i', metadata, '-map', '0', '-map_metadata', '1', '-c', 'copy', loud);
  const file = await readFile(loud);
  const web = createServer((_, response) => response.end(file)).listen(0, '127.0.0.1');
  await once(web, 'listening');
  cleanUp.push(() => web.close());
  const config = join(folder, 'framelift.yaml');
  // A listening TCP server has an AddressInfo.
  const { port } = web.address() as AddressInfo;
  await writeFile(
    config,
    `engine: { model: search }
streams:
  - { name: wide, source: ${JSON.stringify(wide)}, loop: true, deinterlace: off }
  - { name: loud, source: "http://127.0.0.1:${port}/loud.mkv" }
`,
  );
  app = await startApp(['--config', config]);
  cleanUp.push(() => app.stop());
});
afterAll(async () => {
  for (const undo of cleanUp.reverse()) await undo();
});

test('a title of 200 KB costs nothing: the stream is live at once', async () => {
  await vi.waitFor(async () => expect(await app.stream('loud')).toMatchObject({ phase: 'live' }), { timeout: 10_000 });
});

test('the shape of samples and the two fields are told, and the page shows them', async () => {
  await vi.waitFor(async () => expect(await app.stream('wide')).toMatchObject({ phase: 'live' }), { timeout: 10_000 });
  expect(await app.stream('wide')).toMatchObject({
    source: {
      ...{ width: 160, height: 96, sampleAspectRatio: '16:11', displayWidth: 233, interlaced: true },
      ...{ matrix: 'bt601', range: 'limited' },
    },
    notice: expect.stringContaining('interlaced'),
  });
  expect((await app.stream('loud')).notice).toBeUndefined();
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  expect(metrics).toContain('framelift_source_interlaced{stream="wide"} 1');
  expect(metrics).toContain('framelift_source_interlaced{stream="loud"} 0');
  expect(app.log()).toMatch(/interlaced: each of its frames holds two moments/);

  await using browser = await launchChromium();
  const page = await openPage(browser, `${app.url}/?stream=wide`, 'both');
  await page.locator('#notice', { hasText: 'interlaced' }).waitFor({ timeout: 5000 });
  const shape = await page.waitForFunction(() => {
    const box = document.querySelector('figure[data-variant="source"] .viewport')?.getBoundingClientRect();
    const video = document.querySelector('figure[data-variant="source"] video');
    if (!box || !(video instanceof HTMLVideoElement) || video.videoWidth === 0) return undefined;
    const { width, height } = video.getBoundingClientRect();
    const stretch = Number(getComputedStyle(video).scale.split(' ')[0]);
    // As a browser fits it into its box, stretched: what is seen of a picture.
    const fitted = Math.min(width / stretch / video.videoWidth, height / video.videoHeight);
    return {
      fills: Math.abs(width - box.width) < 1,
      ratio: (fitted * video.videoWidth * stretch) / (fitted * video.videoHeight),
    };
  });
  const seen = await shape.jsonValue();
  expect(seen).toMatchObject({ fills: true });
  expect(seen?.ratio).toBeCloseTo(233 / 96, 1);

  await page.goto(`${app.url}/embed/wide?variant=source`);
  const stretched = await page.waitForFunction(() => {
    const video = document.querySelector('video');
    const stretch = video ? Number(getComputedStyle(video).scale.split(' ')[0]) : 1;
    return video && video.videoWidth > 0 && stretch > 1 ? stretch : undefined;
  });
  expect(await stretched.jsonValue()).toBeCloseTo(233 / 160, 3);
});
