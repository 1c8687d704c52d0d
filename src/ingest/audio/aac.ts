/** AAC out of RTP (RFC 3640): several access units in a packet, or one in several. Pure. */
import { BitReader } from '../../media/bit-reader.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import type { AacFormat } from './track.ts';

/** Samples of an access unit. */
const AU_SAMPLES = 1024;
/** Access units in a packet: senders put up to ten. */
const MAX_UNITS = 64;
/** An access unit of AAC has at most 6144 bits a channel. */
const MAX_UNIT_BYTES = 8192;

/** An access unit, and when its first sample was taken, on the RTP clock. */
export interface AacUnit {
  readonly data: Uint8Array;
  readonly timestamp: number;
}

/** Takes packets in order. */
export class AacDepacketizer {
  readonly #format: AacFormat;
  #parts: Uint8Array[] = [];
  #size = 0;
  #timestamp = 0;

  constructor(format: AacFormat) {
    this.#format = format;
  }

  /** The access units that `packet` completes. @param lost packets are missing before it. */
  push({ payload, timestamp, marker }: RtpPacket, lost: boolean): AacUnit[] {
    const { sizeLength, indexLength, indexDeltaLength } = this.#format;
    if (lost || timestamp !== this.#timestamp) this.#forget();
    this.#timestamp = timestamp;
    if (payload.length < 2) return [];
    const headerBits = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
    const start = 2 + Math.ceil(headerBits / 8);
    const first = sizeLength + indexLength;
    const count = headerBits < first ? 0 : 1 + Math.floor((headerBits - first) / (sizeLength + indexDeltaLength));
    if (count === 0 || count > MAX_UNITS || start > payload.length) return [];
    const units: AacUnit[] = [];
    const headers = new BitReader(payload.subarray(2, start));
    let at = start;
    for (let i = 0; i < count; i += 1) {
      const size = headers.bits(sizeLength);
      headers.bits(i === 0 ? indexLength : indexDeltaLength);
      const data = payload.subarray(at, at + size);
      at += size;
      if (data.length === size && this.#size === 0) {
        if (size > 0) units.push({ data, timestamp: (timestamp + i * AU_SAMPLES) >>> 0 });
      } else if (count === 1) return this.#fragment(data, size, marker);
      else break;
    }
    return units;
  }

  /** A part of an access unit of `size` bytes; the last has the marker. */
  #fragment(data: Uint8Array, size: number, marker: boolean): AacUnit[] {
    this.#parts.push(data);
    this.#size += data.length;
    if (this.#size > Math.min(size, MAX_UNIT_BYTES)) this.#forget();
    else if (marker && this.#size === size) {
      const unit = { data: Buffer.concat(this.#parts), timestamp: this.#timestamp };
      this.#forget();
      return [unit];
    }
    return [];
  }

  #forget(): void {
    this.#parts = [];
    this.#size = 0;
  }
}
