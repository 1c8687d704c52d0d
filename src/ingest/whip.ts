/** WHIP (RFC 9725) as a resource, independent of the HTTP framework that mounts it. */
import { asFrameliftError, FrameliftError } from '../errors.ts';
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
import type { Publisher, PublisherGate } from './webrtc.ts';

/** Largest SDP offer or fragment taken, in bytes. Browsers' offers have some 6,000. */
export const MAX_PUBLISHER_BYTES = 65_536;

/** Options of {@link WhipEndpoint}. */
export interface WhipOptions {
  /** Where publishers of a stream are let in, or undefined when no such stream takes any. */
  readonly find: (stream: string) => PublisherGate | undefined;
  /** Path before `<stream>`, for `Location`. Default `/whip/`. */
  readonly basePath?: string;
  /** Origins of other sites whose pages may publish. Default none: no page elsewhere may take a stream over. */
  readonly allowedOrigins?: readonly string[];
}

interface Session {
  readonly stream: string;
  readonly publisher: Publisher;
  readonly tag: string;
}

const FRAGMENT = 'application/trickle-ice-sdpfrag';
const ENDPOINT = 'POST, OPTIONS';
const RESOURCE = 'PATCH, DELETE, OPTIONS';

/**
 * Handles POST and OPTIONS of `/whip/<stream>`; PATCH, DELETE and OPTIONS of `/whip/<stream>/<sessionId>`. The answer holds all our candidates
 * and ICE is lite, so a publisher's own candidates need no telling: trickled ones are checked and acknowledged. ICE restart is refused with
 * 422 and leaves the session as it is: a publisher that lost its connection posts anew, and takes the stream over without a gap of its own making.
 */
export class WhipEndpoint implements SignallingEndpoint, AsyncDisposable {
  readonly #options: WhipOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(options: WhipOptions) {
    this.#options = options;
  }

  /** Answers one request. Never rejects. */
  async handle(request: SignallingRequest): Promise<SignallingResponse> {
    const cors = corsHeaders(request, this.#options.allowedOrigins ?? []);
    const response = await this.#answer(request);
    return { ...response, headers: { ...cors, ...response.headers } };
  }

  /** Sessions open now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Ends all sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(({ publisher }) => publisher.close()));
  }

  async #answer(request: SignallingRequest): Promise<SignallingResponse> {
    try {
      return await this.#route(request);
    } catch (thrown) {
      const error = asFrameliftError(thrown, 'server.failed');
      const { status, headers } = refusalOf(error.code);
      if (status === 500) return problem(status, 'server.failed', 'the server failed to answer', 'See its log.');
      const refused = problem(status, error.code, error.message, error.remedy);
      return { ...refused, headers: { ...refused.headers, ...headers } };
    }
  }

  #route(request: SignallingRequest): Promise<SignallingResponse> | SignallingResponse {
    const { method, stream, sessionId: id } = request;
    if (id === undefined) {
      if (method === 'POST') return this.#create(request);
      if (method === 'OPTIONS') return { status: 204, headers: { Allow: ENDPOINT, 'Accept-Post': SDP } };
      return notAllowed(method, ENDPOINT);
    }
    if (method === 'OPTIONS') return { status: 204, headers: { Allow: RESOURCE, 'Accept-Patch': FRAGMENT } };
    if (method !== 'DELETE' && method !== 'PATCH') return notAllowed(method, RESOURCE);
    const session = this.#sessions.get(id);
    if (session?.stream !== stream) return problem(404, 'webrtc.no-session', 'there is no such session');
    return method === 'PATCH' ? patch(request, session) : this.#remove(id, session);
  }

  async #create(request: SignallingRequest): Promise<SignallingResponse> {
    const { stream, headers, body } = request;
    const gate = this.#options.find(stream);
    if (!gate) {
      const remedy = `Add a stream to the configuration with source: whip, or start framelift with ${stream}=whip.`;
      return problem(404, 'webrtc.no-stream', `no stream "${stream}" takes publishers`, remedy);
    }
    if (mediaType(headers['content-type']) !== SDP) {
      throw new FrameliftError('webrtc.unsupported-media-type', 'the offer has another media type', {
        remedy: `Send it as Content-Type: ${SDP}.`,
      });
    }
    if (isTooLong(request, MAX_PUBLISHER_BYTES)) {
      throw new FrameliftError('webrtc.too-large', `the offer is larger than ${MAX_PUBLISHER_BYTES} bytes`, {
        remedy: 'Offer one video and at most one audio.',
      });
    }
    const publisher = await gate.publish(body);
    const id = sessionId();
    const tag = entityTag();
    this.#sessions.set(id, { stream, publisher, tag });
    void publisher.ended.then(() => this.#sessions.delete(id));
    return {
      status: 201,
      headers: {
        'Content-Type': SDP,
        Location: `${this.#options.basePath ?? '/whip/'}${encodeURIComponent(stream)}/${id}`,
        ETag: tag,
        'Accept-Patch': FRAGMENT,
      },
      body: publisher.answer,
    };
  }

  async #remove(id: string, { publisher }: Session): Promise<SignallingResponse> {
    this.#sessions.delete(id);
    await publisher.close();
    return { status: 200, headers: {} };
  }
}

/** Trickle ICE (RFC 8840), and the refusal of ICE restarts. */
function patch(request: SignallingRequest, { publisher, tag }: Session): SignallingResponse {
  const { headers } = request;
  if (mediaType(headers['content-type']) !== FRAGMENT) {
    const refused = problem(415, 'webrtc.unsupported-media-type', `a PATCH is sent as Content-Type: ${FRAGMENT}`);
    return { ...refused, headers: { ...refused.headers, 'Accept-Patch': FRAGMENT } };
  }
  if (isTooLong(request, MAX_PUBLISHER_BYTES)) {
    return problem(413, 'webrtc.too-large', `the fragment is larger than ${MAX_PUBLISHER_BYTES} bytes`);
  }
  const match = headers['if-match'];
  if (match === undefined) {
    return problem(428, 'webrtc.no-precondition', 'If-Match is missing', 'Send the ETag of the answer to the POST.');
  }
  const tags = `${match}`.split(',').map((given) => given.trim());
  const fragment = readFragment(request.body);
  if (!fragment) return problem(400, 'webrtc.bad-offer', 'the body is not an SDP fragment');
  const restarts = tags.includes('*') || (fragment.ufrag !== undefined && fragment.ufrag !== publisher.iceUfrag);
  if (!tags.includes('*') && !tags.includes(tag)) {
    return problem(412, 'webrtc.stale', 'If-Match names another session', 'Send the ETag of the answer to the POST.');
  }
  if (restarts) {
    const remedy = 'Send a new offer by POST: it takes the stream over.';
    return problem(422, 'webrtc.unacceptable', 'ICE restart is not supported; the session goes on', remedy);
  }
  return { status: 204, headers: {} };
}

/** What a fragment says of ICE; undefined when it is none. */
function readFragment(body: string): { readonly ufrag: string | undefined } | undefined {
  const lines = body.split(/\r\n|\n|\r/).filter((line) => line !== '');
  if (lines.length === 0 || !lines.every((line) => /^[a-z]=[\x20-\x7e]{1,1000}$/.test(line))) return undefined;
  const prefix = 'a=ice-ufrag:';
  return { ufrag: lines.find((line) => line.startsWith(prefix))?.slice(prefix.length) };
}

function notAllowed(method: string, allow: string): SignallingResponse {
  const refused = problem(405, 'http.method-not-allowed', `${method} is not possible here`, `Use ${allow}.`);
  return { ...refused, headers: { ...refused.headers, Allow: allow } };
}

/** A refusal as the API words it: JSON with a code, a message and a remedy. */
function problem(status: number, code: string, message: string, remedy?: string): SignallingResponse {
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' },
    body: JSON.stringify({ code, message, ...(remedy === undefined ? {} : { remedy }) }),
  };
}
