/** The sound that an RTSP server describes (RFC 8866): which of it is taken, and what of it is not. Pure. */
import { formatsOf, parseSdp, type SdpFormat, type SdpSection } from '../../media/sdp.ts';
import type { SoundCodec, SoundInfo } from '../../media/sound.ts';
import { quoted } from '../peer-limits.ts';

/** Sound that is taken. */
export interface SoundTrack extends SoundInfo {
  readonly payloadType: number;
  /** Of the RTP timestamps, in Hz. */
  readonly clockRate: number;
  readonly channels: number;
  /** How AAC lies in its packets; undefined for codecs that are passed on. */
  readonly aac: AacFormat | undefined;
  /** `a=control` of the track; undefined when absent. */
  readonly control: string | undefined;
}

/** What RFC 3640 says of AAC, for its `AAC-hbr` and `AAC-lbr` modes. */
export interface AacFormat {
  /** AudioSpecificConfig. */
  readonly config: Uint8Array;
  /** Bits of the two fields of an AU header. */
  readonly sizeLength: number;
  readonly indexLength: number;
  readonly indexDeltaLength: number;
}

/** A description's sound: none, one that is taken, or why none is, in words. */
export type FoundSound = { readonly track: SoundTrack } | { readonly untaken: string } | undefined;

/** Static payload types of sound (RFC 3551) that cameras use without a name. */
const STATIC: ReadonlyMap<string, string> = new Map([
  ['0', 'PCMU'],
  ['8', 'PCMA'],
  ['9', 'G722'],
  ['14', 'MPA'],
]);
const PASSED: ReadonlyMap<string, { readonly codec: string; readonly sent: SoundCodec }> = new Map([
  ['OPUS', { codec: 'opus', sent: 'opus' }],
  ['PCMU', { codec: 'pcm_mulaw', sent: 'pcmu' }],
  ['PCMA', { codec: 'pcm_alaw', sent: 'pcma' }],
]);
/** Sound's clocks beyond these are misprints. */
const MIN_CLOCK_RATE = 7000;
const MAX_CLOCK_RATE = 192_000;
/** AudioSpecificConfig has 2 to 5 bytes, with extensions some more. */
const MAX_CONFIG_BYTES = 64;

/** Finds the first sound of a description that is taken. Never throws: without sound the picture goes on. */
export function findSound(sdp: string): FoundSound {
  const sections = parseSdp(sdp).sections.filter(({ kind }) => kind === 'audio');
  const reasons: string[] = [];
  for (const section of sections) {
    for (const format of formatsOf(section)) {
      const found = readFormat(section, format);
      if (typeof found !== 'string') return { track: found };
      reasons.push(found);
    }
  }
  return sections.length === 0 ? undefined : { untaken: reasons[0] ?? 'it has no format' };
}

/** The track, or why it is not taken. */
function readFormat(section: SdpSection, format: SdpFormat): SoundTrack | string {
  const { id, encoding = STATIC.get(id), parameters } = format;
  if (!/^\d{1,3}$/.test(id) || Number(id) > 127) return `${quoted(id)} is no payload type`;
  const name = encoding?.toUpperCase();
  if (name === undefined) return `payload type ${id} has no name`;
  const channels = channelsOf(section, id);
  const shared = { payloadType: Number(id), control: section.attributes.first('control') };
  const passed = PASSED.get(name);
  if (passed?.sent === 'opus') return { ...passed, ...shared, channels: 2, clockRate: 48_000, aac: undefined };
  if (passed) {
    const clockRate = Number.isNaN(format.clockRate) ? 8000 : format.clockRate;
    if (clockRate === 8000 && channels === 1) return { ...passed, ...shared, channels, clockRate, aac: undefined };
    return `${name} of ${clockRate} Hz and ${channels} channels: 8000 Hz and one channel are taken`;
  }
  if (name !== 'MPEG4-GENERIC')
    return `${quoted(encoding ?? name)}: Opus, PCMU, PCMA and MPEG4-GENERIC (AAC) are taken`;
  const aac = readAac(parameters);
  if (typeof aac === 'string') return aac;
  const { clockRate } = format;
  if (!(clockRate >= MIN_CLOCK_RATE && clockRate <= MAX_CLOCK_RATE)) return 'AAC without a clock rate';
  return { codec: 'aac', sent: 'opus', ...shared, channels, clockRate, aac };
}

function channelsOf({ attributes }: SdpSection, id: string): number {
  const line = attributes.all('rtpmap').find((map) => map.startsWith(`${id} `)) ?? '';
  const channels = Number(line.split('/')[2] ?? 1);
  return Number.isInteger(channels) && channels > 0 ? channels : 1;
}

function readAac(parameters: ReadonlyMap<string, string>): AacFormat | string {
  const mode = parameters.get('mode') ?? '';
  if (!/^aac-[hl]br$/i.test(mode))
    return `MPEG4-GENERIC in mode ${quoted(mode || 'none')}: AAC-hbr and AAC-lbr are taken`;
  const hex = parameters.get('config') ?? '';
  if (!/^([0-9a-f]{2})+$/i.test(hex) || hex.length < 4 || hex.length > 2 * MAX_CONFIG_BYTES) {
    return 'AAC without a config that can be read';
  }
  const length = (name: string): number => {
    const text = parameters.get(name) ?? '0';
    return /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  };
  const lengths = {
    sizeLength: length('sizelength'),
    indexLength: length('indexlength'),
    indexDeltaLength: length('indexdeltalength'),
  };
  const sound = lengths.sizeLength >= 6 && lengths.sizeLength <= 16;
  if (!sound || !(lengths.indexLength <= 8) || !(lengths.indexDeltaLength <= 8)) {
    return 'AAC whose sizelength or indexlength cannot be';
  }
  return { config: Buffer.from(hex, 'hex'), ...lengths };
}
