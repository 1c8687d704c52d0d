/** The list of streams: one row each, moved through with the arrow keys, opened with Enter. It is there when there is a choice. */
import { STATES, write } from './format.js';

/** Address of a stream on this page. */
const linkTo = (name) => `#/${encodeURIComponent(name)}`;

/** The stream that the address names; undefined when it names none. */
export function linked() {
  const [, coded] = /^#\/(.+)$/.exec(location.hash) ?? [];
  if (coded === undefined) return undefined;
  try {
    return decodeURIComponent(coded);
  } catch {
    return coded;
  }
}

export class StreamList {
  #nav = document.getElementById('streams');
  #list = this.#nav.querySelector('ul');
  #template = document.getElementById('stream-row');

  constructor() {
    this.#nav.addEventListener('keydown', (event) => this.#move(event));
  }

  /** Shows what the server says of its streams. @param {object[]} streams @param {string|undefined} chosen */
  report(streams, chosen) {
    this.#nav.hidden = streams.length < 2;
    const names = streams.map(({ name }) => name);
    const rows = [...this.#list.children];
    if (names.join('\n') !== rows.map(({ dataset }) => dataset.name).join('\n')) {
      const known = new Map(rows.map((row) => [row.dataset.name, row]));
      const focused = document.activeElement?.closest('[data-name]')?.dataset.name;
      this.#list.replaceChildren(...names.map((name) => known.get(name) ?? this.#row(name)));
      // Rows that were moved lose the focus.
      if (focused) this.#link(focused)?.focus();
    }
    for (const stream of streams) this.#fill(stream, stream.name === chosen);
  }

  #row(name) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    row.dataset.name = name;
    const link = row.querySelector('a');
    link.href = linkTo(name);
    link.textContent = name;
    return row;
  }

  #fill({ name, state, stats }, chosen) {
    const link = this.#link(name);
    const row = link.closest('li');
    row.dataset.state = state;
    if (chosen) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    const standing = state === 'waiting' ? 'Waiting' : (STATES[state] ?? state);
    // The name without the numbers, which would be read out again with every change.
    const label = `${name}, ${standing}`;
    if (link.getAttribute('aria-label') !== label) link.setAttribute('aria-label', label);
    const tell = (part, text) => write(row.querySelector(`.${part}`), text);
    tell('standing', standing);
    const fps = state === 'waiting' ? 0 : stats.fps.upconverted;
    tell('fps', fps >= 0.05 ? fps.toFixed(1) : '–');
    const latency = stats.latencyMs.upconverted ?? stats.latencyMs.source;
    tell('latency', latency ? latency.p50.toFixed(0) : '–');
    tell('watching', String(Math.max(stats.viewers.upconverted, stats.viewers.source)));
  }

  #link(name) {
    return this.#list.querySelector(`[data-name="${CSS.escape(name)}"] a`);
  }

  #move(event) {
    const links = [...this.#list.querySelectorAll('a')];
    const at = links.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    links[Math.min(links.length - 1, Math.max(0, to))].focus();
  }
}
