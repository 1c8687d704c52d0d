/** What WHIP and WHEP have in common over HTTP, independent of the framework that mounts them. Pure. */
import { randomBytes } from 'node:crypto';
import type { ErrorCode } from '../errors.ts';

/** An HTTP request as an endpoint needs it. */
export interface SignallingRequest {
  readonly method: string;
  /** `<stream>` of `/whep/<stream>`, decoded. */
  readonly stream: string;
  /** `?variant=`, undefined when absent. */
  readonly variant?: string | undefined;
  /** `<sessionId>` of `/whep/<stream>/<sessionId>`. */
  readonly sessionId?: string | undefined;
  /** Lower-case names, as node:http gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** An HTTP answer. Header names in their usual case. */
export interface SignallingResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a server mounts at `<path>/:stream` and `<path>/:stream/:sessionId`. */
export interface SignallingEndpoint {
  /** Answers one request. Never rejects. */
  handle(request: SignallingRequest): Promise<SignallingResponse>;
}

/** Media type of offers and answers. */
export const SDP = 'application/sdp';

/** How each error looks over HTTP. Everything else is 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  'webrtc.unsupported-media-type': 415,
  'webrtc.bad-offer': 400,
  'webrtc.too-large': 413,
  'webrtc.unacceptable': 422,
  'webrtc.no-source': 409,
  'webrtc.overloaded': 503,
};
const RETRY_SECONDS: Partial<Record<ErrorCode, string>> = { 'webrtc.no-source': '2', 'webrtc.overloaded': '5' };

/** The HTTP status of an error, and when to try again. 500 is an error of ours, which is not told. */
export function refusalOf(code: ErrorCode): { readonly status: number; readonly headers: Record<string, string> } {
  const retry = RETRY_SECONDS[code];
  return { status: STATUS[code] ?? 500, headers: retry === undefined ? {} : { 'Retry-After': retry } };
}

/** The media type of a Content-Type header, without parameters. */
export function mediaType(header: string | readonly string[] | undefined): string {
  const value = typeof header === 'string' ? header : (header?.[0] ?? '');
  return (value.split(';')[0] ?? '').trim().toLowerCase();
}

/** True when a body, or the length that was announced for it, is beyond `most` bytes. */
export function isTooLong({ headers, body }: SignallingRequest, most: number): boolean {
  return Number(headers['content-length']) > most || Buffer.byteLength(body) > most;
}

/** An id that cannot be guessed: 24 characters. */
export function sessionId(): string {
  return randomBytes(18).toString('base64url');
}

/** A strong, quoted entity tag. */
export function entityTag(): string {
  return `"${randomBytes(9).toString('base64url')}"`;
}

/** CORS headers of an answer to pages of `allowed` origins, `*` for all; no credentials are ever allowed. */
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
