/** Which URLs may be opened by ffmpeg, and with which arguments. Pure. */
import { FrameliftError, redactUrl } from '../errors.ts';
import { isForbiddenAddress } from './address.ts';

/** Schemes that {@link ffmpegInput} takes, with the protocols that ffmpeg may then use: never `file`, `concat`, `pipe`, `subfile` … */
const PROTOCOLS: Readonly<Record<string, string>> = {
  srt: 'srt',
  rtmp: 'rtmp,tcp',
  rtmps: 'rtmps,rtmp,tls,tcp',
  http: 'http,https,tls,tcp,crypto,data',
  https: 'https,http,tls,tcp,crypto,data',
  udp: 'udp',
  rtp: 'rtp,udp',
  tcp: 'tcp',
  rtsp: 'rtsp,rtp,udp,tcp',
  rtsps: 'rtsps,rtsp,tls,tcp,rtp,udp',
};

/** Schemes that ffmpeg opens unasked; `rtsp` and `rtsps` on request, and `/dev/video0`, beside them. */
export const FFMPEG_SCHEMES: readonly string[] = Object.keys(PROTOCOLS).filter((scheme) => !scheme.startsWith('rtsp'));

const DEVICE = /^\/dev\/video\d{1,3}$/;

/** What ffmpeg shall open. */
export interface FfmpegInput {
  /** The argument of `-i`. */
  readonly url: string;
  /** Options before `-i`, each an element. */
  readonly options: readonly string[];
  /** Host name or address to look up and check before connecting; absent for devices and for sockets that only listen. */
  readonly host: string | undefined;
  /** True when the other side sends as fast as we read, not as fast as it was filmed: HTTP. */
  readonly onDemand: boolean;
}

/**
 * Checks a source URL against the allowlist and says how to open it.
 * @throws FrameliftError `source.unsupported-scheme`, `source.forbidden` (local files, link-local addresses), `config.invalid`.
 */
export function ffmpegInput(source: string): FfmpegInput {
  if (/\p{Cc}/u.test(source))
    throw new FrameliftError('config.invalid', 'a source URL must not hold control characters');
  if (DEVICE.test(source)) {
    return { url: source, options: [...LOW_DELAY, '-f', 'v4l2'], host: undefined, onDemand: false };
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
  // Listeners are written without a host: srt://:9000?mode=listener, udp://@:1234.
  const url = URL.parse(source.replace(/(?<=^[a-z]+:\/\/)@?(?=:\d)/i, '0.0.0.0')) ?? undefined;
  // A scheme with letters before "//", and nothing that ffmpeg would split into several inputs.
  if (!url || !/^[a-z]+:\/\//i.test(source) || source.includes('|')) {
    throw new FrameliftError('config.invalid', `${shown(source)} is not a URL of the form ${scheme}://host…`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isForbiddenAddress(host)) throw forbidden(source);
  return {
    url: source,
    options: [...LOW_DELAY, '-protocol_whitelist', protocols, ...timeouts(scheme)],
    host: host === '' || host === '0.0.0.0' || host === '::' ? undefined : host,
    onDemand: scheme === 'http' || scheme === 'https',
  };
}

/** The refusal of link-local addresses, where cloud providers keep their metadata. */
export function forbidden(source: string): FrameliftError {
  return new FrameliftError(
    'source.forbidden',
    `${shown(source)} leads to a link-local address, which no source may use`,
  );
}

/**
 * Show frames as they come: little probing (without fpsprobesize 0, joining a 30 fps stream took a second longer), no packet
 * buffer, no frame threads (each costs a frame of delay).
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

/** Options after the input: raw I420 with the source's timestamps, in microseconds, as NUT. */
export const FFMPEG_OUTPUT: readonly string[] = [
  ...['-map', '0:v:0', '-an', '-sn', '-dn'],
  // The source's own times: neither repeated nor dropped frames, and not rounded to a frame rate.
  ...['-vsync', 'passthrough', '-enc_time_base', '1:1000000'],
  // A change of size reaches us as such instead of being scaled away.
  ...['-autoscale', '0'],
  ...['-c:v', 'rawvideo', '-pix_fmt', 'yuv420p'],
  // Without an index: it would grow for ever.
  ...['-write_index', '0', '-flush_packets', '1', '-f', 'nut'],
];

/** A URL for messages: without credentials, query and control characters. */
export function shown(source: string): string {
  return redactUrl(source)
    .replace(/[?#].*$/, '')
    .replace(/\p{Cc}/gu, '')
    .slice(0, 200);
}
