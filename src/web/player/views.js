/**
 * The videos: which of them are shown and how, what lies over them, and where their frames come
 * from.
 */
import { whepAddress } from '../address.js';
import { byId, within, write } from '../dom.js';
import { Badge } from './badge.js';
import { Strip } from './provenance.js';
import { Screen } from './screen.js';
import { HeldSource } from './slider.js';
import { enterPictureInPicture, toggleFullScreen } from './window-modes.js';

/** @typedef {import('../connection/state-feed.js').Variant} Variant */
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

/** Percent of the width that an arrow key moves the slider. */
const SLIDER_STEP = 2;

const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

export class Views {
  #root = byId('screens', HTMLElement);
  #slider = byId('split', HTMLInputElement);
  #badgeSwitch = byId('badge', HTMLInputElement);
  #sourceOnly = byId('source-only', HTMLInputElement);
  #radios = [...document.querySelectorAll('[name="view"]')].filter((input) => input instanceof HTMLInputElement);
  #pausedMark = byId('paused', HTMLButtonElement);
  #notice = byId('notice', HTMLElement);
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
    this.#badge = new Badge(within(upconverted.figure, '.badge', HTMLElement), () => upconverted.ledger.counts());
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
    this.#badgeSwitch.addEventListener('change', () => this.setBadge(this.#badgeSwitch.checked));
    this.#pausedMark.addEventListener('click', () => this.togglePause());
    document.addEventListener('fullscreenchange', () => this.#moveMarks());
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
    const { unknown: _, ...known } = this.main.ledger.counts();
    return Object.values(known).some((count) => count > 0);
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

  /** Goes on to the next view. */
  nextView() {
    const names = Object.keys(VIEWS);
    this.#choose(names[(names.indexOf(this.view) + 1) % names.length] ?? 'both');
  }

  /**
   * Connects what is shown, and only that.
   * @param {string | undefined} stream undefined while there is none to play
   */
  connect(stream) {
    this.#connect('source', stream);
    this.#connect('upconverted', stream);
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
    this.#badge.on = on;
    // Picture-in-picture shows the bare video.
    this.screens.upconverted.video.disablePictureInPicture = on;
    if (on && document.pictureInPictureElement === this.screens.upconverted.video) {
      void document.exitPictureInPicture();
    }
  }

  get paused() {
    return !this.#pausedMark.hidden;
  }

  /** Holds the last frames, which are marked as such, or goes on with those of now. */
  togglePause() {
    const paused = !this.paused;
    const focused = document.activeElement === this.#pausedMark;
    this.#pausedMark.hidden = !paused;
    if (focused) this.#pausedMark.blur();
    for (const screen of Object.values(this.screens)) screen.setPaused(paused);
  }

  /** Sound on or off. Returns what to tell the viewer. */
  toggleSound() {
    return this.main.sound.toggle();
  }

  /**
   * The video of the readings in a window of its own, or back. Resolves with what to tell the
   * viewer; empty where it can be seen.
   */
  async togglePictureInPicture() {
    const { video } = this.main;
    if (document.pictureInPictureElement) {
      await document.exitPictureInPicture();
      return '';
    }
    if (video.disablePictureInPicture) return 'Picture-in-picture cannot show the badge: turn Badge off first';
    return enterPictureInPicture(video);
  }

  /**
   * Moves the slider. Returns false where the view has none.
   * @param {-1 | 1} direction
   */
  moveSlider(direction) {
    if (this.view !== 'compare') return false;
    this.#slider.valueAsNumber += SLIDER_STEP * direction;
    this.#divide();
    return true;
  }

  /** What the view shows on the whole screen, or back. */
  toggleFullScreen() {
    this.#toggleFullScreen(this.shown.length > 1 ? this.#root : this.main.figure);
  }

  /** After a browser has stopped videos while the page was hidden. */
  wake() {
    for (const screen of Object.values(this.screens)) screen.wake();
  }

  /**
   * Twice a second: badge and strip of those who want no flicker, and how well the halves are in
   * sync.
   */
  draw() {
    this.#badge.refresh();
    if (reducedMotion.matches) this.#drawStrip();
    const { heldMs } = this.#held;
    const presented = this.main.ledger.ring.cells.length > 0;
    const loose = presented ? NOT_IN_SYNC : '';
    const sync = heldMs === undefined ? loose : `${IN_SYNC}. The source is held back ${heldMs.toFixed(0)} ms.`;
    write(byId('sync', HTMLElement), sync);
  }

  /**
   * @param {Variant} variant
   * @param {string | undefined} stream
   */
  #connect(variant, stream) {
    const screen = this.screens[variant];
    if (!this.shown.includes(variant) || stream === undefined) screen.play(undefined);
    else if (!screen.playing) screen.play(whepAddress(stream, variant));
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

  /** What viewers have to know is to be seen on the whole screen, too. */
  #moveMarks() {
    const whole = document.fullscreenElement;
    (whole ?? this.#root).append(this.#pausedMark);
    if (whole) whole.append(this.#notice);
    else this.#root.before(this.#notice);
  }

  /**
   * The two halves of a comparison are one picture.
   * @param {HTMLElement} element
   */
  #toggleFullScreen(element) {
    toggleFullScreen(this.view === 'compare' ? this.#root : element);
  }

  /** @param {ProvenanceRecord | undefined} record */
  #onSourceFrame(record) {
    if (this.view !== 'compare' || !record || !('VideoFrame' in window)) return;
    this.#held.hold(this.screens.source.video, record.pts);
  }

  /** @param {ProvenanceRecord | undefined} record */
  #onUpconvertedFrame(record) {
    if (this.view === 'compare' && record) this.#held.show(record.pts);
    this.#badge.onFrame(record);
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
