/** What the server says of its streams: through a socket, or by asking once a second while there is none. */

/** Milliseconds between two questions, and how long an answer may take. */
const ASK_EVERY = 1000;
const ASK_WITHIN = 3000;
/** A socket that is silent for this long although the server speaks once a second is given up. */
const SILENT = 3500;
/** First wait before the socket is opened again, and the longest. */
const BACKOFF_FIRST = 500;
const BACKOFF_CAP = 5000;

export class Live {
  #take;
  #lose;
  #access;
  #socket;
  /** True while the present socket delivers. */
  #speaking = false;
  /** performance.now of its last message, or of its opening. */
  #heard = 0;
  #failures = 0;
  #opening;
  #asking;
  #run = 0;

  /** Where the last answer came from: `socket` or `question`; undefined while there is none. */
  through;

  /**
   * @param {object} options
   * @param {(answer: object) => void} options.take called with each answer
   * @param {(locked: boolean) => void} options.lose called about once a second while the server cannot be reached, or, `locked`, wants a token
   * @param {import('./token.js').Access} options.access
   */
  constructor({ take, lose, access }) {
    this.#take = take;
    this.#lose = lose;
    this.#access = access;
  }

  start() {
    this.stop();
    this.#open();
    this.#watchLater();
  }

  stop() {
    this.#run += 1;
    clearTimeout(this.#opening);
    clearTimeout(this.#asking);
    this.#drop();
  }

  #open() {
    const socket = new WebSocket(new URL('/ws', location.href.replace(/^http/, 'ws')), this.#access.subprotocols());
    this.#socket = socket;
    this.#heard = performance.now();
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type !== 'state') return;
      this.#heard = performance.now();
      this.#speaking = true;
      this.#failures = 0;
      this.through = 'socket';
      this.#take(message);
    };
    socket.onclose = () => {
      const first = this.#failures === 0;
      this.#openLater();
      if (!first) return;
      clearTimeout(this.#asking);
      void this.#watch();
    };
  }

  #openLater() {
    this.#drop();
    const wait = Math.min(BACKOFF_CAP, BACKOFF_FIRST * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 8);
    this.#opening = setTimeout(() => this.#open(), wait * (0.8 + 0.4 * Math.random()));
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#speaking = false;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #watchLater() {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => this.#watch(), ASK_EVERY);
  }

  /** Gives up a silent socket; asks unless one speaks. */
  async #watch() {
    const run = this.#run;
    if (this.#socket && performance.now() - this.#heard > SILENT) this.#openLater();
    if (!this.#speaking) await this.#ask(run);
    if (run === this.#run) this.#watchLater();
  }

  async #ask(run) {
    let answer;
    let locked = false;
    try {
      const signal = AbortSignal.timeout(ASK_WITHIN);
      const response = await fetch('/api/streams', { cache: 'no-store', headers: this.#access.headers(), signal });
      locked = response.status === 401;
      if (response.ok) answer = await response.json();
    } catch {
      // No answer: said below.
    }
    // By now stopped, or the socket was quicker.
    if (run !== this.#run || this.#speaking) return;
    this.through = answer && 'question';
    if (answer) this.#take(answer);
    else this.#lose(locked);
  }
}
