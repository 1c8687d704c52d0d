/**
 * Playlists that pass the gateway: which variant of an HLS master playlist ffmpeg gets to see, and
 * URLs that lead back to the gateway. Linear in time, whatever a server wrote. Pure.
 */
import { FrameliftError } from '../../errors.ts';

/** What a variant may be, at most. */
export interface VariantLimits {
  /** Luma samples. */
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly maxFps: number;
  readonly maxBitrateKbps: number;
}

/** One `EXT-X-STREAM-INF` of a master playlist (RFC 8216, 4.3.4.2); 0 where it does not say. */
export interface PlaylistVariant {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitsPerSecond: number;
}

/** No limit at all. */
export const ANY_VARIANT: VariantLimits = {
  ...{ maxWidth: Infinity, maxHeight: Infinity },
  ...{ maxFps: Infinity, maxBitrateKbps: Infinity },
};

/** Real ones have ten. */
const MAX_VARIANTS = 200;
const MAX_ORIGINS = 200;
/** A day of segments of four seconds. */
const MAX_URLS = 21_600;
/** Comments between a variant and its URI. */
const MAX_COMMENTS = 100;
/** Of one `EXT-X-STREAM-INF`. */
const MAX_ATTRIBUTES = 4000;
/** A host has 253 letters at most. */
const MAX_AUTHORITY = 512;
const codes = (characters: string) => new Set(Array.from(characters, (character) => character.charCodeAt(0)));
const BEFORE_URL = codes('"\'> \t\n\v\f\r');
const AFTER_AUTHORITY = codes('/?#\\"\'<> \t\n\v\f\r');
const [LINE_FEED, RETURN, HASH] = [10, 13, 35];
const LOWER_CASE = 0x20;
const [LETTER_P, LETTER_S] = [112, 115];
const STREAM_INF = '#EXT-X-STREAM-INF:';
/** 29.97 is written as 30. */
const FPS_TOLERANCE = 1.05;

interface Found extends PlaylistVariant {
  /** Where its two lines begin and end. */
  readonly from: number;
  readonly to: number;
}

/**
 * Leaves one variant in a master playlist: the largest within the limits, of those the one with
 * the most bits. Playlists without variants stay as they are, with `chosen` undefined.
 * @throws FrameliftError `source.too-large` when none is within the limits, which names them.
 */
export function withOneVariant(
  text: string,
  limits: VariantLimits,
): { readonly text: string; readonly chosen: PlaylistVariant | undefined } {
  const variants = variantsOf(text);
  if (variants.length === 0) return { text, chosen: undefined };
  const fitting = variants.filter((variant) => fits(variant, limits));
  const [best] = fitting.toSorted(
    (a, b) => b.width * b.height - a.width * a.height || b.bitsPerSecond - a.bitsPerSecond || b.fps - a.fps,
  );
  if (!best) throw noneFits(variants, limits);
  let kept = '';
  let at = 0;
  for (const { from, to } of variants) {
    kept += text.slice(at, from);
    if (from === best.from) kept += text.slice(from, to);
    at = to;
  }
  const { width, height, fps, bitsPerSecond } = best;
  return { text: kept + text.slice(at), chosen: { width, height, fps, bitsPerSecond } };
}

function fits({ width, height, fps, bitsPerSecond }: PlaylistVariant, limits: VariantLimits): boolean {
  return (
    width <= limits.maxWidth &&
    height <= limits.maxHeight &&
    fps <= limits.maxFps * FPS_TOLERANCE &&
    bitsPerSecond <= limits.maxBitrateKbps * 1000
  );
}

/** Variants with a picture, in the order of the playlist. */
function variantsOf(text: string): Found[] {
  const found: Found[] = [];
  for (let from = lineWith(text, 0); from >= 0 && found.length < MAX_VARIANTS; ) {
    const attributesEnd = endOfLine(text, from);
    const to = endOfUri(text, attributesEnd);
    const attributes = attributesOf(text.slice(from + STREAM_INF.length, attributesEnd).slice(0, MAX_ATTRIBUTES));
    if (!soundOnly(attributes)) found.push({ ...variantOf(attributes), from, to });
    from = lineWith(text, to);
  }
  return found;
}

/** Where the next line of a variant begins, -1 without one. */
function lineWith(text: string, from: number): number {
  for (let at = text.indexOf(STREAM_INF, from); at >= 0; at = text.indexOf(STREAM_INF, at + 1)) {
    if (at === 0 || text.charCodeAt(at - 1) === LINE_FEED) return at;
  }
  return -1;
}

/** Behind the line end. */
function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end + 1;
}

/** Behind the variant's URI: the next line that is neither empty nor a comment. */
function endOfUri(text: string, from: number): number {
  let at = from;
  for (let lines = 0; at < text.length && lines < MAX_COMMENTS; lines += 1) {
    const end = endOfLine(text, at);
    const first = text.charCodeAt(at);
    if (first === HASH && text.startsWith(STREAM_INF, at)) return at;
    if (first !== HASH && first !== LINE_FEED && first !== RETURN) return end;
    at = end;
  }
  return at;
}

function attributesOf(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  const attribute = /([A-Z0-9-]{1,64})=(?:"([^"\r\n]*)"|([^",\r\n]*))\s*(?:,\s*|$)/y;
  for (let match = attribute.exec(text); match; match = attribute.exec(text)) {
    attributes.set(match[1] ?? '', match[2] ?? match[3] ?? '');
  }
  return attributes;
}

function variantOf(attributes: ReadonlyMap<string, string>): PlaylistVariant {
  const [, width, height] = /^(\d{1,6})x(\d{1,6})$/i.exec(attributes.get('RESOLUTION') ?? '') ?? [];
  const number = (name: string) => {
    const value = Number(attributes.get(name) ?? 0);
    return Number.isFinite(value) ? Math.max(value, 0) : 0;
  };
  return {
    ...{ width: Number(width ?? 0), height: Number(height ?? 0) },
    ...{ fps: number('FRAME-RATE'), bitsPerSecond: number('BANDWIDTH') },
  };
}

/** True where a variant says what it holds, and it is sound alone. */
function soundOnly(attributes: ReadonlyMap<string, string>): boolean {
  if (attributes.has('RESOLUTION')) return false;
  const codecs = (attributes.get('CODECS') ?? '').split(',').filter((codec) => codec.trim() !== '');
  return codecs.length > 0 && codecs.every((codec) => /^\s*(?:mp4a|ac-3|ec-3|ac-4|opus|flac|alac|mp3)/i.test(codec));
}

function noneFits(variants: readonly PlaylistVariant[], limits: VariantLimits): FrameliftError {
  const shown = variants
    .slice(0, 5)
    .map(({ width, height, fps, bitsPerSecond }) => {
      const rate = fps > 0 ? ` at ${fps} fps` : '';
      return `${width}x${height}${rate} (${Math.round(bitsPerSecond / 1000)} kbit/s)`;
    })
    .join(', ');
  const { maxWidth, maxHeight, maxFps, maxBitrateKbps } = limits;
  return new FrameliftError(
    'source.too-large',
    `no variant of the playlist is within ${maxWidth}x${maxHeight}, ${maxFps} fps and ${maxBitrateKbps} kbit/s: it offers ${shown}`,
    { remedy: 'Raise limits, or what the fragment of the URL asks for.' },
  );
}

/**
 * A playlist with every absolute web URL in it disguised: lines and quoted attributes of M3U8,
 * elements and attributes of MPD. Relative URLs follow their playlist's.
 * @param disguise gives what a scheme with its authority, `https://user@host:1`, is replaced by;
 * undefined leaves it alone.
 * @throws FrameliftError `source.protocol` when it holds more hosts or URLs than any real one.
 */
export function withUrlsDisguised(text: string, disguise: (origin: string) => string | undefined): string {
  const known = new Map<string, string | undefined>();
  const parts: string[] = [];
  let done = 0;
  let seen = 0;
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    seen += 1;
    if (seen > MAX_URLS) throw new FrameliftError('source.protocol', `the playlist holds more than ${MAX_URLS} URLs`);
    const start = schemeStart(text, at);
    if (start < done) continue;
    const end = authorityEnd(text, at + 3);
    if (end < 0) continue;
    const origin = text.slice(start, end);
    if (!known.has(origin)) {
      if (known.size >= MAX_ORIGINS) {
        throw new FrameliftError('source.protocol', `the playlist names more than ${MAX_ORIGINS} hosts`);
      }
      known.set(origin, disguise(origin));
    }
    const replaced = known.get(origin);
    if (replaced === undefined) continue;
    parts.push(text.slice(done, start), replaced);
    // ffmpeg takes what stands before a backslash, or a query without a path, for the host.
    if (/[\\?#]/.test(text[end] ?? '')) parts.push('/');
    done = end;
  }
  return parts.length === 0 ? text : parts.join('') + text.slice(done);
}

/** Where `http` or `https` before `://` begins; -1 where something else stands there, or before it. */
function schemeStart(text: string, at: number): number {
  // Most of what is no URL is seen by one letter.
  const last = text.charCodeAt(at - 1) | LOWER_CASE;
  const length = last === LETTER_S ? 5 : last === LETTER_P ? 4 : 0;
  const start = at - length;
  if (length === 0 || start < 0 || !/^https?$/i.test(text.slice(start, at))) return -1;
  return start === 0 || BEFORE_URL.has(text.charCodeAt(start - 1)) ? start : -1;
}

/** Where the authority ends; -1 for one longer than any real one. */
function authorityEnd(text: string, from: number): number {
  const last = Math.min(text.length, from + MAX_AUTHORITY);
  for (let at = from; at < last; at += 1) {
    if (AFTER_AUTHORITY.has(text.charCodeAt(at))) return at;
  }
  return last === text.length ? last : -1;
}
