/** One video on the page: its connection, what it presents, and what lies over it. */
import { within } from '../dom.js';
import { DelaySamples, FrameRate } from './measurements.js';
import { Ledger } from './provenance.js';
import { createPlayer, roundTripMs } from './whep.js';

/** @typedef {import('../session.js').SessionState} SessionState */
/** @typedef {import('../state-feed.js').Variant} Variant */
/** @typedef {import('./provenance.js').ProvenanceRecord} ProvenanceRecord */

/** NTP counts from 1900, the web from 1970. */
const NTP_EPOCH_MS = 2_208_988_800_000;
/**
 * A connection that presents nothing for this long while the server cannot be reached is said to be
 * lost.
 */
const LOST_AFTER_MS = 1000;

/** Why there is no video. @type {Readonly<Partial<Record<SessionState, string>>>} */
const HEADLINES = {
  connecting: 'Connecting',
  'no-source': 'Waiting for source',
  full: 'Too many viewers',
  unknown: 'No such stream',
  locked: 'Token required',
  refused: 'The server refused this player',
  lost: 'Connection lost, retrying',
};

export class Screen {
  #video;
  #overlay;
  #headline;
  #detail;
  #headers;
  /** @type {import('../session.js').Session | undefined} */
  #session;
  /** @type {SessionState} */
  #state = 'connecting';
  #stateDetail = '';
  /** @type {RTCRtpReceiver | undefined} */
  #receiver;
  /** `presentedFrames` of the last callback; 0 before the first of a connection. */
  #presentedBefore = 0;
  #rate = new FrameRate();
  /** Capture to screen. */
  #latency = new DelaySamples();
  /** Last packet of a frame to screen. */
  #playout = new DelaySamples();
  #oneWayMs = 0;

  /** Frames presented since the page was loaded. */
  presented = 0;
  /** performance.now of the last one. */
  lastFrame = 0;
  /** Where the frames of the present connection come from. */
  ledger = new Ledger();
  /**
   * Called with the record of each presented frame; undefined where there is none by now.
   * @type {(record: ProvenanceRecord | undefined) => void}
   */
  onFrame = () => {};
  /** Called when the server requires a token. */
  onLocked = () => {};

  /**
   * @param {HTMLElement} figure
   * @param {() => Record<string, string>} headers credentials
   */
  constructor(figure, headers) {
    this.figure = figure;
    this.#headers = headers;
    this.#video = within(figure, 'video', HTMLVideoElement);
    this.#overlay = within(figure, '.overlay', HTMLElement);
    this.#headline = within(this.#overlay, '.headline', HTMLElement);
    this.#detail = within(this.#overlay, '.detail', HTMLElement);
    // Older browsers have it not: there nothing is measured.
    this.#video.requestVideoFrameCallback?.(this.#onVideoFrame);
  }

  get video() {
    return this.#video;
  }

  /**
   * Plays what is at `url`; undefined stops. The last frame stays until another one comes.
   * @param {string | undefined} url
   */
  play(url) {
    this.#session?.stop();
    this.#session = undefined;
    this.#rate.clear();
    this.#latency.clear();
    this.#playout.clear();
    this.#oneWayMs = 0;
    this.lastFrame = performance.now();
    this.#state = 'connecting';
    this.#stateDetail = '';
    this.ledger = new Ledger();
    if (url === undefined) {
      this.#video.srcObject = null;
      return;
    }
    this.#session = createPlayer({
      url,
      headers: this.#headers,
      onTrack: (track, receiver) => this.#show(track, receiver),
      onRecords: () => this.#newLedger(),
      onState: (state, detail) => {
        this.#state = state;
        this.#stateDetail = detail;
        if (state === 'locked') this.onLocked();
      },
    });
    this.#session.start();
  }

  /** Connects anew at once, for instance because the server was restarted. */
  reconnect() {
    this.lastFrame = performance.now();
    this.#session?.start();
  }

  get playing() {
    return this.#session !== undefined;
  }

  get connected() {
    return this.#state === 'connected';
  }

  /** Milliseconds since the last frame. */
  get silenceMs() {
    return performance.now() - this.lastFrame;
  }

  get size() {
    return { width: this.#video.videoWidth, height: this.#video.videoHeight };
  }

  /** Frames presented within the last second, and their rate. */
  rate() {
    return this.#rate.read(performance.now());
  }

  /**
   * Capture to presentation, where the browser tells when frames were captured (absolute capture
   * time in RTP).
   */
  latency() {
    return this.#latency.percentiles();
  }

  /**
   * From the server to the screen: a packet's way here, and from the last packet of a frame to its
   * presentation.
   */
  playerDelay() {
    const playout = this.#playout.percentiles();
    return playout && { p50: playout.p50 + this.#oneWayMs, p95: playout.p95 + this.#oneWayMs };
  }

  /** Asks the connection for its round-trip time; call it now and then. */
  async measureRoundTrip() {
    const ms = this.#session && (await roundTripMs(this.#session));
    if (ms !== undefined) this.#oneWayMs = ms / 2;
  }

  /**
   * Draws the overlay.
   * @param {object} known
   * @param {string|undefined} known.waiting why the server has no frames; undefined when it has or
   *   cannot be asked
   * @param {boolean} known.reachable whether the server answers
   * @param {boolean} known.missing whether it has no such stream
   */
  drawOverlay({ waiting, reachable, missing }) {
    let headline = HEADLINES[missing ? 'unknown' : this.#state];
    if (this.#state === 'connected' && waiting !== undefined) headline = HEADLINES['no-source'];
    else if (this.#state === 'connected' && !reachable && this.silenceMs > LOST_AFTER_MS) headline = HEADLINES.lost;
    this.#overlay.hidden = !headline;
    if (!headline) return;
    this.#headline.textContent = headline;
    this.#detail.textContent = waiting ?? this.#stateDetail;
  }

  /**
   * A connection with its own RTP timestamps begins: earlier records would lie. Returns who takes
   * the new ones.
   */
  #newLedger() {
    const ledger = new Ledger();
    this.ledger = ledger;
    /** @param {ProvenanceRecord} record */
    return (record) => ledger.take(record);
  }

  /**
   * @param {MediaStreamTrack} track
   * @param {RTCRtpReceiver} receiver
   */
  #show(track, receiver) {
    this.#receiver = receiver;
    this.#video.srcObject = new MediaStream([track]);
    this.#presentedBefore = 0;
    this.#video.play().catch(() => {});
  }

  /** @type {VideoFrameRequestCallback} */
  #onVideoFrame = (now, metadata) => {
    this.#video.requestVideoFrameCallback(this.#onVideoFrame);
    const since = Math.max(1, metadata.presentedFrames - this.#presentedBefore);
    const frames = this.#presentedBefore === 0 ? 1 : since;
    this.#presentedBefore = metadata.presentedFrames;
    this.presented += frames;
    this.lastFrame = performance.now();
    this.#rate.add(metadata.presentationTime ?? now, frames);
    this.#session?.resetBackoff();
    this.onFrame(this.ledger.present(metadata.rtpTimestamp));
    const { expectedDisplayTime, receiveTime } = metadata;
    if (receiveTime !== undefined) this.#playout.add(expectedDisplayTime - receiveTime);
    const newest = this.#receiver?.getSynchronizationSources?.()[0];
    if (newest?.captureTimestamp !== undefined) {
      this.#latency.add(newest.timestamp - (newest.captureTimestamp - NTP_EPOCH_MS));
    }
  };
}
