/**
 * Two videos as one, divided by a slider: source frames are held until the upconverted frame of
 * their time is shown.
 */
import { context2d } from '../dom.js';

/** Source frames that are held; the oldest is dropped for a new one. */
const MAX_HELD = 16;
/** Times that are this close are the same. Seconds. */
const TOLERANCE = 0.0005;

/** @typedef {{ frame: VideoFrame, pts: number, sinceMs: number }} HeldFrame */

/**
 * Shows, over the source's own video, the source frame that belongs to the upconverted one. What it
 * cannot do: the canvas is painted by the page and the video beside it by the compositor, so that
 * the two may be one refresh of the display apart.
 */
export class HeldSource {
  #canvas;
  #context;
  /** Oldest first. @type {HeldFrame[]} */
  #queue = [];

  /**
   * How long the frame that is shown was held back; undefined while the video itself is seen.
   * @type {number | undefined}
   */
  heldMs;

  /** @param {HTMLCanvasElement} canvas covers the source's video */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = context2d(canvas);
  }

  /**
   * Takes the frame that the source's video shows now.
   * @param {HTMLVideoElement | HTMLCanvasElement} video
   * @param {number} pts seconds on the source's timeline
   */
  hold(video, pts) {
    // Time runs forward, unless the stream began anew.
    if (pts < (this.#queue.at(-1)?.pts ?? 0)) this.#drop();
    this.#queue.push({ frame: new VideoFrame(video, { timestamp: 0 }), pts, sinceMs: performance.now() });
    if (this.#queue.length > MAX_HELD) this.#queue.shift()?.frame.close();
  }

  /**
   * Shows the source frame of the upconverted one that is on the screen: the newest that is not
   * later.
   * @param {number} pts of the upconverted frame, seconds
   */
  show(pts) {
    const later = this.#queue.findIndex((held) => held.pts > pts + TOLERANCE);
    const due = this.#queue.splice(0, later === -1 ? this.#queue.length : later);
    const newest = due.pop();
    for (const { frame } of due) frame.close();
    if (!newest) return;
    const { frame, sinceMs } = newest;
    this.#canvas.width = frame.displayWidth;
    this.#canvas.height = frame.displayHeight;
    this.#context.drawImage(frame, 0, 0);
    frame.close();
    this.#canvas.hidden = false;
    this.heldMs = performance.now() - sinceMs;
  }

  /** Shows the source's video itself again. */
  clear() {
    this.#drop();
    this.heldMs = undefined;
    this.#canvas.hidden = true;
  }

  #drop() {
    for (const { frame } of this.#queue) frame.close();
    this.#queue = [];
  }
}
