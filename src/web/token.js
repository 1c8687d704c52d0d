/** The token for playing: kept in this tab until it is closed, asked for when the server wants one. */

const KEY = 'framelift.play-token';

export class Access {
  #dialog = document.getElementById('token');
  #field = document.getElementById('token-field');
  #refused = document.getElementById('token-refused');

  /** @param {() => void} onToken called when a token was given: time to connect anew */
  constructor(onToken) {
    this.#dialog.querySelector('form').addEventListener('submit', () => {
      sessionStorage.setItem(KEY, this.#field.value.trim());
      onToken();
    });
    this.#dialog.querySelector('.cancel').addEventListener('click', () => this.#dialog.close());
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
    this.#refused.hidden = !sessionStorage.getItem(KEY);
    this.#field.value = '';
    this.#dialog.showModal();
  }
}

/** Headers that carry a token, or none. @param {string|null} token */
export function bearer(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function base64url(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
