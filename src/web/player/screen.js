/** One video on the page: its connection, what it presents, and what lies over it. */
import { Ledger } from './provenance.js';
import { roundTrip, watch } from './whep.js';

/** Frames are counted over this. Milliseconds. */
const WINDOW = 1000;
/** Samples of a delay that are remembered: five seconds at 60 fps. */
const SAMPLES = 300;
/** NTP counts from 1900, the web from 1970. Milliseconds. */
const NTP_EPOCH = 2_208_988_800_000;

/** Why there is no picture: headline and what follows. */
const OVERLAYS = {
  connecting: 'Connecting',
  'no-source': 'Waiting for source',
  full: 'Too many viewers',
  unknown: 'No such stream',
  locked: 'A token is needed',
  refused: 'The server cannot play this here',
  lost: 'Connection lost, trying again',
};

export class Screen {
  #video;
  #overlay;
  #link;
  #state = 'connecting';
  #detail = '';
  #headers;
  #receiver;
  #presentedBefore = 0;
  /** [performance.now of presentation, frames since the one before] */
  #recent = [];
  #latencies = [];
  #delays = [];
  #oneWay = 0;

  /** Frames presented since the page was loaded. */
  presented = 0;
  /** performance.now of the last one. */
  lastFrame = 0;
  /** Where the frames of the present connection come from. */
  ledger = new Ledger();
  /** Called with the record of each presented frame; undefined where there is none by now. @type {(record: object|undefined) => void} */
  onFrame = () => {};
  /** Called when the server asks for a token. */
  onLocked = () => {};

  /** @param {HTMLElement} figure @param {() => Record<string, string>} headers what proves that this page may play */
  constructor(figure, headers) {
    this.figure = figure;
    this.#headers = headers;
    this.variant = figure.dataset.variant;
    this.#video = figure.querySelector('video');
    this.#overlay = figure.querySelector('.overlay');
    this.#video.requestVideoFrameCallback?.(this.#onFrame);
  }

  get video() {
    return this.#video;
  }

  /** Plays what is at `url`; undefined stops. The last picture stays until another one comes. */
  play(url) {
    this.#link?.stop();
    this.#link = undefined;
    this.#recent = [];
    this.#latencies = [];
    this.#delays = [];
    this.#oneWay = 0;
    this.lastFrame = performance.now();
    this.#state = 'connecting';
    this.#detail = '';
    this.ledger = new Ledger();
    if (url === undefined) {
      this.#video.srcObject = null;
      return;
    }
    this.#link = watch({
      url,
      headers: this.#headers,
      onTrack: (track, receiver) => this.#show(track, receiver),
      onRecords: () => this.#newLedger(),
      onState: (state, detail) => {
        this.#state = state;
        this.#detail = detail;
        if (state === 'locked') this.onLocked();
      },
    });
    this.#link.start();
  }

  /** Asks anew at once, for instance because the server was restarted. */
  reconnect() {
    this.lastFrame = performance.now();
    this.#link?.start();
  }

  get playing() {
    return this.#link !== undefined;
  }

  get connected() {
    return this.#state === 'connected';
  }

  /** Milliseconds since the last picture. */
  get silence() {
    return performance.now() - this.lastFrame;
  }

  get size() {
    return { width: this.#video.videoWidth, height: this.#video.videoHeight };
  }

  /** Frames presented within the last second, and their rate by the times of the first and the last. */
  rate(now = performance.now()) {
    while (this.#recent.length && this.#recent[0][0] < now - WINDOW) this.#recent.shift();
    const recent = this.#recent;
    let count = 0;
    for (const [, frames] of recent) count += frames;
    if (recent.length < 2) return { count, fps: count };
    const intervals = count - recent[0][1];
    const mean = (recent.at(-1)[0] - recent[0][0]) / intervals;
    const end = Math.max(recent.at(-1)[0], now - mean);
    return { count, fps: (intervals * 1000) / (end - recent[0][0]) };
  }

  /** Capture to presentation in ms, where the browser tells when frames were captured (absolute capture time in RTP). */
  latency() {
    return percentiles(this.#latencies);
  }

  /** From the last packet of a frame to its presentation, and the way of a packet to here, in ms. */
  delay() {
    const player = percentiles(this.#delays);
    return player && { p50: player.p50 + this.#oneWay, p95: player.p95 + this.#oneWay };
  }

  /** Asks the connection for its round-trip time; call it now and then. */
  async measureWay() {
    const seconds = this.#link && (await roundTrip(this.#link));
    if (seconds !== undefined) this.#oneWay = (1000 * seconds) / 2;
  }

  /**
   * Draws the overlay.
   * @param {object} known
   * @param {string|undefined} known.waiting why the server has no frames; undefined when it has or cannot be asked
   * @param {boolean} known.reachable whether the server answers
   * @param {boolean} known.missing whether it has no such stream
   */
  cover({ waiting, reachable, missing }) {
    let text = OVERLAYS[missing ? 'unknown' : this.#state];
    if (this.#state === 'connected' && waiting !== undefined) text = 'Waiting for source';
    else if (this.#state === 'connected' && !reachable && this.silence > 1000) text = OVERLAYS.lost;
    this.#overlay.hidden = !text;
    if (!text) return;
    this.#overlay.querySelector('.headline').textContent = text;
    this.#overlay.querySelector('.detail').textContent = waiting ?? this.#detail;
  }

  /** A connection of its own RTP timestamps begins: records of the one before would lie. Returns who takes the new ones. */
  #newLedger() {
    const ledger = new Ledger();
    this.ledger = ledger;
    return (record) => ledger.take(record);
  }

  #show(track, receiver) {
    this.#receiver = receiver;
    this.#video.srcObject = new MediaStream([track]);
    this.#presentedBefore = 0;
    this.#video.play().catch(() => {});
  }

  #onFrame = (now, metadata) => {
    this.#video.requestVideoFrameCallback(this.#onFrame);
    const frames = Math.max(1, metadata.presentedFrames - this.#presentedBefore);
    const more = this.#presentedBefore === 0 ? 1 : frames;
    this.#presentedBefore = metadata.presentedFrames;
    this.presented += more;
    this.lastFrame = performance.now();
    this.#recent.push([metadata.presentationTime ?? now, more]);
    if (this.#recent.length > 512) this.#recent.shift();
    this.#link?.proven();
    this.onFrame(this.ledger.present(metadata.rtpTimestamp));
    const { expectedDisplayTime, receiveTime } = metadata;
    if (receiveTime !== undefined) remember(this.#delays, expectedDisplayTime - receiveTime);
    const newest = this.#receiver?.getSynchronizationSources?.()[0];
    if (newest?.captureTimestamp !== undefined) {
      remember(this.#latencies, newest.timestamp - (newest.captureTimestamp - NTP_EPOCH));
    }
  };
}

/** Keeps plausible values: clocks of two machines may disagree. */
function remember(samples, ms) {
  if (ms >= 0 && ms < 10_000) samples.push(ms);
  if (samples.length > SAMPLES) samples.shift();
}

function percentiles(samples) {
  if (samples.length < 5) return undefined;
  const sorted = samples.toSorted((a, b) => a - b);
  return { p50: sorted[Math.floor(sorted.length / 2)], p95: sorted[Math.floor(sorted.length * 0.95)] };
}
