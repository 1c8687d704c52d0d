/** What the page says, and which ways on it offers, when there is nothing to play. */
import { addressOf, fragmentOf } from './address.js';
import { byId, within, write } from './dom.js';

/**
 * @typedef {object} Vacancy
 * @property {'locked' | 'no-streams' | 'no-such-stream'} kind
 * @property {string} headline
 * @property {string} text
 * @property {readonly string[]} streams those that can be played instead
 * @property {string} command how to add a stream; empty where that is not the matter
 */

/**
 * Why there is nothing to play; undefined when there is something. Pure.
 * @param {object} known
 * @param {boolean} known.locked whether a token is asked for
 * @param {readonly string[] | undefined} known.names of the server's streams, while it is reached
 * @param {string | undefined} known.selected
 * @param {string} [known.api] address of the streams in the API
 * @returns {Vacancy | undefined}
 */
export function vacancyOf({ locked, names, selected, api = addressOf('api/streams') }) {
  if (locked) {
    const text = 'Ask whoever runs this server for its playback token, or open a link that carries one (#token=…).';
    return { kind: 'locked', headline: 'This server requires a token', text, streams: [], command: '' };
  }
  if (names === undefined || (selected !== undefined && names.includes(selected))) return undefined;
  if (names.length > 0) {
    const text = 'It may have been renamed or removed. This server has:';
    const headline = `There is no stream “${selected ?? ''}”`;
    return { kind: 'no-such-stream', headline, text, streams: names, command: '' };
  }
  const text =
    'Add one to "streams" in the configuration file and reload it, start framelift with one, or add it by the API ' +
    'with an admin token:';
  const command = [
    'framelift serve door=rtsp://user:password@camera.example/stream',
    '',
    'curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\',
    `  -d '{"name": "door", "source": "rtsp://camera.example/stream"}' ${api}`,
  ].join('\n');
  return { kind: 'no-streams', headline: 'This server has no stream yet', text, streams: [], command };
}

/** The panel that stands where the videos would be. */
export class VacancyPanel {
  #panel = byId('vacancy', HTMLElement);
  #headline = within(this.#panel, 'h2', HTMLElement);
  #text = within(this.#panel, '.text', HTMLElement);
  #list = within(this.#panel, 'ul', HTMLElement);
  #command = within(this.#panel, 'pre', HTMLElement);
  #unlock = within(this.#panel, 'button', HTMLButtonElement);
  /** What is shown, as text. */
  #shown = '';

  /** @param {() => void} onUnlock called when a token is to be entered */
  constructor(onUnlock) {
    this.#unlock.addEventListener('click', onUnlock);
  }

  /** @param {Vacancy | undefined} vacancy undefined: there is something to play */
  show(vacancy) {
    const shown = JSON.stringify(vacancy) ?? '';
    if (shown === this.#shown) return;
    this.#shown = shown;
    document.body.dataset.vacant = vacancy?.kind ?? '';
    this.#panel.hidden = vacancy === undefined;
    if (!vacancy) return;
    const { kind, headline, text, streams, command } = vacancy;
    write(this.#headline, headline);
    write(this.#text, text);
    write(this.#command, command);
    this.#command.hidden = command === '';
    this.#unlock.hidden = kind !== 'locked';
    this.#list.hidden = streams.length === 0;
    this.#list.replaceChildren(
      ...streams.map((name) => {
        const link = document.createElement('a');
        link.href = fragmentOf(name);
        link.textContent = name;
        const item = document.createElement('li');
        item.append(link);
        return item;
      }),
    );
  }
}
