/** Where an output leads to, by its URL. Pure. */
import { FrameliftError, redactQuery, redactUrl } from '../../errors.ts';

/** Ways in which streams are handed on. */
export type OutputKind = 'rtsp' | 'rtmp' | 'srt' | 'whip';

/** A checked address of an output. */
export interface OutputAddress {
  readonly kind: OutputKind;
  readonly url: string;
  /** The connection is encrypted by TLS. */
  readonly tls: boolean;
}

const SCHEMES: Readonly<Record<string, Omit<OutputAddress, 'url'>>> = {
  rtsp: { kind: 'rtsp', tls: false },
  rtsps: { kind: 'rtsp', tls: true },
  rtmp: { kind: 'rtmp', tls: false },
  rtmps: { kind: 'rtmp', tls: true },
  srt: { kind: 'srt', tls: false },
  whip: { kind: 'whip', tls: false },
  whips: { kind: 'whip', tls: true },
};

/** The schemes that outputs may have. */
export const OUTPUT_SCHEMES: readonly string[] = Object.keys(SCHEMES);

/** @throws FrameliftError `config.invalid` for what is no URL of an output. */
export function outputAddress(url: string): OutputAddress {
  const [, scheme = '', authority = '', rest = ''] = /^([a-z]+):\/\/([^/?#]*)(.*)$/is.exec(url) ?? [];
  const known = SCHEMES[scheme.toLowerCase()];
  if (!known) {
    throw invalid(url, 'is none that a stream can be handed on to', `Use ${OUTPUT_SCHEMES.join(', ')}.`);
  }
  // Blanks and control characters would be options to some of ffmpeg's protocols, "|" another output.
  if (/[\s|\p{Cc}]/u.test(url) || !/^(?:[^@]*@)?(?:\[[0-9a-f:.]+\]|[^:[\]@]+)(?::\d{1,5})?$/i.test(authority)) {
    throw invalid(url, `is not of the form ${scheme}://host…`, 'Write user names and passwords percent-encoded.');
  }
  if (known.kind === 'rtmp' && !/^\/[^/]+\/[^/]/.test(rest)) {
    throw invalid(url, 'names no application and stream key', `Write ${scheme}://host/app/key.`);
  }
  if (known.kind === 'whip' && authority.includes('@')) {
    throw invalid(url, 'names a user, whom WHIP does not know', 'Give the output a token.');
  }
  if (known.kind === 'srt' && /[?&]mode=(?!caller(?:&|$))/.test(rest)) {
    throw invalid(url, 'would wait for callers', 'Leave mode away: framelift calls.');
  }
  if (known.kind === 'srt' && !/:\d{1,5}$/.test(authority)) {
    throw invalid(url, 'names no port', 'Write srt://host:port.');
  }
  return { ...known, url };
}

/** An output's URL for people: no credentials, no query, and no key of an RTMP stream, which stands in its path. */
export function shownOutput(url: string): string {
  const plain = redactUrl(url).replace(/\p{Cc}/gu, '');
  const bare = redactQuery(plain).replace(/[?#].*$/s, '');
  return bare.replace(/^(rtmps?:\/\/[^/]*\/[^/]*\/).+$/i, '$1***').slice(0, 200);
}

/** A text of ffmpeg's about an output, for people. */
export function shownWords(text: string, url: string): string {
  const shown = text.replaceAll(url, shownOutput(url));
  return shown.replace(/[a-z][a-z0-9+.-]{0,40}:\/\/[^\s'"]*[^\s'":,]/gi, (found) => shownOutput(found));
}

function invalid(url: string, what: string, remedy: string): FrameliftError {
  return new FrameliftError('config.invalid', `"${shownOutput(url)}" ${what}`, { remedy });
}
