/** The mark over frames that no camera took. */
import { write } from '../dom.js';

/** @typedef {import('./provenance.js').ProvenanceRecord} ProvenanceRecord */

/**
 * What it says of the frame under it, or, where nothing may flicker, of the last seconds.
 * @type {Readonly<Partial<Record<import('./provenance.js').Origin | 'mixed', string>>>}
 */
const TEXTS = {
  interpolated: 'Synthetic',
  extrapolated: 'Synthetic',
  unknown: 'Origin unknown',
  mixed: 'Contains synthetic frames',
};

const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

export class Badge {
  #element;
  #counts;
  #on = false;

  /**
   * @param {HTMLElement} element
   * @param {() => Readonly<Record<import('./provenance.js').Origin, number>>} counts of the last
   *   presented frames
   */
  constructor(element, counts) {
    this.#element = element;
    this.#counts = counts;
  }

  /** Whether it is wanted. */
  get on() {
    return this.#on;
  }

  set on(on) {
    this.#on = on;
    this.#draw();
  }

  /**
   * Over the frame that is presented now.
   * @param {ProvenanceRecord | undefined} record undefined where its origin is not known
   */
  onFrame(record) {
    if (!reducedMotion.matches) this.#draw(record);
  }

  /** Now and then: for those who want no flicker it stays. */
  refresh() {
    if (reducedMotion.matches) this.#draw();
  }

  /** @param {ProvenanceRecord} [record] */
  #draw(record) {
    const kind = reducedMotion.matches || !record ? this.#prevailingOrigin() : record.kind;
    const text = TEXTS[kind];
    this.#element.hidden = !this.#on || text === undefined;
    if (!text) return;
    this.#element.dataset.kind = kind;
    write(this.#element, text);
  }

  /**
   * Of the last seconds, for want of a record of the very frame, or of the wish to see it flicker.
   */
  #prevailingOrigin() {
    const { source, interpolated, extrapolated, repeated } = this.#counts();
    const made = interpolated + extrapolated;
    if (!reducedMotion.matches || source + made + repeated === 0) return 'unknown';
    return made > 0 ? 'mixed' : 'source';
  }
}
