/** Whether a sender says where its frames end. Pure. */

/** Frames in a row that must agree. */
const ENOUGH = 8;

/** Finds out from what completed each access unit: its own last packet, or the next unit's first. */
export class Marking {
  #absent = false;
  #others = 0;

  /** @param marked the unit was complete with its own last packet. */
  unit(marked: boolean): void {
    this.#others = marked === this.#absent ? this.#others + 1 : 0;
    if (this.#others < ENOUGH) return;
    this.#absent = !marked;
    this.#others = 0;
  }

  /** Units are only known to be complete when the next one begins. */
  get absent(): boolean {
    return this.#absent;
  }
}
