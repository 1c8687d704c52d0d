/**
 * Judges whether a connection is stuck: by what arrives and is decoded, which browsers count in
 * hidden tabs too, and never by what they show. Pure.
 */

/** Nothing decoded for this long, and the connection is stuck: the first time, and at most. */
const MIN_STALL_MS = 8000;
const MAX_STALL_MS = 64_000;
/** Samples further apart tell nothing of the time between: the page slept. */
const MAX_SAMPLE_GAP_MS = 4000;

/**
 * What a connection's statistics say; each count undefined where the browser has none.
 * @typedef {object} Received
 * @property {number | undefined} packets
 * @property {number | undefined} frames decoded
 */

/** One connection after the other, of one video. */
export class StallDetector {
  #stallMs = MIN_STALL_MS;
  /** The last sample. @type {{ atMs: number, count: number } | undefined} */
  #last;
  /** When counting began. */
  #startedMs = 0;
  /** When the count last rose, or counting began. */
  #sinceMs = 0;

  /** A new connection begins: its counts begin anew. */
  restart() {
    this.#last = undefined;
  }

  /**
   * Takes a sample. Returns true when the connection is stuck; then again only after twice the
   * time, unless it has played for as long in between: a new connection asks for a keyframe, which
   * every viewer is sent.
   * @param {number} atMs on a clock that does not jump
   * @param {Received} received
   * @param {boolean} expected whether frames are to be seen: the source is live, the connection
   *   stands, the page is visible and the video is not paused
   */
  isStuck(atMs, { packets, frames }, expected) {
    // Frames where they are counted, else packets, else there is nothing to judge by.
    const count = frames ?? packets;
    const before = this.#last;
    if (!expected || count === undefined) {
      this.#last = undefined;
      return false;
    }
    this.#last = { atMs, count };
    if (!before) this.#startedMs = atMs;
    const rises = before !== undefined && count > before.count;
    if (rises && atMs - this.#startedMs >= this.#stallMs) this.#stallMs = MIN_STALL_MS;
    if (!before || count !== before.count || atMs - before.atMs > MAX_SAMPLE_GAP_MS) this.#sinceMs = atMs;
    if (atMs - this.#sinceMs < this.#stallMs) return false;
    this.#stallMs = Math.min(MAX_STALL_MS, 2 * this.#stallMs);
    this.#last = undefined;
    return true;
  }
}
