/// <reference lib="dom" />
/** framelift's own page in Chromium, watched frame by frame. */
import type { Browser, Page } from 'playwright-core';
// Declares `window.framelift`.
import type {} from '../../src/web/browser.d.ts';
import { type Barcode, readBarcode } from './camera.ts';

/** One presented frame. */
export interface Presented {
  /** Milliseconds since the Unix epoch at which the compositor showed it. */
  readonly shownMs: number;
  /** Frames presented since the last one read: more than 1 where the page was too slow to read them. */
  readonly since: number;
  /** What its barcode says; undefined where the picture is a mix of two. */
  readonly barcode: Barcode | undefined;
  /** A piece of the background, where none of the camera's discs ever pass, at full resolution; empty unless asked for. */
  readonly piece: Uint8Array;
}

/** The camera's barcode: this many rows at its top, scaled to this many columns and rows for reading. */
const STRIP = { rows: 24, width: 240, height: 16 };
/** Between the barcode and the topmost disc of a 640 × 360 camera. */
const PIECE = { x: 64, y: 28, width: 512, height: 14 };

/** Opens the page and shows one or both variants. */
export async function openPage(
  browser: Browser,
  url: string,
  view: 'both' | 'upconverted' | 'source' = 'both',
): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(view === 'both' ? url : `${url}/?view=${view}`);
  return page;
}

/** Resolves when the variant has painted its first frame; milliseconds since the call. */
export async function firstPicture(page: Page, variant: 'upconverted' | 'source', timeoutMs = 10_000): Promise<number> {
  const started = performance.now();
  await page.waitForFunction(
    (which) => {
      const video = document.querySelector<HTMLVideoElement>(`figure[data-variant="${which}"] video`);
      return video !== null && video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > 0;
    },
    variant,
    { timeout: timeoutMs, polling: 50 },
  );
  return performance.now() - started;
}

/** Counts presented frames in each of `seconds` one-second windows, by requestVideoFrameCallback. */
export function countPerSecond(page: Page, variant: 'upconverted' | 'source', seconds: number): Promise<number[]> {
  return page.evaluate(
    ({ which, windows }) =>
      new Promise<number[]>((resolve, reject) => {
        const video = document.querySelector<HTMLVideoElement>(`figure[data-variant="${which}"] video`);
        if (!video) {
          reject(new Error(`no video ${which}`));
          return;
        }
        const counts: number[] = Array.from({ length: windows }, () => 0);
        const start = performance.now();
        let last = -1;
        const count: VideoFrameRequestCallback = (now, { presentedFrames }) => {
          const window = Math.floor((now - start) / 1000);
          if (window >= windows) return;
          // A callback may stand for several frames that were presented since the last.
          if (window >= 0) counts[window] = (counts[window] ?? 0) + (last < 0 ? 1 : presentedFrames - last);
          last = presentedFrames;
          video.requestVideoFrameCallback(count);
        };
        video.requestVideoFrameCallback(count);
        setTimeout(() => resolve(counts), windows * 1000 + 100);
      }),
    { which: variant, windows: seconds },
  );
}

/** Watches the upconverted picture for `seconds` and reads every presented frame's barcode, or a piece of its picture. */
export async function watchFrames(
  page: Page,
  seconds: number,
  what: 'barcode' | 'piece' = 'barcode',
): Promise<Presented[]> {
  const raw = await page.evaluate(
    ({ duration, what, strip, piece }) =>
      new Promise<{ shownMs: number; since: number; text: string }[]>((resolve, reject) => {
        const video = document.querySelector<HTMLVideoElement>('figure[data-variant="upconverted"] video');
        const canvas = document.createElement('canvas');
        const { width, height } = what === 'barcode' ? strip : piece;
        canvas.width = width;
        canvas.height = height;
        const context = canvas.getContext('2d', { willReadFrequently: true });
        if (!video || !context) {
          reject(new Error('no video or no canvas'));
          return;
        }
        const frames: { shownMs: number; since: number; text: string }[] = [];
        const end = performance.now() + duration * 1000;
        let last = 0;
        const look: VideoFrameRequestCallback = (_now, { expectedDisplayTime, presentedFrames }) => {
          const { videoWidth } = video;
          if (what === 'barcode') context.drawImage(video, 0, 0, videoWidth, strip.rows, 0, 0, width, height);
          else context.drawImage(video, piece.x, piece.y, width, height, 0, 0, width, height);
          const { data } = context.getImageData(0, 0, width, height);
          const green = Uint8Array.from({ length: width * height }, (_, i) => data[4 * i + 1] ?? 0);
          const since = last === 0 ? 1 : presentedFrames - last;
          last = presentedFrames;
          const text = String.fromCharCode(...green);
          frames.push({ shownMs: performance.timeOrigin + expectedDisplayTime, since, text });
          if (performance.now() < end) video.requestVideoFrameCallback(look);
        };
        video.requestVideoFrameCallback(look);
        setTimeout(() => resolve(frames), duration * 1000 + 500);
      }),
    { duration: seconds, what, strip: STRIP, piece: PIECE },
  );
  return raw.map(({ shownMs, since, text }) => {
    const pixels = Buffer.from(text, 'latin1');
    return what === 'barcode'
      ? { shownMs, since, barcode: readBarcode(pixels, STRIP.width, STRIP.width), piece: new Uint8Array() }
      : { shownMs, since, barcode: undefined, piece: pixels };
  });
}

/** Median of a list; NaN when it is empty. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The q-quantile of a list; NaN when it is empty. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
