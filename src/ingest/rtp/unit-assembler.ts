/**
 * What the depacketizers of AV1 and VP8/VP9 share: an access unit is the packets of one timestamp,
 * up to the marker bit.
 */
import type { Depacketizer, RtpAccessUnit } from './depacketizer.ts';
import type { RtpPacket } from './packet.ts';

const EMPTY = new Uint8Array(0);

/**
 * Groups packets into access units and knows which of them are damaged; subclasses read the
 * payloads.
 */
export abstract class UnitAssembler implements Depacketizer {
  readonly #complete: (unit: RtpAccessUnit) => void;
  /** The packet that came last of the unit being assembled; undefined between units. */
  #last: RtpPacket | undefined;
  #afterLoss = false;
  parts = 0;
  /** The unit being assembled is of no use: bytes are missing or malformed. */
  protected damaged = false;
  /** Decoding can start at the unit being assembled. */
  protected keyframe = false;

  constructor(complete: (unit: RtpAccessUnit) => void) {
    this.#complete = complete;
  }

  push(packet: RtpPacket, lost: number): void {
    const open = this.#last;
    if (open && lost > 0) this.damaged = true;
    if (open && open.timestamp !== packet.timestamp) this.#end(open);
    if (lost > 0) this.#afterLoss = true;
    // Padding, which senders add to find out what the network carries.
    if (packet.payload.length === 0) return;
    const first = this.#last === undefined;
    this.#last = packet;
    if (!this.damaged) this.take(packet.payload, first);
    if (packet.marker) this.#end(packet);
  }

  reset(): void {
    this.#begin();
  }

  /** Takes a payload of an undamaged unit; `first` of its unit. Says what is wrong by `damaged`. */
  protected abstract take(payload: Uint8Array, first: boolean): void;

  /** The last packet of the unit is in: true when it holds a frame. May still find it damaged. */
  protected abstract finish(): boolean;

  /** The bytes of an undamaged unit, its own. */
  protected abstract join(): Uint8Array;

  /** Forgets what was taken. */
  protected abstract clear(): void;

  /** @param last packet of the unit, complete or not. */
  #end(last: RtpPacket): void {
    const holdsFrame = this.finish();
    const { damaged, keyframe } = this;
    const afterLoss = this.#afterLoss;
    const { timestamp, arrival } = last;
    const data = damaged ? EMPTY : this.join();
    this.#begin();
    if (holdsFrame || damaged) this.#complete({ data, timestamp, arrival, keyframe, damaged, afterLoss });
    else this.#afterLoss = afterLoss;
  }

  #begin(): void {
    this.#last = undefined;
    this.#afterLoss = false;
    this.damaged = false;
    this.keyframe = false;
    this.clear();
  }
}
