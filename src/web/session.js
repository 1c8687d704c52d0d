/** One WHEP or WHIP session that keeps its connection: offers, and offers again with backoff when it breaks. */

/** First wait before offering again, and the longest. Milliseconds. */
const BACKOFF_FIRST = 500;
const BACKOFF_CAP = 4000;
/** A connection that says it is disconnected may come back by itself within this. */
const GRACE = 2500;
/** Candidates of this machine are found within this, or not needed. */
const GATHER = 1000;
const ANSWER_WITHIN = 8000;

/**
 * What a connection reports: `connecting`, `connected`, `no-source` (the stream has no picture yet), `full` (too many
 * sessions), `unknown` (no such stream), `lost`: all of these go on by themselves; `locked` (a token is missing or
 * wrong) and `refused` (the server cannot take this offer) end it until `start` is called again.
 * @typedef {'connecting'|'connected'|'no-source'|'full'|'unknown'|'lost'|'locked'|'refused'} LinkState
 */

/**
 * @typedef {object} LinkOptions
 * @property {string} url the WHEP or WHIP endpoint
 * @property {() => Record<string, string>} headers what proves that this page may
 * @property {(peer: RTCPeerConnection) => void} prepare adds what is to be negotiated
 * @property {(state: LinkState, detail: string) => void} onState `detail`: the server's own words, or nothing
 */

export class Link {
  #options;
  #peer;
  #session;
  #timer;
  #run = 0;
  #failures = 0;

  /** @param {LinkOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** Connects, or connects anew. */
  start() {
    this.#drop();
    this.#say('connecting');
    void this.#attempt(this.#run);
  }

  /** Closes the connection and frees the server's session. */
  stop() {
    this.#drop();
  }

  /** Call when media came through: the next failure waits the shortest time again. */
  proven() {
    this.#failures = 0;
  }

  /** The connection's statistics; undefined without one. */
  async stats() {
    return this.#peer?.getStats();
  }

  async #attempt(run) {
    const current = () => run === this.#run;
    try {
      const iceServers = await this.#iceServers();
      if (!current()) return;
      const peer = new RTCPeerConnection({ iceServers });
      this.#peer = peer;
      this.#options.prepare(peer);
      peer.onconnectionstatechange = () => current() && this.#judge(peer);
      await peer.setLocalDescription();
      await gathered(peer);
      if (!current()) return;
      const response = await fetch(this.#options.url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp', ...this.#options.headers() },
        body: peer.localDescription.sdp,
        signal: AbortSignal.timeout(ANSWER_WITHIN),
      });
      const location = response.headers.get('Location');
      const session = response.status === 201 && location ? new URL(location, response.url).href : undefined;
      if (!current()) {
        if (session) void this.#free(session);
        return;
      }
      if (!session) {
        await this.#refuse(response, current);
        return;
      }
      this.#session = session;
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    } catch {
      if (current()) this.#again('lost');
    }
  }

  /** STUN and TURN servers, as the endpoint's `Link` headers name them; none where it cannot be asked. */
  async #iceServers() {
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN);
      const { headers } = await fetch(this.#options.url, {
        method: 'OPTIONS',
        headers: this.#options.headers(),
        signal,
      });
      return linkedServers(headers.get('Link') ?? '');
    } catch {
      return [];
    }
  }

  async #refuse(response, current) {
    const state = refusal(response.status);
    const detail = await explanation(response);
    if (!current()) return;
    if (state !== 'locked' && state !== 'refused') {
      this.#again(state, detail, Number(response.headers.get('Retry-After')) * 1000);
      return;
    }
    this.#drop();
    this.#say(state, detail);
  }

  #judge(peer) {
    clearTimeout(this.#timer);
    if (peer.connectionState === 'connected') this.#say('connected');
    if (peer.connectionState === 'disconnected') this.#timer = setTimeout(() => this.#again('lost'), GRACE);
    if (peer.connectionState === 'failed' || peer.connectionState === 'closed') this.#again('lost');
  }

  /** Waits and offers again; the server's own wish counts up to the cap. Who listens may stop it meanwhile. */
  #again(state, detail = '', wishedMs = 0) {
    this.#drop();
    const run = this.#run;
    this.#say(state, detail);
    if (run !== this.#run) return;
    const wait = Math.min(BACKOFF_CAP, Math.max(BACKOFF_FIRST * 2 ** this.#failures, wishedMs || 0));
    this.#failures = Math.min(this.#failures + 1, 8);
    this.#timer = setTimeout(() => this.#attempt(run), wait * (0.8 + 0.4 * Math.random()));
  }

  #say(state, detail = '') {
    this.#options.onState(state, detail);
  }

  #drop() {
    this.#run += 1;
    clearTimeout(this.#timer);
    const peer = this.#peer;
    // The session goes first: it ends with its connection, and freeing it then would fail.
    if (this.#session) void this.#free(this.#session).finally(() => peer?.close());
    else peer?.close();
    this.#peer = undefined;
    this.#session = undefined;
  }

  /** Ends a session, also while the page is being closed. Never rejects. */
  #free(session) {
    const signal = AbortSignal.timeout(2000);
    const headers = this.#options.headers();
    return fetch(session, { method: 'DELETE', headers, keepalive: true, signal }).catch(() => {});
  }
}

/** `<turn:a.example>; rel="ice-server"; username="u"; credential="c"`, several of them with commas between. */
function linkedServers(header) {
  return [...header.matchAll(/<([^>]+)>((?:[^",]|"(?:[^"\\]|\\.)*")*)/g)].flatMap(([, urls, rest]) => {
    const { rel, username, credential } = Object.fromEntries(
      [...rest.matchAll(/;\s*([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g)].map(([, key, quoted, plain]) => [
        key,
        quoted?.replace(/\\(.)/g, '$1') ?? plain,
      ]),
    );
    if (rel !== 'ice-server') return [];
    return [username === undefined ? { urls } : { urls, username, credential }];
  });
}

function gathered(peer) {
  return new Promise((resolve) => {
    if (peer.iceGatheringState === 'complete') return resolve();
    const timer = setTimeout(resolve, GATHER);
    peer.onicegatheringstatechange = () => {
      if (peer.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    };
  });
}

/** @returns {LinkState} */
function refusal(status) {
  if (status === 401) return 'locked';
  if (status === 404) return 'unknown';
  if (status === 409) return 'no-source';
  if (status === 503 || status === 429) return 'full';
  return status >= 400 && status < 500 ? 'refused' : 'lost';
}

/** What the server says of a refusal: message and remedy. */
async function explanation(response) {
  try {
    const { message = '', remedy = '' } = await response.json();
    return [message, remedy].filter(Boolean).join('. ');
  } catch {
    return '';
  }
}
