/** One video on the page: its connection, what it presents, and what lies over it. */
import { WhepLink } from '/whep.js';

/** Frames are counted over this. Milliseconds. */
const WINDOW = 1000;
/** Latency samples that are remembered. */
const SAMPLES = 240;
/** NTP counts from 1900, the web from 1970. Milliseconds. */
const NTP_EPOCH = 2_208_988_800_000;

/** Why there is no picture: headline and what follows. */
const OVERLAYS = {
  connecting: 'Connecting',
  'no-source': 'Waiting for source',
  full: 'Too many viewers',
  unknown: 'No such stream',
  lost: 'Connection lost, trying again',
};

export class Screen {
  #video;
  #overlay;
  #link;
  #state = 'connecting';
  #receiver;
  #presentedBefore = 0;
  /** [performance.now of presentation, frames since the one before] */
  #recent = [];
  #latencies = [];

  /** Frames presented since the page was loaded. */
  presented = 0;
  /** performance.now of the last one. */
  lastFrame = 0;

  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.figure = figure;
    this.variant = figure.dataset.variant;
    this.#video = figure.querySelector('video');
    this.#overlay = figure.querySelector('.overlay');
    this.#video.requestVideoFrameCallback?.(this.#onFrame);
    const full = figure.querySelector('.full');
    full.hidden = !document.fullscreenEnabled;
    full.onclick = () => (document.fullscreenElement ? document.exitFullscreen() : figure.requestFullscreen());
    this.#video.ondblclick = full.onclick;
  }

  /** Plays what is at `url`; undefined stops. The last picture stays until another one comes. */
  play(url) {
    this.#link?.stop();
    this.#link = undefined;
    this.#recent = [];
    this.#latencies = [];
    this.lastFrame = performance.now();
    if (url === undefined) {
      this.#video.srcObject = null;
      return;
    }
    this.#link = new WhepLink(
      url,
      (track, receiver) => this.#show(track, receiver),
      (state) => {
        this.#state = state;
      },
    );
    this.#link.start();
  }

  /** Asks anew at once, for instance because the server was restarted. */
  reconnect() {
    this.lastFrame = performance.now();
    this.#link?.start();
  }

  get playing() {
    return this.#link !== undefined;
  }

  get connected() {
    return this.#state === 'connected';
  }

  get size() {
    return { width: this.#video.videoWidth, height: this.#video.videoHeight };
  }

  /** Frames presented within the last second, and their rate by the times of the first and the last. */
  rate(now = performance.now()) {
    while (this.#recent.length && this.#recent[0][0] < now - WINDOW) this.#recent.shift();
    const recent = this.#recent;
    let count = 0;
    for (const [, frames] of recent) count += frames;
    if (recent.length < 2) return { count, fps: count };
    const intervals = count - recent[0][1];
    const mean = (recent.at(-1)[0] - recent[0][0]) / intervals;
    const end = Math.max(recent.at(-1)[0], now - mean);
    return { count, fps: (intervals * 1000) / (end - recent[0][0]) };
  }

  /** Capture to presentation over the last samples in ms, if the browser knows when frames were captured. */
  latency() {
    if (this.#latencies.length < 5) return undefined;
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return { p50: sorted[Math.floor(sorted.length / 2)], p95: sorted[Math.floor(sorted.length * 0.95)] };
  }

  /** Draws the overlay. @param {string|undefined} waiting why the server has no frames; undefined when it has. */
  cover(waiting) {
    const silent = performance.now() - this.lastFrame > 1500;
    const text = this.#state === 'connected' ? waiting && silent && 'Waiting for source' : OVERLAYS[this.#state];
    this.#overlay.hidden = !text;
    if (!text) return;
    this.#overlay.querySelector('.headline').textContent = text;
    this.#overlay.querySelector('.detail').textContent = waiting ?? '';
  }

  #show(track, receiver) {
    this.#receiver = receiver;
    this.#video.srcObject = new MediaStream([track]);
    this.#presentedBefore = 0;
    this.#video.play().catch(() => {});
  }

  #onFrame = (now, metadata) => {
    this.#video.requestVideoFrameCallback(this.#onFrame);
    const frames = Math.max(1, metadata.presentedFrames - this.#presentedBefore);
    const more = this.#presentedBefore === 0 ? 1 : frames;
    this.#presentedBefore = metadata.presentedFrames;
    this.presented += more;
    this.lastFrame = performance.now();
    this.#recent.push([metadata.presentationTime ?? now, more]);
    if (this.#recent.length > 512) this.#recent.shift();
    this.#link?.proven();
    const latency = this.#captureToScreen();
    if (latency === undefined) return;
    this.#latencies.push(latency);
    if (this.#latencies.length > SAMPLES) this.#latencies.shift();
  };

  /** From the absolute capture time in RTP; undefined when it does not come or the clocks disagree. */
  #captureToScreen() {
    const newest = this.#receiver?.getSynchronizationSources?.()[0] ?? undefined;
    if (newest?.captureTimestamp === undefined) return undefined;
    const captured = newest.captureTimestamp - NTP_EPOCH;
    const latency = newest.timestamp - captured;
    return latency > 0 && latency < 10_000 ? latency : undefined;
  }
}
