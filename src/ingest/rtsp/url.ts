/** RTSP URLs and fields, with the liberties that servers take. Pure. */
import { FrameliftError, redactUrl } from '../../errors.ts';
import { type Micros, micros } from '../../time.ts';
import { percentDecoded } from '../percent-decoding.ts';
import type { Credentials } from './auth.ts';
import type { RtspHeaders } from './message.ts';

/** Session timeout where the server gives none (RFC 2326 section 12.37), in seconds. */
const DEFAULT_TIMEOUT = 60;

/** Where to connect. */
export interface RtspEndpoint {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly credentials: Credentials | undefined;
  /** The URL that requests use: without credentials. */
  readonly url: string;
}

/** Splits an RTSP URL. @throws FrameliftError `config.invalid`. */
export function parseRtspUrl(text: string): RtspEndpoint {
  const url = URL.parse(text);
  if (!url || !/^rtsps?:$/.test(url.protocol) || url.hostname === '') {
    throw new FrameliftError('config.invalid', `"${redactUrl(text)}" is no URL of the form rtsp://host[:port]/path`);
  }
  const secure = url.protocol === 'rtsps:';
  const credentials =
    url.username === '' && url.password === ''
      ? undefined
      : { user: percentDecoded(url.username), password: percentDecoded(url.password) };
  url.username = '';
  url.password = '';
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 322 : 554) : Number(url.port),
    credentials,
    url: url.href.replace(/#.*$/, ''),
  };
}

/**
 * What control URLs of a description are relative to: Content-Base, Content-Location, else the
 * request's URL.
 */
export function baseUrl(requestUrl: string, headers: RtspHeaders): string {
  for (const name of ['content-base', 'content-location']) {
    const value = headers.get(name)?.split('\n')[0];
    if (value && /^rtsps?:\/\//i.test(value)) return value;
  }
  return requestUrl;
}

/**
 * The URL that an `a=control` value means. Relative values are appended to the whole base, its
 * query included, as every server expects, RFC 2326's reference resolution notwithstanding.
 */
export function controlUrl(base: string, control: string | undefined): string {
  if (control === undefined || control === '' || control === '*') return base;
  if (/^rtspu?s?:\/\//i.test(control)) return control;
  if (control.startsWith('/')) return base.replace(/^(rtsps?:\/\/[^/]*).*$/i, '$1') + control;
  return base.endsWith('/') ? base + control : `${base}/${control}`;
}

/**
 * Where a redirect leads. Credentials go along only to the same host and port.
 * @throws FrameliftError `source.protocol` without a target, `source.forbidden` when the target has
 * another scheme.
 */
export function redirectTarget(from: RtspEndpoint, location: string | undefined): RtspEndpoint {
  const target = location?.split('\n')[0]?.trim();
  if (!target) throw new FrameliftError('source.protocol', 'the server redirects to nowhere');
  const scheme = from.secure ? 'rtsps:' : 'rtsp:';
  if (!target.toLowerCase().startsWith(`${scheme}//`)) {
    throw new FrameliftError('source.forbidden', `the server redirects to another scheme than ${scheme}//`, {
      remedy: 'Give the final URL.',
    });
  }
  const to = parseRtspUrl(target);
  const same = to.host === from.host && to.port === from.port;
  return { ...to, credentials: to.credentials ?? (same ? from.credentials : undefined) };
}

/** The identifier in a Session field. */
export function sessionId(field: string | undefined): string | undefined {
  return field?.split(';')[0]?.trim() || undefined;
}

/** The timeout in a Session field, 60 s by default, at least 2 s. */
export function sessionTimeout(field: string | undefined): Micros {
  const seconds = Number(/;\s*timeout\s*=\s*(\d+)/i.exec(field ?? '')?.[1] ?? DEFAULT_TIMEOUT);
  return micros(Math.min(Math.max(seconds, 2), 120) * 1e6);
}
