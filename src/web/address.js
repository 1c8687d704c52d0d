/**
 * Where the server is, seen from the page, and what the page's own address says. Everything is
 * found from where this file came from: the server may live under a path of its host.
 */

/** @typedef {import('./connection/state-feed.js').Variant} Variant */

/** The page's own folder, with a slash at its end. */
export const BASE = new URL('.', import.meta.url);

/**
 * An address of the server.
 * @param {string} path below the page's folder, without a slash before it
 * @param {URL} [base]
 */
export const addressOf = (path, base = BASE) => new URL(path, base).href;

/**
 * The WebSocket: secure where the page is.
 * @param {URL} [base]
 */
export function socketAddress(base = BASE) {
  const url = new URL('ws', base);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

/**
 * The WHEP endpoint of one variant of a stream.
 * @param {string} stream
 * @param {Variant} variant
 * @param {URL} [base]
 */
export function whepAddress(stream, variant, base = BASE) {
  return addressOf(`whep/${encodeURIComponent(stream)}${variant === 'source' ? '?variant=source' : ''}`, base);
}

/**
 * The WHIP endpoint of a stream.
 * @param {string} stream
 * @param {URL} [base]
 */
export const whipAddress = (stream, base = BASE) => addressOf(`whip/${encodeURIComponent(stream)}`, base);

/**
 * Address of a stream on this page.
 * @param {string} name
 */
export const fragmentOf = (name) => `#/${encodeURIComponent(name)}`;

/**
 * What a fragment says: `#/theatre1&token=abc` names a stream and carries a token.
 * @param {string} hash with its `#`, or empty
 * @returns {{ stream: string | undefined, token: string | undefined, rest: string }} `rest`: the
 *   fragment without the token
 */
export function readFragment(hash) {
  const parts = hash.replace(/^#/, '').split(/[&?]/);
  const token = parts.find((part) => part.startsWith('token='))?.slice('token='.length);
  const others = parts.filter((part) => part !== '' && !part.startsWith('token='));
  const path = others.find((part) => /^\/./.test(part));
  return {
    stream: path === undefined ? undefined : decoded(path.slice(1)),
    token: token ? decoded(token) : undefined,
    rest: others.length === 0 ? '' : `#${others.join('&')}`,
  };
}

/**
 * Takes the play token out of the page's own address, so that neither the address bar nor the
 * session history shows it; undefined where there is none.
 * @param {Pick<Location, 'hash' | 'pathname' | 'search'>} location
 * @param {Pick<History, 'replaceState'>} history
 */
export function takeToken({ hash, pathname, search }, history) {
  const { token, rest } = readFragment(hash);
  if (token !== undefined) history.replaceState(null, '', `${pathname}${search}${rest}`);
  return token;
}

/** @param {string} coded as it stands there where it is malformed */
function decoded(coded) {
  try {
    return decodeURIComponent(coded);
  } catch {
    return coded;
  }
}
