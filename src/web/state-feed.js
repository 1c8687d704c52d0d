/** What the server reports of its streams: over a WebSocket, or by polling while there is none. */
import { Backoff } from './backoff.js';

/**
 * The state of the server: `GET /api/streams`, and what `/ws` pushes.
 * @typedef {import('../server/schemas.ts').StreamsDocument} ServerState
 */
/** The state of one stream. @typedef {import('../server/schemas.ts').StreamReport} StreamReport */
/** A stream's two outputs. @typedef {keyof StreamReport['whep']} Variant */

/** Milliseconds between two polls, and how long an answer may take. */
const POLL_INTERVAL_MS = 1000;
const POLL_TIMEOUT_MS = 3000;
/** A socket that is silent for this long although the server speaks once a second is given up. */
const SILENCE_TIMEOUT_MS = 3500;
/** First wait before the socket is opened again, and the longest. */
const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 5000;

export class StateFeed {
  #onState;
  #onUnreachable;
  #token;
  /** @type {WebSocket | undefined} */
  #socket;
  /** True while the present socket delivers. */
  #delivering = false;
  /** performance.now of its last message, or of its opening. */
  #lastHeard = 0;
  #backoff = new Backoff(MIN_BACKOFF_MS, MAX_BACKOFF_MS);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #openTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pollTimer;
  #run = 0;

  /**
   * How the last state came; undefined while there is none.
   * @type {'websocket' | 'polling' | undefined}
   */
  transport;

  /**
   * @param {object} options
   * @param {(state: ServerState) => void} options.onState called with each state
   * @param {(locked: boolean) => void} options.onUnreachable called about once a second while the
   *   server cannot be reached, or, `locked`, requires a token
   * @param {import('./token.js').PlaybackToken} options.token
   */
  constructor({ onState, onUnreachable, token }) {
    this.#onState = onState;
    this.#onUnreachable = onUnreachable;
    this.#token = token;
  }

  start() {
    this.stop();
    this.#open();
    this.#schedulePoll();
  }

  stop() {
    this.#run += 1;
    clearTimeout(this.#openTimer);
    clearTimeout(this.#pollTimer);
    this.#drop();
  }

  #open() {
    const socket = new WebSocket(new URL('ws', import.meta.url.replace(/^http/, 'ws')), this.#token.subprotocols());
    this.#socket = socket;
    this.#lastHeard = performance.now();
    socket.onmessage = ({ data }) => {
      /** @type {ServerState & { type: string }} */
      const message = JSON.parse(data);
      if (message.type !== 'state') return;
      this.#lastHeard = performance.now();
      this.#delivering = true;
      this.#backoff.reset();
      this.transport = 'websocket';
      this.#onState(message);
    };
    socket.onclose = () => {
      const first = this.#backoff.failures === 0;
      this.#scheduleOpen();
      if (!first) return;
      clearTimeout(this.#pollTimer);
      void this.#check();
    };
  }

  #scheduleOpen() {
    this.#drop();
    this.#openTimer = setTimeout(() => this.#open(), this.#backoff.fail());
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#delivering = false;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #schedulePoll() {
    clearTimeout(this.#pollTimer);
    this.#pollTimer = setTimeout(() => void this.#check(), POLL_INTERVAL_MS);
  }

  /** Gives up a silent socket; polls unless one delivers. */
  async #check() {
    const run = this.#run;
    if (this.#socket && performance.now() - this.#lastHeard > SILENCE_TIMEOUT_MS) this.#scheduleOpen();
    if (!this.#delivering) await this.#poll(run);
    if (run === this.#run) this.#schedulePoll();
  }

  /** @param {number} run */
  async #poll(run) {
    /** @type {ServerState | undefined} */
    let state;
    let locked = false;
    try {
      const signal = AbortSignal.timeout(POLL_TIMEOUT_MS);
      const response = await fetch(new URL('api/streams', import.meta.url), {
        cache: 'no-store',
        headers: this.#token.headers(),
        signal,
      });
      locked = response.status === 401;
      if (response.ok) state = await response.json();
    } catch {
      // No answer: reported below.
    }
    // By now stopped, or the socket was quicker.
    if (run !== this.#run || this.#delivering) return;
    this.transport = state && 'polling';
    if (state) this.#onState(state);
    else this.#onUnreachable(locked);
  }
}
