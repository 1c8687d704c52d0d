/** WHEP (draft-ietf-wish-whep-03) as a resource, independent of the HTTP framework that mounts it. */
import { asFrameliftError, FrameliftError } from '../errors.ts';
import type { Variant } from '../metrics/events.ts';
import {
  corsHeaders,
  entityTag,
  isTooLong,
  mediaType,
  refusalOf,
  SDP,
  type SignallingEndpoint,
  type SignallingRequest,
  type SignallingResponse,
  sessionId,
} from '../webrtc/resource.ts';
import type { Publication, ViewerSession } from './publication.ts';

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

/**
 * Handles POST and OPTIONS of `/whep/<stream>`, DELETE and OPTIONS of `/whep/<stream>/<sessionId>`. The answer holds all candidates, so
 * PATCH (trickle, ICE restart) is refused with 405: a player that lost its connection posts anew.
 */
export class WhepEndpoint implements SignallingEndpoint, AsyncDisposable {
  readonly #options: WhepOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(options: WhepOptions) {
    this.#options = options;
  }

  /** Answers one request. Never rejects. */
  async handle(request: SignallingRequest): Promise<SignallingResponse> {
    const cors = corsHeaders(request, this.#options.allowedOrigins ?? ['*']);
    try {
      const response = await this.#route(request);
      return { ...response, headers: { ...cors, ...response.headers } };
    } catch (thrown) {
      const error = asFrameliftError(thrown, 'server.failed');
      const { status, headers } = refusalOf(error.code);
      const body = status === 500 ? 'internal error\n' : `${error.message}\n`;
      return { status, headers: { ...cors, ...TEXT, ...headers }, body };
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

  #route(request: SignallingRequest): Promise<SignallingResponse> | SignallingResponse {
    const { method, sessionId: id } = request;
    if (id === undefined) {
      if (method === 'POST') return this.#create(request);
      if (method === 'OPTIONS') return { status: 204, headers: { Allow: 'POST, OPTIONS', 'Accept-Post': SDP } };
      return refused(method, 'POST, OPTIONS');
    }
    if (method === 'DELETE') return this.#remove(request.stream, id);
    if (method === 'OPTIONS') return { status: 204, headers: { Allow: 'DELETE, OPTIONS' } };
    return refused(method, 'DELETE, OPTIONS');
  }

  async #create(request: SignallingRequest): Promise<SignallingResponse> {
    const { stream, headers, body } = request;
    const variant = variantOf(request.variant);
    const publication = variant && this.#options.find(stream, variant);
    if (!publication) return { status: 404, headers: TEXT, body: 'no such stream\n' };
    if (mediaType(headers['content-type']) !== SDP) {
      throw new FrameliftError('webrtc.unsupported-media-type', `the offer must be sent as Content-Type: ${SDP}`);
    }
    if (isTooLong(request, MAX_OFFER_BYTES)) {
      throw new FrameliftError('webrtc.too-large', `the offer is larger than ${MAX_OFFER_BYTES} bytes`);
    }
    const viewer = await publication.join(body);
    const id = sessionId();
    this.#sessions.set(id, { stream, viewer });
    void viewer.ended.then(() => this.#sessions.delete(id));
    return {
      status: 201,
      headers: {
        'Content-Type': SDP,
        Location: `${this.#options.basePath ?? '/whep/'}${encodeURIComponent(stream)}/${id}`,
        ETag: entityTag(),
      },
      body: viewer.answer,
    };
  }

  async #remove(stream: string, id: string): Promise<SignallingResponse> {
    const session = this.#sessions.get(id);
    if (session?.stream !== stream) return { status: 404, headers: TEXT, body: 'no such session\n' };
    this.#sessions.delete(id);
    await session.viewer.close();
    return { status: 200, headers: {} };
  }
}

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' };

function refused(method: string, allow: string): SignallingResponse {
  const why =
    method === 'PATCH' ? 'trickle ICE and ICE restart are not supported: the answer holds all candidates\n' : '';
  return { status: 405, headers: { Allow: allow, ...TEXT }, body: why };
}

function variantOf(value: string | undefined): Variant | undefined {
  if (value === undefined || value === '' || value === 'upconverted') return 'upconverted';
  return value === 'source' ? 'source' : undefined;
}
