/** The playback token: kept in this tab until it is closed, asked for when the server wants one. */
import { byId, within } from './dom.js';

const KEY = 'framelift.play-token';

export class PlaybackToken {
  #dialog = byId('token', HTMLDialogElement);
  #field = byId('token-field', HTMLInputElement);
  #rejected = byId('token-rejected', HTMLElement);

  /** @param {() => void} onToken called when a token was entered: time to reconnect */
  constructor(onToken) {
    within(this.#dialog, 'form', HTMLFormElement).addEventListener('submit', () => {
      sessionStorage.setItem(KEY, this.#field.value.trim());
      onToken();
    });
    within(this.#dialog, '.cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
  }

  /** Of a request that plays or reads. */
  headers() {
    return bearer(sessionStorage.getItem(KEY));
  }

  /** Of the WebSocket, which can send no headers. */
  subprotocols() {
    const token = sessionStorage.getItem(KEY);
    return token ? ['framelift', `bearer.${base64url(token)}`] : ['framelift'];
  }

  /** Opens the prompt, unless another dialog is open. */
  ask() {
    if (document.querySelector('dialog[open]')) return;
    this.#rejected.hidden = !sessionStorage.getItem(KEY);
    this.#field.value = '';
    this.#dialog.showModal();
  }
}

/**
 * Headers that carry a token, or none.
 * @param {string | null} token
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
