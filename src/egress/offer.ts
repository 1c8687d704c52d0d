/** SDP of a player: what an offer asks for, the little of it that WebRTC needs to see, and the answer. Strict, so that nothing odd reaches the WebRTC library. Pure. */
import { FrameliftError } from '../errors.ts';

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
  /** Offer with nothing but the chosen video, for the WebRTC library. */
  readonly sdp: string;
  readonly mid: string;
  readonly payloadType: number;
  /** Format parameters of the chosen H.264, as offered. */
  readonly format: string;
  readonly rtxPayloadType: number | undefined;
  /** Ids (1…14) of the extensions offered. */
  readonly extensions: ReadonlyMap<ExtensionName, number>;
  readonly feedback: readonly string[];
  readonly iceUfrag: string;
  /** All sections in their order, for the answer. */
  readonly sections: readonly SectionHead[];
}

/** What the answer must repeat of a media section. */
interface SectionHead {
  readonly kind: string;
  readonly protocol: string;
  readonly firstFormat: string;
  readonly mid: string | undefined;
  readonly chosen: boolean;
}

/** Transport side of the answer, as the WebRTC library tells it. */
export interface LocalTransport {
  readonly iceUfrag: string;
  readonly icePwd: string;
  readonly iceLite: boolean;
  /** `sha-256 AB:CD…` */
  readonly fingerprint: string;
  readonly setup: string;
  /** Values of `a=candidate:` lines, without the prefix. */
  readonly candidates: readonly string[];
  readonly ssrc: number;
  readonly rtxSsrc: number;
  readonly cname: string;
}

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}$/;
const ICE_CHARS = /^[A-Za-z0-9+/]+$/;
const FINGERPRINT = /^(sha-(?:1|224|256|384|512)) ((?:[0-9A-Fa-f]{2}:){15,}[0-9A-Fa-f]{2})$/;
const MAX_SECTIONS = 32;
const MAX_LINES = 5000;
/** `nack`, `nack pli`, `ccm fir`, `transport-cc` are what we act on. */
const FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'transport-cc'];

const bad = (message: string): FrameliftError => new FrameliftError('webrtc.bad-offer', `SDP offer: ${message}`);
const unacceptable = (message: string, remedy?: string): FrameliftError =>
  new FrameliftError('webrtc.unacceptable', `SDP offer: ${message}`, remedy === undefined ? {} : { remedy });

interface Section {
  readonly kind: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** Values of `a=` lines by name, in order. */
  readonly attributes: Attributes;
}

class Attributes {
  readonly #lines: [string, string][] = [];

  add(line: string): void {
    const colon = line.indexOf(':');
    this.#lines.push(colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)]);
  }

  first(name: string): string | undefined {
    return this.#lines.find(([key]) => key === name)?.[1];
  }

  all(name: string): string[] {
    return this.#lines.filter(([key]) => key === name).map(([, value]) => value);
  }
}

/**
 * Reads an offer and chooses its video.
 * @throws FrameliftError `webrtc.bad-offer` when it is not SDP or lacks what WebRTC requires, `webrtc.unacceptable` when it is
 * sound but asks for what we do not give.
 */
export function readOffer(offer: string): OfferedVideo {
  const { session, sections } = parse(offer);
  const videos = sections.filter((section) => section.kind === 'video' && isActive(section));
  const [video] = videos;
  if (!video) throw unacceptable('no video is asked for', 'Add a recvonly video transceiver.');
  if (videos.length > 1) throw unacceptable(`${videos.length} videos are asked for, one is given`);
  const direction = directionOf(video, session);
  if (direction === 'sendonly' || direction === 'inactive') {
    throw unacceptable(`video is ${direction}, a player receives`, 'Offer the video recvonly.');
  }
  if (!/^(UDP|TCP)\/(TLS|DTLS)\/(RTP\/SAVPF?)$/.test(video.protocol)) {
    throw unacceptable(`transport ${video.protocol} is not DTLS-SRTP`);
  }
  if (video.attributes.first('rtcp-mux') === undefined) throw unacceptable('rtcp-mux is missing');
  const transport = transportOf(video, session, sections);
  const codec = chooseCodec(video);
  const extensions = chooseExtensions(video);
  const mid = video.attributes.first('mid');
  const feedback = FEEDBACK.filter((kind) =>
    video.attributes.all('rtcp-fb').some((line) => line === `${codec.payloadType} ${kind}` || line === `* ${kind}`),
  );
  const chosen = { ...codec, mid: mid ?? '0', extensions, feedback };
  return {
    ...chosen,
    iceUfrag: transport.ufrag,
    sdp: reduced(chosen, transport),
    sections: sections.map((section) => ({
      kind: section.kind,
      protocol: section.protocol,
      firstFormat: section.formats[0] ?? '0',
      mid: section.attributes.first('mid'),
      chosen: section === video,
    })),
  };
}

/** The answer: the chosen video sendonly with all candidates, everything else refused. */
export function writeAnswer(video: OfferedVideo, local: LocalTransport): string {
  const lines = ['v=0', `o=- ${local.ssrc} 1 IN IP4 0.0.0.0`, 's=-', 't=0 0'];
  const named = video.sections.some((section) => section.chosen && section.mid !== undefined);
  if (named) lines.push(`a=group:BUNDLE ${video.mid}`);
  if (local.iceLite) lines.push('a=ice-lite');
  lines.push('a=msid-semantic: WMS *');
  for (const section of video.sections) {
    if (section.chosen) lines.push(...videoAnswer(video, local, named));
    else {
      lines.push(`m=${section.kind} 0 ${section.protocol} ${section.firstFormat}`, 'c=IN IP4 0.0.0.0', 'a=inactive');
      if (section.mid !== undefined) lines.push(`a=mid:${section.mid}`);
    }
  }
  return `${lines.join('\r\n')}\r\n`;
}

function videoAnswer(video: OfferedVideo, local: LocalTransport, named: boolean): string[] {
  const { payloadType, rtxPayloadType } = video;
  const section = video.sections.find(({ chosen }) => chosen);
  const formats = rtxPayloadType === undefined ? `${payloadType}` : `${payloadType} ${rtxPayloadType}`;
  const lines = [`m=video 9 ${section?.protocol} ${formats}`, 'c=IN IP4 0.0.0.0'];
  if (named) lines.push(`a=mid:${video.mid}`);
  lines.push('a=sendonly', 'a=rtcp-mux', 'a=rtcp-rsize');
  lines.push(`a=ice-ufrag:${local.iceUfrag}`, `a=ice-pwd:${local.icePwd}`);
  lines.push(`a=fingerprint:${local.fingerprint}`, `a=setup:${local.setup}`);
  for (const [name, id] of video.extensions) lines.push(`a=extmap:${id} ${EXTENSIONS[name]}`);
  lines.push(...codecLines(video));
  lines.push('a=msid:framelift video');
  if (rtxPayloadType !== undefined) lines.push(`a=ssrc-group:FID ${local.ssrc} ${local.rtxSsrc}`);
  lines.push(`a=ssrc:${local.ssrc} cname:${local.cname}`);
  if (rtxPayloadType !== undefined) lines.push(`a=ssrc:${local.rtxSsrc} cname:${local.cname}`);
  for (const candidate of local.candidates) lines.push(`a=candidate:${candidate}`);
  lines.push('a=end-of-candidates');
  return lines;
}

function codecLines(video: Pick<OfferedVideo, 'payloadType' | 'rtxPayloadType' | 'format' | 'feedback'>): string[] {
  const lines = [`a=rtpmap:${video.payloadType} H264/90000`];
  for (const kind of video.feedback) lines.push(`a=rtcp-fb:${video.payloadType} ${kind}`);
  if (video.format) lines.push(`a=fmtp:${video.payloadType} ${video.format}`);
  if (video.rtxPayloadType !== undefined) {
    lines.push(`a=rtpmap:${video.rtxPayloadType} rtx/90000`, `a=fmtp:${video.rtxPayloadType} apt=${video.payloadType}`);
  }
  return lines;
}

function parse(offer: string): { session: Attributes; sections: Section[] } {
  const lines = offer.split(/\r\n|\n|\r/);
  while (lines.at(-1) === '') lines.pop();
  if (lines.length > MAX_LINES) throw bad(`more than ${MAX_LINES} lines`);
  if (lines[0] !== 'v=0') throw bad('the first line is not v=0');
  const session = new Attributes();
  const sections: Section[] = [];
  let origin = false;
  for (const line of lines) {
    if (!/^[a-z]=/.test(line)) throw bad('a line is not of the form x=value');
    const value = line.slice(2);
    if (line.startsWith('o=')) origin = true;
    else if (line.startsWith('m=')) sections.push(mediaLine(value));
    else if (line.startsWith('a=')) (sections.at(-1)?.attributes ?? session).add(value);
  }
  if (!origin) throw bad('o= is missing');
  if (sections.length > MAX_SECTIONS) throw bad(`more than ${MAX_SECTIONS} media sections`);
  const mids = sections.map((section) => section.attributes.first('mid')).filter((mid) => mid !== undefined);
  if (mids.some((mid) => !TOKEN.test(mid))) throw bad('a=mid is not a token');
  if (new Set(mids).size !== mids.length) throw bad('two media sections have the same a=mid');
  return { session, sections };
}

function mediaLine(value: string): Section {
  const [kind, port, protocol, ...formats] = value.split(' ');
  const number = /^\d{1,5}(\/\d{1,3})?$/.test(port ?? '') ? Number.parseInt(port ?? '', 10) : Number.NaN;
  const sound = kind && /^[a-z]{1,16}$/.test(kind) && protocol && /^[A-Za-z/0-9]{1,32}$/.test(protocol);
  if (!sound || !(number <= 65_535) || formats.length === 0 || !formats.every((format) => TOKEN.test(format))) {
    throw bad('an m= line is malformed');
  }
  return { kind, port: number, protocol, formats, attributes: new Attributes() };
}

function isActive(section: Section): boolean {
  return section.port !== 0 || section.attributes.first('bundle-only') !== undefined;
}

function directionOf(section: Section, session: Attributes): string {
  const directions = ['recvonly', 'sendrecv', 'sendonly', 'inactive'];
  const of = (attributes: Attributes): string | undefined =>
    directions.find((direction) => attributes.first(direction) !== undefined);
  return of(section.attributes) ?? of(session) ?? 'sendrecv';
}

interface RemoteTransport {
  readonly ufrag: string;
  readonly pwd: string;
  readonly fingerprints: readonly string[];
  readonly setup: string;
  readonly candidates: readonly string[];
}

/** ICE and DTLS values: from the section, else from the section that carries its BUNDLE group, else from the session. */
function transportOf(video: Section, session: Attributes, sections: readonly Section[]): RemoteTransport {
  const mid = video.attributes.first('mid');
  const group = session
    .all('group')
    .map((line) => line.split(' '))
    .find(([kind, ...mids]) => kind === 'BUNDLE' && mid !== undefined && mids.includes(mid));
  const carrier = sections.find((section) => section.attributes.first('mid') === group?.[1]);
  const places = [video.attributes, ...(carrier ? [carrier.attributes] : []), session];
  const value = (name: string): string | undefined =>
    places.map((place) => place.first(name)).find((v) => v !== undefined);
  const ufrag = value('ice-ufrag') ?? '';
  const pwd = value('ice-pwd') ?? '';
  if (ufrag.length < 4 || ufrag.length > 256 || !ICE_CHARS.test(ufrag))
    throw bad('a=ice-ufrag is missing or malformed');
  if (pwd.length < 22 || pwd.length > 256 || !ICE_CHARS.test(pwd)) throw bad('a=ice-pwd is missing or malformed');
  const given = places.map((place) => place.all('fingerprint')).find((lines) => lines.length > 0) ?? [];
  const fingerprints = given.map((line) => line.toLowerCase()).filter((line) => FINGERPRINT.test(line));
  if (given.length === 0 || fingerprints.length === 0) throw bad('a=fingerprint is missing or malformed');
  const setup = value('setup') ?? 'actpass';
  if (!['actpass', 'active', 'passive'].includes(setup)) throw bad('a=setup is not actpass, active or passive');
  return {
    ufrag,
    pwd,
    fingerprints,
    setup,
    candidates: places.flatMap((place) => place.all('candidate')).filter(isUsable),
  };
}

/** A UDP candidate with a literal address. Names (`….local`) would need mDNS; such peers reach us, we need not reach them. */
function isUsable(candidate: string): boolean {
  const fields = candidate.split(' ');
  return (
    /^[A-Za-z0-9+/]{1,32} 1 (udp|UDP) \d{1,10} [0-9A-Fa-f.:]{3,45} \d{1,5} typ (host|srflx|prflx|relay)( |$)/.test(
      candidate,
    ) &&
    Number(fields[5]) <= 65_535 &&
    /^[\x20-\x7e]{1,300}$/.test(candidate)
  );
}

/** Which H.264 profile is preferred: we send constrained baseline, which decoders of the others take as well. */
const PROFILES = [/^42[ef]0/i, /^42c0/i, /^4200/i, /^4d/i, /^64/i];

function chooseCodec(video: Section): Pick<OfferedVideo, 'payloadType' | 'format' | 'rtxPayloadType'> {
  const formats = new Map(video.attributes.all('fmtp').map((line) => splitAt(line)));
  const maps = video.attributes.all('rtpmap').map((line) => splitAt(line));
  const types = (name: RegExp): number[] =>
    maps
      .filter(([type, codec]) => name.test(codec) && video.formats.includes(type) && /^\d{1,3}$/.test(type))
      .map(([type]) => Number(type))
      .filter((type) => type <= 127);
  const parameter = (type: number, name: string): string | undefined =>
    new Map((formats.get(`${type}`) ?? '').split(';').map((pair) => splitAt(pair.trim(), '='))).get(name);
  const rank = (type: number): number => {
    const profile = parameter(type, 'profile-level-id');
    const at = profile === undefined ? PROFILES.length : PROFILES.findIndex((pattern) => pattern.test(profile));
    return at < 0 ? PROFILES.length + 1 : at;
  };
  const h264 = types(/^H264\/90000$/i);
  const [best] = h264
    .filter((type) => parameter(type, 'packetization-mode') === '1' && rank(type) <= PROFILES.length)
    .sort((a, b) => rank(a) - rank(b));
  if (best === undefined) {
    const why = h264.length === 0 ? 'no H.264 is offered' : 'no H.264 with packetization-mode=1 is offered';
    throw unacceptable(why, 'Offer H.264 with packetization-mode=1.');
  }
  const format = formats.get(`${best}`) ?? '';
  if (!/^[\x20-\x7e]{0,512}$/.test(format)) throw bad('a=fmtp is malformed');
  const rtx = types(/^rtx\/90000$/i).find((type) => parameter(type, 'apt') === `${best}`);
  return { payloadType: best, format, rtxPayloadType: rtx };
}

function chooseExtensions(video: Section): Map<ExtensionName, number> {
  const chosen = new Map<ExtensionName, number>();
  const offered = video.attributes.all('extmap').map((line) => splitAt(line));
  // Keys of a constant object.
  for (const name of Object.keys(EXTENSIONS) as ExtensionName[]) {
    const id = offered.find(([, uri]) => uri.split(' ')[0] === EXTENSIONS[name])?.[0].split('/')[0];
    const number = id !== undefined && /^\d{1,3}$/.test(id) ? Number(id) : 0;
    // One-byte headers carry ids 1 to 14 only.
    if (number >= 1 && number <= 14 && ![...chosen.values()].includes(number)) chosen.set(name, number);
  }
  return chosen;
}

function splitAt(line: string, separator = ' '): [string, string] {
  const at = line.indexOf(separator);
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}

function reduced(
  chosen: Pick<OfferedVideo, 'mid' | 'payloadType' | 'format' | 'rtxPayloadType' | 'extensions' | 'feedback'>,
  transport: RemoteTransport,
): string {
  const { mid, payloadType, rtxPayloadType, extensions } = chosen;
  const formats = rtxPayloadType === undefined ? `${payloadType}` : `${payloadType} ${rtxPayloadType}`;
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mid}`,
    `m=video 9 UDP/TLS/RTP/SAVPF ${formats}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    'a=recvonly',
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=ice-ufrag:${transport.ufrag}`,
    `a=ice-pwd:${transport.pwd}`,
    ...transport.fingerprints.map((fingerprint) => `a=fingerprint:${fingerprint}`),
    `a=setup:${transport.setup}`,
    ...codecLines(chosen),
  ];
  for (const [name, id] of extensions) lines.push(`a=extmap:${id} ${EXTENSIONS[name]}`);
  for (const candidate of transport.candidates) lines.push(`a=candidate:${candidate}`);
  lines.push('a=end-of-candidates');
  return `${lines.join('\r\n')}\r\n`;
}
