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
/** An answered offer is connected within this, or no packet gets through. */
const CONNECT_TIMEOUT_MS = 15_000;
const DELETE_TIMEOUT_MS = 2000;

/** What is said where the server answered and no packet came. */
const NO_PATH =
  'The server answered, but no packet of the video gets through: a firewall, proxy or VPN on the way may block UDP, ' +
  'or the server advertises addresses that cannot be reached from here. Trying on.';
/** The same where it can be reached on its own machine alone. */
const LOOPBACK =
  'The server is reached at a loopback address alone, to which Firefox does not connect. Use another browser, or name ' +
  'an address of this machine in webrtc.advertisedHosts. Trying on.';

/**
 * What to say of an answer whose addresses cannot be reached. Pure.
 * @param {string} sdp
 */
export function noPathOf(sdp) {
  const addresses = [...sdp.matchAll(/^a=candidate:(?:\S+ ){4}(\S+)/gm)].map(([, address]) => address ?? '');
  const loopback = addresses.length > 0 && addresses.every((address) => /^127\.|^::1$/.test(address));
  return loopback ? LOOPBACK : NO_PATH;
}

/**
 * What a session reports: `connecting`, `connected`, `no-source` (the stream has no frame yet),
 * `busy` (the server cannot take it now and says why), `unknown` (no such stream), `no-path` (the
 * server answered and no packet came), `lost`: all of these go on by themselves; `locked` (a token
 * is missing or wrong) and `refused` (the server cannot take this offer) end it until `start` is
 * called again.
 * @typedef {'connecting'|'connected'|'no-source'|'busy'|'unknown'|'no-path'|'lost'|'locked'|'refused'}
 *   SessionState
 */

/**
 * @typedef {object} SessionOptions
 * @property {string} url the WHEP or WHIP endpoint
 * @property {() => Record<string, string>} headers credentials
 * @property {(peer: RTCPeerConnection) => void} prepare adds what is to be negotiated
 * @property {(sdp: string) => string} [offered] changes what is offered
 * @property {(sdp: string) => string} [answered] changes what was answered
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
  /** Runs from the answer until it is connected. @type {ReturnType<typeof setTimeout> | undefined} */
  #connectTimer;
  #noPath = NO_PATH;
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
      await this.#describe(peer);
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
      const answer = await response.text();
      if (!current()) return;
      this.#noPath = noPathOf(answer);
      this.#connectTimer = setTimeout(() => this.#retry('no-path', this.#noPath), CONNECT_TIMEOUT_MS);
      await peer.setRemoteDescription({ type: 'answer', sdp: this.#options.answered?.(answer) ?? answer });
    } catch {
      if (current()) this.#retry('lost');
    }
  }

  /** @param {RTCPeerConnection} peer */
  async #describe(peer) {
    const { offered } = this.#options;
    if (!offered) return peer.setLocalDescription();
    const { sdp = '' } = await peer.createOffer();
    return peer.setLocalDescription({ type: 'offer', sdp: offered(sdp) });
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
      this.#retry(state, detail, retryAfterMs(response.headers.get('Retry-After'), Date.now()));
      return;
    }
    this.#drop();
    this.#report(state, detail);
  }

  /** @param {RTCPeerConnection} peer */
  #onConnectionState({ connectionState }) {
    clearTimeout(this.#timer);
    const answered = this.#connectTimer !== undefined;
    if (connectionState === 'connected') {
      clearTimeout(this.#connectTimer);
      this.#connectTimer = undefined;
      this.#report('connected');
    }
    if (connectionState === 'disconnected') {
      this.#timer = setTimeout(() => this.#retry('lost'), DISCONNECTED_TIMEOUT_MS);
    }
    if (connectionState === 'closed') this.#retry('lost');
    if (connectionState === 'failed') answered ? this.#retry('no-path', this.#noPath) : this.#retry('lost');
  }

  /**
   * Waits and offers again. Who listens may stop it meanwhile.
   * @param {SessionState} state
   * @param {string} [detail]
   * @param {number} [wishMs] the server's own wish; 0 for none
   */
  #retry(state, detail = '', wishMs = 0) {
    this.#drop();
    const run = this.#run;
    const waitMs = this.#backoff.fail(wishMs);
    const when = state === 'busy' ? `Trying again in ${Math.ceil(waitMs / 1000)} s.` : '';
    this.#report(state, [detail, when].filter(Boolean).join(detail.endsWith('.') ? ' ' : '. '));
    if (run !== this.#run) return;
    this.#timer = setTimeout(() => void this.#attempt(run), waitMs);
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
    clearTimeout(this.#connectTimer);
    this.#connectTimer = undefined;
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
  if (status === 503 || status === 429) return 'busy';
  // Too slow, or too early: what a proxy on the way may say of any offer.
  if (status === 408 || status === 425) return 'lost';
  return status >= 400 && status < 500 ? 'refused' : 'lost';
}

/**
 * When the server wishes to be asked again (RFC 9110, section 10.2.3): seconds, or a date.
 * @param {string | null} header
 * @param {number} nowMs since the Unix epoch
 * @returns {number} milliseconds from now; 0 where it says nothing, or nothing that is right
 */
export function retryAfterMs(header, nowMs) {
  const text = header?.trim() ?? '';
  const ms = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
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
    /** @type {Partial<import('zod').output<typeof import('../../server/schemas.ts').problem>>} */
    const { message = '', remedy = '' } = await response.json();
    return [message, remedy].filter(Boolean).join('. ');
  } catch {
    return '';
  }
}
