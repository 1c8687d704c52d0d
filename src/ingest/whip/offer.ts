/** SDP of a publisher: what an offer would send, and the answer. Pure. */
import type { VideoCodec } from '../../media/access-unit.ts';
import type { SoundInfo } from '../../media/sound.ts';
import { type OfferedAudio, offeredAudio } from '../../webrtc/audio.ts';
import { bundleAround } from '../../webrtc/bundle.ts';
import { answerable, extensionIds, type OfferedFormat, OfferedFormats } from '../../webrtc/formats.ts';
import { type RemoteTransport, transportOf } from '../../webrtc/remote-transport.ts';
import { noCodec, onlyVideo, parseOffer, unacceptable } from '../../webrtc/sdp.ts';
import { type AnswerLayout, composeAnswer, type LocalTransport, layOut } from '../../webrtc/sdp-answer.ts';

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
  /** For logs: each codec of the offer, and whether it was chosen or why not. */
  readonly codecs: readonly string[];
  /**
   * Id of the transport-wide sequence number's header extension; undefined when it is not offered.
   */
  readonly transportCc: number | undefined;
  /** The sound beside it; undefined = none that is taken. */
  readonly audio: OfferedAudio | undefined;
  /** What the answer makes of the offer's sections. */
  readonly layout: AnswerLayout;
}

/** What we send: requests for lost packets and for keyframes, arrival times. */
const FEEDBACK = ['nack', 'nack pli', 'transport-cc'];

/** RTP encoding names to FFmpeg's spelling. */
const CODECS: ReadonlyMap<string, VideoCodec> = new Map([
  ['H264', 'h264'],
  ['VP8', 'vp8'],
  ['VP9', 'vp9'],
  ['H265', 'hevc'],
  ['AV1', 'av1'],
]);

/**
 * Reads a publisher's offer and chooses its video: of the codecs that we take, the one that it
 * prefers, AV1 only where it offers no other; of its sound the first codec that we know. Simulcast is not
 * taken: then browsers send the best layer alone.
 * @param sound true: its sound is wanted, where it is one that we know.
 * @throws FrameliftError `webrtc.bad-offer` when it is not SDP or lacks what WebRTC requires,
 * `webrtc.unacceptable` when it is sound but sends nothing that we take, `webrtc.no-codec` when it
 * sends it in other codecs.
 */
export function readPublication(text: string, sound = false): PublishedVideo {
  const offer = parseOffer(text);
  const remedy = 'Offer one video, sendonly.';
  const video = onlyVideo(offer, ['recvonly', 'inactive'], 'a publisher sends', remedy);
  if (offer.sections.filter(({ kind }) => kind === 'audio').length > 1) {
    throw unacceptable('there is more than one audio in it', 'Offer at most one audio beside the video.');
  }
  const bundle = bundleAround(video, offer);
  const remote = transportOf(bundle, video, offer);
  const formats = new OfferedFormats(video);
  const { format: chosen, codec } = chooseCodec(formats);
  const { payloadType, encoding } = chosen;
  const audio = sound ? firstCodec(offeredAudio(offer, bundle, ['recvonly', 'inactive'])) : undefined;
  return {
    remote,
    codec,
    encoding,
    payloadType,
    format: answerable(chosen),
    rtxPayloadType: formats.rtxOf(payloadType),
    feedback: formats.feedback(payloadType, FEEDBACK),
    codecs: formats.verdicts(chosen, (format) => unsuitable(format) ?? whyLess(format)),
    transportCc: extensionIds<'transportCc'>(video, PUBLISHER_EXTENSIONS).get('transportCc'),
    audio,
    layout: layOut(offer, video, bundle, audio?.section),
  };
}

/**
 * The answer: the chosen video and its sound recvonly, other media of its connection inactive, everything else
 * refused.
 */
export function writePublicationAnswer(video: PublishedVideo, local: LocalTransport, origin: number): string {
  const { transportCc, layout } = video;
  const extensions = transportCc === undefined ? [] : [`${transportCc} ${PUBLISHER_EXTENSIONS.transportCc}`];
  const audio = video.audio && { formats: video.audio.formats, direction: 'recvonly' };
  return composeAnswer({ layout, codec: video, direction: 'recvonly', extensions, audio, origin }, local);
}

/** The codec that the publisher prefers: it may send any that the answer names. */
function firstCodec(audio: OfferedAudio | undefined): OfferedAudio | undefined {
  return audio && { ...audio, formats: audio.formats.slice(0, 1) };
}

/** What its source says of a publisher's sound. */
export function soundOf({ audio }: PublishedVideo): SoundInfo | undefined {
  const [format] = audio?.formats ?? [];
  return format && { codec: FFMPEG_NAMES[format.codec], sent: format.codec };
}

const FFMPEG_NAMES = { opus: 'opus', pcmu: 'pcm_mulaw', pcma: 'pcm_alaw' } as const;

/** Why a format cannot be taken; undefined when it can. */
function unsuitable({ encoding, parameters }: OfferedFormat): string | undefined {
  if (!CODECS.has(encoding)) return 'no codec that is taken';
  const interleaved = encoding === 'H264' && parameters.get('packetization-mode') === '2';
  return interleaved ? 'interleaved mode is not taken' : undefined;
}

/** Why a format that could be taken was not. */
function whyLess({ encoding }: OfferedFormat): string {
  return encoding === 'AV1' ? 'costs both sides the most: the last resort' : 'the publisher prefers another';
}

/**
 * The first format of the m= line that we take, the publisher's favourite; AV1, which costs both
 * sides the most, comes last.
 */
function chooseCodec(formats: OfferedFormats): { format: OfferedFormat; codec: VideoCodec } {
  const suitable = formats.codecs.filter((format) => unsuitable(format) === undefined);
  const format = suitable.find(({ encoding }) => encoding !== 'AV1') ?? suitable[0];
  const codec = format && CODECS.get(format.encoding);
  if (codec) return { format, codec };
  throw noCodec(
    `the publisher sends ${formats.names()}, none of which framelift takes`,
    'Publish H.264 (packetization-mode 0 or 1), VP8, VP9, H.265 or AV1.',
  );
}
