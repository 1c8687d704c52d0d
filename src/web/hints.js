/** What the page says in passing, and the list of its keys. */
import { byId, within } from './dom.js';
import { browserKeeper } from './storage.js';

const KEY = 'framelift.keys';
/** A hint is read in this. */
const HINT_MS = 3000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * Says something in passing, over a video on the whole screen too.
 * @param {string} text empty says nothing
 */
export function showHint(text) {
  const hint = byId('hint', HTMLElement);
  clearTimeout(timer);
  hint.textContent = text;
  // Shown anew it is above what has taken the screen meanwhile.
  if (hint.matches(':popover-open')) hint.hidePopover();
  if (text === '') return;
  hint.showPopover();
  timer = setTimeout(() => showHint(''), HINT_MS);
}

/** The list of keys, where they can be switched off for those whose software types letters. */
export class KeyHelp {
  #dialog = byId('keys', HTMLDialogElement);
  #on = byId('keys-on', HTMLInputElement);

  constructor() {
    this.#on.checked = browserKeeper.get(KEY) !== 'off';
    this.#on.addEventListener('change', () => browserKeeper.set(KEY, this.#on.checked ? '' : 'off'));
    byId('keys-open', HTMLButtonElement).addEventListener('click', () => this.open());
    within(this.#dialog, '.cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
  }

  /** Whether keys are wanted. */
  get keysOn() {
    return this.#on.checked;
  }

  open() {
    this.#dialog.showModal();
  }
}
