/** Plays one recording, with the origin of each frame that is shown. */
import { byId, within, write } from '../dom.js';
import { Ledger, Strip } from '../player/provenance.js';
import { frameText, readRecords, recordAt } from './words.js';

/** @typedef {import('../../egress/provenance.ts').ProvenanceRecord} ProvenanceRecord */
/** @typedef {import('./words.js').Recorded} Recorded */

export class Playback {
  #dialog = byId('recording', HTMLDialogElement);
  #title = within(this.#dialog, 'h2', HTMLElement);
  #video = within(this.#dialog, 'video', HTMLVideoElement);
  #caption = within(this.#dialog, '.origin', HTMLElement);
  #strip = new Strip(within(this.#dialog, 'canvas', HTMLCanvasElement));
  #headers;
  #ledger = new Ledger();
  /** @type {Map<number, ProvenanceRecord>} */
  #records = new Map();
  /** Address of what was fetched as a whole. @type {string | undefined} */
  #fetched;
  #run = 0;

  /** @param {() => Record<string, string>} headers of requests */
  constructor(headers) {
    this.#headers = headers;
    this.#dialog.addEventListener('close', () => this.#end());
    within(this.#dialog, '.cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    this.#video.addEventListener('error', () => {
      if (this.#video.hasAttribute('src')) write(this.#caption, 'This browser cannot play the file.');
    });
  }

  /**
   * @param {string} folder address of the recordings
   * @param {Recorded} recorded
   */
  async open(folder, { name, records, start, variant }) {
    this.#end();
    const run = this.#run;
    this.#title.textContent = `${new Date(start).toLocaleString()}, ${variant}`;
    write(this.#caption, 'Loading');
    this.#dialog.showModal();
    try {
      const text = await (await this.#fetch(folder + records)).text();
      const source = await this.#source(folder + name);
      if (run !== this.#run) return;
      this.#records = readRecords(text);
      this.#video.src = source;
      this.#watch(run);
      await this.#video.play().catch(() => undefined);
    } catch {
      if (run === this.#run) write(this.#caption, 'The recording cannot be loaded.');
    }
  }

  /**
   * Where the video element finds a file: it cannot send a token.
   * @param {string} address
   */
  async #source(address) {
    if (Object.keys(this.#headers()).length === 0) return address;
    const blob = await (await this.#fetch(address)).blob();
    this.#fetched = URL.createObjectURL(blob);
    return this.#fetched;
  }

  /** @param {string} address */
  async #fetch(address) {
    const answer = await fetch(address, { headers: this.#headers() });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer;
  }

  /** @param {number} run */
  #watch(run) {
    this.#video.requestVideoFrameCallback((_now, { mediaTime }) => {
      if (run !== this.#run) return;
      const record = recordAt(this.#records, mediaTime);
      if (record) this.#ledger.take(record);
      this.#ledger.present(record?.rtp);
      this.#strip.draw(this.#ledger);
      write(this.#caption, frameText(record));
      this.#dialog.dataset.kind = record?.kind ?? 'unknown';
      this.#watch(run);
    });
  }

  #end() {
    this.#run += 1;
    this.#ledger = new Ledger();
    this.#records = new Map();
    this.#video.pause();
    this.#video.removeAttribute('src');
    this.#video.load();
    if (this.#fetched !== undefined) URL.revokeObjectURL(this.#fetched);
    this.#fetched = undefined;
  }
}
