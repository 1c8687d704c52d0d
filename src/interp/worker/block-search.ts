/** The block search of a worker's runs: what seeds the networks that work with it. */

import type { Kernel } from '../kernel/kernel.ts';
import { CELL_ROWS, searchTasks } from '../kernel/tasks.ts';
import type { WireJob, WireNeighbour, WirePyramid } from './protocol.ts';
import type { RowThreads } from './row-threads.ts';

/**
 * Where the search works and what it fills, in bytes from the start of the job's scratch; sizes
 * after padding.
 */
interface SearchLayout {
  readonly paddedWidth: number;
  readonly paddedHeight: number;
  readonly seed: number;
  readonly costs: number;
  readonly work: number;
  readonly rowScratch: number;
  readonly rowScratchBytes: number;
}

/** Where the fine search's vectors and the motion of pairs beside are, of networks that read them. */
interface FineLayout {
  readonly fine: number;
  readonly motion: number;
}

/** A luma of half the size: what is searched instead of the frames' own. */
interface HalvedLuma {
  readonly width: number;
  readonly height: number;
  /** Where it is made, in bytes from the start of the job's scratch. */
  readonly luma: number;
}

/**
 * Searches the pairs of one run after the other. Pyramids and vectors that are kept for later are
 * filled once, whichever pairs of the run share them.
 */
export class BlockSearch {
  readonly #kernel: Kernel;
  readonly #rowThreads: RowThreads;
  readonly #u8: Uint8Array;
  /** Offsets of what this run has filled. */
  readonly #filled = new Set<number>();

  constructor(kernel: Kernel, rowThreads: RowThreads, memory: WebAssembly.Memory) {
    this.#kernel = kernel;
    this.#rowThreads = rowThreads;
    this.#u8 = new Uint8Array(memory.buffer);
  }

  /** A new run: nothing has been filled yet but what the jobs call ready. */
  begin(): void {
    this.#filled.clear();
  }

  /**
   * Fills the layout's `seed`, and what is kept of the job and not ready: both frames' pyramids, its
   * own vectors, those of the pairs beside it and their frames' pyramids. All of it at half the size
   * if `half` is given.
   */
  search(job: WireJob, layout: SearchLayout, half?: HalvedLuma): void {
    const { scratch, pyramidA, pyramidB, before, after } = job;
    this.#pyramid(job, job.a, pyramidA, layout, half);
    this.#pyramid(job, job.b, pyramidB, layout, half);
    this.#own(job, layout, scratch + layout.seed);
    // Of a pair beside whose vectors are there no pyramid is lent.
    if (before && !before.seed.ready) {
      this.#pyramid(job, before.frame, before.pyramid, layout, half);
      this.#beside(job, before, before.pyramid.offset, pyramidA.offset, layout);
    }
    if (after && !after.seed.ready) {
      this.#pyramid(job, after.frame, after.pyramid, layout, half);
      this.#beside(job, after, pyramidB.offset, after.pyramid.offset, layout);
    }
  }

  /** Fills the layout's `fine` with what a search in small windows finds. After {@link BlockSearch.search}. */
  fine({ scratch, pyramidA, pyramidB }: WireJob, layout: SearchLayout & FineLayout): void {
    this.#vectors(pyramidA.offset, pyramidB.offset, layout, scratch, scratch + layout.fine, true);
  }

  /**
   * Fills the layout's `costs` with those of 18 candidates; with `more`, whose `fine` and `motion` are
   * filled, with those of 28. After {@link BlockSearch.search}.
   */
  costs({ scratch, pyramidA, pyramidB }: WireJob, layout: SearchLayout, more?: FineLayout): void {
    const { paddedWidth: w, paddedHeight: h, rowScratchBytes } = layout;
    const pair = [pyramidA.offset, pyramidB.offset, w, h, scratch + layout.seed] as const;
    const [fine, motion] = more ? [scratch + more.fine, scratch + more.motion] : [0, 0];
    const places = [fine, motion, scratch + layout.costs, scratch + layout.rowScratch, rowScratchBytes] as const;
    this.#rowThreads.run(['costs', ...pair, ...places], Math.ceil(h / 8), CELL_ROWS);
  }

  /** Fills `seed` with the job's own vectors: from where they are kept, or they are found and kept. */
  #own(job: WireJob, layout: SearchLayout, seed: number): void {
    const { scratch, pyramidA, pyramidB, seed: kept } = job;
    const bytes = vectorBytes(layout);
    if (kept && (kept.ready || this.#filled.has(kept.offset))) {
      this.#u8.copyWithin(seed, kept.offset, kept.offset + bytes);
      return;
    }
    this.#vectors(pyramidA.offset, pyramidB.offset, layout, scratch, seed);
    if (!kept) return;
    this.#u8.copyWithin(kept.offset, seed, seed + bytes);
    this.#filled.add(kept.offset);
  }

  /** Fills what is kept of the vectors of the pair beside, between the pyramids `p0` and `p1`. */
  #beside({ scratch }: WireJob, { seed }: WireNeighbour, p0: number, p1: number, layout: SearchLayout): void {
    if (this.#filled.has(seed.offset)) return;
    this.#vectors(p0, p1, layout, scratch, seed.offset);
    this.#filled.add(seed.offset);
  }

  #vectors(p0: number, p1: number, layout: SearchLayout, scratch: number, seed: number, fine = false): void {
    const { paddedWidth, paddedHeight, work } = layout;
    const tasks = searchTasks(p0, p1, paddedWidth, paddedHeight, scratch + work, seed, fine);
    for (const { task, rows, chunk } of tasks) this.#rowThreads.run(task, rows, chunk);
  }

  #pyramid(
    { width, height, scratch }: WireJob,
    frame: number,
    { offset, ready }: WirePyramid,
    { paddedWidth, paddedHeight }: SearchLayout,
    half: HalvedLuma | undefined,
  ): void {
    if (ready || this.#filled.has(offset)) return;
    if (half) {
      const luma = scratch + half.luma;
      this.#kernel.halveLuma(frame, width, height, luma);
      this.#kernel.buildPyramid(luma, half.width, half.height, paddedWidth, paddedHeight, offset);
    } else this.#kernel.buildPyramid(frame, width, height, paddedWidth, paddedHeight, offset);
    this.#filled.add(offset);
  }
}

/** Bytes of the vectors of a pair. */
function vectorBytes({ paddedWidth, paddedHeight }: SearchLayout): number {
  return 12 * Math.ceil(paddedWidth / 8) * Math.ceil(paddedHeight / 8);
}
