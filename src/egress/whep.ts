/** WHEP (draft-ietf-wish-whep-03) as a resource, independent of the HTTP framework that mounts it. */
import { randomBytes } from 'node:crypto';
import { asFrameliftError, type ErrorCode, FrameliftError } from '../errors.ts';
import type { Variant } from '../metrics/events.ts';
import type { Publication, ViewerSession } from './publication.ts';

/** An HTTP request as the endpoint needs it. */
export interface WhepRequest {
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
export interface WhepResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Largest SDP offer taken, in bytes. The server should stop reading a little beyond. */
export const MAX_OFFER_BYTES = 131_072;

/** Options of {@link WhepEndpoint}. */
export interface WhepOptions {
  /** The publication of a stream, or undefined when there is no such stream. */
  readonly find: (stream: string, variant: Variant) => Pick<Publication, 'join'> | undefined;
  /** Path before `<stream>`, for `Location`. Default `/whep/`. */
  readonly basePath?: string;
  /** Origins whose pages may play. Default `['*']`; no credentials are ever allowed with it. */
  readonly allowedOrigins?: readonly string[];
}

interface Session {
  readonly stream: string;
  readonly viewer: ViewerSession;
}

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

/**
 * Handles POST and OPTIONS of `/whep/<stream>`, DELETE and OPTIONS of `/whep/<stream>/<sessionId>`. The answer holds all candidates, so
 * PATCH (trickle, ICE restart) is refused with 405: a player that lost its connection posts anew.
 */
export class WhepEndpoint implements AsyncDisposable {
  readonly #options: WhepOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(options: WhepOptions) {
    this.#options = options;
  }

  /** Answers one request. Never rejects. */
  async handle(request: WhepRequest): Promise<WhepResponse> {
    const cors = this.#cors(request);
    try {
      const response = await this.#route(request);
      return { ...response, headers: { ...cors, ...response.headers } };
    } catch (thrown) {
      const error = asFrameliftError(thrown, 'server.failed');
      const retry = RETRY_SECONDS[error.code];
      return {
        status: STATUS[error.code] ?? 500,
        headers: { ...cors, ...TEXT, ...(retry === undefined ? {} : { 'Retry-After': retry }) },
        body: STATUS[error.code] === undefined ? 'internal error\n' : `${error.message}\n`,
      };
    }
  }

  /** Sessions open now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Ends all sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(({ viewer }) => viewer.close()));
  }

  #route(request: WhepRequest): Promise<WhepResponse> | WhepResponse {
    const { method, sessionId } = request;
    if (sessionId === undefined) {
      if (method === 'POST') return this.#create(request);
      if (method === 'OPTIONS') return { status: 204, headers: { Allow: 'POST, OPTIONS', 'Accept-Post': SDP } };
      return refused(method, 'POST, OPTIONS');
    }
    if (method === 'DELETE') return this.#remove(request.stream, sessionId);
    if (method === 'OPTIONS') return { status: 204, headers: { Allow: 'DELETE, OPTIONS' } };
    return refused(method, 'DELETE, OPTIONS');
  }

  async #create(request: WhepRequest): Promise<WhepResponse> {
    const { stream, headers, body } = request;
    const variant = variantOf(request.variant);
    const publication = variant && this.#options.find(stream, variant);
    if (!publication) return { status: 404, headers: TEXT, body: 'no such stream\n' };
    if (mediaType(headers['content-type']) !== SDP) {
      throw new FrameliftError('webrtc.unsupported-media-type', `the offer must be sent as Content-Type: ${SDP}`);
    }
    if (Number(headers['content-length']) > MAX_OFFER_BYTES || Buffer.byteLength(body) > MAX_OFFER_BYTES) {
      throw new FrameliftError('webrtc.too-large', `the offer is larger than ${MAX_OFFER_BYTES} bytes`);
    }
    const viewer = await publication.join(body);
    const id = randomBytes(18).toString('base64url');
    this.#sessions.set(id, { stream, viewer });
    void viewer.ended.then(() => this.#sessions.delete(id));
    return {
      status: 201,
      headers: {
        'Content-Type': SDP,
        Location: `${this.#options.basePath ?? '/whep/'}${encodeURIComponent(stream)}/${id}`,
        ETag: `"${randomBytes(9).toString('base64url')}"`,
      },
      body: viewer.answer,
    };
  }

  async #remove(stream: string, sessionId: string): Promise<WhepResponse> {
    const session = this.#sessions.get(sessionId);
    if (session?.stream !== stream) return { status: 404, headers: TEXT, body: 'no such session\n' };
    this.#sessions.delete(sessionId);
    await session.viewer.close();
    return { status: 200, headers: {} };
  }

  #cors({ headers, method }: WhepRequest): Record<string, string> {
    const allowed = this.#options.allowedOrigins ?? ['*'];
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
}

const SDP = 'application/sdp';
const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' };

function refused(method: string, allow: string): WhepResponse {
  const why =
    method === 'PATCH' ? 'trickle ICE and ICE restart are not supported: the answer holds all candidates\n' : '';
  return { status: 405, headers: { Allow: allow, ...TEXT }, body: why };
}

function variantOf(value: string | undefined): Variant | undefined {
  if (value === undefined || value === '' || value === 'upconverted') return 'upconverted';
  return value === 'source' ? 'source' : undefined;
}

function mediaType(header: string | readonly string[] | undefined): string {
  const value = typeof header === 'string' ? header : (header?.[0] ?? '');
  return (value.split(';')[0] ?? '').trim().toLowerCase();
}
