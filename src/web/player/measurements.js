/** Frame rate and delays of a video, measured as it plays. Pure. */

/** Frames are counted over this. */
const WINDOW_MS = 1000;
/** Presentations that are remembered: far more than a window has. */
const MAX_PRESENTATIONS = 512;
/** Samples of a delay that are remembered: five seconds at 60 fps. */
const MAX_SAMPLES = 300;
/** Samples below which percentiles would say nothing. */
const MIN_SAMPLES = 5;
/** Longer delays are none: clocks of two machines may disagree. */
const MAX_DELAY_MS = 10_000;

/** In ms. @typedef {{ p50: number, p95: number }} Percentiles */

/** The frame rate of the last second. */
export class FrameRate {
  /** Oldest first. @type {{ atMs: number, frames: number }[]} */
  #presentations = [];

  /**
   * Notes a presentation.
   * @param {number} atMs when it was
   * @param {number} frames presented since the one before
   */
  add(atMs, frames) {
    this.#presentations.push({ atMs, frames });
    if (this.#presentations.length > MAX_PRESENTATIONS) this.#presentations.shift();
  }

  /** Forgets everything. */
  clear() {
    this.#presentations = [];
  }

  /**
   * Frames presented within the last second, and their rate by the times of the first and the last;
   * it falls when the next frame is overdue.
   * @param {number} nowMs
   */
  read(nowMs) {
    this.#presentations = this.#presentations.filter(({ atMs }) => atMs >= nowMs - WINDOW_MS);
    const first = this.#presentations.at(0);
    const last = this.#presentations.at(-1);
    const count = this.#presentations.reduce((sum, { frames }) => sum + frames, 0);
    if (!first || !last || first === last) return { count, fps: count };
    const intervals = count - first.frames;
    const meanMs = (last.atMs - first.atMs) / intervals;
    const endMs = Math.max(last.atMs, nowMs - meanMs);
    return { count, fps: (intervals * 1000) / (endMs - first.atMs) };
  }
}

/** The last seconds of a delay. */
export class DelaySamples {
  /** @type {number[]} */
  #samples = [];

  /**
   * Keeps plausible values.
   * @param {number} ms
   */
  add(ms) {
    if (ms >= 0 && ms < MAX_DELAY_MS) this.#samples.push(ms);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  /** Forgets everything. */
  clear() {
    this.#samples = [];
  }

  /** Undefined while there are too few. @returns {Percentiles | undefined} */
  percentiles() {
    if (this.#samples.length < MIN_SAMPLES) return undefined;
    const sorted = this.#samples.toSorted((a, b) => a - b);
    const [p50, p95] = [0.5, 0.95].map((q) => sorted[Math.floor(sorted.length * q)]);
    return p50 === undefined || p95 === undefined ? undefined : { p50, p95 };
  }
}
