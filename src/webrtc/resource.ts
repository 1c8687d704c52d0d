/**
 * What WHIP and WHEP have in common over HTTP, independent of the framework that mounts them. Pure.
 */
import { randomBytes } from 'node:crypto';
import type { ErrorCode, FrameliftError } from '../errors.ts';

/** An HTTP request as an endpoint needs it. */
export interface SignallingRequest {
  readonly method: string;
  /** `<stream>` of `/whep/<stream>`, decoded. */
  readonly stream: string;
  /** `?variant=`, undefined when absent. */
  readonly variant?: string | undefined;
  /** Where it came from, a proxy's client where proxies are trusted; undefined = unknown. */
  readonly address?: string | undefined;
  /** `<sessionId>` of `/whep/<stream>/<sessionId>`. */
  readonly sessionId?: string | undefined;
  /** Lower-case names, as node:http gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  /** Why the request may not do what it wants; undefined when it may. */
  readonly denial?: Denial | undefined;
}

/** A request without the right token. */
export interface Denial {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An HTTP answer. Header names in their usual case. */
export interface SignallingResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a server mounts at `<path>/:stream` and `<path>/:stream/:sessionId`. */
export interface SignallingEndpoint {
  /** Origins of other sites whose pages may come, `*` for all. */
  readonly allowedOrigins: readonly string[];
  /** Answers one request. Never rejects. */
  handle(request: SignallingRequest): Promise<SignallingResponse>;
}

/** Largest offer or fragment taken, in bytes. Browsers' offers have some 6,000. */
export const MAX_OFFER_BYTES = 131_072;

/** Media type of offers and answers. */
export const SDP = 'application/sdp';

/** How each error looks over HTTP. Everything else is 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  'webrtc.unsupported-media-type': 415,
  'webrtc.bad-offer': 400,
  'webrtc.bad-message': 400,
  'webrtc.too-large': 413,
  'webrtc.unacceptable': 422,
  'webrtc.no-codec': 422,
  'webrtc.no-stream': 404,
  'webrtc.no-session': 404,
  'webrtc.no-precondition': 428,
  'webrtc.stale': 412,
  'webrtc.no-source': 409,
  'webrtc.overloaded': 503,
  'webrtc.no-port': 503,
  'webrtc.busy': 503,
};
/**
 * When to try again: seconds at least, and over how many more it is spread by chance. Who is refused
 * because many come at once must not come back at once with all the others.
 */
const RETRY: Partial<Record<ErrorCode, { readonly seconds: number; readonly spread: number }>> = {
  'webrtc.no-source': { seconds: 1, spread: 1 },
  'webrtc.overloaded': { seconds: 5, spread: 0 },
  'webrtc.no-port': { seconds: 5, spread: 0 },
  'webrtc.busy': { seconds: 1, spread: 2 },
};

/** An error as peers are told of it. */
export interface Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string | undefined;
  /** HTTP status. */
  readonly status: number;
  /** When to try again, in seconds; undefined when that does not help. */
  readonly retryAfter: number | undefined;
}

/**
 * What a peer is told of an error. One of ours is not told.
 * @param chance 0…1, below 1.
 */
export function tell({ code, message, remedy }: FrameliftError, chance = Math.random()): Told {
  const status = STATUS[code] ?? 500;
  const retry = RETRY[code];
  const retryAfter = retry && retry.seconds + Math.floor(chance * (retry.spread + 1));
  if (status < 500 || retryAfter !== undefined) return { code, message, remedy, status, retryAfter };
  return { code: 'server.failed', message: 'the server failed to answer', remedy: 'See its log.', status, retryAfter };
}

/** The answer to a request that failed. */
export function refusalOf(error: FrameliftError): SignallingResponse {
  const { status, code, message, remedy, retryAfter } = tell(error);
  const refused = refusal(status, code, message, remedy);
  if (retryAfter === undefined) return refused;
  return { ...refused, headers: { ...refused.headers, 'Retry-After': `${retryAfter}` } };
}

/** A refusal as the API words it: JSON with a code, a message and a remedy. */
export function refusal(status: number, code: string, message: string, remedy?: string): SignallingResponse {
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' },
    body: JSON.stringify({ code, message, ...(remedy === undefined ? {} : { remedy }) }),
  };
}

/** The media type of a Content-Type header, without parameters. */
export function mediaType(header: string | readonly string[] | undefined): string {
  const value = typeof header === 'string' ? header : (header?.[0] ?? '');
  return (value.split(';')[0] ?? '').trim().toLowerCase();
}

/** True when a body, or the length that was announced for it, is beyond {@link MAX_OFFER_BYTES}. */
export function isTooLong({ headers, body }: SignallingRequest): boolean {
  return Number(headers['content-length']) > MAX_OFFER_BYTES || Buffer.byteLength(body) > MAX_OFFER_BYTES;
}

/** An id that cannot be guessed: 24 characters. */
export function sessionId(): string {
  return randomBytes(18).toString('base64url');
}

/** A strong, quoted entity tag. */
export function entityTag(): string {
  return `"${randomBytes(9).toString('base64url')}"`;
}

/**
 * CORS headers of an answer to pages of `allowed` origins, `*` for all; no credentials are ever
 * allowed.
 */
export function corsHeaders(
  { headers, method }: SignallingRequest,
  allowed: readonly string[],
): Record<string, string> {
  const origin = String(headers.origin ?? '');
  const any = allowed.includes('*');
  if (!any && !allowed.includes(origin)) return { Vary: 'Origin' };
  return {
    'Access-Control-Allow-Origin': any ? '*' : origin,
    'Access-Control-Expose-Headers': 'Location, ETag, Link',
    ...(any ? {} : { Vary: 'Origin' }),
    ...(method === 'OPTIONS'
      ? {
          'Access-Control-Allow-Methods': 'POST, PATCH, DELETE, OPTIONS',
          'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
          'Access-Control-Max-Age': '86400',
        }
      : {}),
  };
}
