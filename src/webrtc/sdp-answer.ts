/** SDP answers to players and publishers: what all have in common. Pure. */
import type { SdpSection, SessionDescription } from '../media/sdp.ts';
import { DEFAULT_MESSAGE_SIZE } from './remote-transport.ts';
import { midOf } from './sdp.ts';

/** What an answer repeats of each media section. */
export interface SectionHead {
  readonly kind: string;
  readonly protocol: string;
  readonly firstFormat: string;
  readonly mid: string | undefined;
  readonly chosen: boolean;
  /** It carries data channels, which are taken. */
  readonly data: boolean;
}

/**
 * The heads of all sections of an offer, for {@link composeAnswer}.
 * @param data the section of data channels that are taken.
 */
export function headsOf(offer: SessionDescription, chosen: SdpSection, data?: SdpSection): SectionHead[] {
  return offer.sections.map((section) => ({
    kind: section.kind,
    protocol: section.protocol,
    firstFormat: section.formats[0] ?? '0',
    mid: midOf(section),
    chosen: section === chosen,
    data: section === data,
  }));
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

/** What an answer says of the chosen section. */
export interface AnsweredVideo {
  readonly sections: readonly SectionHead[];
  readonly codec: AnsweredCodec;
  /** `sendonly` or `recvonly`. */
  readonly direction: string;
  /** `<id> <uri>` of header extensions. */
  readonly extensions: readonly string[];
  /** Further lines of the section. */
  readonly lines?: readonly string[];
  /** Session id: a number of our own. */
  readonly origin: number;
}

/**
 * An answer: the chosen section with its codec and all candidates, data channels beside it,
 * everything else refused.
 */
export function composeAnswer(video: AnsweredVideo, local: LocalTransport): string {
  const bundled = video.sections.filter(({ chosen, data, mid }) => (chosen || data) && mid !== undefined);
  const lines = ['v=0', `o=- ${video.origin} 1 IN IP4 0.0.0.0`, 's=-', 't=0 0'];
  if (bundled.length > 0) lines.push(`a=group:BUNDLE ${bundled.map(({ mid }) => mid).join(' ')}`);
  if (local.iceLite) lines.push('a=ice-lite');
  lines.push('a=ice-options:trickle');
  lines.push('a=msid-semantic: WMS *');
  for (const section of video.sections) {
    if (section.chosen) lines.push(...videoSection(video, section, local));
    else if (section.data) lines.push(...dataSection(section, local));
    else {
      lines.push(`m=${section.kind} 0 ${section.protocol} ${section.firstFormat}`, 'c=IN IP4 0.0.0.0', 'a=inactive');
      if (section.mid !== undefined) lines.push(`a=mid:${section.mid}`);
    }
  }
  return `${lines.join('\r\n')}\r\n`;
}

function videoSection(
  { codec, direction, extensions, lines = [] }: AnsweredVideo,
  head: SectionHead,
  local: LocalTransport,
) {
  const { payloadType, rtxPayloadType } = codec;
  const formats = rtxPayloadType === undefined ? `${payloadType}` : `${payloadType} ${rtxPayloadType}`;
  return [
    `m=video 9 ${head.protocol} ${formats}`,
    'c=IN IP4 0.0.0.0',
    ...(head.mid === undefined ? [] : [`a=mid:${head.mid}`]),
    ...[`a=${direction}`, 'a=rtcp-mux', 'a=rtcp-rsize'],
    ...transportLines(local),
    ...extensions.map((extension) => `a=extmap:${extension}`),
    ...codecLines(codec),
    ...lines,
    ...(local.candidates?.map((candidate) => `a=candidate:${candidate}`) ?? []),
    ...(local.candidates ? ['a=end-of-candidates'] : []),
  ];
}

function dataSection({ protocol, mid }: SectionHead, local: LocalTransport): string[] {
  return [
    `m=application 9 ${protocol} webrtc-datachannel`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    ...transportLines(local),
    ...[`a=sctp-port:${SCTP_PORT}`, `a=max-message-size:${DEFAULT_MESSAGE_SIZE}`],
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
 * Where a candidate belongs, as `RTCIceCandidate` says it: the video that was taken in an answer of
 * ours.
 */
export function candidateTarget(answer: string): { readonly sdpMid?: string; readonly sdpMLineIndex: number } {
  const sections = answer.split(/^m=/m).slice(1);
  const sdpMLineIndex = sections.findIndex((section) => section.startsWith('video 9 '));
  const sdpMid = /^a=mid:(.+?)\r?$/m.exec(sections[sdpMLineIndex] ?? '')?.[1];
  return { ...(sdpMid === undefined ? {} : { sdpMid }), sdpMLineIndex };
}
