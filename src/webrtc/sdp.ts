/** SDP of a peer that offers, players and publishers alike: the strict reading. Strict, so that nothing odd reaches the WebRTC library. Pure. */
import { FrameliftError } from '../errors.ts';

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}$/;
const ICE_CHARS = /^[A-Za-z0-9+/]+$/;
const FINGERPRINT = /^(sha-(?:1|224|256|384|512)) ((?:[0-9A-Fa-f]{2}:){15,}[0-9A-Fa-f]{2})$/;
const MAX_SECTIONS = 32;
const MAX_LINES = 5000;
/** A peer has few addresses: of more the last are ignored. */
export const MOST_CANDIDATES = 64;

/** The error of an offer that is not SDP, or lacks what WebRTC requires: `webrtc.bad-offer`. */
function badOffer(message: string): FrameliftError {
  return new FrameliftError('webrtc.bad-offer', `SDP offer: ${message}`);
}

/** The error of a sound offer that asks for what we do not do: `webrtc.unacceptable`. */
export function unacceptable(message: string, remedy?: string): FrameliftError {
  return new FrameliftError('webrtc.unacceptable', `SDP offer: ${message}`, remedy === undefined ? {} : { remedy });
}

/** Values of `a=` lines by name, in order. */
class Attributes {
  readonly #lines: [string, string][] = [];

  /** Takes a line without its `a=`. */
  add(line: string): void {
    this.#lines.push(splitAt(line, ':'));
  }

  /** The first value of `name`, empty for a flag; undefined when absent. */
  first(name: string): string | undefined {
    return this.#lines.find(([key]) => key === name)?.[1];
  }

  /** All values of `name`. */
  all(name: string): string[] {
    return this.#lines.filter(([key]) => key === name).map(([, value]) => value);
  }
}

/** One media section of an offer. */
export interface Section {
  readonly kind: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly attributes: Attributes;
}

/** An offer, taken apart. */
export interface Offer {
  readonly session: Attributes;
  readonly sections: readonly Section[];
}

/** Takes an offer apart. @throws FrameliftError `webrtc.bad-offer` when it is not SDP. */
export function parseOffer(offer: string): Offer {
  const lines = offer.split(/\r\n|\n|\r/);
  while (lines.at(-1) === '') lines.pop();
  if (lines.length > MAX_LINES) throw badOffer(`more than ${MAX_LINES} lines`);
  if (lines[0] !== 'v=0') throw badOffer('the first line is not v=0');
  const session = new Attributes();
  const sections: Section[] = [];
  let origin = false;
  for (const line of lines) {
    if (!/^[a-z]=/.test(line)) throw badOffer('a line is not of the form x=value');
    const value = line.slice(2);
    if (line.startsWith('o=')) origin = true;
    else if (line.startsWith('m=')) sections.push(mediaLine(value));
    else if (line.startsWith('a=')) (sections.at(-1)?.attributes ?? session).add(value);
  }
  if (!origin) throw badOffer('o= is missing');
  if (sections.length > MAX_SECTIONS) throw badOffer(`more than ${MAX_SECTIONS} media sections`);
  const mids = sections.map((section) => section.attributes.first('mid')).filter((mid) => mid !== undefined);
  if (mids.some((mid) => !TOKEN.test(mid))) throw badOffer('a=mid is not a token');
  if (new Set(mids).size !== mids.length) throw badOffer('two media sections have the same a=mid');
  return { session, sections };
}

function mediaLine(value: string): Section {
  const [kind, port, protocol, ...formats] = value.split(' ');
  const number = /^\d{1,5}(\/\d{1,3})?$/.test(port ?? '') ? Number.parseInt(port ?? '', 10) : Number.NaN;
  const sound = kind && /^[a-z]{1,16}$/.test(kind) && protocol && /^[A-Za-z/0-9]{1,32}$/.test(protocol);
  if (!sound || !(number <= 65_535) || formats.length === 0 || !formats.every((format) => TOKEN.test(format))) {
    throw badOffer('an m= line is malformed');
  }
  return { kind, port: number, protocol, formats, attributes: new Attributes() };
}

/**
 * The one video of an offer. @param excluded directions that make no sense of this peer.
 * @param who does what, for messages: `a player receives`.
 * @throws FrameliftError `webrtc.unacceptable` without exactly one video over DTLS-SRTP in a fitting direction.
 */
export function onlyVideo(offer: Offer, excluded: readonly string[], who: string, remedy: string): Section {
  const videos = offer.sections.filter((section) => section.kind === 'video' && isActive(section));
  const [video] = videos;
  if (!video) throw unacceptable('there is no video in it', remedy);
  if (videos.length > 1) throw unacceptable(`there are ${videos.length} videos in it, one is taken`, remedy);
  const direction = directionOf(video, offer.session);
  if (excluded.includes(direction)) throw unacceptable(`video is ${direction}, ${who}`, remedy);
  if (!/^(UDP|TCP)\/(TLS|DTLS)\/(RTP\/SAVPF?)$/.test(video.protocol)) {
    throw unacceptable(`transport ${video.protocol} is not DTLS-SRTP`);
  }
  if (video.attributes.first('rtcp-mux') === undefined) throw unacceptable('rtcp-mux is missing');
  return video;
}

/** True unless the section is refused or stopped by its port. */
function isActive(section: Section): boolean {
  return section.port !== 0 || section.attributes.first('bundle-only') !== undefined;
}

function directionOf(section: Section, session: Attributes): string {
  const directions = ['recvonly', 'sendrecv', 'sendonly', 'inactive'];
  const of = (attributes: Attributes): string | undefined =>
    directions.find((direction) => attributes.first(direction) !== undefined);
  return of(section.attributes) ?? of(session) ?? 'sendrecv';
}

/** How the peer can be reached and known: checked, lines as written. */
export interface RemoteTransport {
  readonly ufrag: string;
  readonly pwd: string;
  readonly fingerprints: readonly string[];
  readonly setup: string;
  /** Values of `a=candidate:` lines with literal UDP addresses, each once, {@link MOST_CANDIDATES} at most. */
  readonly candidates: readonly string[];
  /** Where the peer takes data channels, on the same connection; undefined when it takes none, or we do not. */
  readonly data?: RemoteData | undefined;
}

/** What a peer says of its data channels (RFC 8841). */
export interface RemoteData {
  /** SCTP port. */
  readonly port: number;
  /** Longest message it takes, in bytes; 0 = any. */
  readonly maxMessageSize: number;
}

/**
 * ICE and DTLS values: from the section, else from the section that carries its BUNDLE group, else from the session.
 * @throws FrameliftError `webrtc.bad-offer` naming what is missing.
 */
export function transportOf(section: Section, { session, sections }: Offer): RemoteTransport {
  const mid = section.attributes.first('mid');
  const group = session
    .all('group')
    .map((line) => line.split(' '))
    .find(([kind, ...mids]) => kind === 'BUNDLE' && mid !== undefined && mids.includes(mid));
  const carrier = sections.find((other) => other.attributes.first('mid') === group?.[1]);
  const places = [section.attributes, ...(carrier ? [carrier.attributes] : []), session];
  const value = (name: string): string | undefined =>
    places.map((place) => place.first(name)).find((v) => v !== undefined);
  const ufrag = value('ice-ufrag') ?? '';
  const pwd = value('ice-pwd') ?? '';
  if (ufrag.length < 4 || ufrag.length > 256 || !ICE_CHARS.test(ufrag))
    throw badOffer('a=ice-ufrag is missing or malformed');
  if (pwd.length < 22 || pwd.length > 256 || !ICE_CHARS.test(pwd)) throw badOffer('a=ice-pwd is missing or malformed');
  const given = places.map((place) => place.all('fingerprint')).find((lines) => lines.length > 0) ?? [];
  const fingerprints = given.map((line) => line.toLowerCase()).filter((line) => FINGERPRINT.test(line));
  if (given.length === 0 || fingerprints.length === 0) throw badOffer('a=fingerprint is missing or malformed');
  const setup = value('setup') ?? 'actpass';
  if (!['actpass', 'active', 'passive'].includes(setup)) throw badOffer('a=setup is not actpass, active or passive');
  return {
    ufrag,
    pwd,
    fingerprints,
    setup,
    candidates: [...new Set(places.flatMap((place) => place.all('candidate')))]
      .filter(isUsable)
      .slice(0, MOST_CANDIDATES),
  };
}

/** A UDP candidate with a literal address. Names (`….local`) would need mDNS; such peers reach us, we need not reach them. */
export function isUsable(candidate: string): boolean {
  const fields = candidate.split(' ');
  return (
    /^[A-Za-z0-9+/]{1,32} 1 (udp|UDP) \d{1,10} [0-9A-Fa-f.:]{3,45} \d{1,5} typ (host|srflx|prflx|relay)( |$)/.test(
      candidate,
    ) &&
    Number(fields[5]) <= 65_535 &&
    /^[\x20-\x7e]{1,300}$/.test(candidate)
  );
}

/** The section that carries data channels beside `video` on one connection; undefined without one, and for one that is not bundled with it. */
export function dataBeside(video: Section, { session, sections }: Offer): Section | undefined {
  const mid = video.attributes.first('mid');
  const groups = session.all('group').map((line) => line.split(' '));
  return sections.find((section) => {
    const own = section.attributes.first('mid');
    return (
      section.kind === 'application' &&
      isActive(section) &&
      /^(UDP|TCP)\/DTLS\/SCTP$/.test(section.protocol) &&
      section.formats.includes('webrtc-datachannel') &&
      sctpPort(section) > 0 &&
      groups.some(([kind, ...mids]) => kind === 'BUNDLE' && mids.includes(mid ?? '') && mids.includes(own ?? ''))
    );
  });
}

/** 0 when it is missing or malformed. */
function sctpPort({ attributes }: Section): number {
  const port = attributes.first('sctp-port') ?? '';
  return /^\d{1,5}$/.test(port) && Number(port) <= 65_535 ? Number(port) : 0;
}

/** Longest message where nothing is said, in bytes (RFC 8841). */
export const DEFAULT_MESSAGE_SIZE = 65_536;

/** What a section found by {@link dataBeside} says. */
export function remoteData(section: Section): RemoteData {
  const size = section.attributes.first('max-message-size') ?? '';
  const maxMessageSize = /^\d{1,15}$/.test(size) ? Number(size) : DEFAULT_MESSAGE_SIZE;
  return { port: sctpPort(section), maxMessageSize };
}

/** The payload types of a section: names, format parameters, retransmission, feedback. */
export class Formats {
  readonly #section: Section;
  readonly #maps: readonly (readonly [string, string])[];
  readonly #lines: ReadonlyMap<string, string>;

  constructor(section: Section) {
    this.#section = section;
    this.#maps = section.attributes.all('rtpmap').map((line) => splitAt(line));
    this.#lines = new Map(section.attributes.all('fmtp').map((line) => splitAt(line)));
  }

  /** Dynamic and static payload types whose `rtpmap` fits, in the order of the `rtpmap` lines. */
  types(rtpmap: RegExp): number[] {
    return this.#maps
      .filter(([type, codec]) => rtpmap.test(codec) && this.#section.formats.includes(type) && /^\d{1,3}$/.test(type))
      .map(([type]) => Number(type))
      .filter((type) => type <= 127);
  }

  /** Names of the codecs, each once, without retransmission and forward error correction. */
  names(): string[] {
    const names = this.#maps.map(([, codec]) => codec.split('/')[0] ?? '').filter((name) => TOKEN.test(name));
    return [...new Set(names)].filter((name) => !/^(rtx|red|ulpfec|flexfec-03)$/i.test(name));
  }

  /** Format parameters as written, empty when there are none. @throws FrameliftError `webrtc.bad-offer` when they are not plain text. */
  line(type: number): string {
    const line = this.#lines.get(`${type}`) ?? '';
    if (!/^[\x20-\x7e]{0,512}$/.test(line)) throw badOffer('a=fmtp is malformed');
    return line;
  }

  /** One format parameter. */
  parameter(type: number, name: string): string | undefined {
    const pairs = (this.#lines.get(`${type}`) ?? '').split(';');
    return new Map(pairs.map((pair) => splitAt(pair.trim(), '='))).get(name);
  }

  /** The payload type of retransmissions (RFC 4588) of `type`. */
  rtxOf(type: number): number | undefined {
    return this.types(/^rtx\/90000$/i).find((rtx) => this.parameter(rtx, 'apt') === `${type}`);
  }

  /** Which of `kinds` of RTCP feedback are offered for `type`. */
  feedback(type: number, kinds: readonly string[]): string[] {
    const lines = this.#section.attributes.all('rtcp-fb');
    return kinds.filter((kind) => lines.some((line) => line === `${type} ${kind}` || line === `* ${kind}`));
  }
}

/** Ids of the header extensions in `uris` that the section offers. One-byte headers carry ids 1 to 14 only: others are left out. */
export function extensionIds<Name extends string>(
  section: Section,
  uris: Readonly<Record<Name, string>>,
): Map<Name, number> {
  const chosen = new Map<Name, number>();
  const offered = section.attributes.all('extmap').map((line) => splitAt(line));
  // Keys of a constant object.
  for (const name of Object.keys(uris) as Name[]) {
    const id = offered.find(([, uri]) => uri.split(' ')[0] === uris[name])?.[0].split('/')[0];
    const number = id !== undefined && /^\d{1,3}$/.test(id) ? Number(id) : 0;
    if (number >= 1 && number <= 14 && ![...chosen.values()].includes(number)) chosen.set(name, number);
  }
  return chosen;
}

function splitAt(line: string, separator = ' '): [string, string] {
  const at = line.indexOf(separator);
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
