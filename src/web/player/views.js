/**
 * The videos: which of them are shown and how, what lies over them, and where their frames come
 * from.
 */
import { byId, within, write } from '../dom.js';
import { Strip } from './provenance.js';
import { Screen } from './screen.js';
import { HeldSource } from './slider.js';

/** @typedef {import('../state-feed.js').Variant} Variant */
/** @typedef {import('./provenance.js').ProvenanceRecord} ProvenanceRecord */
/** @typedef {keyof typeof VIEWS} View */

/**
 * The variants that each view shows; the readings are about the last.
 * @satisfies {Record<string, readonly Variant[]>}
 */
const VIEWS = /** @type {const} */ ({
  source: ['source'],
  upconverted: ['upconverted'],
  both: ['source', 'upconverted'],
  compare: ['source', 'upconverted'],
});
/** Milliseconds between two drawings of the strip. */
const STRIP_INTERVAL_MS = 200;

/** What the line under the slider says. */
const IN_SYNC = 'In sync by source timestamps, to within one refresh of the display';
const NOT_IN_SYNC =
  'Not in sync: source frames are shown as soon as they arrive, since the browser does not report which frame it shows.';

/**
 * What the badge says of the frame under it, or, where nothing may flicker, of the last seconds.
 * @type {Readonly<Partial<Record<import('./provenance.js').Origin | 'mixed', string>>>}
 */
const BADGES = { interpolated: 'Synthetic', unknown: 'Origin unknown', mixed: 'Contains synthetic frames' };

const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

export class Views {
  #root = byId('screens', HTMLElement);
  #slider = byId('split', HTMLInputElement);
  #badgeSwitch = byId('badge', HTMLInputElement);
  #sourceOnly = byId('source-only', HTMLInputElement);
  #radios = [...document.querySelectorAll('[name="view"]')].filter((input) => input instanceof HTMLInputElement);
  #onView;
  #held;
  #strip = new Strip(byId('strip', HTMLCanvasElement));
  #badge;
  /** The view that "source only" goes back to. @type {View} */
  #before = 'both';

  /** @type {View} */
  view = 'both';
  /** @type {Readonly<Record<Variant, Screen>>} */
  screens;

  /**
   * @param {object} options
   * @param {() => Record<string, string>} options.headers credentials
   * @param {() => void} options.onLocked called when the server requires a token
   * @param {() => void} options.onView called when a person has chosen another view
   */
  constructor({ headers, onLocked, onView }) {
    this.#onView = onView;
    /** @param {Variant} variant */
    const screenOf = (variant) =>
      new Screen(within(this.#root, `figure[data-variant="${variant}"]`, HTMLElement), headers);
    const source = screenOf('source');
    const upconverted = screenOf('upconverted');
    this.screens = { source, upconverted };
    this.#held = new HeldSource(within(source.figure, '.held', HTMLCanvasElement));
    this.#badge = within(upconverted.figure, '.badge', HTMLElement);
    for (const screen of Object.values(this.screens)) {
      screen.onLocked = onLocked;
      const button = within(screen.figure, '.full', HTMLButtonElement);
      button.hidden = !document.fullscreenEnabled;
      const toggle = () => this.#toggleFullScreen(screen.figure);
      button.onclick = toggle;
      screen.video.ondblclick = toggle;
    }
    source.onFrame = (record) => this.#onSourceFrame(record);
    upconverted.onFrame = (record) => this.#onUpconvertedFrame(record);
    for (const radio of this.#radios) radio.addEventListener('change', () => this.#choose(radio.value));
    this.#sourceOnly.addEventListener('change', () => this.#choose(this.#sourceOnly.checked ? 'source' : this.#before));
    this.#badgeSwitch.addEventListener('change', () => this.#drawBadge());
    this.#slider.addEventListener('input', () => this.#divide());
    this.#divide();
    setInterval(() => reducedMotion.matches || this.#drawStrip(), STRIP_INTERVAL_MS);
  }

  /** Variants that are on the screen. @returns {readonly Variant[]} */
  get shown() {
    return VIEWS[this.view];
  }

  /** The one whose frames the readings are about. */
  get main() {
    return this.screens[this.view === 'source' ? 'source' : 'upconverted'];
  }

  /**
   * True while provenance is known: the browser tells which frame it presents, and the server what
   * that is.
   */
  get provenanceKnown() {
    const { source, interpolated, repeated } = this.main.ledger.counts();
    return source + interpolated + repeated > 0;
  }

  /** @param {string | null} view unknown ones change nothing */
  setView(view) {
    if (isView(view)) this.view = view;
    this.#root.dataset.view = this.view;
    for (const radio of this.#radios) radio.checked = radio.value === this.view;
    this.#sourceOnly.checked = this.view === 'source';
    if (this.view !== 'source') this.#before = this.view;
    const name = this.view === 'compare' ? 'Comparison' : 'Upconverted';
    const button = within(this.screens.upconverted.figure, '.full', HTMLButtonElement);
    button.setAttribute('aria-label', `${name} full screen`);
    this.#held.clear();
  }

  /**
   * Connects what is shown, and only that.
   * @param {Readonly<Record<Variant, string>> | undefined} paths WHEP endpoints
   */
  connect(paths) {
    this.#connect('source', paths?.source);
    this.#connect('upconverted', paths?.upconverted);
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

  /**
   * Switches the badge on synthetic frames, as the stream asks for it.
   * @param {boolean} on
   */
  setBadge(on) {
    this.#badgeSwitch.checked = on;
    this.#drawBadge();
  }

  /**
   * Twice a second: badge and strip of those who want no flicker, and how well the halves are in
   * sync.
   */
  draw() {
    if (reducedMotion.matches) {
      this.#drawBadge();
      this.#drawStrip();
    }
    const { heldMs } = this.#held;
    const sync = heldMs === undefined ? NOT_IN_SYNC : `${IN_SYNC}. The source is held back ${heldMs.toFixed(0)} ms.`;
    write(byId('sync', HTMLElement), sync);
  }

  /**
   * @param {Variant} variant
   * @param {string | undefined} path
   */
  #connect(variant, path) {
    const screen = this.screens[variant];
    if (!this.shown.includes(variant) || !path) screen.play(undefined);
    else if (!screen.playing) screen.play(path);
  }

  /** @param {string} view */
  #choose(view) {
    this.setView(view);
    this.#onView();
  }

  #divide() {
    this.#root.style.setProperty('--share', String(this.#slider.valueAsNumber / 100));
    this.#slider.setAttribute('aria-valuetext', `source ${this.#slider.value} %`);
  }

  /**
   * The two halves of a comparison are one picture.
   * @param {HTMLElement} figure
   */
  #toggleFullScreen(figure) {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void (this.view === 'compare' ? this.#root : figure).requestFullscreen();
  }

  /** @param {ProvenanceRecord | undefined} record */
  #onSourceFrame(record) {
    if (this.view !== 'compare' || !record || !('VideoFrame' in window)) return;
    this.#held.hold(this.screens.source.video, record.pts);
  }

  /** @param {ProvenanceRecord | undefined} record */
  #onUpconvertedFrame(record) {
    if (this.view === 'compare' && record) this.#held.show(record.pts);
    if (!reducedMotion.matches) this.#drawBadge(record);
  }

  /**
   * Over each synthetic frame; for those who want no flicker one that stays.
   * @param {ProvenanceRecord} [record]
   */
  #drawBadge(record) {
    const kind = reducedMotion.matches || !record ? this.#prevailingOrigin() : record.kind;
    const text = BADGES[kind];
    this.#badge.hidden = !this.#badgeSwitch.checked || text === undefined;
    if (!text) return;
    this.#badge.dataset.kind = kind;
    write(this.#badge, text);
  }

  /**
   * Of the last seconds, for want of a record of the very frame, or of the wish to see it flicker.
   */
  #prevailingOrigin() {
    if (!reducedMotion.matches || !this.provenanceKnown) return 'unknown';
    return this.screens.upconverted.ledger.counts().interpolated > 0 ? 'mixed' : 'source';
  }

  #drawStrip() {
    const { ledger } = this.main;
    this.#strip.draw(ledger);
    const counts = Object.entries(ledger.counts());
    for (const [origin, count] of counts) write(byId(`count-${origin}`, HTMLElement), String(count));
    const text = counts.map(([origin, count]) => `${count} ${origin}`).join(', ');
    byId('strip', HTMLElement).setAttribute('aria-label', `Origin of the last presented frames: ${text}`);
  }
}

/**
 * @param {string | null} view
 * @returns {view is View}
 */
function isView(view) {
  return view !== null && Object.hasOwn(VIEWS, view);
}
