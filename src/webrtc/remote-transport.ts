/**
 * How an offer says that its peer is reached: ICE, DTLS, candidates, data channels. Checked, since
 * all of it goes to the WebRTC library. Pure.
 */
import type { SdpSection, SessionDescription } from '../media/sdp.ts';
import { type Bundle, dataPort } from './bundle.ts';
import { badOffer, unacceptable } from './sdp.ts';

const ICE_CHARS = /^[A-Za-z0-9+/]+$/;
const FINGERPRINT = /^(sha-(?:256|384|512)) ((?:[0-9A-Fa-f]{2}:){15,}[0-9A-Fa-f]{2})$/;
/** A peer has few addresses: of more the last are ignored. */
export const MAX_CANDIDATES = 64;
/** Longest message where nothing is said, in bytes (RFC 8841). */
export const DEFAULT_MESSAGE_SIZE = 65_536;

/** How the peer can be reached and known: checked, lines as written. */
export interface RemoteTransport {
  readonly ufrag: string;
  readonly pwd: string;
  readonly fingerprints: readonly string[];
  readonly setup: string;
  /**
   * Values of `a=candidate:` lines with literal UDP addresses, each once, {@link MAX_CANDIDATES} at
   * most.
   */
  readonly candidates: readonly string[];
  /**
   * Where the peer takes data channels, on the same connection; undefined when it takes none, or we
   * do not.
   */
  readonly data?: RemoteData | undefined;
}

/** What a peer says of its data channels (RFC 8841). */
interface RemoteData {
  /** SCTP port. */
  readonly port: number;
  /** Longest message it takes, in bytes; 0 = any. */
  readonly maxMessageSize: number;
}

/**
 * How the peer of a bundle is reached. ICE and DTLS values are those of the section that carries it,
 * else of the session, else of the video.
 * @throws FrameliftError `webrtc.bad-offer` naming what is missing, `webrtc.unacceptable` without
 * rtcp-mux.
 */
export function transportOf(
  { carrier, data }: Bundle,
  video: SdpSection,
  { session }: SessionDescription,
): RemoteTransport {
  const places = [...new Set([carrier.attributes, session, video.attributes])];
  const value = (name: string): string | undefined =>
    places.map((place) => place.first(name)).find((v) => v !== undefined);
  if (value('rtcp-mux') === undefined) throw unacceptable('rtcp-mux is missing');
  const given = places.map((place) => place.all('fingerprint')).find((lines) => lines.length > 0) ?? [];
  const candidates = new Set(places.flatMap((place) => place.all('candidate')));
  return {
    ufrag: iceWord('ice-ufrag', value('ice-ufrag'), 4),
    pwd: iceWord('ice-pwd', value('ice-pwd'), 22),
    fingerprints: soundFingerprints(given),
    setup: soundSetup(value('setup') ?? 'actpass'),
    candidates: [...candidates].filter(isUsable).slice(0, MAX_CANDIDATES),
    data: data && remoteData(data),
  };
}

function iceWord(name: string, value = '', minLength: number): string {
  if (value.length >= minLength && value.length <= 256 && ICE_CHARS.test(value)) return value;
  throw badOffer(`a=${name} is missing or malformed`);
}

function soundFingerprints(given: readonly string[]): string[] {
  const sound = given.map((line) => line.toLowerCase()).filter((line) => FINGERPRINT.test(line));
  if (sound.length > 0) return sound;
  throw badOffer('a=fingerprint is missing, malformed or of a hash function weaker than sha-256');
}

function soundSetup(setup: string): string {
  if (['actpass', 'active', 'passive'].includes(setup)) return setup;
  throw badOffer('a=setup is not actpass, active or passive');
}

/**
 * A UDP candidate with a literal address. Names (`….local`) would need mDNS; such peers reach us,
 * we need not reach them.
 */
export function isUsable(candidate: string): boolean {
  const fields =
    /^[A-Za-z0-9+/]{1,32} 1 (?:udp|UDP) \d{1,10} [0-9A-Fa-f.:]{3,45} (\d{1,5}) typ (?:host|srflx|prflx|relay)(?: |$)/.exec(
      candidate,
    );
  return fields !== null && Number(fields[1]) <= 65_535 && /^[\x20-\x7e]{1,300}$/.test(candidate);
}

function remoteData(section: SdpSection): RemoteData {
  const size = section.attributes.first('max-message-size') ?? '';
  const maxMessageSize = /^\d{1,15}$/.test(size) ? Number(size) : DEFAULT_MESSAGE_SIZE;
  return { port: dataPort(section), maxMessageSize };
}
