/** The log of one source: every line names its stream, no line shows a secret. */
import { redactQuery, redactUrls } from '../errors.ts';
import { type Log, SILENT_LOG } from '../log.ts';
import { percentDecoded } from './percent-decoding.ts';

/**
 * Shorter ones would black out half a log, and are secrets to nobody. They are still hidden in
 * URLs.
 */
const MIN_SECRET = 4;
/** Longest text of a field: peers write what they like. */
const MAX_TEXT = 2000;
/** No secret is longer. */
const MAX_SECRET = 500;
/** Most elements of a list. */
const MAX_ITEMS = 100;

/** Words of a text: parameters have neither blanks nor quotes. */
const WORD = /[^\s"']+/g;

/** Options of {@link SourceLog}. */
export interface SourceLogOptions {
  readonly stream: string;
  /** Default: nothing is written. */
  readonly log?: Log | undefined;
  /** Its password, and what its query calls a secret, are shown nowhere. */
  readonly url?: string;
}

/** Writes lines of one source at every level. */
export class SourceLog {
  readonly #stream: string;
  readonly #log: Log;
  readonly #secrets: readonly string[];
  /** Whether lines at `debug` are written: to be asked where making one costs something. */
  readonly debugs: boolean;
  /** The same for `trace`. */
  readonly traces: boolean;

  constructor({ stream, log = SILENT_LOG, url }: SourceLogOptions) {
    this.#stream = stream;
    this.#log = log;
    this.#secrets = url === undefined ? [] : secretsOf(url);
    this.debugs = log.enabled('debug');
    this.traces = log.enabled('trace');
  }

  /** Sampled packets and access units. */
  trace(fields: object, message: string): void {
    if (this.traces) this.#log.trace(this.#safe(fields), message);
  }

  /** Dialogues and decisions. */
  debug(fields: object, message: string): void {
    if (this.debugs) this.#log.debug(this.#safe(fields), message);
  }

  /** What a person should know while the source goes on. */
  warn(fields: object, message: string): void {
    this.#log.warn(this.#safe(fields), this.#redact(message));
  }

  #safe(fields: object): object {
    const safe: Record<string, unknown> = { stream: this.#stream };
    for (const [name, value] of Object.entries(fields)) safe[name] = this.#redacted(value);
    return safe;
  }

  #redacted(value: unknown): unknown {
    if (typeof value === 'string') return this.#redact(value);
    if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => this.#redacted(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.#redacted(item)]));
  }

  #redact(text: string): string {
    // Cut before it is searched: what is searched is bounded, and a secret at the cut is cut off.
    let safe = text.slice(0, MAX_TEXT + MAX_SECRET);
    for (const secret of this.#secrets) safe = safe.replaceAll(secret, '***');
    // Also without a URL before the query: SDP's control attributes.
    safe = redactUrls(safe).replace(WORD, redactQuery);
    return safe.length > MAX_TEXT ? `${safe.slice(0, MAX_TEXT)}…` : safe;
  }
}

/**
 * Texts that must not be shown: the password, as written and as meant, and secrets in the query.
 * People write passwords with "@" and "/" as they are: both what ends at the first "@" and what ends
 * at the last may be one.
 */
function secretsOf(text: string): string[] {
  const [, user = '', first = ''] = /^[a-z][a-z0-9+.-]*:\/\/([^:@/]*):(.*?)@/i.exec(text) ?? [];
  const last = /^[a-z][a-z0-9+.-]*:\/\/[^:@/]*:(.*)@/i.exec(text)?.[1] ?? '';
  const values = [...(URL.parse(text)?.searchParams ?? [])].flatMap(([name, value]) =>
    redactQuery(`?${name}=`) === `?${name}=` ? [] : value,
  );
  const written = [first, last, ...values];
  const basic = [first, last].map((password) =>
    Buffer.from(`${percentDecoded(user)}:${percentDecoded(password)}`).toString('base64'),
  );
  const found = [...written, ...written.map(percentDecoded), ...(first === '' ? [] : basic)];
  return [...new Set(found)].filter((secret) => secret.length >= MIN_SECRET).sort((a, b) => b.length - a.length);
}
