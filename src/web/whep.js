/** A WHEP reader that keeps its connection: asks, plays, and asks again with backoff when it breaks. */

/** First wait before asking again, and the longest. Milliseconds. */
const BACKOFF_FIRST = 500;
const BACKOFF_CAP = 4000;
/** A connection that says it is disconnected may come back by itself within this. */
const GRACE = 2500;
/** Candidates of this machine are found within this, or not needed. */
const GATHER = 1000;

/**
 * What a connection reports: `connecting`, `connected`, `no-source` (the stream has no picture yet), `full` (too many
 * viewers), `unknown` (no such stream), `lost`.
 * @typedef {'connecting'|'connected'|'no-source'|'full'|'unknown'|'lost'} LinkState
 */

export class WhepLink {
  #url;
  #onTrack;
  #onState;
  #peer;
  #session;
  #timer;
  #run = 0;
  #failures = 0;

  /**
   * @param {string} url the WHEP endpoint of one variant of one stream
   * @param {(track: MediaStreamTrack, receiver: RTCRtpReceiver) => void} onTrack
   * @param {(state: LinkState) => void} onState
   */
  constructor(url, onTrack, onState) {
    this.#url = url;
    this.#onTrack = onTrack;
    this.#onState = onState;
  }

  /** Connects, or connects anew. */
  start() {
    this.#drop();
    this.#onState('connecting');
    void this.#attempt(this.#run);
  }

  /** Closes the connection and frees the server's session. */
  stop() {
    this.#drop();
  }

  /** Call when a picture was presented: the next failure waits the shortest time again. */
  proven() {
    this.#failures = 0;
  }

  /** Seconds to the server and back; undefined while unknown. */
  async roundTrip() {
    const stats = await this.#peer?.getStats();
    for (const entry of stats?.values() ?? []) {
      if (entry.type === 'candidate-pair' && entry.nominated) return entry.currentRoundTripTime;
    }
    return undefined;
  }

  async #attempt(run) {
    const current = () => run === this.#run;
    const peer = new RTCPeerConnection();
    this.#peer = peer;
    try {
      const { receiver } = peer.addTransceiver('video', { direction: 'recvonly' });
      playAtOnce(receiver);
      peer.ontrack = ({ track }) => current() && this.#onTrack(track, receiver);
      peer.onconnectionstatechange = () => current() && this.#judge(peer);
      await peer.setLocalDescription();
      await gathered(peer);
      if (!current()) return;
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: peer.localDescription.sdp,
        signal: AbortSignal.timeout(8000),
      });
      const location = response.headers.get('Location');
      const session = response.status === 201 && location ? new URL(location, response.url).href : undefined;
      if (!current()) {
        if (session) void free(session);
        return;
      }
      if (!session) {
        this.#again(refusal(response.status), Number(response.headers.get('Retry-After')) * 1000);
        return;
      }
      this.#session = session;
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    } catch {
      if (current()) this.#again('lost');
    }
  }

  #judge(peer) {
    clearTimeout(this.#timer);
    if (peer.connectionState === 'connected') this.#onState('connected');
    if (peer.connectionState === 'disconnected') this.#timer = setTimeout(() => this.#again('lost'), GRACE);
    if (peer.connectionState === 'failed' || peer.connectionState === 'closed') this.#again('lost');
  }

  /** Waits and asks again; the server's own wish counts up to the cap. */
  #again(state, wishedMs = 0) {
    this.#drop();
    this.#onState(state);
    const wait = Math.min(BACKOFF_CAP, Math.max(BACKOFF_FIRST * 2 ** this.#failures, wishedMs || 0));
    this.#failures = Math.min(this.#failures + 1, 8);
    const run = this.#run;
    this.#timer = setTimeout(() => this.#attempt(run), wait * (0.8 + 0.4 * Math.random()));
  }

  #drop() {
    this.#run += 1;
    clearTimeout(this.#timer);
    const peer = this.#peer;
    // The session goes first: it ends with its connection, and freeing it then would fail.
    if (this.#session) void free(this.#session).finally(() => peer?.close());
    else peer?.close();
    this.#peer = undefined;
    this.#session = undefined;
  }
}

/** Ends a session, also while the page is being closed. Never rejects. */
function free(session) {
  const signal = AbortSignal.timeout(2000);
  return fetch(session, { method: 'DELETE', keepalive: true, signal }).catch(() => {});
}

/** No waiting for smoothness: the server already paces. */
function playAtOnce(receiver) {
  if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
  if ('playoutDelayHint' in receiver) receiver.playoutDelayHint = 0;
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
  if (status === 409) return 'no-source';
  if (status === 404) return 'unknown';
  return status === 503 ? 'full' : 'lost';
}
