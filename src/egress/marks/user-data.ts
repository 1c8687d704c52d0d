/** User data in coded video: the unregistered messages of SEI (H.264 7.3.2.3, H.265 7.3.5). Pure. */
import { withoutEmulation } from '../../media/bit-reader.ts';

/** Codecs that have SEI. */
export type MarkedCodec = 'h264' | 'h265';

/** `user_data_unregistered`. */
const UNREGISTERED = 5;
const UUID_BYTES = 16;
const H264_SEI = 6;
/** Before the slices that it is about, and behind them. */
const H265_SEI_BEFORE = 39;
const H265_SEI = [H265_SEI_BEFORE, 40];
const START_CODE = Buffer.of(0, 0, 1);
/** `rbsp_trailing_bits`. */
const RBSP_END = 0x80;

/** Whether a NAL unit holds SEI. */
export function isSei(nal: Uint8Array, codec: MarkedCodec): boolean {
  const [first = 0] = nal;
  return codec === 'h264' ? (first & 0x1f) === H264_SEI : H265_SEI.includes((first >> 1) & 0x3f);
}

/** Whether a NAL unit holds a part of the picture. */
export function isSlice(nal: Uint8Array, codec: MarkedCodec): boolean {
  const [first = 0] = nal;
  const type = codec === 'h264' ? first & 0x1f : (first >> 1) & 0x3f;
  return codec === 'h264' ? type >= 1 && type <= 5 : type < 32;
}

/** The user data in a SEI NAL unit: UUID and payload of each message. What breaks off is left out. */
export function userDataOf(nal: Uint8Array, codec: MarkedCodec): Uint8Array[] {
  const bytes = withoutEmulation(nal.subarray(codec === 'h264' ? 1 : 2));
  const found: Uint8Array[] = [];
  let at = 0;
  /** A number of any size: 255 for each byte that is full. */
  const number = (): number => {
    let value = 0;
    while (bytes[at] === 0xff) {
      value += 255;
      at += 1;
    }
    value += bytes[at] ?? 0;
    at += 1;
    return value;
  };
  // The last byte is the end of the NAL unit (rbsp_trailing_bits).
  while (at + 1 < bytes.length) {
    const type = number();
    const size = number();
    const payload = bytes.subarray(at, at + size);
    at += size;
    if (type === UNREGISTERED && size >= UUID_BYTES && payload.length === size) found.push(payload);
  }
  return found;
}

/** A SEI NAL unit with user data (UUID and payload), before the slices that it is about; without start code. */
export function userDataNal(userData: Uint8Array, codec: MarkedCodec): Buffer {
  const size = [...Array<number>(Math.floor(userData.length / 0xff)).fill(0xff), userData.length % 0xff];
  const header = codec === 'h264' ? [H264_SEI] : [H265_SEI_BEFORE << 1, 1];
  const bytes = [...header];
  let zeros = 0;
  for (const byte of [UNREGISTERED, ...size, ...userData, RBSP_END]) {
    if (zeros >= 2 && byte <= 3) {
      bytes.push(3);
      zeros = 0;
    }
    bytes.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Buffer.from(bytes);
}

/** An access unit (Annex B) with another NAL unit before its first slice; at its end where it has none. */
export function withNal(unit: Buffer, nal: Buffer, codec: MarkedCodec): Buffer {
  let at = unit.indexOf(START_CODE);
  while (at >= 0 && !isSlice(unit.subarray(at + 3, at + 4), codec)) at = unit.indexOf(START_CODE, at + 3);
  if (at < 0) at = unit.length;
  // A start code of four bytes stays whole.
  else if (at > 0 && unit[at - 1] === 0) at -= 1;
  return Buffer.concat([unit.subarray(0, at), Buffer.of(0), START_CODE, nal, unit.subarray(at)]);
}
