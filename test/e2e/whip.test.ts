/// <reference lib="dom" />
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type App, startApp } from '../support/app.ts';
import { launchChromium } from '../support/chromium.ts';
import { countPerSecond, firstPicture, median, openPage } from '../support/page.ts';
import { TOKENS } from '../support/tokens.ts';

let browser: Browser;
let app: App | undefined;

beforeAll(async () => {
  browser = await launchChromium({ camera: true });
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  const end = await app?.stop();
  const log = app?.log();
  app = undefined;
  if (end) {
    expect(end.code, log).toBe(0);
    expect(log).toContain('"liveFrames":0');
  }
});

afterAll(() => browser?.close());

/** Opens a page that publishes its camera to `<app>/whip/cam`; `codec` is what it prefers, AV1 what it offers alone. */
async function publisherPage(url: string, codec: 'VP8' | 'H264' | 'VP9' | 'AV1', layers = false): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${url}/healthz`);
  await publish(page, codec, layers);
  return page;
}

/** Publishes the page's camera; its connection is `window.publisher`. @throws when it is refused. */
function publish(page: Page, codec: string, layers = false): Promise<void> {
  return page.evaluate(
    async ([wanted, simulcast, token]) => {
      // Of AV1 a quarter: with all of it the test takes seconds longer.
      const [width, height] = wanted === 'AV1' ? [320, 180] : [640, 360];
      const camera = { width: { exact: width }, height: { exact: height }, frameRate: { exact: 30 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video: camera, audio: true });
      const pc = new RTCPeerConnection();
      const both = [{ rid: 'h' }, { rid: 'l', scaleResolutionDownBy: 2 }];
      for (const track of stream.getTracks()) {
        const sendEncodings = simulcast && track.kind === 'video' ? both : [];
        pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings });
      }
      const all = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
      const first = all.filter(({ mimeType }) => mimeType === `video/${wanted}`);
      const others = all.filter((codec) => !first.includes(codec));
      const rtx = others.filter(({ mimeType }) => mimeType === 'video/rtx');
      pc.getTransceivers()
        .find(({ sender }) => sender.track?.kind === 'video')
        ?.setCodecPreferences([...first, ...(wanted === 'AV1' ? rtx : others)]);
      await pc.setLocalDescription();
      const response = await fetch('/whip/cam', {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
        body: pc.localDescription?.sdp ?? '',
      });
      const answer = await response.text();
      if (response.status !== 201) throw new Error(`WHIP refused: ${response.status} ${answer}`);
      await pc.setRemoteDescription({ type: 'answer', sdp: answer });
      Object.assign(window, { publisher: pc, resource: response.headers.get('Location') });
    },
    [codec, layers, TOKENS.publish] as const,
  );
}

/** Of the publisher's outgoing video. */
interface Outbound {
  readonly framesSent: number;
  readonly nackCount: number;
  readonly pliCount: number;
  readonly targetBitrate?: number;
}

function outbound(page: Page): Promise<Outbound> {
  return page.evaluate(
    `window.publisher.getStats().then((all) => [...all.values()].find((s) => s.type === 'outbound-rtp' && s.kind === 'video'))`,
  );
}

/** Frames decoded since the start. */
async function decoded(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = /^framelift_stage_duration_seconds_count\{(?=[^}]*stage="decode")[^}]*\} (\d+)/m.exec(text);
  return Number(line?.[1]);
}

it.each(['VP8', 'H264', 'VP9'] as const)(
  "publishes a browser's camera by WHIP (%s), played at 60 fps",
  async (codec) => {
    app = await startApp(['cam=whip', '--fps', '60']);
    const camera = await publisherPage(app.url, codec);
    const page = await openPage(browser, app.url, 'upconverted');
    await firstPicture(page, 'upconverted', 15_000);
    await page.waitForTimeout(1000);
    const [before, from] = [await outbound(camera), await decoded(app.url)];
    const counts = await countPerSecond(page, 'upconverted', 4);
    const [after, to] = [await outbound(camera), await decoded(app.url)];
    const sent = after.framesSent - before.framesSent;
    console.log(
      `${codec}: ${counts.join(' ')} fps; ${to - from} of ${sent} frames came through, ` +
        `${((after.targetBitrate ?? 0) / 1000).toFixed(0)} kb/s, ${after.nackCount} NACK, ${after.pliCount} PLI`,
    );
    expect(median(counts)).toBeGreaterThanOrEqual(57);
    expect((to - from) / sent).toBeGreaterThanOrEqual(0.95);
    expect((await app.stream('cam')).stats.frames.interpolated).toBeGreaterThan(100);
  },
);

it('publishes a camera as AV1, where a browser offers nothing else', async () => {
  app = await startApp(['cam=whip', '--fps', '60']);
  const camera = await publisherPage(app.url, 'AV1');
  const page = await openPage(browser, app.url, 'upconverted');
  await firstPicture(page, 'upconverted', 15_000);
  const { url } = app;
  const started = performance.now();
  const [before, from] = [await outbound(camera), await decoded(url)];
  await expect.poll(async () => (await decoded(url)) - from, { timeout: 20_000 }).toBeGreaterThanOrEqual(60);
  const [after, to] = [await outbound(camera), await decoded(url)];
  const sent = after.framesSent - before.framesSent;
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `AV1: ${to - from} of ${sent} frames came through, ${(sent / seconds).toFixed(1)} a second, ` +
      `${after.nackCount} NACK, ${after.pliCount} PLI`,
  );
  expect((to - from) / sent).toBeGreaterThanOrEqual(0.95);
  expect((await app.stream('cam')).stats.frames.interpolated).toBeGreaterThan(30);
  expect(app.log()).toMatch(/"codec":"av1".*publisher live/);
});

it('of a browser that offers simulcast the full picture is taken', async () => {
  app = await startApp(['cam=whip', '--fps', '60']);
  const camera = await publisherPage(app.url, 'VP8', true);
  expect(await camera.evaluate('window.publisher.localDescription.sdp')).toContain('a=simulcast:send');
  const page = await openPage(browser, app.url, 'upconverted');
  await firstPicture(page, 'upconverted', 15_000);
  await page.waitForTimeout(2000);
  const from = await decoded(app.url);
  await page.waitForTimeout(2000);
  expect(((await decoded(app.url)) - from) / 2).toBeGreaterThan(27);
  const size = page.evaluate(() => {
    const video = document.querySelector<HTMLVideoElement>('figure[data-variant="upconverted"] video');
    return [video?.videoWidth, video?.videoHeight];
  });
  expect(await size).toEqual([640, 360]);
});

it('viewers resume within 3 s of the publisher reloading its page', async () => {
  app = await startApp(['cam=whip', '--fps', '60']);
  const camera = await publisherPage(app.url, 'VP8');
  const page = await openPage(browser, app.url, 'upconverted');
  await firstPicture(page, 'upconverted', 15_000);
  await page.waitForTimeout(2000);
  const longest = page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const video = document.querySelector<HTMLVideoElement>('figure[data-variant="upconverted"] video');
        if (!video) {
          reject(new Error('no video'));
          return;
        }
        let [last, gap] = [performance.now(), 0];
        const seen = (now: number): void => {
          gap = Math.max(gap, now - last);
          last = now;
          video.requestVideoFrameCallback(seen);
        };
        video.requestVideoFrameCallback(seen);
        setTimeout(() => resolve(Math.max(gap, performance.now() - last)), 6000);
      }),
  );
  await page.waitForTimeout(500);
  await camera.reload();
  await publish(camera, 'VP8');
  const gap = await longest;
  console.log(`publisher reloaded: viewers saw a pause of ${gap.toFixed(0)} ms`);
  expect(gap).toBeGreaterThan(100);
  expect(gap).toBeLessThan(3000);
  expect((await app.stream('cam')).stats.viewers.upconverted).toBe(1);
  expect(median(await countPerSecond(page, 'upconverted', 4))).toBeGreaterThanOrEqual(55);
});
