/// <reference lib="dom" />
/** A Chromium that plays, through a bad network or not, and counts what a person would see. */
import type { Browser, Page } from 'playwright-core';
import type { ImpairedPath } from './impair.ts';

/** What was seen since {@link LinkViewer.begin}. */
export interface LinkView {
  readonly fps: number;
  /** By Chromium's own count (`totalFreezesDuration`), with the one at the end. */
  readonly freezeSeconds: number;
  /** Longest time between two frames that were shown. */
  readonly longestGapMs: number;
  /** Of the last frame, in samples. */
  readonly width: number;
}

/** A picture that has stood for so long is frozen. */
const OPEN_FREEZE_MS = 300;

interface Counts {
  readonly frames: number;
  readonly freezes: number;
  readonly width: number;
  readonly at: number;
}

/** One viewer, on a page of its own. */
export class LinkViewer {
  readonly #page: Page;
  #begin: Counts | undefined;

  private constructor(page: Page) {
    this.#page = page;
  }

  /** Plays the stream `live` of the framelift at `url`; resolves with the first frame. */
  static async play(browser: Browser, url: string, path?: ImpairedPath): Promise<LinkViewer> {
    const page = await browser.newPage();
    await page.goto(`${url}/healthz`);
    await page.exposeFunction('exchange', async (offer: string) => {
      const headers = { 'Content-Type': 'application/sdp' };
      const response = await fetch(`${url}/whep/live`, { method: 'POST', headers, body: offer });
      const answer = await response.text();
      if (response.status !== 201) throw new Error(`WHEP refused: ${response.status} ${answer}`);
      return path ? path.through(answer) : answer;
    });
    await page.evaluate(async () => {
      const scope = globalThis as unknown as {
        exchange(offer: string): Promise<string>;
        peer: RTCPeerConnection;
        gap: number;
        last: number;
      };
      const peer = new RTCPeerConnection();
      scope.peer = peer;
      scope.gap = 0;
      scope.last = performance.now();
      const { receiver } = peer.addTransceiver('video', { direction: 'recvonly' });
      const video = document.createElement('video');
      video.muted = true;
      document.body.append(video);
      const shown = new Promise<void>((resolve) => {
        const onFrame = (now: number): void => {
          scope.gap = Math.max(scope.gap, now - scope.last);
          scope.last = now;
          resolve();
          video.requestVideoFrameCallback(onFrame);
        };
        video.requestVideoFrameCallback(onFrame);
      });
      video.srcObject = new MediaStream([receiver.track]);
      await peer.setLocalDescription();
      const sdp = await scope.exchange(peer.localDescription?.sdp ?? '');
      await peer.setRemoteDescription({ type: 'answer', sdp });
      void video.play();
      await shown;
    });
    return new LinkViewer(page);
  }

  /** From now on it counts. */
  async begin(): Promise<void> {
    this.#begin = await this.#counts();
    await this.#page.evaluate(() => {
      (globalThis as unknown as { gap: number }).gap = 0;
    });
  }

  /** What was seen since. */
  async look(): Promise<LinkView> {
    const [before, now] = [this.#begin, await this.#counts()];
    if (!before) throw new Error('it has not begun to count');
    const [gap, open] = await this.#page.evaluate((): [number, number] => {
      const scope = globalThis as unknown as { gap: number; last: number };
      return [scope.gap, performance.now() - scope.last];
    });
    const fps = ((now.frames - before.frames) * 1000) / (now.at - before.at);
    // A freeze counts when it is over; one that is not, here.
    const freezeSeconds = now.freezes - before.freezes + (open > OPEN_FREEZE_MS ? open / 1000 : 0);
    return { fps, freezeSeconds, longestGapMs: Math.max(gap, open), width: now.width };
  }

  /** Seconds until it has been shown 59 frames a second for a second; undefined: longer than `most`. */
  async climb(most: number): Promise<number | undefined> {
    const first = await this.#counts();
    const seen: Counts[] = [first];
    for (let now = first; now.at - first.at < most * 1000; ) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      now = await this.#counts();
      seen.push(now);
      const before = seen.findLast(({ at }) => now.at - at >= 1000);
      if (before && ((now.frames - before.frames) * 1000) / (now.at - before.at) >= 58.5) {
        return (before.at - first.at) / 1000;
      }
    }
    return undefined;
  }

  /** Leaves. */
  async close(): Promise<void> {
    await this.#page.evaluate(() => (globalThis as unknown as { peer: RTCPeerConnection }).peer.close());
    await this.#page.close();
  }

  #counts(): Promise<Counts> {
    return this.#page.evaluate(async () => {
      const { peer } = globalThis as unknown as { peer: RTCPeerConnection };
      const stats = [...(await peer.getStats()).values()];
      const video = stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
      const { framesDecoded = 0, totalFreezesDuration = 0, frameWidth = 0 } = video ?? {};
      return { frames: framesDecoded, freezes: totalFreezesDuration, width: frameWidth, at: performance.now() };
    });
  }
}
