/** The recordings of the stream that is shown: a list, from which each can be played. */
import { byId, within, write } from '../dom.js';
import { Playback } from './playback.js';
import { countsText, duration, size } from './words.js';

/** @typedef {import('../connection/state-feed.js').StreamReport} StreamReport */
/** @typedef {import('./words.js').Recorded} Recorded */

/** Milliseconds between two looks at the list while it is open. */
const LOOK_INTERVAL_MS = 5000;

export class RecordingList {
  #section = byId('recordings', HTMLDetailsElement);
  #state = within(this.#section, '.status', HTMLElement);
  #list = within(this.#section, 'ul', HTMLUListElement);
  #template = within(byId('recording-row', HTMLTemplateElement).content, 'li', HTMLLIElement);
  #headers;
  #playback;
  /** @type {string | undefined} */
  #stream;
  /** What is shown. */
  #shown = '';
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {() => Record<string, string>} headers of requests: the token, if one is kept */
  constructor(headers) {
    this.#headers = headers;
    this.#playback = new Playback(headers);
    this.#section.addEventListener('toggle', () => this.#follow());
  }

  /** @param {StreamReport | undefined} report of the stream that is shown */
  update(report) {
    const recording = report?.recording;
    this.#section.hidden = !recording;
    if (this.#stream !== report?.name) {
      this.#stream = report?.name;
      this.#shown = '';
      this.#list.replaceChildren();
      this.#follow();
    }
    if (!recording) return;
    const faults = [recording.upconverted, recording.source].flatMap((one) => one?.reason ?? []);
    const active = [recording.upconverted, recording.source].some((one) => one?.state === 'recording');
    const total = `${recording.segments}, ${size(recording.bytes)}`;
    this.#section.dataset.state = faults.length > 0 ? 'faulty' : active ? 'active' : 'idle';
    write(this.#state, faults[0] ?? (active ? `recording · ${total}` : total));
  }

  /** Keeps the list up to date while it is open. */
  #follow() {
    clearInterval(this.#timer);
    if (!this.#section.open || this.#stream === undefined) return;
    void this.#load();
    this.#timer = setInterval(() => void this.#load(), LOOK_INTERVAL_MS);
  }

  async #load() {
    const stream = this.#stream;
    if (stream === undefined) return;
    const path = `api/streams/${encodeURIComponent(stream)}/recordings`;
    try {
      const answer = await fetch(path, { headers: this.#headers() });
      if (!answer.ok || stream !== this.#stream) return;
      /** @type {{ recordings: Recorded[] }} */
      const { recordings } = await answer.json();
      const text = JSON.stringify(recordings);
      if (text === this.#shown) return;
      this.#shown = text;
      const focused = document.activeElement?.getAttribute('data-name');
      this.#list.replaceChildren(...recordings.toReversed().map((recorded) => this.#row(path, recorded)));
      const again = focused && this.#list.querySelector(`[data-name="${CSS.escape(focused)}"]`);
      if (again instanceof HTMLElement) again.focus();
    } catch {
      // The page says already that the server is gone.
    }
  }

  /**
   * @param {string} path
   * @param {Recorded} recorded
   */
  #row(path, recorded) {
    const row = document.importNode(this.#template, true);
    const button = within(row, 'button', HTMLButtonElement);
    const start = new Date(recorded.start);
    button.textContent = start.toLocaleString();
    button.dataset.name = recorded.name;
    button.addEventListener('click', () => void this.#playback.open(`${path}/`, recorded));
    within(row, '.variant', HTMLElement).textContent = recorded.variant;
    within(row, '.figures', HTMLElement).textContent = `${duration(recorded.durationMs)}, ${size(recorded.bytes)}`;
    within(row, '.counts', HTMLElement).textContent = recorded.open ? 'being written' : countsText(recorded.frames);
    return row;
  }
}
