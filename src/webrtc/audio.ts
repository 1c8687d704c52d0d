/** The sound of an offer: the section that is taken, and its codecs. Pure. */
import { formatsOf, type SdpFormat, type SdpSection, type SessionDescription } from '../media/sdp.ts';
import { SOUND_CLOCK, SOUND_CODECS, type SoundCodec } from '../media/sound.ts';
import type { Bundle } from './bundle.ts';
import { directionOf, isActive, isDtlsSrtp, midOf } from './sdp.ts';

/** A codec that both sides know. */
export interface AudioFormat {
  readonly codec: SoundCodec;
  readonly payloadType: number;
  /** Format parameters as offered, empty for none. */
  readonly fmtp: string;
}

/** Sound that is offered on the video's connection. */
export interface OfferedAudio {
  readonly section: SdpSection;
  readonly mid: string | undefined;
  /** Each of our codecs once at most, in the order of the offer. */
  readonly formats: readonly AudioFormat[];
}

const NAMES: ReadonlyMap<string, SoundCodec> = new Map(SOUND_CODECS.map((codec) => [codec.toUpperCase(), codec]));
/** Payload types that need no name (RFC 3551). */
const STATIC: ReadonlyMap<string, SoundCodec> = new Map([
  ['0', 'pcmu'],
  ['8', 'pcma'],
]);
const PLAIN = /^[\x20-\x7e]{0,512}$/;

/**
 * The first sound of an offer that shares the video's connection and has a codec of ours; undefined without one:
 * it is kept idle then, or refused, as other media are.
 * @param excluded directions that make no sense of this peer.
 */
export function offeredAudio(
  offer: SessionDescription,
  { kept }: Bundle,
  excluded: readonly string[],
): OfferedAudio | undefined {
  for (const section of offer.sections) {
    if (section.kind !== 'audio' || !kept.includes(section) || !isActive(section) || !isDtlsSrtp(section)) continue;
    if (excluded.includes(directionOf(section, offer.session))) continue;
    const formats = formatsOf(section).flatMap(readFormat);
    const once = formats.filter(({ codec }, i) => formats.findIndex((other) => other.codec === codec) === i);
    if (once.length > 0) return { section, mid: midOf(section), formats: once };
  }
  return undefined;
}

function readFormat({ id, encoding, clockRate, fmtp }: SdpFormat): AudioFormat[] {
  const payloadType = /^\d{1,3}$/.test(id) ? Number(id) : Number.NaN;
  const codec = encoding === undefined ? STATIC.get(id) : NAMES.get(encoding.toUpperCase());
  if (!(payloadType <= 127) || codec === undefined || !PLAIN.test(fmtp)) return [];
  if (encoding !== undefined && clockRate !== SOUND_CLOCK[codec]) return [];
  return [{ codec, payloadType, fmtp }];
}
