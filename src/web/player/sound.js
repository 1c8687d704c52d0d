/** The sound of one video: mute, volume, a level meter, and the picture in time with it. */
import { browserKeeper } from '../storage.js';
import { LipSync } from './lip-sync.js';

/** Milliseconds between two looks at the level. */
const LEVEL_INTERVAL_MS = 200;
/** Milliseconds between two looks at how far sound and picture are apart. */
const SYNC_INTERVAL_MS = 1000;
const VOLUME_KEY = 'volume';
/** Full scale of the meter below which it shows nothing, in dB. */
const FLOOR_DB = -60;

/** Chromium's: it says when it plays what, and does as it is told how long to wait. */
export const steersPlayout = () => 'playoutDelayHint' in RTCRtpReceiver.prototype;

/**
 * An answer in which the picture does not wait for sound by itself: the page sees to that, and only while
 * somebody listens.
 * @param {string} sdp
 */
export function unlinked(sdp) {
  return steersPlayout() ? sdp.replace(/^a=msid:framelift sound/m, 'a=msid:framelift-sound sound') : sdp;
}

/**
 * An offer that takes stereo: Opus is played as one channel otherwise.
 * @param {string} sdp
 */
export function stereo(sdp) {
  const type = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1];
  return type === undefined ? sdp : sdp.replace(new RegExp(`^(a=fmtp:${type} [^\\r\\n]*)`, 'm'), '$1;stereo=1');
}

/**
 * How much of the meter a level fills, 0…1.
 * @param {number} level 0…1, of full scale
 */
export function meterOf(level) {
  return level <= 0 ? 0 : Math.max(0, 1 - (20 * Math.log10(Math.min(1, level))) / FLOOR_DB);
}

export class Sound {
  #video;
  #controls;
  #sync = new LipSync();
  /** @type {RTCRtpReceiver | undefined} */
  #sound;
  /** @type {RTCRtpReceiver | undefined} */
  #picture;
  #waits = { sound: new BufferWait(), picture: new BufferWait() };
  /** Tells how long sound takes behind the mixer. @type {AudioContext | undefined} */
  #output;

  /**
   * @param {HTMLElement} figure
   * @param {HTMLVideoElement} video
   */
  constructor(figure, video) {
    this.#video = video;
    this.#controls = controlsOf(figure);
    const kept = Number(browserKeeper.get(VOLUME_KEY) ?? 1);
    video.volume = kept >= 0 && kept <= 1 ? kept : 1;
    if (this.#controls) {
      const { mute, volume } = this.#controls;
      mute.onclick = () => this.toggle();
      volume.valueAsNumber = video.volume;
      volume.oninput = () => this.#setVolume(volume.valueAsNumber);
    }
    video.addEventListener('volumechange', () => this.#draw());
    setInterval(() => void this.#measureLevel(), LEVEL_INTERVAL_MS);
    setInterval(() => void this.#keepInSync(), SYNC_INTERVAL_MS);
    this.#draw();
  }

  /** True where the stream has sound. */
  get there() {
    return this.#sound !== undefined;
  }

  get muted() {
    return this.#video.muted;
  }

  /** How long the picture waits for its sound, in ms. */
  get holdMs() {
    return this.#sync.holdMs;
  }

  /** Another connection begins. */
  clear() {
    this.#sound = undefined;
    this.#picture = undefined;
    this.#sync.reset();
    this.#draw();
  }

  /**
   * @param {MediaStreamTrack} track
   * @param {RTCRtpReceiver} receiver
   */
  take(track, receiver) {
    if (track.kind === 'audio') this.#sound = receiver;
    else this.#picture = receiver;
    this.#draw();
  }

  /** On or off. One video is heard at a time. Returns what to tell the viewer. */
  toggle() {
    if (!this.there) return 'This stream has no sound';
    this.#video.muted = !this.#video.muted;
    if (this.#video.muted) {
      this.#sync.reset();
      this.#hold();
      return 'Sound off';
    }
    for (const other of document.querySelectorAll('video')) if (other !== this.#video) other.muted = true;
    if (this.#video.volume === 0) this.#setVolume(1);
    this.#output ??= 'AudioContext' in window ? new AudioContext() : undefined;
    return 'Sound on';
  }

  /** @param {number} volume 0…1 */
  #setVolume(volume) {
    this.#video.volume = volume;
    browserKeeper.set(VOLUME_KEY, String(volume));
  }

  #draw() {
    if (!this.#controls) return;
    const { all, mute, volume, level } = this.#controls;
    const { muted } = this.#video;
    all.hidden = !this.there;
    mute.setAttribute('aria-pressed', String(!muted));
    mute.title = muted ? 'Sound on (m)' : 'Sound off (m)';
    volume.valueAsNumber = this.#video.volume;
    if (!this.there) level.value = 0;
  }

  async #measureLevel() {
    const receiver = this.#sound;
    if (!receiver || !this.#controls || document.hidden) return;
    const { audioLevel = 0 } = (await inboundOf(receiver)) ?? {};
    if (receiver === this.#sound) this.#controls.level.value = meterOf(audioLevel);
  }

  async #keepInSync() {
    const [sound, picture] = [this.#sound, this.#picture];
    if (!sound || !picture || this.#video.muted || !steersPlayout()) {
      if (this.#sync.holdMs > 0) this.#sync.reset();
      this.#hold();
      return;
    }
    const [heard, seen] = await Promise.all([inboundOf(sound), inboundOf(picture)]);
    if (sound !== this.#sound || this.#video.muted) return;
    const { outputLatency = 0 } = this.#output ?? {};
    const waits = { sound: this.#waits.sound.read(heard), picture: this.#waits.picture.read(seen) };
    this.#sync.observe({ ...waits, outputMs: outputLatency > 0 ? 1000 * outputLatency : undefined });
    this.#hold();
  }

  #hold() {
    const receiver = this.#picture;
    if (!receiver || !('jitterBufferTarget' in receiver)) return;
    const holdMs = Math.round(this.#sync.holdMs);
    if (receiver.jitterBufferTarget !== holdMs) receiver.jitterBufferTarget = holdMs;
  }
}

/**
 * @typedef {RTCInboundRtpStreamStats & { audioLevel?: number }} Inbound
 */

/** How long media have waited in a browser's buffer of late. */
export class BufferWait {
  #delay = 0;
  #count = 0;

  /**
   * In ms, since it was asked last; undefined where nothing was played, or a browser does not count it.
   * @param {{ jitterBufferDelay?: number, jitterBufferEmittedCount?: number } | undefined} inbound
   */
  read({ jitterBufferDelay: delay = 0, jitterBufferEmittedCount: count = 0 } = {}) {
    const wait = (1000 * (delay - this.#delay)) / (count - this.#count);
    const [known, first] = [count > this.#count && wait >= 0, this.#count === 0];
    this.#delay = delay;
    this.#count = count;
    return known && !first ? wait : undefined;
  }
}

/**
 * What a browser counts of what it receives.
 * @param {RTCRtpReceiver} receiver
 * @returns {Promise<Inbound | undefined>}
 */
async function inboundOf(receiver) {
  const entries = [...(await receiver.getStats()).values()];
  return entries.find(({ type }) => type === 'inbound-rtp');
}

/**
 * The controls of a figure; undefined where it has none.
 * @param {HTMLElement} figure
 */
function controlsOf(figure) {
  const all = figure.querySelector('.sound');
  const mute = all?.querySelector('.mute');
  const volume = all?.querySelector('.volume');
  const level = all?.querySelector('.level');
  if (!(all instanceof HTMLElement) || !(mute instanceof HTMLButtonElement)) return undefined;
  if (!(volume instanceof HTMLInputElement) || !(level instanceof HTMLMeterElement)) return undefined;
  return { all, mute, volume, level };
}
