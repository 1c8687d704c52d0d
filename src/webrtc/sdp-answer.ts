/** SDP answers to players and publishers: what all have in common. Pure. */
import type { SdpSection, SessionDescription } from '../media/sdp.ts';
import { SOUND_MAPPING } from '../media/sound.ts';
import type { AudioFormat } from './audio.ts';
import { type Bundle, type IdleCodec, idleCodec, isDraftSctp } from './bundle.ts';
import { DEFAULT_MESSAGE_SIZE } from './remote-transport.ts';
import { midOf } from './sdp.ts';

/** What an answer repeats of each media section. */
interface SectionHead {
  readonly kind: string;
  readonly protocol: string;
  readonly mid: string | undefined;
  /**
   * What becomes of it: the video that was chosen, the sound, data channels, `idle` media that only keep the
   * connection that they share, or refused.
   */
  readonly use: 'video' | 'audio' | 'data' | 'idle' | 'refused';
  /** It carries the connection. */
  readonly carrier: boolean;
  /** For media that are not sent. */
  readonly codec: IdleCodec;
}

/** All sections of an offer in their order, and what is kept of them. */
export interface AnswerLayout {
  readonly sections: readonly SectionHead[];
  /** Names of the answer's BUNDLE group, the carrier's first; empty without a group. */
  readonly group: readonly string[];
}

/** What an answer makes of an offer's sections. @param audio the sound that is taken. */
export function layOut(
  offer: SessionDescription,
  video: SdpSection,
  { carrier, kept, data, grouped }: Bundle,
  audio?: SdpSection,
): AnswerLayout {
  const useOf = (section: SdpSection): SectionHead['use'] => {
    if (section === video) return 'video';
    if (section === audio) return 'audio';
    if (section === data) return 'data';
    return kept.includes(section) ? 'idle' : 'refused';
  };
  return {
    sections: offer.sections.map((section) => ({
      kind: section.kind,
      protocol: section.protocol,
      mid: midOf(section),
      use: useOf(section),
      carrier: section === carrier,
      codec: idleCodec(section),
    })),
    group: grouped ? kept.map(midOf).filter((mid) => mid !== undefined) : [],
  };
}

/** Our side of a connection, as the WebRTC library tells it. */
export interface LocalTransport {
  readonly iceUfrag: string;
  readonly icePwd: string;
  readonly iceLite: boolean;
  /** `sha-256 AB:CD…` */
  readonly fingerprint: string;
  readonly setup: string;
  /** Values of `a=candidate:` lines, all of them; undefined when they are told later. */
  readonly candidates: readonly string[] | undefined;
}

/** The codec that an answer names. */
interface AnsweredCodec {
  readonly payloadType: number;
  /** `H264`, `VP8`. */
  readonly encoding: string;
  /** Format parameters, empty for none. */
  readonly format: string;
  readonly rtxPayloadType: number | undefined;
  readonly feedback: readonly string[];
}

/** What an answer says of the sound. */
export interface AnsweredAudio {
  readonly formats: readonly AudioFormat[];
  /** `sendonly` or `recvonly`. */
  readonly direction: string;
  readonly extensions?: readonly string[];
  readonly lines?: readonly string[];
}

/** What an answer says of the chosen section. */
export interface AnsweredVideo {
  readonly layout: AnswerLayout;
  readonly codec: AnsweredCodec;
  /** `sendonly` or `recvonly`. */
  readonly direction: string;
  /** `<id> <uri>` of header extensions. */
  readonly extensions: readonly string[];
  /** Further lines of the section. */
  readonly lines?: readonly string[];
  /** The sound; undefined = none: its section stays idle. */
  readonly audio?: AnsweredAudio | undefined;
  /** Session id: a number of our own. */
  readonly origin: number;
}

/**
 * An answer: the chosen section with its codec, data channels and idle media on the same connection,
 * everything else refused. Candidates are told where the connection is carried. ICE and DTLS values
 * are repeated in every section: RFC 9143 asks for them in one alone, but GStreamer and aiortc take no
 * answer with a section that lacks them, be it refused.
 */
export function composeAnswer(video: AnsweredVideo, local: LocalTransport): string {
  const { sections, group } = video.layout;
  const lines = ['v=0', `o=- ${video.origin} 1 IN IP4 0.0.0.0`, 's=-', 't=0 0'];
  if (group.length > 0) lines.push(`a=group:BUNDLE ${group.join(' ')}`);
  if (local.iceLite) lines.push('a=ice-lite');
  lines.push('a=ice-options:trickle');
  lines.push('a=msid-semantic: WMS *');
  for (const section of sections) {
    lines.push(...sectionLines(video, section, local));
    if (!section.carrier || !local.candidates) continue;
    lines.push(...local.candidates.map((candidate) => `a=candidate:${candidate}`), 'a=end-of-candidates');
  }
  return `${lines.join('\r\n')}\r\n`;
}

function sectionLines(video: AnsweredVideo, head: SectionHead, local: LocalTransport): string[] {
  if (head.use === 'video') return videoSection(video, head, local);
  if (head.use === 'data') return dataSection(head, local);
  if (head.use === 'audio' && video.audio) return audioSection(video.audio, head, local);
  const { format, mapping } = head.codec;
  return [
    `m=${head.kind} ${head.use === 'refused' ? 0 : 9} ${head.protocol} ${format}`,
    ...placeLines(head),
    ...['a=inactive', 'a=rtcp-mux'],
    ...transportLines(local),
    ...(mapping === undefined ? [] : [`a=rtpmap:${format} ${mapping}`]),
  ];
}

function placeLines({ mid }: SectionHead): string[] {
  return ['c=IN IP4 0.0.0.0', ...(mid === undefined ? [] : [`a=mid:${mid}`])];
}

function videoSection(
  { codec, direction, extensions, lines = [] }: AnsweredVideo,
  head: SectionHead,
  local: LocalTransport,
): string[] {
  const { payloadType, rtxPayloadType } = codec;
  const formats = rtxPayloadType === undefined ? `${payloadType}` : `${payloadType} ${rtxPayloadType}`;
  return [
    `m=video 9 ${head.protocol} ${formats}`,
    ...placeLines(head),
    ...[`a=${direction}`, 'a=rtcp-mux', 'a=rtcp-rsize'],
    ...transportLines(local),
    ...extensions.map((extension) => `a=extmap:${extension}`),
    ...codecLines(codec),
    ...lines,
  ];
}

function audioSection(
  { formats, direction, extensions = [], lines = [] }: AnsweredAudio,
  head: SectionHead,
  local: LocalTransport,
): string[] {
  return [
    `m=audio 9 ${head.protocol} ${formats.map(({ payloadType }) => payloadType).join(' ')}`,
    ...placeLines(head),
    ...[`a=${direction}`, 'a=rtcp-mux', 'a=rtcp-rsize'],
    ...transportLines(local),
    ...extensions.map((extension) => `a=extmap:${extension}`),
    ...formats.flatMap(({ codec, payloadType, fmtp }) => [
      `a=rtpmap:${payloadType} ${SOUND_MAPPING[codec]}`,
      ...(fmtp ? [`a=fmtp:${payloadType} ${fmtp}`] : []),
    ]),
    ...lines,
  ];
}

function dataSection(head: SectionHead, local: LocalTransport): string[] {
  const draft = isDraftSctp(head.protocol);
  return [
    `m=application 9 ${head.protocol} ${draft ? SCTP_PORT : 'webrtc-datachannel'}`,
    ...placeLines(head),
    ...transportLines(local),
    draft ? `a=sctpmap:${SCTP_PORT} webrtc-datachannel 1024` : `a=sctp-port:${SCTP_PORT}`,
    `a=max-message-size:${DEFAULT_MESSAGE_SIZE}`,
  ];
}

/** Our side's, as werift has it. */
const SCTP_PORT = 5000;

function transportLines({ iceUfrag, icePwd, fingerprint, setup }: LocalTransport): string[] {
  return [`a=ice-ufrag:${iceUfrag}`, `a=ice-pwd:${icePwd}`, `a=fingerprint:${fingerprint}`, `a=setup:${setup}`];
}

function codecLines({ payloadType, encoding, format, rtxPayloadType, feedback }: AnsweredCodec): string[] {
  const lines = [`a=rtpmap:${payloadType} ${encoding}/90000`];
  for (const kind of feedback) lines.push(`a=rtcp-fb:${payloadType} ${kind}`);
  if (format) lines.push(`a=fmtp:${payloadType} ${format}`);
  if (rtxPayloadType !== undefined) {
    lines.push(`a=rtpmap:${rtxPayloadType} rtx/90000`, `a=fmtp:${rtxPayloadType} apt=${payloadType}`);
  }
  return lines;
}

/**
 * Where a candidate belongs, as `RTCIceCandidate` says it: the section that carries the connection in
 * an answer of ours.
 */
export function candidateTarget(answer: string): { readonly sdpMid?: string; readonly sdpMLineIndex: number } {
  const [session = '', ...sections] = answer.split(/^m=/m);
  const first = /^a=group:BUNDLE (\S+)/m.exec(session)?.[1];
  const mids = sections.map((section) => /^a=mid:(.+?)\r?$/m.exec(section)?.[1]);
  const sdpMLineIndex =
    first === undefined ? sections.findIndex((section) => !/^\S+ 0 /.test(section)) : mids.indexOf(first);
  const sdpMid = mids[sdpMLineIndex];
  return { ...(sdpMid === undefined ? {} : { sdpMid }), sdpMLineIndex };
}
