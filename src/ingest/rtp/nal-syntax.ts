/**
 * What the first bytes of H.264's and H.265's NAL units say: what they are, and what starts a frame.
 * Pure.
 */
import { withoutEmulation } from '../../media/bit-reader.ts';
import { MAX_SEI_BYTES } from '../peer-limits.ts';

/** What differs between the two codecs. */
export interface NalSyntax {
  /** Bytes of a NAL unit header. */
  readonly header: 1 | 2;
  readonly aggregation: number;
  readonly fragmentation: number;
  /** Payload types that are neither NAL units nor packets of the modes we take. */
  isUnknown(type: number): boolean;
  typeOf(firstByte: number): number;
  /** `firstByte` of a fragmentation unit with the type of the fragmented NAL unit put in. */
  restore(firstByte: number, type: number): number;
  /** Holds coded samples (VCL), not parameters or messages. */
  isSlice(type: number): boolean;
  /**
   * The first slice of a frame, which begins a new access unit whatever timestamps and marker bits
   * say. @param second byte of its NAL unit. @param body the first byte behind its header.
   */
  opensFrame(type: number, second: number, body: number): boolean;
  /**
   * Behind the slices of a frame, a NAL unit that belongs to the next access unit: H.264 section
   * 7.4.1.2.3, H.265 section 7.4.2.4.4.
   */
  opensUnit(type: number): boolean;
  /** Decoding can start at a frame with this slice. */
  isKeySlice(type: number): boolean;
  /** May hold a recovery point: decoding can start at the frame that it announces. */
  isSei(type: number): boolean;
  isFiller(type: number): boolean;
}

/** Both codecs' payloadType of a recovery point: H.264 section D.1.8, H.265 section D.2.8. */
const RECOVERY_POINT = 6;

/**
 * H.264: IDR frames are keyframes, and so are recovery points (open GOP, intra refresh): the
 * decoder hides what they cannot show.
 */
export const H264: NalSyntax = {
  header: 1,
  aggregation: 24,
  fragmentation: 28,
  isUnknown: (type) => type === 0 || type > 23,
  typeOf: (first) => first & 0x1f,
  restore: (first, type) => (first & 0xe0) | type,
  isSlice: (type) => type >= 1 && type <= 5,
  // first_mb_in_slice = ue(0) is a one. Data partitions B and C (3, 4) have none.
  opensFrame: (type, _second, body) => (type <= 2 || type === 5) && (body & 0x80) !== 0,
  // SEI, SPS, PPS, delimiter, 15…18. Prefix units (14) also stand between the slices of a frame.
  opensUnit: (type) => (type >= 6 && type <= 9) || (type >= 15 && type <= 18),
  isKeySlice: (type) => type === 5,
  isSei: (type) => type === 6,
  isFiller: (type) => type === 12,
};

/** H.265: IRAP frames (types 16…21) are keyframes, and recovery points (gradual refresh). */
export const H265: NalSyntax = {
  header: 2,
  aggregation: 48,
  fragmentation: 49,
  isUnknown: (type) => type > 47,
  typeOf: (first) => (first >> 1) & 0x3f,
  restore: (first, type) => (first & 0x81) | (type << 1),
  isSlice: (type) => type <= 31,
  // first_slice_segment_in_pic_flag, in the base layer: other layers are of the same access unit.
  opensFrame: (_type, second, body) => second >> 3 === 0 && (body & 0x80) !== 0,
  // VPS, SPS, PPS, delimiter, prefix SEI, 41…44. Suffix SEI (40) is of the frame before it.
  opensUnit: (type) => (type >= 32 && type <= 35) || type === 39 || (type >= 41 && type <= 44),
  isKeySlice: (type) => type >= 16 && type <= 21,
  isSei: (type) => type === 39,
  isFiller: (type) => type === 38,
};

/**
 * Whether any message of an SEI NAL unit is a recovery point: encoders for broadcast put others
 * before it. Linear in time.
 */
export function hasRecoveryPoint(nal: Uint8Array, header: number): boolean {
  const bytes = withoutEmulation(nal.subarray(header, MAX_SEI_BYTES));
  // The last byte is what ends every NAL unit.
  for (let at = 0; at + 2 < bytes.length; ) {
    const type = readSum(bytes, at);
    const size = readSum(bytes, type.next);
    if (type.value === RECOVERY_POINT) return true;
    at = size.next + size.value;
  }
  return false;
}

/** A number as SEI writes it: bytes of 255 up to the first that is less, added. */
function readSum(bytes: Uint8Array, from: number): { readonly value: number; readonly next: number } {
  let at = from;
  while (bytes[at] === 255) at += 1;
  return { value: (at - from) * 255 + (bytes[at] ?? 0), next: at + 1 };
}
