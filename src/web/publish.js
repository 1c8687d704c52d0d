/** Publishing this machine's camera by WHIP: the dialog, the session, and what is sent. */
import { whipAddress } from './address.js';
import { Session } from './connection/session.js';
import { bearer } from './connection/token.js';
import { byId, within, write } from './dom.js';
import { bitrate, codec, fixed } from './format.js';
import { tabKeeper } from './storage.js';

/** @typedef {import('./connection/session.js').SessionState} SessionState */
/** @typedef {import('./connection/state-feed.js').StreamReport} StreamReport */

/**
 * An entry of `RTCPeerConnection.getStats()`: what is read of outbound-rtp, remote-inbound-rtp and
 * codec.
 * @typedef {RTCOutboundRtpStreamStats & { fractionLost?: number, roundTripTime?: number, mimeType?:
 *   string }} StatsEntry
 */

const KEY = 'framelift.publish-token';
const STATS_INTERVAL_MS = 1000;
/** After this the server's state tells what ended a connection. */
const SETTLE_MS = 2000;
/** Asked of the camera; it gives what it can. */
const CONSTRAINTS = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

/** @type {Readonly<Partial<Record<SessionState, string>>>} */
const MESSAGES = {
  connecting: 'Connecting',
  connected: 'Publishing',
  busy: 'The server cannot take a publisher now',
  'no-path': 'No way through for video',
  unknown: 'No such stream, retrying',
  'no-source': 'Not possible now, retrying',
  lost: 'Connection lost, retrying',
};
/** Errors of getUserMedia by name. @type {Readonly<Record<string, string>>} */
const CAMERA_ERRORS = {
  NotAllowedError: 'The browser does not allow this page to use the camera.',
  NotFoundError: 'No camera was found.',
  NotReadableError: 'The camera is in use by another program.',
};

export class Publisher {
  #dialog = byId('publish', HTMLDialogElement);
  #openButton = byId('publish-open', HTMLButtonElement);
  #streamSelect = byId('publish-stream', HTMLSelectElement);
  #cameraSelect = byId('publish-camera', HTMLSelectElement);
  #tokenField = byId('publish-token', HTMLInputElement);
  #preview = byId('publish-preview', HTMLVideoElement);
  #fields = byId('publish-fields', HTMLFieldSetElement);
  #stateOf;
  /** @type {Session | undefined} */
  #session;
  /** @type {MediaStream | undefined} */
  #camera;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #statsTimer;
  /** Endpoints by stream. @type {Map<string, string>} */
  #endpoints = new Map();
  /** Name of the stream that is published. */
  #stream = '';
  #connected = false;
  /** The last statistics. @type {StatsEntry | undefined} */
  #before;

  /**
   * @param {(name: string) => string | undefined} stateOf what the server reports of a stream;
   *   undefined while it cannot be reached
   */
  constructor(stateOf) {
    this.#stateOf = stateOf;
    this.#openButton.addEventListener('click', () => void this.#open());
    within(this.#dialog, 'form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#start();
    });
    byId('publish-stop', HTMLButtonElement).addEventListener('click', () => this.stop('Stopped'));
    within(this.#dialog, '.cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
  }

  /**
   * Lists the streams that take publishers.
   * @param {readonly StreamReport[]} streams
   */
  update(streams) {
    this.#endpoints = new Map(streams.flatMap(({ name, whip }) => (whip ? [[name, whipAddress(name)]] : [])));
    const names = [...this.#endpoints.keys()];
    this.#openButton.hidden = names.length === 0 && !this.#session;
    if (names.join('\n') === [...this.#streamSelect.options].map(({ value }) => value).join('\n')) return;
    const selected = this.#streamSelect.value;
    this.#streamSelect.replaceChildren(...names.map((name) => new Option(name, name, false, name === selected)));
  }

  /**
   * Ends the session and releases the camera.
   * @param {string} [message] why, for the publisher
   */
  stop(message = '') {
    this.#session?.stop();
    this.#session = undefined;
    this.#connected = false;
    clearInterval(this.#statsTimer);
    for (const track of this.#camera?.getTracks() ?? []) track.stop();
    this.#camera = undefined;
    this.#preview.srcObject = null;
    this.#draw(message);
  }

  /**
   * Ends it against the publisher's will: who has closed the dialog must see why.
   * @param {string} message
   */
  #interrupt(message) {
    this.stop(message);
    if (!document.querySelector('dialog[open]')) this.#dialog.showModal();
  }

  async #open() {
    if (!this.#session) {
      this.#tokenField.value = tabKeeper.get(KEY) ?? '';
      this.#draw(camerasOf(navigator) ? '' : 'Browsers allow cameras only to pages over HTTPS or on localhost.');
    }
    this.#dialog.showModal();
    await this.#listCameras();
  }

  /** Cameras have names only once one of them was allowed. */
  async #listCameras() {
    const devices = (await camerasOf(navigator)?.enumerateDevices()) ?? [];
    const named = devices.filter(({ kind, label }) => kind === 'videoinput' && label);
    const selected = this.#cameraSelect.value;
    this.#cameraSelect.replaceChildren(
      new Option('Default camera', ''),
      ...named.map(({ label, deviceId }) => new Option(label, deviceId, false, deviceId === selected)),
    );
  }

  async #start() {
    const stream = this.#streamSelect.value;
    const url = this.#endpoints.get(stream);
    if (url === undefined) return;
    const token = this.#tokenField.value.trim();
    tabKeeper.set(KEY, token);
    this.#fields.disabled = true;
    const camera = await this.#openCamera();
    const track = camera?.getVideoTracks()[0];
    if (!camera || !track) return;
    track.contentHint = 'motion';
    track.onended = () => this.#interrupt('The camera was disconnected.');
    this.#camera = camera;
    this.#preview.srcObject = camera;
    this.#stream = stream;
    this.#before = undefined;
    this.#session = new Session({
      url,
      headers: () => bearer(token),
      prepare: (peer) => peer.addTransceiver(track, { direction: 'sendonly', streams: [camera] }),
      onState: (state, detail) => this.#onState(state, detail),
    });
    this.#session.start();
    this.#statsTimer = setInterval(() => void this.#readStats(), STATS_INTERVAL_MS);
    void this.#listCameras();
  }

  /** The chosen camera; undefined, with a message, when it cannot be had. */
  async #openCamera() {
    const deviceId = this.#cameraSelect.value;
    try {
      const video = { ...CONSTRAINTS, ...(deviceId ? { deviceId: { exact: deviceId } } : {}) };
      return await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      this.#draw(CAMERA_ERRORS[name] ?? `The camera cannot be opened: ${message}`);
      return undefined;
    }
  }

  /**
   * @param {SessionState} state
   * @param {string} detail
   */
  #onState(state, detail) {
    const broke = state === 'lost' && this.#connected;
    this.#connected = state === 'connected';
    if (state === 'locked' || state === 'refused') {
      this.#interrupt(detail || 'The server refuses this publisher.');
      return;
    }
    if (this.#connected) this.#session?.resetBackoff();
    this.#draw([MESSAGES[state], detail].filter(Boolean).join(': '));
    if (broke) this.#reconnectUnlessTaken();
  }

  /**
   * Connects anew, unless another publisher has the stream by then: the two would take it from each
   * other for ever.
   */
  #reconnectUnlessTaken() {
    const session = this.#session;
    session?.stop();
    setTimeout(() => {
      if (!session || session !== this.#session) return;
      if (['waiting', undefined].includes(this.#stateOf(this.#stream))) session.start();
      else this.#interrupt(`Another publisher has taken over ${this.#stream}.`);
    }, SETTLE_MS);
  }

  async #readStats() {
    const session = this.#session;
    /** @type {StatsEntry[]} */
    const stats = [...((await session?.stats())?.values() ?? [])];
    if (session !== this.#session) return;
    const sent = stats.find(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
    if (!sent) return;
    const received = stats.find(({ type, kind }) => type === 'remote-inbound-rtp' && kind === 'video');
    const mimeType = stats.find(({ id }) => id === sent.codecId)?.mimeType;
    const before = this.#before ?? sent;
    this.#before = sent;
    const seconds = (sent.timestamp - before.timestamp) / 1000;
    const bytes = (sent.bytesSent ?? 0) - (before.bytesSent ?? 0);
    const size = sent.frameWidth ? `${sent.frameWidth} × ${sent.frameHeight}` : '–';
    const rate = sent.framesPerSecond === undefined ? '' : `${sent.framesPerSecond} fps`;
    const { fractionLost, roundTripTime } = received ?? {};
    set('sent-video', [size, mimeType && codec(mimeType), rate].filter(Boolean).join(', '));
    set('sent-bitrate', bitrate(seconds > 0 ? (8 * bytes) / seconds : 0));
    set('sent-loss', fractionLost === undefined ? '–' : `${fixed(100 * fractionLost, 1)} %`);
    set('sent-round-trip', roundTripTime === undefined ? '–' : `${fixed(1000 * roundTripTime)} ms`);
    set('sent-limit', (sent.qualityLimitationReason ?? 'none').replace('none', 'nothing'));
  }

  /** @param {string} message */
  #draw(message) {
    const publishing = this.#session !== undefined;
    this.#fields.disabled = publishing;
    byId('publish-start', HTMLElement).hidden = publishing;
    byId('publish-stop', HTMLElement).hidden = !publishing;
    byId('publish-sent', HTMLElement).hidden = !publishing;
    this.#preview.hidden = !publishing;
    this.#openButton.dataset.publishing = String(this.#connected);
    write(this.#openButton, publishing ? `Publishing ${this.#stream}` : 'Publish camera');
    set('publish-state', message);
  }
}

/**
 * The browser's cameras; undefined outside of secure contexts, which lib.dom does not tell.
 * @param {{ mediaDevices?: MediaDevices }} navigator
 */
function camerasOf({ mediaDevices }) {
  return mediaDevices;
}

/** @type {(id: string, text: string) => void} */
const set = (id, text) => write(byId(id, HTMLElement), text);
