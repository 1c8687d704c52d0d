/** SDP of a publisher: what an offer would send, and the answer. Pure. */

import type { VideoCodec } from '../../media/access-unit.ts';
import {
  extensionIds,
  Formats,
  onlyVideo,
  parseOffer,
  type RemoteTransport,
  type Section,
  transportOf,
  unacceptable,
} from '../../webrtc/sdp.ts';
import { composeAnswer, headsOf, type LocalTransport, type SectionHead } from '../../webrtc/sdp-answer.ts';

/** Header extensions we read, by the name used here. */
export const PUBLISHER_EXTENSIONS = {
  transportCc: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
} as const;

/** What was chosen from a publisher's offer. */
export interface PublishedVideo {
  /** How to reach the publisher. */
  readonly remote: RemoteTransport;
  readonly codec: VideoCodec;
  /** The codec as SDP spells it. */
  readonly encoding: string;
  readonly payloadType: number;
  /** Format parameters, as offered. */
  readonly format: string;
  readonly rtxPayloadType: number | undefined;
  readonly feedback: readonly string[];
  /** Id of the transport-wide sequence number's header extension; undefined when it is not offered. */
  readonly transportCc: number | undefined;
  /** All sections in their order, for the answer. */
  readonly sections: readonly SectionHead[];
}

/** What we send: requests for lost packets and for keyframes, arrival times. */
const FEEDBACK = ['nack', 'nack pli', 'transport-cc'];

/** RTP encoding names to FFmpeg's spelling. */
const CODECS: readonly (readonly [encoding: string, codec: VideoCodec])[] = [
  ['H264', 'h264'],
  ['VP8', 'vp8'],
  ['VP9', 'vp9'],
  ['H265', 'hevc'],
  ['AV1', 'av1'],
];

/**
 * Reads a publisher's offer and chooses its video: of the codecs that we take, the one that it prefers, AV1 only where it offers no
 * other. Audio is refused, and so is simulcast: then browsers send the best layer alone.
 * @throws FrameliftError `webrtc.bad-offer` when it is not SDP or lacks what WebRTC requires, `webrtc.unacceptable` when it is
 * sound but sends nothing that we take.
 */
export function readPublication(text: string): PublishedVideo {
  const offer = parseOffer(text);
  const remedy = 'Offer one video, sendonly.';
  const video = onlyVideo(offer, ['recvonly', 'inactive'], 'a publisher sends', remedy);
  if (offer.sections.filter(({ kind }) => kind === 'audio').length > 1) {
    throw unacceptable('there is more than one audio in it', 'Offer at most one audio beside the video.');
  }
  const remote = transportOf(video, offer);
  const formats = new Formats(video);
  const { payloadType, encoding, codec } = chooseCodec(video, formats);
  return {
    remote,
    codec,
    encoding,
    payloadType,
    format: formats.line(payloadType),
    rtxPayloadType: formats.rtxOf(payloadType),
    feedback: formats.feedback(payloadType, FEEDBACK),
    transportCc: extensionIds<'transportCc'>(video, PUBLISHER_EXTENSIONS).get('transportCc'),
    sections: headsOf(offer, video),
  };
}

/** The answer: the chosen video recvonly with all candidates, everything else refused. */
export function writePublicationAnswer(video: PublishedVideo, local: LocalTransport, origin: number): string {
  const { transportCc, sections } = video;
  const extensions = transportCc === undefined ? [] : [`${transportCc} ${PUBLISHER_EXTENSIONS.transportCc}`];
  return composeAnswer({ sections, codec: video, direction: 'recvonly', extensions, origin }, local);
}

interface Choice {
  readonly payloadType: number;
  readonly encoding: string;
  readonly codec: VideoCodec;
}

/** The first payload type of the m= line that we take, the publisher's favourite; AV1, which costs both sides the most, comes last. */
function chooseCodec(video: Section, formats: Formats): Choice {
  const choices = CODECS.flatMap(([encoding, codec]) =>
    formats.types(new RegExp(`^${encoding}/90000$`, 'i')).map((payloadType) => ({ payloadType, encoding, codec })),
  ).filter(
    ({ codec, payloadType }) => codec !== 'h264' || formats.parameter(payloadType, 'packetization-mode') !== '2',
  );
  const place = ({ payloadType, codec }: Choice): number =>
    video.formats.indexOf(`${payloadType}`) + (codec === 'av1' ? video.formats.length : 0);
  const [best] = choices.sort((a, b) => place(a) - place(b));
  if (best) return best;
  const offered = formats.names().join(', ') || 'nothing that has a name';
  throw unacceptable(`of its codecs (${offered}) none is taken`, 'Publish H.264, VP8, VP9, H.265 or AV1.');
}
