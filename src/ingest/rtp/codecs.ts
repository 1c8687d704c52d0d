/** From RTP payloads to access units, whatever the codec. RTSP and WHIP share it. Pure. */
import type { Micros } from '../../time.ts';
import type { RtpVideoCodec } from '../decode/decoder.ts';
import { Av1Depacketizer } from './av1.ts';
import { H264, H265, NalDepacketizer } from './h26x.ts';
import type { RtpPacket } from './packet.ts';
import { FrameDepacketizer, readVp8, readVp9 } from './vpx.ts';

/** An access unit as it came over RTP: bytes and RTP timestamp; {@link Timeline} gives it its place in time. */
export interface RtpAccessUnit {
  /** Bytes of its own, not a view of a packet. Empty when damaged. */
  readonly data: Uint8Array;
  /** 32 bits. */
  readonly timestamp: number;
  /** Of its last packet. */
  readonly arrival: Micros;
  /** Decoding can start here. */
  readonly keyframe: boolean;
  /** Some of its bytes are missing or malformed. */
  readonly damaged: boolean;
  /** At least one access unit before it was lost or damaged. */
  readonly afterLoss: boolean;
}

/** Makes access units of one codec's packets. Never throws, whatever the payload. */
export interface Depacketizer {
  /** Takes the packet next in order; `lost` packets are missing right before it. */
  push(packet: RtpPacket, lost: number): void;
  /** Forgets the unit being assembled: the sender changed. */
  reset(): void;
}

/** The depacketizer for `codec`; each finished unit goes to `complete`, during `push`. */
export function createDepacketizer(codec: RtpVideoCodec, complete: (unit: RtpAccessUnit) => void): Depacketizer {
  switch (codec) {
    case 'h264':
      return new NalDepacketizer(H264, complete);
    case 'hevc':
      return new NalDepacketizer(H265, complete);
    case 'vp8':
      return new FrameDepacketizer(readVp8, complete);
    case 'vp9':
      return new FrameDepacketizer(readVp9, complete);
    case 'av1':
      return new Av1Depacketizer(complete);
  }
}
