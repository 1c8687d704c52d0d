/** What waits to be written of one recording. */
import type { SoundUnit } from '../audio/sound-out.ts';
import type { EncodedUnit } from '../viewer.ts';

/** An access unit with the wall clock's time of its `due`, or a piece of sound. */
export type QueuedUnit = { readonly picture: EncodedUnit; readonly wall: number } | { readonly sound: SoundUnit };

/** Half a minute of a usual stream: a disk may take its time. */
const MAX_BYTES = 16 << 20;

/**
 * Units in the order in which they came. Capacity: 16 MiB; policy: what comes is dropped, then all of its
 * group, so that what is written can be decoded; pictures are counted.
 */
export class UnitQueue {
  readonly #maxBytes: number;
  #items: QueuedUnit[] = [];
  #bytes = 0;
  #dropped = 0;
  #broken = false;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Pictures dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** There is room again, and what comes cannot be decoded: a keyframe would be taken. */
  get wantsKeyframe(): boolean {
    return this.#broken && this.#bytes <= this.#maxBytes / 2;
  }

  /** Takes a unit; false: it was dropped. */
  push(unit: QueuedUnit): boolean {
    const { length } = 'picture' in unit ? unit.picture.data : unit.sound.data;
    if (this.#broken && 'picture' in unit && unit.picture.keyframe && this.wantsKeyframe) this.#broken = false;
    if (this.#bytes + length > this.#maxBytes) this.#broken = true;
    if (this.#broken) {
      if ('picture' in unit) this.#dropped += 1;
      return false;
    }
    this.#items.push(unit);
    this.#bytes += length;
    return true;
  }

  /** The oldest unit, removed. */
  shift(): QueuedUnit | undefined {
    const unit = this.#items.shift();
    if (unit) this.#bytes -= ('picture' in unit ? unit.picture.data : unit.sound.data).length;
    return unit;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#items = [];
    this.#bytes = 0;
    this.#broken = false;
  }
}
