/**
 * VP8 (RFC 7741) and VP9 (RFC 9628) over RTP, to frames. Our own rather than werift's, read at
 * 0.25.2: that one misses a byte of VP8's descriptor where temporal layers come without TL0PICIDX,
 * reads beyond payloads that are cut short, and leaves loss to its caller.
 */
import type { RtpAccessUnit } from './depacketizer.ts';
import { UnitAssembler } from './unit-assembler.ts';
import { UnitBuffer } from './unit-buffer.ts';

/** What a payload descriptor says. */
interface Descriptor {
  /** Where the frame's bytes begin. */
  readonly length: number;
  /** The frame begins in this packet. */
  readonly start: boolean;
  /** Decoding can start at this frame. Only meaningful at its start. */
  readonly keyframe: boolean;
}

/** Reads the descriptor of one codec's payload; undefined when it is cut short. */
export type DescriptorReader = (payload: Uint8Array) => Descriptor | undefined;

/**
 * VP8: the frame starts in the first packet of partition 0, and is a keyframe when the lowest bit
 * of its first byte is 0.
 */
export const readVp8: DescriptorReader = (payload) => {
  const first = payload[0] ?? 0;
  let length = 1;
  if (first & 0x80) {
    const extension = payload[length++] ?? 0;
    if (extension & 0x80) length += (payload[length] ?? 0) & 0x80 ? 2 : 1;
    if (extension & 0x40) length += 1;
    if (extension & 0x30) length += 1;
  }
  if (length >= payload.length) return undefined;
  const start = (first & 0x17) === 0x10;
  return { length, start, keyframe: start && ((payload[length] ?? 1) & 1) === 0 };
};

/** VP9: the frame starts in the first packet of its lowest spatial layer. */
export const readVp9: DescriptorReader = (payload) => {
  const first = payload[0] ?? 0;
  const has = (bit: number): boolean => (first & bit) !== 0;
  const [pictureId, predicted, layers, flexible, begins, structure] = [0x80, 0x40, 0x20, 0x10, 0x08, 0x02].map(has);
  let length = 1;
  let spatial = 0;
  if (pictureId) length += (payload[length] ?? 0) & 0x80 ? 2 : 1;
  if (layers) {
    spatial = ((payload[length] ?? 0) >> 1) & 7;
    length += flexible ? 1 : 2;
  }
  if (predicted && flexible) {
    for (let more = 1, count = 0; more && count < 3; count += 1) more = (payload[length++] ?? 0) & 1;
  }
  if (structure) length = skipScalability(payload, length);
  if (length >= payload.length) return undefined;
  const start = begins === true && spatial === 0;
  return { length, start, keyframe: start && !predicted && isVp9Key(payload[length] ?? 0) };
};

/** Behind VP9's scalability structure. */
function skipScalability(payload: Uint8Array, at: number): number {
  const head = payload[at] ?? 0;
  let length = at + 1;
  if (head & 0x10) length += ((head >> 5) + 1) * 4;
  if (head & 0x08) {
    const frames = payload[length++] ?? 0;
    for (let i = 0; i < frames; i += 1) length += 1 + (((payload[length] ?? 0) >> 2) & 3);
  }
  return length;
}

/**
 * frame_type of the uncompressed header, behind marker, profile (and a reserved bit in profile 3)
 * and show_existing_frame.
 */
function isVp9Key(first: number): boolean {
  const shift = (first & 0x30) === 0x30 ? 1 : 2;
  return ((first >> (shift + 1)) & 1) === 0 && ((first >> shift) & 1) === 0;
}

/** Assembles frames of VP8 or VP9: from the start of a frame to the marker bit. */
export class FrameDepacketizer extends UnitAssembler {
  readonly #read: DescriptorReader;
  readonly #bytes = new UnitBuffer();

  constructor(read: DescriptorReader, complete: (unit: RtpAccessUnit) => void) {
    super(complete);
    this.#read = read;
  }

  protected take(payload: Uint8Array, first: boolean): void {
    const descriptor = this.#read(payload);
    if (!descriptor || descriptor.start !== first) {
      this.damaged = true;
      return;
    }
    if (first) this.keyframe = descriptor.keyframe;
    this.#bytes.append(payload.subarray(descriptor.length));
    if (this.#bytes.overflowed) this.damaged = true;
  }

  protected finish(): boolean {
    return true;
  }

  protected join(): Uint8Array {
    return this.#bytes.copy(0, this.#bytes.length);
  }

  protected clear(): void {
    this.#bytes.clear();
  }
}
