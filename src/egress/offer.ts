/** SDP of a player: what an offer asks for, and the answer. Pure. */
import type { SoundCodec } from '../media/sound.ts';
import { type OfferedAudio, offeredAudio } from '../webrtc/audio.ts';
import { bundleAround } from '../webrtc/bundle.ts';
import { answerable, describe, extensionIds, type OfferedFormat, OfferedFormats } from '../webrtc/formats.ts';
import { type RemoteTransport, transportOf } from '../webrtc/remote-transport.ts';
import { midOf, noCodec, onlyVideo, parseOffer } from '../webrtc/sdp.ts';
import {
  type AnsweredAudio,
  type AnswerLayout,
  composeAnswer,
  type LocalTransport,
  layOut,
} from '../webrtc/sdp-answer.ts';
import type { SentCodec } from './codec/encoder-name.ts';
import { type H264Profile, takesProfile } from './codec/h264-syntax.ts';

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
  readonly codec: SentCodec;
  /** Format parameters of the chosen codec, as offered. */
  readonly format: string;
  /** The `profile-level-id` of that format. */
  readonly profile: string | undefined;
  /** It takes single NAL unit packets alone: slices must fit into packets. */
  readonly singleNal: boolean;
  readonly rtxPayloadType: number | undefined;
  /** Ids (1…14) of the extensions offered. */
  readonly extensions: ReadonlyMap<ExtensionName, number>;
  readonly feedback: readonly string[];
  /** For logs: each codec of the offer, and whether it was chosen or why not. */
  readonly codecs: readonly string[];
  /** The sound that may be sent beside it; undefined when none is asked for that we have. */
  readonly audio: (OfferedAudio & { readonly extensions: ReadonlyMap<SoundExtension, number> }) | undefined;
  /** What the answer makes of the offer's sections. */
  readonly layout: AnswerLayout;
}

/** Name of a header extension that packets of sound carry. */
type SoundExtension = 'mid';

/** Our side of the connection, with what we send on it. */
export interface LocalSender extends LocalTransport {
  readonly ssrc: number;
  readonly rtxSsrc: number;
  readonly cname: string;
  /** Of the sound; undefined = none is sent. */
  readonly soundSsrc?: number | undefined;
}

/**
 * Repeated of what the player offers. Lost packets are sent again and keyframes made; what its path
 * carries is estimated from `transport-cc`, or taken from `goog-remb`.
 */
const FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'transport-cc', 'goog-remb'];

/**
 * Reads an offer and chooses its video.
 * @param sent the profile that is sent, if it is another one than constrained baseline: formats that
 * take it come first.
 * @throws FrameliftError `webrtc.bad-offer` when it is not SDP or lacks what WebRTC requires,
 * `webrtc.unacceptable` when it is sound but asks for what we do not give, `webrtc.no-codec` when it
 * takes only other codecs.
 */
export function readOffer(text: string, sent?: H264Profile): OfferedVideo {
  const offer = parseOffer(text);
  const remedy = 'Offer one video, recvonly.';
  const video = onlyVideo(offer, ['sendonly', 'inactive'], 'a player receives', remedy);
  const bundle = bundleAround(video, offer);
  const remote = transportOf(bundle, video, offer);
  const formats = new OfferedFormats(video);
  const chosen = chooseCodec(formats, sent);
  const { payloadType } = chosen;
  const audio = offeredAudio(offer, bundle, ['sendonly', 'inactive']);
  const extensions = extensionIds<ExtensionName>(video, EXTENSIONS);
  return {
    remote,
    mid: midOf(video) ?? '0',
    payloadType,
    codec: chosen.encoding === 'H264' ? 'h264' : 'vp8',
    format: answerable(chosen),
    profile: chosen.parameters.get('profile-level-id'),
    singleNal: chosen.encoding === 'H264' && isSingleNal(chosen),
    rtxPayloadType: formats.rtxOf(payloadType),
    extensions,
    feedback: oneEstimate(formats.feedback(payloadType, FEEDBACK), extensions),
    codecs: formats.verdicts(chosen, (format) => unsuitable(format) ?? whyLess(format)),
    audio: audio && { ...audio, extensions: extensionIds<SoundExtension>(audio.section, { mid: EXTENSIONS.mid }) },
    layout: layOut(offer, video, bundle, audio?.section),
  };
}

/** What a viewer is sent of a stream's sound. */
export interface ViewerSound {
  /** As RTP's payload types. */
  readonly payloadTypes: ReadonlyMap<SoundCodec, number>;
  readonly mid: string | undefined;
  /** Id of the header extension; undefined without one. */
  readonly midExtension: number | undefined;
}

/** What a player can be sent of sound in `codec`; undefined where it takes none, or there is none. */
export function soundFor({ audio }: OfferedVideo, codec: SoundCodec | undefined): ViewerSound | undefined {
  if (!audio?.formats.some((format) => format.codec === codec)) return undefined;
  const payloadTypes = new Map(audio.formats.map((format) => [format.codec, format.payloadType]));
  return { payloadTypes, mid: audio.mid, midExtension: audio.extensions.get('mid') };
}

/**
 * The answer: the chosen video sendonly, the sound beside it where there is any, data channels as offered, other media of its connection
 * inactive, everything else refused.
 */
export function writeAnswer(video: OfferedVideo, local: LocalSender): string {
  const { payloadType, codec: sent, format, rtxPayloadType, feedback, layout } = video;
  const { ssrc, rtxSsrc, cname, soundSsrc } = local;
  const lines = ['a=msid:framelift video'];
  if (rtxPayloadType !== undefined) lines.push(`a=ssrc-group:FID ${ssrc} ${rtxSsrc}`);
  lines.push(`a=ssrc:${ssrc} cname:${cname}`);
  if (rtxPayloadType !== undefined) lines.push(`a=ssrc:${rtxSsrc} cname:${cname}`);
  const codec = { payloadType, encoding: ENCODINGS[sent], format, rtxPayloadType, feedback };
  const extensions = [...video.extensions].map(([name, id]) => `${id} ${EXTENSIONS[name]}`);
  const audio = soundSsrc === undefined ? undefined : answeredSound(video, soundSsrc, cname);
  return composeAnswer({ layout, codec, direction: 'sendonly', extensions, lines, audio, origin: ssrc }, local);
}

/** All codecs in common are named: the source may change over to another one. */
function answeredSound({ audio }: OfferedVideo, ssrc: number, cname: string): AnsweredAudio | undefined {
  if (!audio) return undefined;
  const extensions = [...audio.extensions].map(([name, id]) => `${id} ${EXTENSIONS[name]}`);
  const lines = ['a=msid:framelift sound', `a=ssrc:${ssrc} cname:${cname}`];
  return { formats: audio.formats, direction: 'sendonly', extensions, lines };
}

/** One kind of estimate: by reports of arrivals where packets can be numbered for them, the player's own estimate elsewhere. */
function oneEstimate(feedback: readonly string[], extensions: ReadonlyMap<ExtensionName, number>): string[] {
  const arrivals = feedback.includes('transport-cc') && extensions.has('transportCc');
  return feedback.filter((kind) => kind !== (arrivals ? 'goog-remb' : 'transport-cc'));
}

/** Formats that a refusal names. */
const MAX_NAMED = 8;

/**
 * Which H.264 profile is preferred where we send constrained baseline, which decoders of the others take
 * as well. Where a source's main or high profile is sent on, those that take it come before.
 */
const PROFILES = [/^42[ef]0/i, /^42c0/i, /^4200/i, /^4d/i, /^64/i];
/** As SDP spells them. */
const ENCODINGS: Readonly<Record<SentCodec, string>> = { h264: 'H264', vp8: 'VP8' };
/** For the person who sits before a browser without the codecs. */
const USE_SENT =
  'Use a player that takes H.264 or VP8: Chrome, Edge, Safari, Firefox, or any other browser with WebRTC.';

/**
 * Lower is better; undefined when it is none that we send. A format that names no profile comes
 * last of its packetization mode; mode 1 comes before mode 0, which costs all viewers bits.
 */
function rank(format: OfferedFormat, sent: H264Profile = 'constrained baseline'): number | undefined {
  const profile = format.parameters.get('profile-level-id');
  const at = profile === undefined ? PROFILES.length : PROFILES.findIndex((pattern) => pattern.test(profile));
  if (at < 0) return undefined;
  const count = PROFILES.length + 1;
  return at + (takesProfile(profile, sent) ? 0 : count) + (isSingleNal(format) ? 2 * count : 0);
}

/** True for packetization mode 0 (RFC 6184, section 6.2), which is what a format without one means. */
function isSingleNal({ parameters }: OfferedFormat): boolean {
  return (parameters.get('packetization-mode') ?? '0') === '0';
}

/** Why a format cannot be sent; undefined when it can. */
function unsuitable(format: OfferedFormat): string | undefined {
  if (format.encoding === 'VP8') return undefined;
  if (format.encoding !== 'H264') return 'players are sent H.264 or VP8';
  const mode = format.parameters.get('packetization-mode') ?? '0';
  if (mode !== '0' && mode !== '1') return 'packetization-mode 0 or 1 is sent';
  return rank(format) === undefined
    ? 'constrained baseline is sent, which decoders of this profile may not take'
    : undefined;
}

/** Why a format that could be sent was not. */
function whyLess({ encoding }: OfferedFormat): string {
  return encoding === 'VP8' ? 'H.264 is preferred' : 'another profile or packetization mode is preferred';
}

/** H.264 before VP8: its encoder is there in any case, and does more with the same bits. */
function chooseCodec(formats: OfferedFormats, sent: H264Profile | undefined): OfferedFormat {
  const suitable = formats.codecs.filter((format) => unsuitable(format) === undefined);
  const [best] = suitable
    .filter(({ encoding }) => encoding === 'H264')
    .sort((a, b) => (rank(a, sent) ?? 0) - (rank(b, sent) ?? 0));
  const chosen = best ?? suitable[0];
  if (chosen) return chosen;
  const h264 = formats.codecs.filter(({ encoding }) => encoding === 'H264');
  if (h264.length === 0) {
    throw noCodec(`this player plays ${formats.names()} alone, and H.264 and VP8 are what players are sent`, USE_SENT);
  }
  throw noCodec(
    `this player takes no VP8, and no H.264 of the kind that is sent, constrained baseline (it offers ${h264.slice(0, MAX_NAMED).map(describe).join(', ')})`,
    'Offer VP8, or H.264 with a baseline, main or high profile and packetization-mode 0 or 1.',
  );
}
