/** Typed errors: what went wrong, whether trying again can help, and what a person can do about it. */

/** Every error code of framelift. The part before the dot is the component. */
export type ErrorCode =
  | 'config.invalid'
  | 'source.unreachable'
  | 'source.unauthorized'
  | 'source.not-found'
  | 'source.no-video'
  | 'source.unsupported-codec'
  | 'source.unsupported-scheme'
  | 'source.forbidden'
  | 'source.stalled'
  | 'source.ended'
  | 'source.protocol'
  | 'source.too-large'
  | 'source.too-fast'
  | 'ffmpeg.missing'
  | 'ffmpeg.failed'
  | 'decode.failed'
  | 'encode.failed'
  | 'mux.failed'
  | 'output.unreachable'
  | 'output.unauthorized'
  | 'output.refused'
  | 'output.stalled'
  | 'output.failed'
  | 'model.not-found'
  | 'model.invalid'
  | 'engine.failed'
  | 'provider.unusable'
  | 'install.failed'
  | 'arena.full'
  | 'frame.misuse'
  | 'server.port-taken'
  | 'server.failed'
  | 'server.no-stream'
  | 'server.stream-exists'
  | 'server.stream-limit'
  | 'server.no-recording'
  | 'server.no-frame'
  | 'server.recording-open'
  | 'webrtc.unsupported-media-type'
  | 'webrtc.bad-offer'
  | 'webrtc.unacceptable'
  | 'webrtc.too-large'
  | 'webrtc.no-codec'
  | 'webrtc.overloaded'
  | 'webrtc.busy'
  | 'webrtc.no-stream'
  | 'webrtc.no-session'
  | 'webrtc.no-precondition'
  | 'webrtc.stale'
  | 'webrtc.bad-message'
  | 'webrtc.no-source'
  | 'webrtc.no-port';

/** Options of {@link FrameliftError}. */
export interface FrameliftErrorOptions {
  /** True when the same call may succeed later (a supervisor retries); false when a person must act. */
  readonly recoverable?: boolean;
  /** What to do about it, one sentence in the imperative. */
  readonly remedy?: string;
  /** The foreign error behind this one. */
  readonly cause?: unknown;
}

/** The only error type that crosses a module boundary. Messages name the key, the value and what would be right; they never contain credentials. */
export class FrameliftError extends Error {
  override readonly name = 'FrameliftError';
  readonly code: ErrorCode;
  readonly recoverable: boolean;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, options: FrameliftErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recoverable = options.recoverable ?? false;
    this.remedy = options.remedy;
  }
}

/** Any thrown value as a {@link FrameliftError}; foreign ones get `code` and keep themselves as `cause`. */
export function asFrameliftError(thrown: unknown, code: ErrorCode, recoverable = true): FrameliftError {
  if (thrown instanceof FrameliftError) return thrown;
  return new FrameliftError(code, messageOf(thrown), { recoverable, cause: thrown });
}

/** What any thrown value says. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Names of query parameters that are secrets: SRT passphrases, tokens, the logins of cameras. */
const SECRET = /pass|pwd|token|key|secret|auth|user/i;

/** A text with secrets of its query replaced by `***`: each up to the next `&` or `#`. Linear in time. */
export function redactQuery(text: string): string {
  return text
    .split(/(?=[&#])/)
    .map((part) => {
      const pieces = part.split('=');
      const secret = pieces.findIndex((piece, index) => {
        const mark = index === 0 && piece.startsWith('&') ? 0 : piece.indexOf('?');
        return mark >= 0 && index < pieces.length - 1 && SECRET.test(piece.slice(mark));
      });
      return secret < 0 ? part : `${pieces.slice(0, secret + 1).join('=')}=***`;
    })
    .join('');
}

/** A URL with user name, password and secrets of the query replaced by `***`, for logs, errors and API answers. */
export function redactUrl(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0];
  if (scheme === undefined) return url;
  const rest = url.slice(scheme.length);
  // People write passwords with "@", "#", "?" and "/" as they are. What is before a path and no host and port must be one.
  const readable = /^(?:\[[^\]]*\]|[^:/?#@]*)(?::\d*)?(?:[/?#]|$)/.test(rest);
  const before = readable ? '' : /^[^/]*@/.test(rest) ? rest.slice(0, rest.search(/\/|$/)) : rest;
  const host = rest.slice(before.lastIndexOf('@') + 1);
  return `${scheme}${host === rest ? '' : '***@'}${redactQuery(host)}`;
}

/** {@link redactUrl} for every URL in a text. Linear in time, whatever the text. */
export function redactUrls(text: string): string {
  return text.replace(/[a-z][a-z0-9+.-]{0,40}:\/\/[^\s"'\\]+/gi, (url) => redactUrl(url));
}
