/**
 * SDP of a peer that offers, players and publishers alike: the strict reading. Strict, so that
 * nothing odd reaches the WebRTC library. Pure.
 */
import { FrameliftError } from '../errors.ts';
import { parseSdp, SDP_TOKEN, type SdpAttributes, type SdpSection, type SessionDescription } from '../media/sdp.ts';

/** The error of an offer that is not SDP, or lacks what WebRTC requires: `webrtc.bad-offer`. */
export function badOffer(message: string): FrameliftError {
  return new FrameliftError('webrtc.bad-offer', `SDP offer: ${message}`);
}

/** The error of a sound offer that asks for what we do not do: `webrtc.unacceptable`. */
export function unacceptable(message: string, remedy?: string): FrameliftError {
  return new FrameliftError('webrtc.unacceptable', `SDP offer: ${message}`, remedy === undefined ? {} : { remedy });
}

/**
 * The error of an offer without a codec in common, in words for the person at the other end:
 * `webrtc.no-codec`.
 */
export function noCodec(message: string, remedy: string): FrameliftError {
  return new FrameliftError('webrtc.no-codec', message, { remedy });
}

/** Takes an offer apart. @throws FrameliftError `webrtc.bad-offer` when it is not SDP. */
export function parseOffer(text: string): SessionDescription {
  const offer = parseSdp(text);
  if (offer.problem !== undefined) throw badOffer(offer.problem);
  const mids = offer.sections.map(midOf).filter((mid) => mid !== undefined);
  if (mids.some((mid) => !SDP_TOKEN.test(mid))) throw badOffer('a=mid is not a token');
  if (new Set(mids).size !== mids.length) throw badOffer('two media sections have the same a=mid');
  return offer;
}

/** The name of a section; undefined when it has none. */
export function midOf(section: SdpSection): string | undefined {
  return section.attributes.first('mid');
}

/** True for media in packets of SRTP that is keyed by DTLS. */
export function isDtlsSrtp({ protocol }: SdpSection): boolean {
  return /^(UDP|TCP)\/(TLS|DTLS)\/(RTP\/SAVPF?)$/.test(protocol);
}

/**
 * The one video of an offer.
 * @param excluded directions that make no sense of this peer.
 * @param who does what, for messages: `a player receives`.
 * @throws FrameliftError `webrtc.unacceptable` without exactly one video over DTLS-SRTP in a
 * fitting direction.
 */
export function onlyVideo(
  offer: SessionDescription,
  excluded: readonly string[],
  who: string,
  remedy: string,
): SdpSection {
  const videos = offer.sections.filter((section) => section.kind === 'video' && isActive(section));
  const [video] = videos;
  if (!video) throw unacceptable('there is no video in it', remedy);
  if (videos.length > 1) throw unacceptable(`there are ${videos.length} videos in it, one is taken`, remedy);
  const direction = directionOf(video, offer.session);
  if (excluded.includes(direction)) throw unacceptable(`video is ${direction}, ${who}`, remedy);
  if (!isDtlsSrtp(video)) throw unacceptable(`transport ${video.protocol} is not DTLS-SRTP`);
  return video;
}

/** True unless the section is refused or stopped by its port. */
export function isActive(section: SdpSection): boolean {
  return section.port !== 0 || section.attributes.first('bundle-only') !== undefined;
}

/** `recvonly`, `sendrecv`, `sendonly` or `inactive`: the section's, else the session's. */
export function directionOf(section: SdpSection, session: SdpAttributes): string {
  const directions = ['recvonly', 'sendrecv', 'sendonly', 'inactive'];
  const of = (attributes: SdpAttributes): string | undefined =>
    directions.find((direction) => attributes.first(direction) !== undefined);
  return of(section.attributes) ?? of(session) ?? 'sendrecv';
}
