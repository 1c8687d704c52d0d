/** What the frames of a source wait for. Pure. */
import type { SourceWaits } from '../source.ts';

/** Keeps what was said last. */
export class Waits {
  #last: SourceWaits | undefined;

  /** The same object as long as it says the same; undefined where frames wait for nothing. */
  of(reordered = 0, unmarked = false): SourceWaits | undefined {
    const last = this.#last;
    const one = unmarked ? 1 : 0;
    if ((last?.reordered ?? 0) === reordered && (last?.unmarked ?? 0) === one) return last;
    this.#last = reordered > 0 || unmarked ? { reordered, unmarked: one } : undefined;
    return this.#last;
  }
}
