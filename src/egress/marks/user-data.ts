/** User data in coded video: the unregistered messages of SEI (H.264 7.3.2.3, H.265 7.3.5). Pure. */
import { withoutEmulation } from '../../media/bit-reader.ts';

/** Codecs that have SEI. */
export type MarkedCodec = 'h264' | 'h265';

/** `user_data_unregistered`. */
const UNREGISTERED = 5;
const UUID_BYTES = 16;
/** x265 puts its own UUID before user data that it is given. */
const X265_UUID = Buffer.from('2ca2de09b51747dbbb55a4fe7fc2fc4e', 'hex');
const H264_SEI = 6;
/** Before the slices that it is about, and behind them. */
const H265_SEI = [39, 40];

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
    if (type === UNREGISTERED && size >= UUID_BYTES && payload.length === size) found.push(withoutX265(payload));
  }
  return found;
}

function withoutX265(payload: Uint8Array): Uint8Array {
  const begin = Buffer.from(payload.buffer, payload.byteOffset, Math.min(UUID_BYTES, payload.length));
  return payload.length >= 2 * UUID_BYTES && begin.equals(X265_UUID) ? payload.subarray(UUID_BYTES) : payload;
}
