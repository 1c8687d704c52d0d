/**
 * Pyramids of recent frames, so that a stream's second frame need not be reduced again when it
 * becomes the first.
 */
import type { Arena, Block } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';

interface Entry {
  readonly block: Block;
  readonly bytes: number;
  /** Of which frame; 0: of none. */
  pixels: number;
  /** Of its luma at half its size. */
  half: boolean;
  /** Filled and correct. */
  ready: boolean;
  /** Jobs that read or write it now. */
  users: number;
}

/** A pyramid lent to a job. */
export interface PyramidLoan {
  readonly offset: number;
  /** True: already filled. False: the job fills it. */
  readonly ready: boolean;
  /** Gives it back; `filled` when its content is now correct. Call once. */
  done(filled: boolean): void;
}

/**
 * Least-recently-used cache of pyramid blocks. Bound: `capacity` idle entries; lent ones are
 * bounded by the running jobs.
 */
export class PyramidCache {
  readonly #arena: Arena;
  readonly #capacity: number;
  /** Oldest first. */
  #entries: Entry[] = [];

  constructor(arena: Arena, capacity: number) {
    this.#arena = arena;
    this.#capacity = capacity;
  }

  /**
   * Lends the pyramid of `frame`, or of its halved luma, or an empty block of `bytes` to fill.
   * @throws FrameliftError `arena.full`.
   */
  lend(frame: Frame, bytes: number, half: boolean): PyramidLoan {
    const { pixels } = frame;
    const found = this.#entries.find((e) => e.pixels === pixels && e.half === half && e.bytes === bytes && e.ready);
    const entry = found ?? this.#fresh(pixels, bytes, half);
    entry.users += 1;
    this.#entries = this.#entries.filter((e) => e !== entry);
    this.#entries.push(entry);
    let lent = true;
    return {
      offset: entry.block.offset,
      ready: found !== undefined,
      done: (filled) => {
        if (!lent) return;
        lent = false;
        entry.users -= 1;
        entry.ready ||= filled;
        if (!entry.ready) entry.pixels = 0;
        this.#trim(this.#capacity);
      },
    };
  }

  /** Frees everything that no job uses. */
  clear(): void {
    this.#trim(0);
  }

  #fresh(pixels: number, bytes: number, half: boolean): Entry {
    const reusable =
      this.#entries.length >= this.#capacity && this.#entries.find((e) => e.users === 0 && e.bytes === bytes);
    if (reusable) {
      reusable.pixels = pixels;
      reusable.half = half;
      reusable.ready = false;
      return reusable;
    }
    return { block: this.#arena.allocate(bytes), bytes, pixels, half, ready: false, users: 0 };
  }

  #trim(capacity: number): void {
    while (this.#entries.length > capacity) {
      const idle = this.#entries.findIndex((e) => e.users === 0);
      const [entry] = idle < 0 ? [] : this.#entries.splice(idle, 1);
      if (!entry) return;
      this.#arena.free(entry.block);
    }
  }
}
