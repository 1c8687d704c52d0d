/**
 * H.264 (RFC 6184, modes 0 and 1) and H.265 (RFC 7798, no DONL) over RTP, to Annex B. Our own
 * rather than werift's, read at 0.25.2: that one throws on malformed payloads, joins FU fragments
 * without looking at the start bit or at loss, clears the F bit, and concatenates quadratically.
 */
import type { Depacketizer, RtpAccessUnit } from './depacketizer.ts';
import type { RtpPacket } from './packet.ts';

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
  /** Decoding can start at this frame, or at the one that this NAL unit announces. */
  isKeyframe(type: number, nal: Uint8Array): boolean;
  isFiller(type: number): boolean;
}

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
  // SEI (6) whose first message is a recovery point (6).
  isKeyframe: (type, nal) => type === 5 || (type === 6 && nal[1] === 6),
  isFiller: (type) => type === 12,
};

/** H.265: IRAP frames (types 16…21) are keyframes. */
export const H265: NalSyntax = {
  header: 2,
  aggregation: 48,
  fragmentation: 49,
  isUnknown: (type) => type > 47,
  typeOf: (first) => (first >> 1) & 0x3f,
  restore: (first, type) => (first & 0x81) | (type << 1),
  isSlice: (type) => type <= 31,
  isKeyframe: (type) => type >= 16 && type <= 21,
  isFiller: (type) => type === 38,
};

/** Larger access units are damaged: 8K intra frames stay below. */
const MAX_UNIT_BYTES = 16 << 20;
const EMPTY = new Uint8Array(0);

/** Assembles access units of H.264 or H.265. */
export class NalDepacketizer implements Depacketizer {
  readonly #syntax: NalSyntax;
  readonly #complete: (unit: RtpAccessUnit) => void;
  #bytes = new Uint8Array(1 << 18);
  #length = 0;
  /** The packet that came last, for the unit's timestamp and arrival. */
  #last: RtpPacket | undefined;
  #hasSlice = false;
  #keyframe = false;
  #damaged = false;
  #afterLoss = false;
  /** Packets are missing before this unit's first slice, maybe of this unit. */
  #unsure = true;
  /** Type of the NAL unit whose fragments are coming in. */
  #fragmented: number | undefined;
  #doneTimestamp: number | undefined;
  /** False once a frame went on after its marker bit: then only a new timestamp ends a unit. */
  #markerTrusted = true;

  constructor(syntax: NalSyntax, complete: (unit: RtpAccessUnit) => void) {
    this.#syntax = syntax;
    this.#complete = complete;
  }

  push(packet: RtpPacket, lost: number): void {
    const last = this.#last;
    const another = last !== undefined && last.timestamp !== packet.timestamp;
    if (lost > 0) {
      if (this.#hasSlice || this.#fragmented !== undefined) this.#damaged = true;
      if (another) this.#end();
      this.#afterLoss = true;
      if (!this.#hasSlice) this.#unsure = true;
    } else if (another) {
      this.#end();
    }
    this.#last = packet;
    this.#take(packet.payload);
    if (packet.marker && this.#markerTrusted) this.#end();
  }

  reset(): void {
    this.#begin();
    this.#last = undefined;
    this.#doneTimestamp = undefined;
    this.#unsure = true;
  }

  #take(payload: Uint8Array): void {
    const { header, aggregation, fragmentation } = this.#syntax;
    if (payload.length <= header) {
      // Padding, or an H.264 end of sequence, which does nothing. Neither belongs among fragments.
      if (this.#fragmented !== undefined) this.#damaged = true;
      return;
    }
    const type = this.#syntax.typeOf(payload[0] ?? 0);
    if (type === fragmentation) {
      this.#takeFragment(payload);
      return;
    }
    if (this.#fragmented !== undefined) {
      this.#fragmented = undefined;
      this.#damaged = true;
    }
    if (type === aggregation) this.#takeAggregate(payload);
    else if (this.#syntax.isUnknown(type)) this.#damaged = true;
    else this.#takeNal(type, payload);
  }

  #takeAggregate(payload: Uint8Array): void {
    let at = this.#syntax.header;
    while (at + 2 <= payload.length) {
      const size = ((payload[at] ?? 0) << 8) | (payload[at + 1] ?? 0);
      at += 2;
      if (at + size > payload.length) {
        this.#damaged = true;
        return;
      }
      const nal = payload.subarray(at, at + size);
      at += size;
      if (size <= this.#syntax.header) continue;
      const type = this.#syntax.typeOf(nal[0] ?? 0);
      if (this.#syntax.isUnknown(type)) this.#damaged = true;
      else this.#takeNal(type, nal);
    }
  }

  #takeFragment(payload: Uint8Array): void {
    const { header } = this.#syntax;
    const control = payload[header] ?? 0;
    const type = control & (header === 1 ? 0x1f : 0x3f);
    const body = payload.subarray(header + 1);
    if (control & 0x80) {
      if (this.#fragmented !== undefined || this.#syntax.isUnknown(type)) this.#damaged = true;
      this.#fragmented = type;
      this.#startNal(type, body[0] ?? 0, EMPTY);
      const start = this.#reserve(4 + header);
      if (start < 0) return;
      this.#bytes.set([0, 0, 0, 1, this.#syntax.restore(payload[0] ?? 0, type)], start);
      if (header === 2) this.#bytes[start + 5] = payload[1] ?? 0;
    } else if (this.#fragmented !== type) {
      this.#fragmented = undefined;
      this.#damaged = true;
      // Without its start nobody knows whether this was a slice: assume so, that the unit be
      // counted.
      this.#hasSlice = true;
      return;
    }
    const at = this.#reserve(body.length);
    if (at >= 0) this.#bytes.set(body, at);
    if (control & 0x40) this.#fragmented = undefined;
  }

  #takeNal(type: number, nal: Uint8Array): void {
    if (this.#syntax.isFiller(type)) return;
    this.#startNal(type, nal[this.#syntax.header] ?? 0, nal);
    const at = this.#reserve(4 + nal.length);
    if (at < 0) return;
    this.#bytes[at] = 0;
    this.#bytes[at + 1] = 0;
    this.#bytes[at + 2] = 0;
    this.#bytes[at + 3] = 1;
    this.#bytes.set(nal, at + 4);
  }

  /**
   * Notes what a NAL unit says of its access unit. `first` is the byte after its header; `nal` is
   * empty for fragments.
   */
  #startNal(type: number, first: number, nal: Uint8Array): void {
    if (this.#syntax.isKeyframe(type, nal)) this.#keyframe = true;
    if (!this.#syntax.isSlice(type)) return;
    // Both codecs begin a frame's first slice with a one: first_mb_in_slice = ue(0),
    // first_slice_segment_in_pic_flag.
    const opensFrame = (first & 0x80) !== 0;
    if (!this.#hasSlice && !opensFrame) {
      if (this.#unsure) this.#damaged = true;
      else if (this.#doneTimestamp === this.#last?.timestamp) {
        this.#markerTrusted = false;
        this.#damaged = true;
      }
    }
    this.#hasSlice = true;
  }

  /** Room for `count` more bytes: their offset, or −1 when the unit grows too large. */
  #reserve(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > MAX_UNIT_BYTES) {
      this.#damaged = true;
      return -1;
    }
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(MAX_UNIT_BYTES, Math.max(needed, this.#bytes.length * 2)));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    this.#length = needed;
    return at;
  }

  /**
   * Gives the unit away if it holds a slice; parameter sets alone wait for the frame that follows.
   */
  #end(): void {
    const last = this.#last;
    if (this.#fragmented !== undefined) this.#damaged = true;
    if (!last || (!this.#hasSlice && !this.#damaged)) return;
    const damaged = this.#damaged;
    const unit: RtpAccessUnit = {
      data: damaged ? EMPTY : this.#bytes.slice(0, this.#length),
      timestamp: last.timestamp,
      arrival: last.arrival,
      keyframe: this.#keyframe,
      damaged,
      afterLoss: this.#afterLoss,
    };
    this.#begin();
    this.#doneTimestamp = last.timestamp;
    this.#complete(unit);
  }

  #begin(): void {
    this.#length = 0;
    this.#hasSlice = false;
    this.#keyframe = false;
    this.#damaged = false;
    this.#afterLoss = false;
    this.#unsure = false;
    this.#fragmented = undefined;
  }
}
