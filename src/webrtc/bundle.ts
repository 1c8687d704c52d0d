/**
 * BUNDLE (RFC 9143): which sections of an offer share the connection of its video, which of them
 * carries it, and which an answer keeps. Pure.
 */
import { SDP_TOKEN, type SdpSection, type SessionDescription, splitWord } from '../media/sdp.ts';
import { badOffer, isActive, isDtlsSrtp, midOf, unacceptable } from './sdp.ts';

/** The sections that share one connection. */
export interface Bundle {
  /**
   * The one whose ICE and DTLS values count, RFC 9143's tagged section: the first of the group with
   * a port of its own. It may be audio that is not sent: without it there would be no connection.
   */
  readonly carrier: SdpSection;
  /** All that the answer keeps, the carrier first, then in the order of the group. */
  readonly kept: readonly SdpSection[];
  /** The one that carries data channels; undefined without one. */
  readonly data: SdpSection | undefined;
  /** False for a video outside any group, which then is alone. */
  readonly grouped: boolean;
}

/**
 * What shares a connection with `video`: data channels, and other media, which are kept so that
 * their sender need not make another connection.
 * @throws FrameliftError `webrtc.bad-offer`, `webrtc.unacceptable` when nothing that is taken
 * carries the group.
 */
export function bundleAround(video: SdpSection, offer: SessionDescription): Bundle {
  const group = groupOf(video, offer);
  const members = group ?? [video];
  if (!members.some(({ port }) => port !== 0)) throw badOffer('a=bundle-only is on every section of its group');
  const data = group?.find((section) => dataPort(section) > 0);
  const kept = members.filter((section) => section === video || section === data || isDtlsSrtp(section));
  const carrier = kept.find(({ port }) => port !== 0);
  if (!carrier) {
    const { kind, protocol } = members.find(({ port }) => port !== 0) ?? video;
    throw unacceptable(`${kind} over ${protocol}, which carries the video's BUNDLE group, is not taken`);
  }
  const others = kept.filter((section) => section !== carrier);
  return { carrier, kept: [carrier, ...others], data, grouped: group !== undefined };
}

/** The group of a section in its order, without what the offer itself refuses; undefined in none. */
function groupOf(section: SdpSection, { session, sections }: SessionDescription): SdpSection[] | undefined {
  const mid = midOf(section);
  if (mid === undefined) return undefined;
  const byMid = new Map(sections.filter(isActive).map((other) => [midOf(other), other]));
  for (const line of session.all('group')) {
    const [kind, ...mids] = line.split(/\s+/);
    if (kind !== 'BUNDLE' || !mids.includes(mid)) continue;
    return [...new Set(mids.map((member) => byMid.get(member)))].filter((other) => other !== undefined);
  }
  return undefined;
}

/**
 * The SCTP port of a section that carries data channels, as RFC 8841 has it or, as aiortc offers it,
 * in the form of the drafts before (`m=application 9 DTLS/SCTP 5000` with `a=sctpmap`); 0 for
 * another section.
 */
export function dataPort({ kind, protocol, formats, attributes }: SdpSection): number {
  if (kind !== 'application') return 0;
  const [format = ''] = formats;
  if (isDraftSctp(protocol)) {
    return attributes.all('sctpmap').some((line) => line.startsWith(`${format} webrtc-datachannel`)) ? port(format) : 0;
  }
  const named = /^(UDP|TCP)\/DTLS\/SCTP$/.test(protocol) && formats.includes('webrtc-datachannel');
  return named ? port(attributes.first('sctp-port') ?? '') : 0;
}

/** True for the protocol of data channels before RFC 8841, which has the port for a format. */
export function isDraftSctp(protocol: string): boolean {
  return protocol === 'DTLS/SCTP';
}

function port(text: string): number {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : 0;
}

/** A codec that stands for a section whose media are not wanted. */
export interface IdleCodec {
  /** As the m= line has it. */
  readonly format: string;
  /** The value of `a=rtpmap` behind the format: `opus/48000/2`; undefined without a sound one. */
  readonly mapping: string | undefined;
}

/** Its first format that has a name, else its first: an answer must repeat one. */
export function idleCodec({ formats, attributes }: SdpSection): IdleCodec {
  const mappings = new Map<string, string>();
  for (const line of attributes.all('rtpmap')) {
    const [format, mapping] = splitWord(line);
    if (!mappings.has(format) && isMapping(mapping)) mappings.set(format, mapping);
  }
  const format = formats.find((candidate) => mappings.has(candidate)) ?? formats[0] ?? '0';
  return { format, mapping: mappings.get(format) };
}

function isMapping(text: string): boolean {
  const [encoding = '', rate = '', channels = '1', ...more] = text.split('/', 4);
  return SDP_TOKEN.test(encoding) && /^\d{1,9}$/.test(rate) && /^\d{1,3}$/.test(channels) && more.length === 0;
}
