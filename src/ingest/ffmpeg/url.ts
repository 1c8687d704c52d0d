/** Which URLs may be opened by ffmpeg, and with which arguments. Pure. */
import { isIPv6 } from 'node:net';
import { FrameliftError, redactUrl } from '../../errors.ts';
import type { PassThrough } from './abilities.ts';
import type { VariantLimits } from './playlist.ts';
import { RAW_FORMATS } from './raw-picture.ts';

/**
 * Schemes that {@link ffmpegInput} takes, with the protocols that ffmpeg may then use: never
 * `file`, `concat`, `pipe`, `subfile` … HTTP goes through our own gateway, which speaks TLS itself:
 * `httpproxy` and `tls` would let a playlist connect past it.
 */
const PROTOCOLS: Readonly<Record<string, string>> = {
  srt: 'srt',
  rtmp: 'rtmp,tcp',
  rtmps: 'rtmps,rtmp,tls,tcp',
  http: 'http,tcp,crypto,data',
  https: 'http,tcp,crypto,data',
  udp: 'udp',
  rtp: 'rtp,udp',
  tcp: 'tcp',
  rtsp: 'rtsp,rtp,udp,tcp',
  rtsps: 'rtsps,rtsp,tls,tcp,rtp,udp',
};

/**
 * Schemes that ffmpeg opens unasked; `rtsp` and `rtsps` on request, and `/dev/video0`, beside them.
 */
export const FFMPEG_SCHEMES: readonly string[] = Object.keys(PROTOCOLS).filter((scheme) => !scheme.startsWith('rtsp'));

const DEVICE_INPUT = { host: undefined, multicast: false, http: false, variants: {}, listens: false };
const DEVICE = /^\/dev\/video\d{1,3}$/;

/** What ffmpeg shall open. */
export interface FfmpegInput {
  /** The argument of `-i`, before {@link pinned} or the gateway. */
  readonly url: string;
  /** Options before `-i`, each an element. */
  readonly options: readonly string[];
  /**
   * Host name or address to look up and check before connecting; absent for devices and for sockets
   * that only listen.
   */
  readonly host: string | undefined;
  /** Multicast is received by joining a group: nobody is connected to. */
  readonly multicast: boolean;
  /**
   * True for HTTP: requests go through the gateway, and the other side sends as fast as we read,
   * not as fast as it was filmed.
   */
  readonly http: boolean;
  /** What the fragment of a web URL asks for among the variants of a playlist. */
  readonly variants: Partial<VariantLimits>;
  /** True when a port is opened for a publisher, who comes when it likes. */
  readonly listens: boolean;
}

/**
 * Checks a source URL against the allowlist of schemes and says how to open it. Addresses are the
 * guard's affair.
 * @throws FrameliftError `source.unsupported-scheme`, `source.forbidden` (local files),
 * `config.invalid`.
 */
export function ffmpegInput(source: string): FfmpegInput {
  if (/\p{Cc}/u.test(source))
    throw new FrameliftError('config.invalid', 'a source URL must not hold control characters');
  if (DEVICE.test(source)) {
    return { url: source, options: [...LOW_DELAY, '-f', 'v4l2'], ...DEVICE_INPUT };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(source)?.[1]?.toLowerCase();
  if (scheme === 'file' || scheme === undefined) {
    throw new FrameliftError('source.forbidden', `${shown(source)} is a local file, not a remote source`, {
      remedy: 'Give local files by their path on the command line or in the configuration file.',
    });
  }
  const protocols = Object.hasOwn(PROTOCOLS, scheme) ? PROTOCOLS[scheme] : undefined;
  if (protocols === undefined) {
    throw new FrameliftError(
      'source.unsupported-scheme',
      `${shown(source)}: scheme "${scheme}" is not one of those served`,
      {
        remedy: `Use one of ${Object.keys(PROTOCOLS).join(', ')}, /dev/videoN, or a file path.`,
      },
    );
  }
  const http = scheme === 'http' || scheme === 'https';
  const place = http ? undefined : splitAuthority(source);
  // Nothing that ffmpeg would split into several inputs, and no blanks, behind which its protocols
  // look for options.
  if (/[|\s]/.test(source) || (http ? !isWebUrl(source) : !place)) {
    throw new FrameliftError('config.invalid', `${shown(source)} is not a URL of the form ${scheme}://host…`);
  }
  const host = place === undefined ? URL.parse(source)?.hostname.replace(/^\[|\]$/g, '') : place.host || '0.0.0.0';
  const receives = scheme === 'udp' || scheme === 'rtp';
  const unspecified = host === '0.0.0.0' || host === '::';
  const waits = listens(scheme, source);
  const serves = waits && scheme === 'rtmp';
  const rtmp = serves ? ['-rtmp_listen', '1'] : tcUrl(scheme, source);
  return {
    url: serves ? withoutListen(source) : source,
    options: [...LOW_DELAY, '-protocol_whitelist', protocols, ...timeouts(scheme), ...rtmp],
    host: unspecified && (receives || waits) ? undefined : host,
    multicast: receives,
    http,
    variants: http ? variantsAsked(source) : {},
    listens: waits,
  };
}

const VARIANT_KEYS = ['maxWidth', 'maxHeight', 'maxFps', 'maxBitrateKbps'] as const;

/**
 * The fragment of a web URL, `#maxHeight=720`, which no server ever sees.
 * @throws FrameliftError `config.invalid`.
 */
function variantsAsked(source: string): Partial<VariantLimits> {
  const asked: Partial<Record<(typeof VARIANT_KEYS)[number], number>> = {};
  for (const [name, value] of new URLSearchParams(URL.parse(source)?.hash.slice(1))) {
    const key = VARIANT_KEYS.find((known) => known === name);
    if (key === undefined || !(Number(value) > 0)) {
      throw new FrameliftError('config.invalid', `${shown(source)}: "#${name}=${value}" asks for no variant`, {
        remedy: `Behind # stand ${VARIANT_KEYS.join(', ')}, each with a number, joined by &.`,
      });
    }
    asked[key] = Number(value);
  }
  return asked;
}

/** An RTMP server's URL as ffmpeg takes it: its query would become part of the stream key. */
function withoutListen(source: string): string {
  const [path = '', query = ''] = source.split('?');
  const rest = query.split('&').filter((text) => text.split('=')[0] !== 'listen');
  return rest.length > 0 ? `${path}?${rest.join('&')}` : path;
}

/** The URL with the host replaced by an address that was checked, for ffmpeg to look up nothing. */
export function pinned(url: string, address: string): string {
  const place = splitAuthority(url);
  if (!place) return url;
  return `${place.before}${isIPv6(address) ? `[${address}]` : address}${place.after}`;
}

/**
 * As ffmpeg splits URLs: the authority ends at `/`, `?` or `#`, user and password at its last `@`.
 */
function splitAuthority(url: string): { before: string; host: string; after: string } | undefined {
  const match = /^([a-z]+:\/\/(?:[^/?#]*@)?)(\[[^\]/?#@]*\]|[^:/?#@[\]]*)((?::\d*)?(?:[/?#].*)?)$/is.exec(url);
  if (!match) return undefined;
  const [, before = '', host = '', after = ''] = match;
  return { before, host: host.replace(/^\[|\]$/g, ''), after };
}

/** Browsers take more for a web URL than ffmpeg does: "http:/x", backslashes. */
function isWebUrl(source: string): boolean {
  return /^https?:\/\/[^/\\]/i.test(source) && !source.includes('\\') && URL.canParse(source);
}

/**
 * How a query says that the protocol shall listen: a key, and what it may look like with its value.
 */
const LISTENING: Readonly<Record<string, { readonly key: string; readonly pairs: readonly string[] }>> = {
  srt: { key: 'mode', pairs: ['mode=listener'] },
  tcp: { key: 'listen', pairs: ['listen', 'listen=', 'listen=1'] },
  rtmp: { key: 'listen', pairs: ['listen', 'listen=', 'listen=1'] },
};

/**
 * True where the protocol opens a port and waits, instead of connecting. Where ffmpeg could read
 * the query in another way (it takes the first of several values, and `#` for a letter), the answer
 * is no.
 */
function listens(scheme: string, source: string): boolean {
  const listening = LISTENING[scheme];
  const [, query, ...more] = source.split('?');
  if (!listening || query === undefined || more.length > 0 || source.includes('#')) return false;
  const [pair, ...others] = query.split('&').filter((text) => text.split('=')[0] === listening.key);
  return pair !== undefined && others.length === 0 && listening.pairs.includes(pair);
}

/**
 * What an RTMP server is told of the URL: with the name that was asked for, though ffmpeg sees an
 * address.
 */
function tcUrl(scheme: string, source: string): string[] {
  if (scheme !== 'rtmp' && scheme !== 'rtmps') return [];
  const match = /^([a-z]+:\/\/)(?:[^/?#]*@)?([^/?#]*)\/(.*)$/is.exec(source);
  if (!match) return [];
  const [, start = '', place = '', path = ''] = match;
  return ['-rtmp_tcurl', `${start}${place}/${application(path)}`];
}

/**
 * The application in an RTMP path, as ffmpeg finds it: one element, or two (an instance) where a
 * third follows.
 */
function application(path: string): string {
  const [first = '', second = '', ...more] = path.split('/');
  if (first === 'ondemand') return first;
  return more.length > 0 && !second.includes(':') ? `${first}/${second}` : first;
}

/**
 * Show frames as they come: little probing (without fpsprobesize 0, joining a 30 fps stream took a
 * second longer), no packet buffer, no frame threads (each costs a frame of delay).
 */
const LOW_DELAY: readonly string[] = [
  ...['-fflags', '+discardcorrupt', '-flags', 'low_delay'],
  ...['-probesize', '500000', '-analyzeduration', '500000', '-fpsprobesize', '0'],
  '-copyts',
];

/** Bounds on connecting, in ffmpeg's microseconds. Stalls later are the watchdog's. */
function timeouts(scheme: string): string[] {
  if (scheme === 'http' || scheme === 'https' || scheme === 'tcp') return ['-rw_timeout', '10000000'];
  if (scheme === 'rtsp' || scheme === 'rtsps') return ['-rtsp_transport', 'tcp'];
  return [];
}

/**
 * Options after the input: raw pictures with the source's timestamps, in microseconds, as NUT, in
 * the source's own format where we know it. What is to be converted is converted on our side, by
 * one rule: ffmpeg's differs from version to version.
 */
export function ffmpegOutput(passThrough: PassThrough): readonly string[] {
  return [
    ...['-map', '0:v:0', '-an', '-sn', '-dn'],
    // The source's own times: neither repeated nor dropped frames, and not rounded to a frame rate.
    ...[passThrough, 'passthrough', '-enc_time_base', '1:1000000'],
    // A change of size reaches us as such instead of being scaled away.
    '-noautoscale',
    ...['-vf', `format=pix_fmts=${RAW_FORMATS.join('|')}`, '-c:v', 'rawvideo'],
    // Without an index: it would grow for ever.
    ...['-write_index', '0', '-flush_packets', '1', '-f', 'nut'],
  ];
}

/** A URL for messages: without credentials, query and control characters. */
export function shown(source: string): string {
  return redactUrl(source)
    .replace(/[?#].*$/, '')
    .replace(/\p{Cc}/gu, '')
    .slice(0, 200);
}

/** A text with every URL in it as {@link shown} shows it: queries hold passphrases. */
export function shownText(text: string): string {
  return text.replace(
    /([a-z][a-z0-9+.-]{0,40}:\/\/\S+?)([:,]?)(?=\s|$)/gi,
    (_, url: string, end: string) => shown(url) + end,
  );
}
