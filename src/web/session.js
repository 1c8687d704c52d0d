/**
 * One WHEP or WHIP session that keeps its connection: offers, and offers again with backoff when it
 * breaks.
 */
import { Backoff } from './backoff.js';

/** First wait before offering again, and the longest. */
const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 4000;
/** A connection that says it is disconnected may come back by itself within this. */
const DISCONNECTED_TIMEOUT_MS = 2500;
/** Candidates of this machine are found within this, or not needed. */
const GATHERING_TIMEOUT_MS = 1000;
const ANSWER_TIMEOUT_MS = 8000;
const DELETE_TIMEOUT_MS = 2000;

/**
 * What a session reports: `connecting`, `connected`, `no-source` (the stream has no frame yet),
 * `full` (too many sessions), `unknown` (no such stream), `lost`: all of these go on by themselves;
 * `locked` (a token is missing or wrong) and `refused` (the server cannot take this offer) end it
 * until `start` is called again.
 * @typedef {'connecting'|'connected'|'no-source'|'full'|'unknown'|'lost'|'locked'|'refused'}
 *   SessionState
 */

/**
 * @typedef {object} SessionOptions
 * @property {string} url the WHEP or WHIP endpoint
 * @property {() => Record<string, string>} headers credentials
 * @property {(peer: RTCPeerConnection) => void} prepare adds what is to be negotiated
 * @property {(state: SessionState, detail: string) => void} onState `detail`: the server's own
 *   words, or nothing
 */

export class Session {
  #options;
  /** @type {RTCPeerConnection | undefined} */
  #peer;
  /** URL of the server's session. @type {string | undefined} */
  #resource;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #run = 0;
  #backoff = new Backoff(MIN_BACKOFF_MS, MAX_BACKOFF_MS);

  /** @param {SessionOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** Connects, or connects anew. */
  start() {
    this.#drop();
    this.#report('connecting');
    void this.#attempt(this.#run);
  }

  /** Closes the connection and frees the server's session. */
  stop() {
    this.#drop();
  }

  /** Call when media flows: the next failure waits the shortest time again. */
  resetBackoff() {
    this.#backoff.reset();
  }

  /** The connection's statistics; undefined without one. */
  async stats() {
    return this.#peer?.getStats();
  }

  /** @param {number} run */
  async #attempt(run) {
    const current = () => run === this.#run;
    try {
      const iceServers = await this.#iceServers();
      if (!current()) return;
      const peer = new RTCPeerConnection({ iceServers });
      this.#peer = peer;
      this.#options.prepare(peer);
      peer.onconnectionstatechange = () => current() && this.#onConnectionState(peer);
      await peer.setLocalDescription();
      await gathered(peer);
      if (!current()) return;
      const response = await this.#offer(peer.localDescription?.sdp ?? '');
      const location = response.headers.get('Location');
      const resource = response.status === 201 && location ? new URL(location, response.url).href : undefined;
      if (!current()) {
        if (resource) void this.#free(resource);
        return;
      }
      if (!resource) {
        await this.#onRefusal(response, current);
        return;
      }
      this.#resource = resource;
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    } catch {
      if (current()) this.#retry('lost');
    }
  }

  /** @param {string} sdp */
  #offer(sdp) {
    return fetch(this.#options.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...this.#options.headers() },
      body: sdp,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
  }

  /**
   * STUN and TURN servers, as the endpoint's `Link` headers name them; none where it cannot be
   * asked.
   */
  async #iceServers() {
    try {
      const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      const { headers } = await fetch(this.#options.url, {
        method: 'OPTIONS',
        headers: this.#options.headers(),
        signal,
      });
      return parseIceServers(headers.get('Link') ?? '');
    } catch {
      return [];
    }
  }

  /**
   * @param {Response} response
   * @param {() => boolean} current
   */
  async #onRefusal(response, current) {
    const state = refusalState(response.status);
    const detail = await explanation(response);
    if (!current()) return;
    if (state !== 'locked' && state !== 'refused') {
      this.#retry(state, detail, Number(response.headers.get('Retry-After')) * 1000);
      return;
    }
    this.#drop();
    this.#report(state, detail);
  }

  /** @param {RTCPeerConnection} peer */
  #onConnectionState({ connectionState }) {
    clearTimeout(this.#timer);
    if (connectionState === 'connected') this.#report('connected');
    if (connectionState === 'disconnected') {
      this.#timer = setTimeout(() => this.#retry('lost'), DISCONNECTED_TIMEOUT_MS);
    }
    if (connectionState === 'failed' || connectionState === 'closed') this.#retry('lost');
  }

  /**
   * Waits and offers again. Who listens may stop it meanwhile.
   * @param {SessionState} state
   * @param {string} [detail]
   * @param {number} [retryAfterMs] the server's own wish; NaN for none
   */
  #retry(state, detail = '', retryAfterMs = 0) {
    this.#drop();
    const run = this.#run;
    this.#report(state, detail);
    if (run !== this.#run) return;
    this.#timer = setTimeout(() => void this.#attempt(run), this.#backoff.fail(retryAfterMs || 0));
  }

  /**
   * @param {SessionState} state
   * @param {string} [detail]
   */
  #report(state, detail = '') {
    this.#options.onState(state, detail);
  }

  #drop() {
    this.#run += 1;
    clearTimeout(this.#timer);
    const peer = this.#peer;
    // The session goes first: it ends with its connection, and freeing it then would fail.
    if (this.#resource) void this.#free(this.#resource).finally(() => peer?.close());
    else peer?.close();
    this.#peer = undefined;
    this.#resource = undefined;
  }

  /**
   * Ends a session, also while the page is being closed. Never rejects.
   * @param {string} resource
   */
  async #free(resource) {
    const signal = AbortSignal.timeout(DELETE_TIMEOUT_MS);
    const headers = this.#options.headers();
    await fetch(resource, { method: 'DELETE', headers, keepalive: true, signal }).catch(() => {});
  }
}

/**
 * ICE servers of a `Link` header: `<turn:a.example>; rel="ice-server"; username="u";
 * credential="c"`, several of them with commas between (RFC 9725, section 4.6).
 * @param {string} header
 * @returns {RTCIceServer[]}
 */
export function parseIceServers(header) {
  return [...header.matchAll(/<([^>]+)>((?:[^",]|"(?:[^"\\]|\\.)*")*)/g)].flatMap(([, urls = '', rest = '']) => {
    const parameters = [...rest.matchAll(/;\s*([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g)];
    /** @type {Record<string, string | undefined>} */
    const { rel, username, credential } = Object.fromEntries(
      parameters.map(([, key, quoted, plain]) => [key, quoted?.replace(/\\(.)/g, '$1') ?? plain]),
    );
    if (rel !== 'ice-server') return [];
    if (username === undefined || credential === undefined) return [{ urls }];
    return [{ urls, username, credential }];
  });
}

/**
 * What a refusal means for the session.
 * @param {number} status of the HTTP response
 * @returns {SessionState}
 */
export function refusalState(status) {
  if (status === 401) return 'locked';
  if (status === 404) return 'unknown';
  if (status === 409) return 'no-source';
  if (status === 503 || status === 429) return 'full';
  return status >= 400 && status < 500 ? 'refused' : 'lost';
}

/**
 * Resolves when the candidates of this machine are known, or after a while.
 * @param {RTCPeerConnection} peer
 * @returns {Promise<void>}
 */
function gathered(peer) {
  return new Promise((resolve) => {
    if (peer.iceGatheringState === 'complete') {
      resolve();
      return;
    }
    const timer = setTimeout(resolve, GATHERING_TIMEOUT_MS);
    peer.onicegatheringstatechange = () => {
      if (peer.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    };
  });
}

/**
 * What the server says of a refusal: message and remedy.
 * @param {Response} response
 */
async function explanation(response) {
  try {
    /** @type {Partial<import('zod').output<typeof import('../server/schemas.ts').problem>>} */
    const { message = '', remedy = '' } = await response.json();
    return [message, remedy].filter(Boolean).join('. ');
  } catch {
    return '';
  }
}
