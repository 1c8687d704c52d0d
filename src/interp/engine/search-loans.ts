/** What a job is lent for the block search: pyramids of frames, and the vectors of its pair and of those beside it. */
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import type { Neighbour } from '../../pairing/operators.ts';
import type { FlowMode, WireJob } from '../worker/protocol.ts';
import { paddedPyramidBytes, seedBytes } from '../worker/scratch-layout.ts';
import { BlockCache, type BlockLoan, type WantedBlock } from './block-cache.ts';
import type { InterpJob } from './job.ts';
import type { EngineSettings } from './options.ts';

/**
 * Pairs whose vectors are kept: two of each of so many streams as share an engine. They are small, 170 kB at 720p, and a
 * stream holds no more of them than it uses.
 */
const MAX_SEEDS = 64;

type Settings = Pick<EngineSettings, 'workers' | 'maxPairs' | 'multiple' | 'searchBeside'>;
type LoanJob = Pick<InterpJob, 'stream' | 'a' | 'b' | 'before' | 'after'> & { readonly mode: FlowMode };
type WireSearch = Pick<WireJob, 'pyramidA' | 'pyramidB' | 'seed' | 'before' | 'after'>;

/** Where the blocks of an engine's jobs come from. */
export class SearchCaches {
  readonly #pyramids: BlockCache;
  readonly #seeds: BlockCache;
  readonly #settings: Settings;

  constructor(arena: Arena, settings: Settings) {
    this.#pyramids = new BlockCache(arena, 4 + 2 * settings.workers * settings.maxPairs);
    this.#seeds = new BlockCache(arena, MAX_SEEDS);
    this.#settings = settings;
  }

  /**
   * Lends a job what it needs. @param accelerates whether the model makes use of the pairs beside.
   * @throws FrameliftError `arena.full`.
   */
  lend(job: LoanJob, accelerates: boolean): SearchLoans {
    const { width, height } = job.a;
    const { multiple, searchBeside } = this.#settings;
    const half = job.mode === 'half';
    return new SearchLoans(job, {
      pyramids: this.#pyramids,
      seeds: this.#seeds,
      pyramidBytes: paddedPyramidBytes(width, height, multiple, half),
      seedBytes: accelerates ? seedBytes(width, height, multiple, half) : undefined,
      searchBeside,
    });
  }

  /** Frees everything that no job uses. */
  clear(): void {
    this.#pyramids.clear();
    this.#seeds.clear();
  }
}

/** Where the blocks of a job come from, and how large they are. */
interface SearchBlocks {
  readonly pyramids: BlockCache;
  readonly seeds: BlockCache;
  /** Bytes of the pyramid of a frame. */
  readonly pyramidBytes: number;
  /** Bytes of the vectors of a pair; undefined: none are kept. */
  readonly seedBytes: number | undefined;
  /** As `InterpEngineOptions.searchBeside`. */
  readonly searchBeside: boolean;
}

/** A pair beside whose vectors are there, or may be made. */
interface Beside {
  readonly side: 'before' | 'after';
  readonly neighbour: Neighbour;
  readonly wanted: WantedBlock;
}

/** The loans of one job. Give them back with {@link SearchLoans.done}. */
export class SearchLoans {
  /** What the worker is told of them. */
  readonly wire: WireSearch;
  readonly #blocks: SearchBlocks;
  readonly #stream: string;
  /** At which size the motion is sought: part of every key. */
  readonly #size: 'half' | 'whole';
  readonly #loans: BlockLoan[] = [];

  /** @throws FrameliftError `arena.full`; then nothing is lent. */
  constructor(job: LoanJob, blocks: SearchBlocks) {
    this.#blocks = blocks;
    this.#stream = job.stream;
    this.#size = job.mode === 'half' ? 'half' : 'whole';
    try {
      this.wire = this.#borrow(job);
    } catch (error) {
      this.done(false);
      throw error;
    }
  }

  /** Gives all back; `filled`: what was not ready is correct now. */
  done(filled: boolean): void {
    for (const loan of this.#loans.splice(0)) loan.done(filled);
  }

  #borrow(job: LoanJob): WireSearch {
    const { seeds, pyramids, seedBytes } = this.#blocks;
    const beside = seedBytes === undefined ? [] : this.#beside(job, seedBytes);
    const own = seedBytes === undefined ? [] : [this.#seed(job.a, job.b, seedBytes)];
    const found = this.#lend(seeds, [...own, ...beside.map(({ wanted }) => wanted)]);
    const [seed, besideSeeds] = [found[0], found.slice(1)];
    // Where the vectors are there, nothing is sought.
    const sought = beside.filter((_, i) => besideSeeds[i]?.ready === false);
    const frames = [job.a, job.b, ...sought.map(({ neighbour }) => neighbour.frame)];
    const [pyramidA, pyramidB, ...others] = this.#lend(
      pyramids,
      frames.map((frame) => this.#pyramid(frame)),
    );
    const wires = beside.flatMap(({ side, neighbour }, i) => {
      const [lent, at] = [besideSeeds[i], sought.findIndex((one) => one.side === side)];
      if (!lent) return [];
      const { frame, ratio } = neighbour;
      const pyramid = wireBlock(others[at]);
      return [[side, { frame: frame.offset, pyramid, seed: wireBlock(lent), ratio }] as const];
    });
    return {
      pyramidA: wireBlock(pyramidA),
      pyramidB: wireBlock(pyramidB),
      ...(seed ? { seed: wireBlock(seed) } : {}),
      ...Object.fromEntries(wires),
    };
  }

  /** The pairs beside that the worker is told of. */
  #beside({ a, b, before, after }: LoanJob, seedBytes: number): Beside[] {
    const { seeds, searchBeside } = this.#blocks;
    const all: Beside[] = [];
    if (before) all.push({ side: 'before', neighbour: before, wanted: this.#seed(before.frame, a, seedBytes) });
    if (after) all.push({ side: 'after', neighbour: after, wanted: this.#seed(b, after.frame, seedBytes) });
    return searchBeside ? all : all.filter(({ wanted }) => seeds.has(wanted));
  }

  #lend(cache: BlockCache, wanted: readonly WantedBlock[]): BlockLoan[] {
    const loans = cache.lend(wanted);
    this.#loans.push(...loans);
    return loans;
  }

  #seed(from: Frame, to: Frame, bytes: number): WantedBlock {
    return { stream: this.#stream, key: `${this.#size} ${from.pixels} ${to.pixels}`, bytes };
  }

  #pyramid(frame: Frame): WantedBlock {
    return { stream: this.#stream, key: `${this.#size} ${frame.pixels}`, bytes: this.#blocks.pyramidBytes };
  }
}

/** Nothing lent: the worker does not look there. */
function wireBlock(loan: BlockLoan | undefined): { readonly offset: number; readonly ready: boolean } {
  return { offset: loan?.offset ?? 0, ready: loan?.ready ?? false };
}
