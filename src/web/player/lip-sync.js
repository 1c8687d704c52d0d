/**
 * Holds the picture back in the browser for as long as the sound needs there: browsers buffer sound for
 * some 40 ms, show frames at once, and do not mend less than 30 ms by themselves. Pure.
 */

/** Longest that the picture waits. */
const MAX_HOLD_MS = 400;
/** What nobody notices is left alone. */
const DEADBAND_MS = 6;
/** Of what is off, so much is mended at a time. */
const SHARE = 0.6;
/** Measurements that are looked back on. */
const WINDOW = 3;
/** From a frame's decoding to the moment when it is seen, less what sound waits behind its buffer for the mixer. */
const DISPLAY_MS = 4;
/** A browser that does not tell how long sound takes behind its mixer. */
const USUAL_OUTPUT_MS = 30;

/**
 * @typedef {object} Playout how long sound and picture wait in the browser, in ms; undefined while unknown. Both
 *   leave the server at their time, and take the same way.
 * @property {number | undefined} sound
 * @property {number | undefined} picture
 * @property {number | undefined} outputMs how long sound takes from the mixer to the ear
 */

export class LipSync {
  /** How much later sound was, of late. @type {number[]} */
  #late = [];
  /** How long the picture is to be held back. */
  holdMs = 0;

  /**
   * Learns from a measurement, taken about once a second.
   * @param {Playout} playout
   * @returns {number} how long the picture is to be held back, in ms
   */
  observe({ sound, picture, outputMs = USUAL_OUTPUT_MS }) {
    if (sound === undefined || picture === undefined) return this.holdMs;
    const late = sound - picture + outputMs - DISPLAY_MS;
    if (Math.abs(late) > 2 * MAX_HOLD_MS) return this.holdMs;
    this.#late = [...this.#late.slice(1 - WINDOW), late];
    const median = this.#late.toSorted((a, b) => a - b)[this.#late.length >> 1] ?? 0;
    if (Math.abs(median) <= DEADBAND_MS) return this.holdMs;
    this.holdMs = Math.max(0, Math.min(MAX_HOLD_MS, this.holdMs + SHARE * median));
    // What was measured before the change says nothing of it.
    this.#late = [];
    return this.holdMs;
  }

  /** Nobody listens: the picture is shown at once. */
  reset() {
    this.#late = [];
    this.holdMs = 0;
  }
}
