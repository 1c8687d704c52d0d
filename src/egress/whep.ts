/** WHEP (draft-ietf-wish-whep-03): players by HTTP. */
import { FrameliftError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Variant } from '../metrics/events.ts';
import { type PeerSession, SessionEndpoint } from '../webrtc/endpoint.ts';
import type { IceServer, IceServers } from '../webrtc/ice-servers.ts';
import type { CandidateSink } from '../webrtc/transport.ts';
import { readOffer } from './offer.ts';
import type { Publication } from './publication.ts';

/** Finds the publication of a stream, or undefined when there is no such stream. */
type FindPublication = (stream: string, variant: Variant) => Pick<Publication, 'join'> | undefined;

/** Options of {@link WhepEndpoint}. */
export interface WhepOptions {
  readonly find: FindPublication;
  /** Path before `<stream>`, for `Location`. Default `/whep/`. */
  readonly basePath?: string;
  /** Origins of other sites whose pages may play. Default none: no page elsewhere may watch. */
  readonly allowedOrigins?: readonly string[];
  /** STUN and TURN servers that players are told of. Default none. */
  readonly iceServers?: Pick<IceServers, 'links' | 'offered'>;
  /** Told of offers, answers and refusals. Default: nothing is. */
  readonly log?: Log;
}

/** Players' sessions as resources. */
export class WhepEndpoint extends SessionEndpoint {
  readonly #options: WhepOptions;

  constructor(options: WhepOptions) {
    const { find, basePath = '/whep/', allowedOrigins = [], iceServers, log } = options;
    super({
      ...{ protocol: 'WHEP', basePath, allowedOrigins, iceServers, log },
      open: async ({ stream, variant, body, address }, trickle) =>
        findPublication(find, stream, variant).join(body, trickle, address),
      codecsOf: (offer) => readOffer(offer).codecs,
    });
    this.#options = options;
  }

  /**
   * Lets a player in that offers by other means than HTTP: its session is no resource.
   * @param trickle takes our candidates, which the answer lacks.
   * @param address where the offer came from.
   * @throws FrameliftError `webrtc.*`.
   */
  async join(
    stream: string,
    variant: string | undefined,
    offer: string,
    trickle: CandidateSink,
    address?: string,
  ): Promise<PeerSession> {
    const request = { stream, variant, body: offer, address };
    try {
      return await this.admit(request, trickle);
    } catch (thrown) {
      throw this.refuse(request, thrown);
    }
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
