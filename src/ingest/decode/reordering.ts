/** How many frames a decoder holds back to put them in the order in which they are shown. Pure. */

/** Decoded units among which the least held back counts: losses leave more behind for a while. */
const WINDOW = 16;

/** Finds out from the units that wait in a decoder. */
export class Reordering {
  #frames = 0;
  #least = Number.POSITIVE_INFINITY;
  #count = 0;

  /** Takes how many units wait after a frame came out. */
  observe(waiting: number): void {
    this.#least = Math.min(this.#least, waiting);
    this.#count += 1;
    if (this.#count < WINDOW) return;
    this.#frames = this.#least;
    this.#least = Number.POSITIVE_INFINITY;
    this.#count = 0;
  }

  /** Frames that each frame waits for; 0 until that is known, and where frames come in order. */
  get frames(): number {
    return this.#frames;
  }
}
