/** What is told to the server of what is seen, once a second (docs/monitoring.md). Pure. */

/**
 * What a connection has counted since it began; each undefined where a browser does not.
 * @typedef {object} Frozen
 * @property {number | undefined} freezes
 * @property {number | undefined} frozenSeconds
 */

/**
 * What was seen since the last time.
 * @typedef {object} Viewing
 * @property {number} fps
 * @property {number} freezes
 * @property {number} frozenMs
 * @property {number} [latencyMs]
 */

/** Turns counts of one connection after the other into what is new of them. */
export class ViewingLog {
  /** @type {Frozen} */
  #told = { freezes: 0, frozenSeconds: 0 };

  /** A new connection counts from the beginning. */
  restart() {
    this.#told = { freezes: 0, frozenSeconds: 0 };
  }

  /**
   * @param {Frozen} counted
   * @param {number} fps
   * @param {number | undefined} latencyMs from capture to presentation
   * @returns {Viewing}
   */
  next({ freezes = 0, frozenSeconds = 0 }, fps, latencyMs) {
    const { freezes: toldFreezes = 0, frozenSeconds: toldSeconds = 0 } = this.#told;
    this.#told = { freezes, frozenSeconds };
    return {
      fps: Math.round(10 * fps) / 10,
      freezes: Math.max(0, freezes - toldFreezes),
      frozenMs: Math.round(1000 * Math.max(0, frozenSeconds - toldSeconds)),
      ...(latencyMs === undefined ? {} : { latencyMs: Math.round(latencyMs) }),
    };
  }
}
