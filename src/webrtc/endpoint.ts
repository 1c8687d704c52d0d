/**
 * WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03) as resources: what both have in common,
 * independent of the HTTP framework that mounts them.
 */
import { asFrameliftError, FrameliftError } from '../errors.ts';
import { type Log, SILENT_LOG } from '../log.ts';
import { FRAGMENT, readFragment } from './fragment.ts';
import type { IceServers } from './ice-servers.ts';
import { logAdmission, logOffer, logRefusal, type NegotiationFields } from './negotiation-log.ts';
import {
  corsHeaders,
  entityTag,
  isTooLong,
  MAX_OFFER_BYTES,
  mediaType,
  refusal,
  refusalOf,
  SDP,
  type SignallingEndpoint,
  type SignallingRequest,
  type SignallingResponse,
  sessionId,
} from './resource.ts';
import type { CandidateSink } from './transport.ts';

/** A peer that was let in. */
export interface PeerSession {
  /** SDP answer with all candidates. */
  readonly answer: string;
  /** The peer's ICE user name, which changes with an ICE restart. */
  readonly iceUfrag: string;
  /** Settles with the reason when the session is over. */
  readonly ended: Promise<string>;
  /**
   * Takes a candidate of the peer's that was not in its offer: the value of an `a=candidate:` line,
   * checked.
   */
  addCandidate(candidate: string): void;
  /** Ends the session. Closing twice is harmless. */
  close(): Promise<void>;
}

/** What a peer asks for. */
export type OfferRequest = Pick<SignallingRequest, 'stream' | 'variant' | 'body' | 'address'>;

/** Options of {@link SessionEndpoint}. */
export interface SessionEndpointOptions {
  /** `WHIP` or `WHEP`, for the log. */
  readonly protocol: string;
  /** Path before `<stream>`, for `Location`, with slashes at both ends. */
  readonly basePath: string;
  /**
   * Origins of other sites whose pages may come, `*` for all. No credentials are ever allowed with
   * it.
   */
  readonly allowedOrigins: readonly string[];
  /**
   * Lets the peer in that made an offer.
   * @param trickle takes our candidates, which the answer then lacks.
   * @throws FrameliftError, whose code becomes the status.
   */
  readonly open: (request: OfferRequest, trickle?: CandidateSink) => Promise<PeerSession>;
  /**
   * The codecs of an offer that was taken and the reason why each was chosen or not, for the log.
   */
  readonly codecsOf: (offer: string) => readonly string[];
  /** STUN and TURN servers that peers are told of. Default none. */
  readonly iceServers?: Pick<IceServers, 'links'> | undefined;
  /** Told of offers, answers and refusals. Default: nothing is. */
  readonly log?: Log | undefined;
}

interface Session {
  readonly stream: string;
  readonly peer: PeerSession;
  readonly tag: string;
}

const ENDPOINT = 'POST, OPTIONS';
const RESOURCE = 'PATCH, DELETE, OPTIONS';

/**
 * Handles POST and OPTIONS of `<path><stream>`; PATCH, DELETE and OPTIONS of
 * `<path><stream>/<sessionId>`. Trickled candidates are taken. ICE restart is refused with 422 and
 * leaves the session as it is: a peer that lost its connection posts anew.
 */
export class SessionEndpoint implements SignallingEndpoint, AsyncDisposable {
  readonly #options: SessionEndpointOptions;
  readonly #log: Log;
  readonly #sessions = new Map<string, Session>();

  constructor(options: SessionEndpointOptions) {
    this.#options = options;
    this.#log = options.log ?? SILENT_LOG;
  }

  /** Answers one request. Never rejects. */
  async handle(request: SignallingRequest): Promise<SignallingResponse> {
    const cors = corsHeaders(request, this.#options.allowedOrigins);
    const response = await this.#answer(request);
    return { ...response, headers: { ...cors, ...response.headers } };
  }

  get allowedOrigins(): readonly string[] {
    return this.#options.allowedOrigins;
  }

  /** Sessions open now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Ends all sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(({ peer }) => peer.close()));
  }

  /** Lets a peer in by its offer, and writes it into the log. @throws FrameliftError of `open`. */
  protected async admit(request: OfferRequest, trickle?: CandidateSink): Promise<PeerSession> {
    const { open, codecsOf } = this.#options;
    const fields = this.#fields(request);
    logOffer(this.#log, fields, request.body);
    const peer = await open(request, trickle);
    logAdmission(this.#log, fields, peer, () => codecsOf(request.body));
    return peer;
  }

  /** Writes into the log why a request is refused. @returns the error that its peer is told of. */
  protected refuse(request: OfferRequest & { method?: string }, thrown: unknown): FrameliftError {
    const error = asFrameliftError(thrown, 'server.failed');
    logRefusal(this.#log, { ...this.#fields(request), ...(request.method && { method: request.method }) }, error);
    return error;
  }

  #fields({ stream, variant }: OfferRequest): NegotiationFields {
    return { protocol: this.#options.protocol, stream, ...(variant && { variant }) };
  }

  async #answer(request: SignallingRequest): Promise<SignallingResponse> {
    try {
      return await this.#route(request);
    } catch (thrown) {
      const refused = refusalOf(this.refuse(request, thrown));
      return refused.status === 415 ? { ...refused, headers: { ...refused.headers, ...accepted(request) } } : refused;
    }
  }

  #route(request: SignallingRequest): Promise<SignallingResponse> | SignallingResponse {
    const { method, sessionId: id, denial } = request;
    const allowed = id === undefined ? ENDPOINT : RESOURCE;
    if (method === 'OPTIONS') return this.#describe(request, allowed);
    if (!allowed.split(', ').includes(method)) {
      const refused = refusal(405, 'http.method-not-allowed', `${method} is not possible here`, `Use ${allowed}.`);
      return { ...refused, headers: { ...refused.headers, Allow: allowed } };
    }
    if (denial) {
      const refused = refusal(denial.status, denial.code, denial.message, denial.remedy);
      return { ...refused, headers: { ...refused.headers, ...denial.headers } };
    }
    if (id === undefined) return this.#create(request);
    const session = this.#sessions.get(id);
    if (session?.stream !== request.stream) {
      throw new FrameliftError('webrtc.no-session', 'there is no such session', { remedy: 'Post a new offer.' });
    }
    return method === 'PATCH' ? this.#patch(request, session) : this.#remove(id, session);
  }

  /**
   * A browser's preflight carries no token, so it is not told of ICE servers and their credentials
   * (RFC 9725 section 4.6).
   */
  #describe(request: SignallingRequest, allowed: string): SignallingResponse {
    const { headers, denial } = request;
    const preflight = headers['access-control-request-method'] !== undefined;
    const links = preflight || denial ? {} : this.#links();
    return { status: 204, headers: { Allow: allowed, ...accepted(request), ...links } };
  }

  async #create(request: SignallingRequest): Promise<SignallingResponse> {
    const { basePath } = this.#options;
    this.#check(request, SDP);
    const peer = await this.admit(request);
    const id = sessionId();
    const { stream } = request;
    const tag = entityTag();
    this.#sessions.set(id, { stream, peer, tag });
    void peer.ended.then(() => this.#sessions.delete(id));
    return {
      status: 201,
      headers: {
        'Content-Type': SDP,
        Location: `${basePath}${encodeURIComponent(stream)}/${id}`,
        ETag: tag,
        'Accept-Patch': FRAGMENT,
        ...this.#links(),
      },
      body: peer.answer,
    };
  }

  /** Trickle ICE (RFC 8840), and the refusal of ICE restarts. */
  #patch(request: SignallingRequest, { peer, tag }: Session): SignallingResponse {
    this.#check(request, FRAGMENT);
    const match = request.headers['if-match'];
    const remedy = 'Send the ETag of the answer to the POST.';
    if (match === undefined) throw new FrameliftError('webrtc.no-precondition', 'If-Match is missing', { remedy });
    const tags = `${match}`.split(',').map((given) => given.trim());
    if (!tags.includes('*') && !tags.includes(tag)) {
      throw new FrameliftError('webrtc.stale', 'If-Match names another session', { remedy });
    }
    const { ufrag, candidates } = readFragment(request.body);
    if (ufrag !== undefined && ufrag !== peer.iceUfrag) {
      throw new FrameliftError('webrtc.unacceptable', 'ICE restart is not supported; the session goes on', {
        remedy: 'Send a new offer by POST, then delete this session.',
      });
    }
    for (const candidate of candidates) peer.addCandidate(candidate);
    return { status: 204, headers: {} };
  }

  async #remove(id: string, { peer }: Session): Promise<SignallingResponse> {
    this.#sessions.delete(id);
    await peer.close();
    return { status: 200, headers: {} };
  }

  /** @throws FrameliftError `webrtc.unsupported-media-type`, `webrtc.too-large`. */
  #check(request: SignallingRequest, type: string): void {
    if (mediaType(request.headers['content-type']) !== type) {
      throw new FrameliftError('webrtc.unsupported-media-type', `a ${request.method} has another media type`, {
        remedy: `Send it as Content-Type: ${type}.`,
      });
    }
    if (isTooLong(request)) {
      throw new FrameliftError('webrtc.too-large', `the body is larger than ${MAX_OFFER_BYTES} bytes`, {
        remedy: 'Offer one video and at most one audio; send candidates alone.',
      });
    }
  }

  #links(): Record<string, string> {
    const links = this.#options.iceServers?.links() ?? [];
    return links.length === 0 ? {} : { Link: links.join(', ') };
  }
}

/** The media type that is taken where the request went. */
function accepted({ sessionId: id }: SignallingRequest): Record<string, string> {
  return id === undefined ? { 'Accept-Post': SDP } : { 'Accept-Patch': FRAGMENT };
}
