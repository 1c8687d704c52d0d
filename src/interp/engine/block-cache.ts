/**
 * What workers have made of recent frames, so that it need not be made again: pyramids, for a stream's second frame becomes
 * the first; vectors of the search, for a pair becomes the one before.
 */
import type { Arena, Block } from '../../media/arena.ts';

/** What a job asks for. */
export interface WantedBlock {
  /** The stream whose job it is. */
  readonly stream: string;
  /** Stands for the content alone: of pixels that never change, so that it never grows old. */
  readonly key: string;
  readonly bytes: number;
}

interface Entry {
  readonly block: Block;
  readonly bytes: number;
  readonly stream: string;
  /** What it holds; undefined: nothing that can be used. */
  key: string | undefined;
  /** Filled and correct. */
  ready: boolean;
  /** Jobs that read or write it now. */
  users: number;
}

/** A block lent to a job. */
export interface BlockLoan {
  readonly offset: number;
  /** True: already filled. False: the job fills it. */
  readonly ready: boolean;
  /** Gives it back; `filled` when its content is now correct. Call once. */
  done(filled: boolean): void;
}

/**
 * Least-recently-used cache of blocks in the arena. What a stream no longer looks at makes room for its next frames first: so
 * a stream keeps as many blocks as its jobs hold at once. Bound: `capacity` idle entries of all streams; lent ones are bounded
 * by the running jobs.
 */
export class BlockCache {
  readonly #arena: Arena;
  readonly #capacity: number;
  /** Oldest first. */
  #entries: Entry[] = [];

  constructor(arena: Arena, capacity: number) {
    this.#arena = arena;
    this.#capacity = capacity;
  }

  /**
   * Lends blocks that hold what is wanted, one for each, or empty ones to fill.
   * @throws FrameliftError `arena.full`; then nothing is lent.
   */
  lend(wanted: readonly WantedBlock[]): BlockLoan[] {
    // What is there first, so that none of it makes room for the others.
    const found = wanted.map((one) => this.#find(one)).map((entry) => entry && this.#lend(entry, true));
    const loans: BlockLoan[] = [];
    try {
      for (const [i, one] of wanted.entries()) loans.push(found[i] ?? this.#lend(this.#fresh(one), false));
      return loans;
    } catch (error) {
      for (const loan of [...loans, ...found]) loan?.done(false);
      throw error;
    }
  }

  /** Whether there is a block that holds what is wanted. */
  has(wanted: WantedBlock): boolean {
    return this.#find(wanted) !== undefined;
  }

  /** Frees everything that no job uses. */
  clear(): void {
    this.#trim(0);
  }

  #find({ key, bytes }: WantedBlock): Entry | undefined {
    return this.#entries.find((e) => e.ready && e.key === key && e.bytes === bytes);
  }

  #lend(entry: Entry, ready: boolean): BlockLoan {
    entry.users += 1;
    this.#entries = this.#entries.filter((e) => e !== entry);
    this.#entries.push(entry);
    let lent = true;
    return {
      offset: entry.block.offset,
      ready,
      done: (filled) => {
        if (!lent) return;
        lent = false;
        entry.users -= 1;
        entry.ready ||= filled;
        if (!entry.ready) entry.key = undefined;
        this.#trim(this.#capacity);
      },
    };
  }

  #fresh({ stream, key, bytes }: WantedBlock): Entry {
    const old = this.#entries.find((e) => e.users === 0 && e.stream === stream && e.bytes === bytes);
    if (!old) return { block: this.#arena.allocate(bytes), bytes, stream, key, ready: false, users: 0 };
    old.key = key;
    old.ready = false;
    return old;
  }

  #trim(capacity: number): void {
    const idle = this.#entries.filter((e) => e.users === 0);
    for (const entry of idle.slice(0, Math.max(0, idle.length - capacity))) {
      this.#entries = this.#entries.filter((e) => e !== entry);
      this.#arena.free(entry.block);
    }
  }
}
