/**
 * What is known of the access units inside a decoder, for the frames that come out, in another
 * order and later. Pure.
 */
import type { AccessUnit } from '../../media/access-unit.ts';

/** Times and flags of an access unit. */
export type UnitInfo = Omit<AccessUnit, 'data'>;

/**
 * Access units inside a decoder at once: 16 reference frames and as many being reordered. Older
 * ones never came out.
 */
const CAPACITY = 64;
/** Frames that a decoder holds back at most, to put them in order (H.264 and H.265: max_dpb_size). */
const MAX_REORDER = 16;

/**
 * Access units by a number of our own: their times may repeat or jump. Capacity: 64; policy: the
 * oldest is forgotten, for its frame never came out.
 */
export class InFlight {
  readonly #units = new Map<bigint, UnitInfo>();
  #sequence = 0n;

  /**
   * Notes a unit that goes in. Returns its number, and the unit that was forgotten for it: one that
   * marked a discontinuity passes the mark on.
   */
  enter(unit: UnitInfo): { readonly id: bigint; readonly forgotten: UnitInfo | undefined } {
    this.#sequence += 1n;
    this.#units.set(this.#sequence, unit);
    const [oldest] = this.#units;
    if (this.#units.size <= CAPACITY || !oldest) return { id: this.#sequence, forgotten: undefined };
    this.#units.delete(oldest[0]);
    return { id: this.#sequence, forgotten: oldest[1] };
  }

  /**
   * The unit whose frame came out, once; undefined when it was forgotten. Frames of units that went
   * in {@link MAX_REORDER} before will not come any more: the first of them that marked a
   * discontinuity passes the mark on.
   */
  leave(id: bigint): UnitInfo | undefined {
    const unit = this.#units.get(id);
    this.#units.delete(id);
    let gap = false;
    for (const [older, { discontinuity }] of this.#units) {
      if (older >= id - BigInt(MAX_REORDER)) break;
      this.#units.delete(older);
      gap ||= discontinuity;
    }
    return unit && gap ? { ...unit, discontinuity: true } : unit;
  }

  /** Units whose frame has not come out yet. */
  get depth(): number {
    return this.#units.size;
  }

  /** Forgets all. Numbers go on. */
  clear(): void {
    this.#units.clear();
  }
}
