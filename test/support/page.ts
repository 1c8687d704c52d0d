/// <reference lib="dom" />
/** framelift's own page in Chromium, watched frame by frame. */
import type { Browser, Page } from 'playwright-core';
import { type Barcode, readBarcode } from './camera.ts';

/** One presented frame. */
export interface Presented {
  /** Milliseconds since the Unix epoch at which the compositor showed it. */
  readonly shownMs: number;
  /** What its barcode says; undefined where the picture is a mix of two. */
  readonly barcode: Barcode | undefined;
  /** The picture below the barcode, 64 × 36 luma samples. */
  readonly thumb: readonly number[];
}

const THUMB_WIDTH = 64;
const THUMB_HEIGHT = 36;
/** The camera's barcode: this many rows at its top, scaled to this many columns and rows for reading. */
const STRIP_ROWS = 24;
const STRIP_WIDTH = 240;
const STRIP_HEIGHT = 16;

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

/** Watches the upconverted picture for `seconds` and reads every presented frame. */
export async function watchFrames(page: Page, seconds: number): Promise<Presented[]> {
  const size = {
    rows: STRIP_ROWS,
    stripWidth: STRIP_WIDTH,
    stripHeight: STRIP_HEIGHT,
    width: THUMB_WIDTH,
    height: THUMB_HEIGHT,
  };
  const raw = await page.evaluate(
    ({ duration, rows, stripWidth, stripHeight, width, height }) =>
      new Promise<{ shownMs: number; strip: string; thumb: number[] }[]>((resolve, reject) => {
        const video = document.querySelector<HTMLVideoElement>('figure[data-variant="upconverted"] video');
        const canvas = document.createElement('canvas');
        canvas.width = stripWidth;
        canvas.height = stripHeight + height;
        const context = canvas.getContext('2d', { willReadFrequently: true });
        if (!video || !context) {
          reject(new Error('no video or no canvas'));
          return;
        }
        const green = (w: number, y: number, h: number): number[] => {
          const { data } = context.getImageData(0, y, w, h);
          return Array.from({ length: w * h }, (_, i) => data[4 * i + 1] ?? 0);
        };
        const frames: { shownMs: number; strip: string; thumb: number[] }[] = [];
        const end = performance.now() + duration * 1000;
        const look: VideoFrameRequestCallback = (_now, { expectedDisplayTime }) => {
          const { videoWidth, videoHeight } = video;
          context.drawImage(video, 0, 0, videoWidth, rows, 0, 0, stripWidth, stripHeight);
          const below = videoHeight - rows - 8;
          context.drawImage(video, 0, rows + 8, videoWidth, below, 0, stripHeight, width, height);
          frames.push({
            shownMs: performance.timeOrigin + expectedDisplayTime,
            strip: String.fromCharCode(...green(stripWidth, 0, stripHeight)),
            thumb: green(width, stripHeight, height),
          });
          if (performance.now() < end) video.requestVideoFrameCallback(look);
        };
        video.requestVideoFrameCallback(look);
        setTimeout(() => resolve(frames), duration * 1000 + 500);
      }),
    { duration: seconds, ...size },
  );
  return raw.map(({ shownMs, strip, thumb }) => ({
    shownMs,
    barcode: readBarcode(Buffer.from(strip, 'latin1'), STRIP_WIDTH, STRIP_WIDTH),
    thumb,
  }));
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
