/** WHEP (draft-ietf-wish-whep-03): players by HTTP. */
import { FrameliftError } from '../errors.ts';
import type { Variant } from '../metrics/events.ts';
import { type PeerSession, SessionEndpoint } from '../webrtc/endpoint.ts';
import type { IceServer, IceServers } from '../webrtc/ice-servers.ts';
import type { CandidateSink } from '../webrtc/transport.ts';
import type { Publication } from './publication.ts';

/** Finds the publication of a stream, or undefined when there is no such stream. */
type FindPublication = (stream: string, variant: Variant) => Pick<Publication, 'join'> | undefined;

/** Options of {@link WhepEndpoint}. */
export interface WhepOptions {
  readonly find: FindPublication;
  /** Path before `<stream>`, for `Location`. Default `/whep/`. */
  readonly basePath?: string;
  /** Origins whose pages may play. Default `['*']`. */
  readonly allowedOrigins?: readonly string[];
  /** STUN and TURN servers that players are told of. Default none. */
  readonly iceServers?: Pick<IceServers, 'links' | 'offered'>;
}

/** Players' sessions as resources. */
export class WhepEndpoint extends SessionEndpoint {
  readonly #options: WhepOptions;

  constructor(options: WhepOptions) {
    const { find, basePath = '/whep/', allowedOrigins = ['*'], iceServers } = options;
    super({
      basePath,
      allowedOrigins,
      iceServers,
      open: async ({ stream, variant, body }) => findPublication(find, stream, variant).join(body),
    });
    this.#options = options;
  }

  /** Lets a player in that offers by other means than HTTP: its session is no resource. @param trickle takes our candidates, which the answer lacks. @throws FrameliftError `webrtc.*`. */
  async join(stream: string, variant: string | undefined, offer: string, trickle: CandidateSink): Promise<PeerSession> {
    return findPublication(this.#options.find, stream, variant).join(offer, trickle);
  }

  /** STUN and TURN servers that players are told of. */
  iceServers(): readonly IceServer[] {
    return this.#options.iceServers?.offered() ?? [];
  }
}

/** @param variant empty = `upconverted`. @throws FrameliftError `webrtc.no-stream`. */
function findPublication(
  find: FindPublication,
  stream: string,
  variant: string | undefined,
): Pick<Publication, 'join'> {
  const wanted = variantOf(variant);
  if (!wanted) {
    throw new FrameliftError('webrtc.no-stream', `there is no variant "${variant}"`, {
      remedy: 'Ask for upconverted or source.',
    });
  }
  const found = find(stream, wanted);
  if (found) return found;
  throw new FrameliftError('webrtc.no-stream', `there is no stream "${stream}"`, {
    remedy: 'GET /api/streams lists them.',
  });
}

function variantOf(value: string | undefined): Variant | undefined {
  if (value === undefined || value === '' || value === 'upconverted') return 'upconverted';
  return value === 'source' ? 'source' : undefined;
}
