/** SDP of a player: what an offer asks for, and the answer. Pure. */
import { bundleAround } from '../webrtc/bundle.ts';
import { answerable, describe, extensionIds, type OfferedFormat, OfferedFormats } from '../webrtc/formats.ts';
import { type RemoteTransport, transportOf } from '../webrtc/remote-transport.ts';
import { midOf, onlyVideo, parseOffer, unacceptable } from '../webrtc/sdp.ts';
import { type AnswerLayout, composeAnswer, type LocalTransport, layOut } from '../webrtc/sdp-answer.ts';

/**
 * Header extensions we send, by the name used here. `transportCc` is offered and numbered; not
 * acted on until bandwidth estimation exists.
 */
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
  /** For logs: each codec of the offer, and whether it was chosen or why not. */
  readonly codecs: readonly string[];
  /** What the answer makes of the offer's sections. */
  readonly layout: AnswerLayout;
}

/** Our side of the connection, with what we send on it. */
export interface LocalSender extends LocalTransport {
  readonly ssrc: number;
  readonly rtxSsrc: number;
  readonly cname: string;
}

/**
 * Repeated of what the player offers. Lost packets are sent again and keyframes made;
 * `transport-cc` is taken and packets are numbered for it, but what players report is not acted on
 * until bandwidth estimation exists.
 */
const FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'transport-cc'];

/**
 * Reads an offer and chooses its video.
 * @throws FrameliftError `webrtc.bad-offer` when it is not SDP or lacks what WebRTC requires,
 * `webrtc.unacceptable` when it is sound but asks for what we do not give.
 */
export function readOffer(text: string): OfferedVideo {
  const offer = parseOffer(text);
  const remedy = 'Offer one video, recvonly.';
  const video = onlyVideo(offer, ['sendonly', 'inactive'], 'a player receives', remedy);
  const bundle = bundleAround(video, offer);
  const remote = transportOf(bundle, video, offer);
  const formats = new OfferedFormats(video);
  const chosen = chooseCodec(formats);
  const { payloadType } = chosen;
  return {
    remote,
    mid: midOf(video) ?? '0',
    payloadType,
    format: answerable(chosen),
    rtxPayloadType: formats.rtxOf(payloadType),
    extensions: extensionIds<ExtensionName>(video, EXTENSIONS),
    feedback: formats.feedback(payloadType, FEEDBACK),
    codecs: formats.verdicts(
      chosen,
      (format) => unsuitable(format) ?? 'a profile that more decoders take is preferred',
    ),
    layout: layOut(offer, video, bundle),
  };
}

/**
 * The answer: the chosen video sendonly, data channels as offered, other media of its connection
 * inactive, everything else refused.
 */
export function writeAnswer(video: OfferedVideo, local: LocalSender): string {
  const { payloadType, format, rtxPayloadType, feedback, layout } = video;
  const { ssrc, rtxSsrc, cname } = local;
  const lines = ['a=msid:framelift video'];
  if (rtxPayloadType !== undefined) lines.push(`a=ssrc-group:FID ${ssrc} ${rtxSsrc}`);
  lines.push(`a=ssrc:${ssrc} cname:${cname}`);
  if (rtxPayloadType !== undefined) lines.push(`a=ssrc:${rtxSsrc} cname:${cname}`);
  const codec = { payloadType, encoding: 'H264', format, rtxPayloadType, feedback };
  const extensions = [...video.extensions].map(([name, id]) => `${id} ${EXTENSIONS[name]}`);
  return composeAnswer({ layout, codec, direction: 'sendonly', extensions, lines, origin: ssrc }, local);
}

/** Formats that a refusal names. */
const MAX_NAMED = 8;

/**
 * Which H.264 profile is preferred: we send constrained baseline, which decoders of the others take
 * as well.
 */
const PROFILES = [/^42[ef]0/i, /^42c0/i, /^4200/i, /^4d/i, /^64/i];

/**
 * Lower is better; undefined when it is none that we send. A format that names no profile comes
 * last.
 */
function rank({ parameters }: OfferedFormat): number | undefined {
  const profile = parameters.get('profile-level-id');
  if (profile === undefined) return PROFILES.length;
  const at = PROFILES.findIndex((pattern) => pattern.test(profile));
  return at < 0 ? undefined : at;
}

/** Why a format cannot be sent; undefined when it can. */
function unsuitable(format: OfferedFormat): string | undefined {
  if (format.encoding !== 'H264') return 'players are sent H.264 alone';
  if (format.parameters.get('packetization-mode') !== '1') return 'packetization-mode=1 is needed';
  return rank(format) === undefined
    ? 'constrained baseline is sent, which decoders of this profile may not take'
    : undefined;
}

function chooseCodec(formats: OfferedFormats): OfferedFormat {
  const suitable = formats.codecs.filter((format) => unsuitable(format) === undefined);
  const [best] = suitable.sort((a, b) => (rank(a) ?? 0) - (rank(b) ?? 0));
  if (best) return best;
  const h264 = formats.codecs.filter(({ encoding }) => encoding === 'H264');
  const why =
    h264.length === 0
      ? `no H.264 is offered (it offers ${formats.names()})`
      : `no H.264 with packetization-mode=1 and a profile that we send is offered (${h264.slice(0, MAX_NAMED).map(describe).join(', ')})`;
  throw unacceptable(why, 'Offer H.264 with packetization-mode=1.');
}
