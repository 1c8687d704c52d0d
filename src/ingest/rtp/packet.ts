/** RTP packets (RFC 3550 section 5.1), parsed without copying. */
import type { Micros } from '../../time.ts';

/** One RTP packet. WHIP builds these from its own stack's packets. */
export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits, in the payload's clock. */
  readonly timestamp: number;
  /** 32 bits. */
  readonly ssrc: number;
  /** Without padding. A view of the packet's bytes. */
  readonly payload: Uint8Array;
  /** Monotonic clock when it came in. */
  readonly arrival: Micros;
}

const FIXED_HEADER = 12;

/** Parses one packet; undefined when it is not valid RTP. The payload is a view of `bytes`. */
export function parseRtp(bytes: Uint8Array, arrival: Micros): RtpPacket | undefined {
  if (bytes.length < FIXED_HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  if (first >> 6 !== 2) return undefined;
  let start = FIXED_HEADER + (first & 0x0f) * 4;
  if (first & 0x10) {
    if (start + 4 > bytes.length) return undefined;
    start += 4 + view.getUint16(start + 2) * 4;
  }
  let end = bytes.length;
  if (first & 0x20) {
    const padding = view.getUint8(end - 1);
    if (padding === 0) return undefined;
    end -= padding;
  }
  if (start > end) return undefined;
  const second = view.getUint8(1);
  return {
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: bytes.subarray(start, end),
    arrival,
  };
}

/** `a − b` for 16-bit sequence numbers, −32768…32767: positive when `a` is later. */
export function sequenceDistance(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}
