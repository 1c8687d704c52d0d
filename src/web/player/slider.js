/** Two videos as one, divided by a slider: the source is held back until the upconverted picture of the same moment is shown. */

/** Source pictures that wait; the oldest is given up for a new one. */
const MOST_HELD = 16;
/** Moments that are this close are the same. Seconds. */
const SAME = 0.0005;

/**
 * Shows, over the source's own video, the source picture that belongs to the upconverted one. What it cannot do: the canvas is painted by the
 * page and the video beside it by the compositor, so that the two may be one refresh of the display apart.
 */
export class HeldSource {
  #canvas;
  #pen;
  /** Oldest first: picture, its moment in seconds, performance.now of when it would have been shown. */
  #waiting = [];

  /** How long the picture that is shown was held back, ms; undefined while the video itself is seen. */
  held;

  /** @param {HTMLCanvasElement} canvas covers the source's video */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext('2d');
  }

  /** Takes the picture that the source's video shows now. @param {number} moment seconds on the source's timeline */
  hold(video, moment) {
    // Time runs forward, unless the stream began anew.
    if (moment < (this.#waiting.at(-1)?.moment ?? 0)) this.#forget();
    this.#waiting.push({ frame: new VideoFrame(video, { timestamp: 0 }), moment, since: performance.now() });
    if (this.#waiting.length > MOST_HELD) this.#waiting.shift().frame.close();
  }

  /** Shows the source picture of the upconverted one that is on the screen: the newest that is not later. */
  show(moment) {
    let due;
    while (this.#waiting.length > 0 && this.#waiting[0].moment <= moment + SAME) {
      due?.frame.close();
      due = this.#waiting.shift();
    }
    if (!due) return;
    const { frame } = due;
    this.#canvas.width = frame.displayWidth;
    this.#canvas.height = frame.displayHeight;
    this.#pen.drawImage(frame, 0, 0);
    frame.close();
    this.#canvas.hidden = false;
    this.held = performance.now() - due.since;
  }

  /** Shows the source's video itself again. */
  clear() {
    this.#forget();
    this.held = undefined;
    this.#canvas.hidden = true;
  }
  #forget() {
    for (const { frame } of this.#waiting) frame.close();
    this.#waiting = [];
  }
}
