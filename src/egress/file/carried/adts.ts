/** AAC as transport streams hold it, a header before each frame (ISO 13818-7, 6.2), for containers that tell once what it is. Pure. */

/** What is left of a packet without its header. */
export interface AacFrame {
  readonly data: Buffer;
  /** AudioSpecificConfig (ISO 14496-3, 1.6.2.1), for the container's header. */
  readonly config: Buffer;
}

const RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
const LOW_COMPLEXITY = 2;

/** A packet without its header; undefined if it has none, or if its speakers are told within the sound. */
export function withoutAdts(packet: Buffer): AacFrame | undefined {
  if (packet.length < 7 || (packet.readUInt16BE(0) & 0xfff6) !== 0xfff0) return undefined;
  const channels = (packet.readUInt16BE(2) >> 6) & 7;
  if (channels === 0) return undefined;
  const type = ((packet[2] ?? 0) >> 6) + 1;
  const rate = ((packet[2] ?? 0) >> 2) & 15;
  // A checksum stands behind the header.
  const header = (packet[1] ?? 0) & 1 ? 7 : 9;
  return { data: packet.subarray(header), config: config(type, rate, channels) };
}

/** What a container is told as long as no packet has come; undefined for a rate that AAC does not have. */
export function assumedConfig(sampleRate: number, channels: number): Buffer | undefined {
  const rate = RATES.indexOf(sampleRate);
  return rate < 0 ? undefined : config(LOW_COMPLEXITY, rate, channels === 8 ? 7 : channels);
}

function config(type: number, rate: number, channels: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE((type << 11) | (rate << 7) | (channels << 3));
  return bytes;
}
