/**
 * H.264 (RFC 6184, modes 0 and 1) and H.265 (RFC 7798, no DONL) over RTP, to Annex B. Our own
 * rather than werift's, read at 0.25.2: that one throws on malformed payloads, joins FU fragments
 * without looking at the start bit or at loss, clears the F bit, and concatenates quadratically.
 */
import { MAX_UNIT_PARTS } from '../peer-limits.ts';
import type { Depacketizer, RtpAccessUnit } from './depacketizer.ts';
import { hasRecoveryPoint, type NalSyntax } from './nal-syntax.ts';
import type { RtpPacket } from './packet.ts';
import { UnitBuffer } from './unit-buffer.ts';

const EMPTY = new Uint8Array(0);
const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** The beginning of the next access unit. */
interface Lookahead {
  /** Where in the buffer it begins. */
  readonly at: number;
  /** NAL units before it. */
  readonly nals: number;
  /** It announces a keyframe. */
  keyframe: boolean;
}

/**
 * Assembles access units of H.264 or H.265. A unit ends with its marker bit, with another
 * timestamp, or where the headers of NAL units say that the next one begins.
 */
export class NalDepacketizer implements Depacketizer {
  readonly #syntax: NalSyntax;
  readonly #complete: (unit: RtpAccessUnit) => void;
  readonly #bytes = new UnitBuffer();
  #parts = 0;
  /** NAL units of the unit being assembled. */
  #nals = 0;
  /** Where the NAL unit that comes in begins, behind its start code. */
  #nalAt = 0;
  /** NAL units of the next access unit that came already, behind this one's slices. */
  #next: Lookahead | undefined;
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

  get parts(): number {
    return this.#parts;
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
    // Amid a fragmented NAL unit it says nothing: some senders set it on every packet.
    if (packet.marker && this.#markerTrusted && this.#fragmented === undefined) this.#end();
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
      if (this.#nals > MAX_UNIT_PARTS && at > this.#syntax.header + 2 + size) return;
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
      this.#fragmented = undefined;
      this.#openNal(type, payload[1] ?? 0, body[0] ?? 0);
      this.#fragmented = type;
      const first = this.#syntax.restore(payload[0] ?? 0, type);
      this.#append(header === 1 ? Uint8Array.of(first) : Uint8Array.of(first, payload[1] ?? 0));
    } else if (this.#fragmented !== type) {
      this.#fragmented = undefined;
      this.#damaged = true;
      // Without its start nobody knows whether this was a slice: assume so, that the unit be
      // counted.
      this.#hasSlice = true;
      return;
    }
    this.#append(body);
    if (!(control & 0x40)) return;
    this.#fragmented = undefined;
    this.#closeNal(type);
  }

  #takeNal(type: number, nal: Uint8Array): void {
    if (this.#syntax.isFiller(type)) return;
    this.#openNal(type, nal[1] ?? 0, nal[this.#syntax.header] ?? 0);
    this.#append(nal);
    this.#closeNal(type);
  }

  /**
   * Notes what the beginning of a NAL unit says of its access unit.
   * @param second byte of the NAL unit. @param body the first byte behind its header.
   */
  #openNal(type: number, second: number, body: number): void {
    const syntax = this.#syntax;
    if (syntax.isSlice(type)) this.#openSlice(type, syntax.opensFrame(type, second, body));
    else if (this.#hasSlice && syntax.opensUnit(type)) {
      this.#next ??= { at: this.#bytes.length, nals: this.#nals, keyframe: false };
    }
    this.#parts += 1;
    this.#nals += 1;
    if (this.#nals > MAX_UNIT_PARTS) this.#damaged = true;
    this.#append(START_CODE);
    this.#nalAt = this.#bytes.length;
  }

  #openSlice(type: number, opensFrame: boolean): void {
    if (this.#hasSlice && opensFrame) this.#end();
    // Whatever came behind the last slice stood amid a frame that goes on.
    if (this.#next?.keyframe) this.#keyframe = true;
    this.#next = undefined;
    if (!this.#hasSlice && !opensFrame) {
      if (this.#unsure) this.#damaged = true;
      else if (this.#doneTimestamp === this.#last?.timestamp) {
        this.#markerTrusted = false;
        this.#damaged = true;
      }
    }
    this.#hasSlice = true;
    if (this.#syntax.isKeySlice(type)) this.#keyframe = true;
  }

  /** A NAL unit is whole. */
  #closeNal(type: number): void {
    const { isSei, header } = this.#syntax;
    if (this.#isDropped || !isSei(type) || !hasRecoveryPoint(this.#bytes.view(this.#nalAt), header)) return;
    if (this.#next) this.#next.keyframe = true;
    else this.#keyframe = true;
  }

  /** Of a damaged unit nothing is kept but what belongs to the next one. */
  get #isDropped(): boolean {
    return (this.#damaged && !this.#next) || this.#nals > MAX_UNIT_PARTS;
  }

  #append(bytes: Uint8Array): void {
    if (this.#isDropped) return;
    this.#bytes.append(bytes);
    if (this.#bytes.overflowed) this.#damaged = true;
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
      data: damaged ? EMPTY : this.#bytes.copy(0, this.#next?.at ?? this.#bytes.length),
      timestamp: last.timestamp,
      arrival: last.arrival,
      keyframe: this.#keyframe,
      damaged,
      afterLoss: this.#afterLoss,
    };
    this.#beginNext();
    this.#doneTimestamp = last.timestamp;
    this.#complete(unit);
  }

  /** Begins the next unit, with what came for it. */
  #beginNext(): void {
    const [next, nals] = [this.#next, this.#nals];
    const kept = next && this.#fragmented === undefined ? this.#bytes.copy(next.at, this.#bytes.length) : EMPTY;
    this.#begin();
    if (!next || kept.length === 0) return;
    this.#bytes.append(kept);
    this.#nals = nals - next.nals;
    this.#damaged = nals > MAX_UNIT_PARTS;
    this.#keyframe = next.keyframe;
  }

  #begin(): void {
    this.#bytes.clear();
    this.#nals = 0;
    this.#next = undefined;
    this.#hasSlice = false;
    this.#keyframe = false;
    this.#damaged = false;
    this.#afterLoss = false;
    this.#unsure = false;
    this.#fragmented = undefined;
  }
}
