/** WHIP (RFC 9725): publishers by HTTP. */
import { FrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { SessionEndpoint } from '../../webrtc/endpoint.ts';
import type { IceServers } from '../../webrtc/ice-servers.ts';
import { readPublication } from './offer.ts';
import type { PublisherGate } from './source.ts';

/** Options of {@link WhipEndpoint}. */
export interface WhipOptions {
  /** Where publishers of a stream are let in, or undefined when no such stream takes any. */
  readonly find: (stream: string) => PublisherGate | undefined;
  /** Path before `<stream>`, for `Location`. Default `/whip/`. */
  readonly basePath?: string;
  /**
   * Origins of other sites whose pages may publish. Default none: no page elsewhere may take a
   * stream over.
   */
  readonly allowedOrigins?: readonly string[];
  /** STUN and TURN servers that publishers are told of. Default none. */
  readonly iceServers?: Pick<IceServers, 'links'>;
  /** Told of offers, answers and refusals. Default: nothing is. */
  readonly log?: Log;
}

/**
 * Publishers' sessions as resources. A publisher that posts anew takes its stream over without a
 * gap of its own making.
 */
export class WhipEndpoint extends SessionEndpoint {
  constructor({ find, basePath = '/whip/', allowedOrigins = [], iceServers, log }: WhipOptions) {
    super({
      ...{ protocol: 'WHIP', basePath, allowedOrigins, iceServers, log },
      open: async ({ stream, body }) => {
        const gate = find(stream);
        if (gate) return gate.publish(body);
        throw new FrameliftError('webrtc.no-stream', `no stream "${stream}" takes publishers`, {
          remedy: `Add a stream to the configuration with source: whip, or start framelift with ${stream}=whip.`,
        });
      },
      codecsOf: (offer) => readPublication(offer).codecs,
    });
  }
}
