/** The videos: which of them are shown and how, what lies over them, and where their frames come from. */

import { write } from '../format.js';
import { Strip } from './provenance.js';
import { Screen } from './screen.js';
import { HeldSource } from './slider.js';

const VIEWS = {
  source: ['source'],
  upconverted: ['upconverted'],
  both: ['source', 'upconverted'],
  compare: ['source', 'upconverted'],
};
/** Milliseconds between two drawings of the strip. */
const STRIP_EVERY = 200;

/** What the line under the slider says. */
const IN_STEP = 'In step by source timestamps, to within one refresh of the display';
const NOT_IN_STEP =
  'Not in step: the source is shown as early as it comes, since it is not known which frames are on the screen.';

const element = (id) => document.getElementById(id);
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export class Stage {
  #root = element('screens');
  #split = element('split');
  #badgeSwitch = element('badge');
  #sourceOnly = element('source-only');
  #onView;
  #held;
  #strip = new Strip(element('strip'));
  #badge;
  /** The view that "source only" goes back to. */
  #before = 'both';

  view = 'both';
  /** By variant. @type {Record<'source'|'upconverted', Screen>} */
  screens;

  /**
   * @param {object} options
   * @param {() => Record<string, string>} options.headers what proves that this page may play
   * @param {() => void} options.onLocked called when the server asks for a token
   * @param {() => void} options.onView called when a person has chosen another view
   */
  constructor({ headers, onLocked, onView }) {
    this.#onView = onView;
    const figures = [...this.#root.querySelectorAll('figure')];
    this.screens = Object.fromEntries(figures.map((figure) => [figure.dataset.variant, new Screen(figure, headers)]));
    const { source, upconverted } = this.screens;
    this.#held = new HeldSource(source.figure.querySelector('.held'));
    this.#badge = upconverted.figure.querySelector('.badge');
    for (const screen of Object.values(this.screens)) {
      screen.onLocked = onLocked;
      const full = screen.figure.querySelector('.full');
      full.hidden = !document.fullscreenEnabled;
      full.onclick = () => this.#fullScreen(screen.figure);
      screen.video.ondblclick = full.onclick;
    }
    source.onFrame = (record) => this.#onSource(record);
    upconverted.onFrame = (record) => this.#onUpconverted(record);
    for (const input of document.querySelectorAll('[name="view"]')) {
      input.addEventListener('change', () => this.#choose(input.value));
    }
    this.#sourceOnly.addEventListener('change', () => this.#choose(this.#sourceOnly.checked ? 'source' : this.#before));
    this.#badgeSwitch.addEventListener('change', () => this.#drawBadge());
    this.#split.addEventListener('input', () => this.#divide());
    this.#divide();
    setInterval(() => calm.matches || this.#drawStrip(), STRIP_EVERY);
  }

  /** Variants that are on the screen. */
  get shown() {
    return VIEWS[this.view];
  }

  /** The one whose frames the readings are about. */
  get main() {
    return this.screens[this.shown.at(-1)];
  }

  /** True while provenance is known: of browsers that tell which frame they present, from servers that say what it is. */
  get explains() {
    const { source, interpolated, repeated } = this.main.ledger.counts();
    return source + interpolated + repeated > 0;
  }

  /** @param {string|null} view unknown ones are left out of account */
  setView(view) {
    if (Object.hasOwn(VIEWS, view)) this.view = view;
    this.#root.dataset.view = this.view;
    for (const input of document.querySelectorAll('[name="view"]')) input.checked = input.value === this.view;
    this.#sourceOnly.checked = this.view === 'source';
    if (this.view !== 'source') this.#before = this.view;
    const both = this.view === 'compare' ? 'Comparison' : 'Upconverted';
    this.screens.upconverted.figure.querySelector('.full').setAttribute('aria-label', `${both} full screen`);
    this.#held.clear();
  }

  /** Connects what is shown, and only that. @param {Record<'source'|'upconverted', string>|undefined} paths WHEP endpoints */
  connect(paths) {
    for (const [variant, screen] of Object.entries(this.screens)) {
      if (!this.shown.includes(variant) || !paths) screen.play(undefined);
      else if (!screen.playing) screen.play(paths[variant]);
    }
  }

  /** Ends all connections. */
  disconnect() {
    for (const screen of Object.values(this.screens)) screen.play(undefined);
    this.#held.clear();
  }

  /** Makes all connections anew. */
  reconnect() {
    for (const screen of Object.values(this.screens)) screen.reconnect();
    this.#held.clear();
  }

  /** Switches the badge on synthetic frames, as the stream asks for it. @param {boolean} on */
  setBadge(on) {
    this.#badgeSwitch.checked = on;
    this.#drawBadge();
  }

  /** Twice a second: badge and strip of those who want no flicker, and how well the halves are in step. */
  draw() {
    if (calm.matches) {
      this.#drawBadge();
      this.#drawStrip();
    }
    const { held } = this.#held;
    const step = held === undefined ? NOT_IN_STEP : `${IN_STEP}. The source is held back ${held.toFixed(0)} ms.`;
    write(element('step'), step);
  }

  #choose(view) {
    this.setView(view);
    this.#onView();
  }

  #divide() {
    this.#root.style.setProperty('--share', String(this.#split.value / 100));
    this.#split.setAttribute('aria-valuetext', `source ${this.#split.value} %`);
  }

  /** The two halves of a comparison are one picture. */
  #fullScreen(figure) {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void (this.view === 'compare' ? this.#root : figure).requestFullscreen();
  }

  #onSource(record) {
    if (this.view !== 'compare' || !record || !('VideoFrame' in window)) return;
    this.#held.hold(this.screens.source.video, record.pts);
  }

  #onUpconverted(record) {
    if (this.view === 'compare' && record) this.#held.show(record.pts);
    if (!calm.matches) this.#drawBadge(record);
  }

  /** Over each synthetic frame; for those who want no flicker one that stays. */
  #drawBadge(record) {
    const kind = calm.matches || !record ? this.#prevailing() : record.kind;
    const text = { interpolated: 'Synthetic', unknown: 'Origin unknown', mixed: 'Contains synthetic frames' }[kind];
    this.#badge.hidden = !this.#badgeSwitch.checked || text === undefined;
    if (!text) return;
    this.#badge.dataset.kind = kind;
    write(this.#badge, text);
  }

  /** Of the last seconds, for want of a record of the very frame, or of the wish to see it flicker. */
  #prevailing() {
    if (!calm.matches || !this.explains) return 'unknown';
    return this.screens.upconverted.ledger.counts().interpolated > 0 ? 'mixed' : 'source';
  }

  #drawStrip() {
    const { ledger } = this.main;
    this.#strip.draw(ledger);
    const counts = ledger.counts();
    for (const [kind, count] of Object.entries(counts)) write(element(`count-${kind}`), String(count));
    const said = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
    element('strip').setAttribute('aria-label', `Origin of the last presented frames: ${said.join(', ')}`);
  }
}
