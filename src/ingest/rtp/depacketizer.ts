/** What every depacketizer takes and gives, whatever the codec. */
import type { Micros } from '../../time.ts';
import type { RtpPacket } from './packet.ts';

/**
 * An access unit as it came over RTP: bytes and RTP timestamp; {@link Timeline} gives it its place
 * in time.
 */
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
  /** NAL units or OBUs so far: each costs work, however small it is. */
  readonly parts: number;
  /** Forgets the unit being assembled: the sender changed. */
  reset(): void;
}
