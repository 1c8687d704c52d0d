/** Publishing this machine's camera by WHIP: the dialog, the session, and what is sent. */

import { bitrate, codec, write } from './format.js';
import { Link } from './session.js';
import { bearer } from './token.js';

const KEY = 'framelift.publish-token';
/** Milliseconds between two looks at what is sent. */
const LOOK_EVERY = 1000;
/** After this the server's state tells what ended a connection. Milliseconds. */
const SETTLED = 2000;
/** Asked of the camera; it gives what it can. */
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

const SAID = {
  connecting: 'Connecting',
  connected: 'Publishing',
  full: 'Too many publishers, trying again',
  unknown: 'No such stream, trying again',
  'no-source': 'Not possible now, trying again',
  lost: 'Connection lost, trying again',
};
/** Errors of getUserMedia by name. */
const CAMERA_FAULTS = {
  NotAllowedError: 'The browser does not let this page use the camera.',
  NotFoundError: 'There is no camera.',
  NotReadableError: 'The camera is in use by another program.',
};

const element = (id) => document.getElementById(id);

export class Publisher {
  #dialog = element('publish');
  #open = element('publish-open');
  #stream = element('publish-stream');
  #cameras = element('publish-camera');
  #token = element('publish-token');
  #preview = element('publish-preview');
  #fields = element('publish-fields');
  #stateOf;
  #link;
  #camera;
  #timer;
  /** Endpoints by stream. */
  #paths = new Map();
  #name;
  #connected = false;
  #before;

  /** @param {(name: string) => string|undefined} stateOf what the server says of a stream; undefined while it cannot be reached */
  constructor(stateOf) {
    this.#stateOf = stateOf;
    this.#open.addEventListener('click', () => void this.#show());
    this.#dialog.querySelector('form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#start();
    });
    element('publish-stop').addEventListener('click', () => this.stop('Stopped'));
    this.#dialog.querySelector('.cancel').addEventListener('click', () => this.#dialog.close());
  }

  /** Lists the streams that take publishers. @param {object[]} streams as the server reports them */
  report(streams) {
    const taking = streams.filter(({ whip }) => whip);
    const names = taking.map(({ name }) => name);
    this.#open.hidden = names.length === 0 && !this.#link;
    this.#paths = new Map(taking.map(({ name, whip }) => [name, whip]));
    if (names.join('\n') === [...this.#stream.options].map(({ value }) => value).join('\n')) return;
    const chosen = this.#stream.value;
    this.#stream.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
  }

  /** Ends the session and lets the camera go. @param {string} [why] */
  stop(why = '') {
    this.#link?.stop();
    this.#link = undefined;
    this.#connected = false;
    clearInterval(this.#timer);
    for (const track of this.#camera?.getTracks() ?? []) track.stop();
    this.#camera = undefined;
    this.#preview.srcObject = null;
    this.#draw(why);
  }

  /** Ends it against the publisher's will: who has closed the dialog must see why. */
  #interrupt(why) {
    this.stop(why);
    if (!document.querySelector('dialog[open]')) this.#dialog.showModal();
  }

  async #show() {
    if (!this.#link) {
      this.#token.value = sessionStorage.getItem(KEY) ?? '';
      this.#draw(navigator.mediaDevices ? '' : 'Browsers give cameras only to pages over HTTPS or on localhost.');
    }
    this.#dialog.showModal();
    await this.#listCameras();
  }

  /** Cameras have names only once one of them was allowed. */
  async #listCameras() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const named = devices.filter(({ kind, label }) => kind === 'videoinput' && label);
    const chosen = this.#cameras.value;
    this.#cameras.replaceChildren(
      new Option('Default camera', ''),
      ...named.map(({ label, deviceId }) => new Option(label, deviceId, false, deviceId === chosen)),
    );
  }

  async #start() {
    const name = this.#stream.value;
    const url = this.#paths.get(name);
    const token = this.#token.value.trim();
    sessionStorage.setItem(KEY, token);
    this.#fields.disabled = true;
    const deviceId = this.#cameras.value;
    try {
      const video = { ...PICTURE, ...(deviceId ? { deviceId: { exact: deviceId } } : {}) };
      this.#camera = await navigator.mediaDevices.getUserMedia({ video });
    } catch (fault) {
      this.#draw(CAMERA_FAULTS[fault.name] ?? `The camera cannot be opened: ${fault.message}`);
      return;
    }
    const [track] = this.#camera.getVideoTracks();
    track.contentHint = 'motion';
    track.onended = () => this.#interrupt('The camera was taken away.');
    this.#preview.srcObject = this.#camera;
    this.#name = name;
    this.#before = undefined;
    this.#link = new Link({
      url,
      headers: () => bearer(token),
      prepare: (peer) => peer.addTransceiver(track, { direction: 'sendonly', streams: [this.#camera] }),
      onState: (state, detail) => this.#onState(state, detail),
    });
    this.#link.start();
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY);
    void this.#listCameras();
  }

  #onState(state, detail) {
    const broke = state === 'lost' && this.#connected;
    this.#connected = state === 'connected';
    if (state === 'locked' || state === 'refused') {
      this.#interrupt(detail || 'The server refuses this publisher.');
      return;
    }
    if (this.#connected) this.#link.proven();
    this.#draw([SAID[state], detail].filter(Boolean).join(': '));
    if (broke) this.#giveWay();
  }

  /** Connects anew, unless the stream goes on by another publisher: taking it back would start a quarrel. */
  #giveWay() {
    const link = this.#link;
    link.stop();
    setTimeout(() => {
      if (link !== this.#link) return;
      if (['waiting', undefined].includes(this.#stateOf(this.#name))) link.start();
      else this.#interrupt(`Another publisher has taken ${this.#name} over.`);
    }, SETTLED);
  }

  async #look() {
    const link = this.#link;
    const stats = [...((await link?.stats())?.values() ?? [])];
    if (link !== this.#link) return;
    const sent = stats.find(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
    if (!sent) return;
    const heard = stats.find(({ type, kind }) => type === 'remote-inbound-rtp' && kind === 'video');
    const format = stats.find(({ id }) => id === sent.codecId);
    const before = this.#before ?? sent;
    this.#before = sent;
    const seconds = (sent.timestamp - before.timestamp) / 1000;
    const tell = (id, text) => write(element(id), text);
    const size = sent.frameWidth ? `${sent.frameWidth} × ${sent.frameHeight}` : '–';
    const rate = sent.framesPerSecond === undefined ? '' : `${sent.framesPerSecond} fps`;
    tell('sent-picture', [size, format && codec(format.mimeType), rate].filter(Boolean).join(', '));
    tell('sent-rate', bitrate(seconds > 0 ? (8 * (sent.bytesSent - before.bytesSent)) / seconds : 0));
    tell('sent-loss', heard?.fractionLost === undefined ? '–' : `${(100 * heard.fractionLost).toFixed(1)} %`);
    tell('sent-way', heard?.roundTripTime === undefined ? '–' : `${(1000 * heard.roundTripTime).toFixed(0)} ms`);
    tell('sent-limit', (sent.qualityLimitationReason ?? 'none').replace('none', 'nothing'));
  }

  #draw(said) {
    const publishing = this.#link !== undefined;
    this.#fields.disabled = publishing;
    element('publish-start').hidden = publishing;
    element('publish-stop').hidden = !publishing;
    element('publish-sent').hidden = !publishing;
    this.#preview.hidden = !publishing;
    this.#open.dataset.publishing = String(this.#connected);
    write(this.#open, publishing ? `Publishing ${this.#name}` : 'Publish camera');
    write(element('publish-state'), said);
  }
}
