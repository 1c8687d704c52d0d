/**
 * The list of streams: a row for each, arrow keys to move, Enter to open. It is shown when there is
 * a choice.
 */
import { fragmentOf, readFragment } from './address.js';
import { byId, within, write } from './dom.js';
import { awaitsPublisher, fixed, frameRate, isSilent, STATES } from './format.js';

/** @typedef {import('./connection/state-feed.js').StreamReport} StreamReport */

/** The stream that the address names; undefined when it names none. */
export const addressedStream = () => readFragment(location.hash).stream;

export class StreamList {
  #nav = byId('streams', HTMLElement);
  #list = within(this.#nav, 'ul', HTMLUListElement);
  #template = within(byId('stream-row', HTMLTemplateElement).content, 'li', HTMLLIElement);
  /** In the order of the list. @type {Map<string, HTMLLIElement>} */
  #rows = new Map();

  constructor() {
    this.#nav.addEventListener('keydown', (event) => this.#moveFocus(event));
  }

  /**
   * Shows what the server reports of its streams.
   * @param {readonly StreamReport[]} streams
   * @param {string | undefined} selected
   */
  update(streams, selected) {
    this.#nav.hidden = streams.length < 2;
    const names = streams.map(({ name }) => name);
    if (names.join('\n') !== [...this.#rows.keys()].join('\n')) this.#arrange(names);
    for (const stream of streams) this.#fill(stream, stream.name === selected);
  }

  /** The server cannot be reached: nothing is known of its streams now. */
  forget() {
    for (const [name, row] of this.#rows) fillRow(row, name, { state: 'unreachable', status: 'Not known' });
  }

  /** @param {string[]} names */
  #arrange(names) {
    const known = this.#rows;
    this.#rows = new Map(names.map((name) => [name, known.get(name) ?? this.#createRow(name)]));
    const { activeElement } = document;
    this.#list.replaceChildren(...this.#rows.values());
    // A row that was moved loses the focus.
    if (activeElement instanceof HTMLElement && this.#list.contains(activeElement)) activeElement.focus();
  }

  /** @param {string} name */
  #createRow(name) {
    const row = document.importNode(this.#template, true);
    const link = within(row, 'a', HTMLAnchorElement);
    link.href = fragmentOf(name);
    link.textContent = name;
    link.title = name;
    return row;
  }

  /**
   * @param {StreamReport} stream
   * @param {boolean} selected
   */
  #fill(stream, selected) {
    const { name, state, stats } = stream;
    const row = this.#rows.get(name);
    if (!row) return;
    const link = within(row, 'a', HTMLAnchorElement);
    if (selected) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    fillRow(row, name, {
      state: state === 'waiting' && awaitsPublisher(stream) ? 'idle' : state,
      status: state === 'waiting' ? 'Waiting' : (STATES[state] ?? state),
      fps: isSilent(stream) ? 0 : stats.fps.upconverted,
      latency: (stats.latencyMs.upconverted ?? stats.latencyMs.source)?.p50,
      viewers: Math.max(stats.viewers.upconverted, stats.viewers.source),
    });
  }

  /** @param {KeyboardEvent} event */
  #moveFocus(event) {
    const links = [...this.#list.querySelectorAll('a')];
    const focused = document.activeElement?.closest('a');
    const at = focused ? links.indexOf(focused) : -1;
    const last = links.length - 1;
    const to = new Map([
      ['ArrowDown', at + 1],
      ['ArrowUp', at - 1],
      ['Home', 0],
      ['End', last],
    ]).get(event.key);
    if (to === undefined || at < 0) return;
    event.preventDefault();
    links[Math.min(last, Math.max(0, to))]?.focus();
  }
}

/**
 * Figures that are not known are dashes.
 * @param {HTMLLIElement} row
 * @param {string} name
 * @param {{ state: string, status: string, fps?: number, latency?: number | undefined, viewers?: number }} known
 */
function fillRow(row, name, { state, status, fps, latency, viewers }) {
  row.dataset.state = state;
  const link = within(row, 'a', HTMLAnchorElement);
  // The name without the numbers, which would be read out again with every change.
  const label = `${name}, ${status}`;
  if (link.getAttribute('aria-label') !== label) link.setAttribute('aria-label', label);
  /** @type {(part: string, text: string) => void} */
  const set = (part, text) => write(within(row, `.${part}`, HTMLElement), text);
  set('status', status);
  set('fps', frameRate(fps));
  set('latency', fixed(latency));
  set('viewers', fixed(viewers));
}
