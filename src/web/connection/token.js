/** The playback token: kept in this tab until it is closed, asked for when the server wants one. */
import { takeToken } from '../address.js';
import { byId, within } from '../dom.js';
import { tabKeeper } from '../storage.js';

const KEY = 'framelift.play-token';

/** The token as it is kept and sent. */
export class KeptToken {
  constructor() {
    this.takeFromAddress();
  }

  /** Of a wall display: taken out of the address at once. Returns whether there was one. */
  takeFromAddress() {
    const token = takeToken(location, history);
    if (token !== undefined) tabKeeper.set(KEY, token);
    return token !== undefined;
  }

  /** Whether one is kept. */
  get known() {
    return tabKeeper.get(KEY) !== undefined;
  }

  /** @param {string} token */
  keep(token) {
    tabKeeper.set(KEY, token);
  }

  /** Of a request that plays or reads. */
  headers() {
    return bearer(tabKeeper.get(KEY));
  }

  /** Of the WebSocket, which can send no headers. */
  subprotocols() {
    const token = tabKeeper.get(KEY);
    return token ? ['framelift', `bearer.${base64url(token)}`] : ['framelift'];
  }
}

/** The same with a prompt. */
export class PlaybackToken extends KeptToken {
  #dialog = byId('token', HTMLDialogElement);
  #field = byId('token-field', HTMLInputElement);
  #rejected = byId('token-rejected', HTMLElement);

  /** @param {() => void} onToken called when a token was entered: time to reconnect */
  constructor(onToken) {
    super();
    within(this.#dialog, 'form', HTMLFormElement).addEventListener('submit', () => {
      this.keep(this.#field.value.trim());
      onToken();
    });
    within(this.#dialog, '.cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
  }

  /** Opens the prompt, unless another dialog is open. */
  ask() {
    if (document.querySelector('dialog[open]')) return;
    this.#rejected.hidden = !this.known;
    this.#field.value = '';
    this.#dialog.showModal();
  }
}

/**
 * Headers that carry a token, or none.
 * @param {string | undefined} token
 * @returns {Record<string, string>}
 */
export function bearer(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** @param {string} text */
function base64url(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
