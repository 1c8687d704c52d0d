/** One video on the page: its connection, what it presents, and what lies over it. */
import { within, write } from '../dom.js';
import { DelaySamples, FrameRate } from './measurements.js';
import { overlayOf } from './overlay.js';
import { Ledger } from './provenance.js';
import { Sound } from './sound.js';
import { StallDetector } from './stall.js';
import { ViewingLog } from './viewing.js';
import { createPlayer, readConnection } from './whep.js';

/** @typedef {import('../connection/session.js').SessionState} SessionState */
/** @typedef {import('../connection/state-feed.js').Variant} Variant */
/** @typedef {import('./provenance.js').ProvenanceRecord} ProvenanceRecord */

/** NTP counts from 1900, the web from 1970. */
const NTP_EPOCH_MS = 2_208_988_800_000;
/**
 * A connection on which nothing arrives for this long while the server cannot be reached is said to
 * be lost.
 */
const LOST_AFTER_MS = 2000;

export class Screen {
  #video;
  #overlay;
  #headline;
  #detail;
  #headers;
  /** @type {import('../connection/session.js').Session | undefined} */
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
  #stall = new StallDetector();
  #viewing = new ViewingLog();
  /** Tells the server what is seen. @type {ReturnType<typeof createPlayer>['tell']} */
  #tell = () => {};
  /** The last counts. @type {import('./stall.js').Received} */
  #received = { packets: undefined, frames: undefined };
  /**
   * performance.now when something was last seen to arrive; undefined before the first time on a
   * connection.
   * @type {number | undefined}
   */
  #arrivedAt;

  /** Frames presented since the page was loaded. */
  presented = 0;
  /** Connections made since the page was loaded. */
  connections = 0;
  /** Where the frames of the present connection come from. */
  ledger = new Ledger();
  /** What is played of the present connection. */
  #media = new MediaStream();
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
    this.sound = new Sound(figure, this.#video);
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
    this.#state = 'connecting';
    this.#stateDetail = '';
    this.ledger = new Ledger();
    this.sound.clear();
    if (url === undefined) {
      this.#video.srcObject = null;
      return;
    }
    const { session, tell } = createPlayer({
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
    this.#session = session;
    this.#tell = tell;
    session.start();
  }

  /** Connects anew at once, for instance because the server was restarted. */
  reconnect() {
    this.#session?.start();
  }

  /** @param {boolean} paused the last frame stays while it is; frames go on arriving */
  setPaused(paused) {
    // A connection made meanwhile does not start it.
    this.#video.autoplay = !paused;
    if (paused) this.#video.pause();
    else void this.#video.play().catch(() => {});
  }

  get #paused() {
    return !this.#video.autoplay;
  }

  /** Goes on after a browser has stopped it, as some do while a page is hidden. */
  wake() {
    if (this.#session && this.#video.paused && !this.#paused) void this.#video.play().catch(() => {});
  }

  get playing() {
    return this.#session !== undefined;
  }

  get connected() {
    return this.#state === 'connected';
  }

  /** True when nothing arrives any more on a connection on which something did. */
  get #silent() {
    return this.#arrivedAt !== undefined && performance.now() - this.#arrivedAt > LOST_AFTER_MS;
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

  /**
   * Once a second: reads what has arrived, and makes a connection anew that is stuck. One that is
   * not looked at is left alone: a new one costs every viewer a keyframe.
   * @param {boolean} live whether the server says that frames are sent
   */
  async watch(live) {
    const session = this.#session;
    if (!session) return;
    const received = await readConnection(session);
    if (session !== this.#session) return;
    if (received.roundTripMs !== undefined) this.#oneWayMs = received.roundTripMs / 2;
    const { packets = 0, frames = 0 } = this.#received;
    this.#received = received;
    if ((received.packets ?? 0) > packets) this.#arrivedAt = performance.now();
    // Also where no frame is shown, or none is told of.
    if ((received.frames ?? 0) > frames) session.resetBackoff();
    const seen = !document.hidden || document.pictureInPictureElement === this.#video;
    const expected = live && this.connected && seen && !this.#video.paused;
    // Hidden or paused, nothing is seen, and the browser counts other things.
    if (expected) this.#tell(this.#viewing.next(received, this.rate().fps, this.latency()?.p50));
    if (this.#stall.isStuck(performance.now(), received, expected)) this.reconnect();
  }

  /**
   * Draws the overlay.
   * @param {Pick<Parameters<typeof overlayOf>[0], 'stream' | 'server'> & { obstacle?:
   *   import('./overlay.js').Overlay | undefined }} known `obstacle`: what else stands in the way
   */
  drawOverlay({ stream, server, obstacle }) {
    const session = this.#session && this.#state;
    const detail = this.#stateDetail;
    const told = { session, detail, stream, server, silent: this.#silent };
    const overlay = obstacle ?? overlayOf(told);
    this.#overlay.hidden = !overlay;
    if (!overlay) return;
    write(this.#headline, overlay.headline);
    write(this.#detail, overlay.detail);
  }

  /**
   * A connection with its own RTP timestamps begins: earlier records would lie. Returns who takes
   * the new ones.
   */
  #newLedger() {
    const ledger = new Ledger();
    this.ledger = ledger;
    this.connections += 1;
    this.#media = new MediaStream();
    this.sound.clear();
    this.#stall.restart();
    this.#viewing.restart();
    this.#received = { packets: undefined, frames: undefined };
    this.#arrivedAt = undefined;
    /** @param {ProvenanceRecord} record */
    return (record) => ledger.take(record);
  }

  /**
   * @param {MediaStreamTrack} track
   * @param {RTCRtpReceiver} receiver
   */
  #show(track, receiver) {
    this.sound.take(track, receiver);
    this.#media.addTrack(track);
    if (track.kind !== 'video') return;
    this.#receiver = receiver;
    this.#video.srcObject = this.#media;
    this.#presentedBefore = 0;
    if (!this.#paused) void this.#video.play().catch(() => {});
  }

  /** @type {VideoFrameRequestCallback} */
  #onVideoFrame = (now, metadata) => {
    this.#video.requestVideoFrameCallback(this.#onVideoFrame);
    const since = Math.max(1, metadata.presentedFrames - this.#presentedBefore);
    const frames = this.#presentedBefore === 0 ? 1 : since;
    this.#presentedBefore = metadata.presentedFrames;
    this.presented += frames;
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
