/** What was passed on since the last keyframe, for viewers that come between two. Pure. */
import type { EncodedUnit } from '../viewer.ts';

/** Ten seconds at 25 frames a second. */
const MAX_UNITS = 256;
/** Sent at once, what is kept reaches a viewer within half a second. */
const MAX_BYTES = 4 << 20;

/**
 * Access units from the last keyframe on. Capacity: 256 units, 4 MiB; policy: when there are more, all are
 * forgotten up to the next keyframe.
 */
export class KeptGroup {
  #units: EncodedUnit[] = [];
  #bytes = 0;

  /** All since the last keyframe; empty when there was none, or it was too long. */
  get units(): readonly EncodedUnit[] {
    return this.#units;
  }

  /** Bytes of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next unit. */
  push(unit: EncodedUnit): void {
    if (unit.keyframe) this.clear();
    else if (this.#units.length === 0) return;
    this.#units.push(unit);
    this.#bytes += unit.data.length;
    if (this.#units.length > MAX_UNITS || this.#bytes > MAX_BYTES) this.clear();
  }

  /** Forgets everything: nothing that comes can be decoded with it. */
  clear(): void {
    this.#units = [];
    this.#bytes = 0;
  }
}
