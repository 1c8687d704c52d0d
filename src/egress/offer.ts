/** SDP of a player: what an offer asks for, and the answer. Pure. */
import {
  dataBeside,
  extensionIds,
  Formats,
  onlyVideo,
  parseOffer,
  type RemoteTransport,
  remoteData,
  transportOf,
  unacceptable,
} from '../webrtc/sdp.ts';
import { composeAnswer, headsOf, type LocalTransport, type SectionHead } from '../webrtc/sdp-answer.ts';

/** Header extensions we send, by the name used here. */
export const EXTENSIONS = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  transportCc: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  absSendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  absCaptureTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  playoutDelay: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
} as const;

/** Name of a header extension. */
export type ExtensionName = keyof typeof EXTENSIONS;

/** What was chosen from an offer. */
export interface OfferedVideo {
  /** How to reach the player. */
  readonly remote: RemoteTransport;
  readonly mid: string;
  readonly payloadType: number;
  /** Format parameters of the chosen H.264, as offered. */
  readonly format: string;
  readonly rtxPayloadType: number | undefined;
  /** Ids (1…14) of the extensions offered. */
  readonly extensions: ReadonlyMap<ExtensionName, number>;
  readonly feedback: readonly string[];
  /** All sections in their order, for the answer. */
  readonly sections: readonly SectionHead[];
}

/** Our side of the connection, with what we send on it. */
export interface LocalSender extends LocalTransport {
  readonly ssrc: number;
  readonly rtxSsrc: number;
  readonly cname: string;
}

/** `nack`, `nack pli`, `ccm fir`, `transport-cc` are what we act on. */
const FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'transport-cc'];

/**
 * Reads an offer and chooses its video.
 * @throws FrameliftError `webrtc.bad-offer` when it is not SDP or lacks what WebRTC requires, `webrtc.unacceptable` when it is
 * sound but asks for what we do not give.
 */
export function readOffer(text: string): OfferedVideo {
  const offer = parseOffer(text);
  const remedy = 'Offer one video, recvonly.';
  const video = onlyVideo(offer, ['sendonly', 'inactive'], 'a player receives', remedy);
  const data = dataBeside(video, offer);
  const remote = { ...transportOf(video, offer), data: data && remoteData(data) };
  const formats = new Formats(video);
  const payloadType = chooseCodec(formats);
  return {
    remote,
    mid: video.attributes.first('mid') ?? '0',
    payloadType,
    format: formats.line(payloadType),
    rtxPayloadType: formats.rtxOf(payloadType),
    extensions: extensionIds<ExtensionName>(video, EXTENSIONS),
    feedback: formats.feedback(payloadType, FEEDBACK),
    sections: headsOf(offer, video, data),
  };
}

/** The answer: the chosen video sendonly with all candidates, data channels as offered, everything else refused. */
export function writeAnswer(video: OfferedVideo, local: LocalSender): string {
  const { payloadType, format, rtxPayloadType, feedback, sections } = video;
  const { ssrc, rtxSsrc, cname } = local;
  const lines = ['a=msid:framelift video'];
  if (rtxPayloadType !== undefined) lines.push(`a=ssrc-group:FID ${ssrc} ${rtxSsrc}`);
  lines.push(`a=ssrc:${ssrc} cname:${cname}`);
  if (rtxPayloadType !== undefined) lines.push(`a=ssrc:${rtxSsrc} cname:${cname}`);
  const codec = { payloadType, encoding: 'H264', format, rtxPayloadType, feedback };
  const extensions = [...video.extensions].map(([name, id]) => `${id} ${EXTENSIONS[name]}`);
  return composeAnswer({ sections, codec, direction: 'sendonly', extensions, lines, origin: ssrc }, local);
}

/** Which H.264 profile is preferred: we send constrained baseline, which decoders of the others take as well. */
const PROFILES = [/^42[ef]0/i, /^42c0/i, /^4200/i, /^4d/i, /^64/i];

function chooseCodec(formats: Formats): number {
  const rank = (type: number): number => {
    const profile = formats.parameter(type, 'profile-level-id');
    const at = profile === undefined ? PROFILES.length : PROFILES.findIndex((pattern) => pattern.test(profile));
    return at < 0 ? PROFILES.length + 1 : at;
  };
  const h264 = formats.types(/^H264\/90000$/i);
  const [best] = h264
    .filter((type) => formats.parameter(type, 'packetization-mode') === '1' && rank(type) <= PROFILES.length)
    .sort((a, b) => rank(a) - rank(b));
  if (best === undefined) {
    const why = h264.length === 0 ? 'no H.264 is offered' : 'no H.264 with packetization-mode=1 is offered';
    throw unacceptable(why, 'Offer H.264 with packetization-mode=1.');
  }
  return best;
}
