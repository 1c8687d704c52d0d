/** The `i420` kind in the worker: planes are copied into contiguous pictures, padded, run through the network, and cropped. */
import { type PlaneLayout, planeLayout } from '../../media/frame.ts';
import { type Clock, minus } from '../../time.ts';
import type { Interpolator, NetworkFacts, Preparation, WireJob, WireResult, WorkerSetup } from '../engine/protocol.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { type PictureOffsets, type PlanesLayout, planesLayout, planesOfPair } from '../planes-layout.ts';
import { searchPair } from '../worker/block-search.ts';
import { confidenceFrom } from '../worker/confidence.ts';
import type { Crew } from '../worker/row-threads.ts';
import type { PlanesBuffers, PlanesNetwork, PlanesSession } from './i420-session.ts';

/** What hangs on one scratch block: layouts, and the sessions that work in it. */
interface Workspace {
  readonly frame: PlaneLayout;
  readonly buffers: PlanesBuffers;
  /** Of each pair of a run. */
  readonly slots: readonly PlanesLayout[];
  /** By number of pairs. */
  readonly sessions: Map<number, PlanesSession>;
}

/** The pictures of a workspace: both parents, and what is made from them. */
const PARENT_A = 0;
const PARENT_B = 1;
const MADE = 2;
/** Which picture holds the one of so many eighths, when a network halves: the parents, the middles that are halved again, the rest. */
const PICTURE_OF_EIGHTH = [PARENT_A, MADE, 3, MADE, 4, MADE, 5, MADE, PARENT_B] as const;

/** One pair of a run. */
interface Pair {
  readonly job: WireJob;
  readonly layout: PlanesLayout;
  readonly frame: PlaneLayout;
  /** Sum of the errors that the network expected of its pictures. */
  error: number;
}

/** What is under way: the pairs of one run, which all take the same steps, and the work so far. */
interface Work {
  readonly session: PlanesSession;
  readonly pairs: readonly Pair[];
  network: number;
  runs: number;
  judged: boolean;
}

/** Interpolates with an `i420` network. */
export class PlanesInterpolator implements Interpolator {
  readonly network: NetworkFacts;
  readonly #kernel: Kernel;
  readonly #crew: Crew;
  readonly #clock: Clock;
  readonly #multiple: number;
  /** Most pairs of a run. */
  readonly #pairs: number;
  readonly #planes: PlanesNetwork;
  readonly #u8: Uint8Array;
  /** By offset of the scratch block. */
  readonly #spaces = new Map<number, Workspace>();

  constructor(kernel: Kernel, crew: Crew, setup: WorkerSetup, clock: Clock, planes: PlanesNetwork) {
    this.network = planes.facts;
    this.#kernel = kernel;
    this.#crew = crew;
    this.#clock = clock;
    this.#multiple = setup.multiple;
    this.#pairs = planes.facts.batches ? setup.batch : 1;
    this.#planes = planes;
    this.#u8 = new Uint8Array(setup.memory.buffer);
  }

  async prepare({ width, height, pairs, scratch }: Preparation): Promise<void> {
    const session = await this.#session(this.#space(width, height, scratch), pairs);
    // The first run plans memory and is slow.
    await session.run(PARENT_A, PARENT_B, MADE, Array(pairs).fill(0.5));
  }

  async run(jobs: readonly WireJob[]): Promise<readonly WireResult[]> {
    const [first] = jobs;
    if (!first) return [];
    const work = await this.#begin(first, jobs);
    const { pairs } = work;
    const begin = this.#clock.now();
    for (const { job, layout } of pairs) {
      if (this.network.seeded) searchPair(this.#kernel, this.#crew, job, layout, this.#planes.costs);
    }
    const seeded = this.#clock.now();
    for (const pair of pairs) {
      this.#load(pair, pair.job.a, PARENT_A);
      this.#load(pair, pair.job.b, PARENT_B);
    }
    if (this.network.times === 'half') await this.#halve(work, first.timesteps, 0, 8);
    else {
      for (let i = 0; i < first.timesteps.length; i++) {
        const times = pairs.map(({ job }) => job.timesteps[i] ?? 0.5);
        await this.#make(work, PARENT_A, PARENT_B, MADE, times);
        this.#storeAll(work, MADE, i);
      }
    }
    const share = (span: number): number => span / pairs.length;
    const spans = {
      search: share(minus(seeded, begin)),
      network: share(work.network),
      kernel: share(minus(this.#clock.now(), seeded) - work.network),
    };
    return pairs.map(({ error }) => ({
      confidence: work.judged ? confidenceFrom(error / work.runs) : undefined,
      spans,
    }));
  }

  async forget(scratch: number): Promise<void> {
    const space = this.#spaces.get(scratch);
    this.#spaces.delete(scratch);
    for (const session of space?.sessions.values() ?? []) await session.release();
  }

  async close(): Promise<void> {
    for (const scratch of [...this.#spaces.keys()]) await this.forget(scratch);
    this.#crew.close();
  }

  async #begin({ width, height, scratch }: WireJob, jobs: readonly WireJob[]): Promise<Work> {
    const space = this.#space(width, height, scratch);
    const session = await this.#session(space, jobs.length);
    const pairs = jobs.flatMap((job, i) => {
      const layout = space.slots[i];
      return layout ? { job, layout, frame: space.frame, error: 0 } : [];
    });
    return { session, pairs, network: 0, runs: 0, judged: false };
  }

  #space(width: number, height: number, scratch: number): Workspace {
    const known = this.#spaces.get(scratch);
    if (known) return known;
    const pairs = this.#pairs;
    const size = this.#planes.size(width, height, this.#multiple);
    const layout = planesLayout(size.width, size.height, this.network, this.#crew.size, pairs);
    const luma = pairs * size.width * size.height;
    const { buffer } = this.#u8;
    const plane = (offset: number, bytes: number): Uint8Array => new Uint8Array(buffer, scratch + offset, bytes);
    const pictures = layout.pictures.map(({ y, u, v }) => ({
      y: plane(y, luma),
      u: plane(u, luma / 4),
      v: plane(v, luma / 4),
    }));
    const cells = this.network.seeded ? pairs * Math.ceil(size.width / 8) * Math.ceil(size.height / 8) : 0;
    const seed = new Float32Array(buffer, scratch + layout.seed, 3 * cells).fill(0);
    const costs = new Float32Array(buffer, scratch + layout.costs, 18 * cells).fill(0);
    const space: Workspace = {
      frame: planeLayout(width, height),
      buffers: { ...size, pictures, seed, costs },
      slots: Array.from({ length: pairs }, (_, i) => planesOfPair(layout, i)),
      sessions: new Map(),
    };
    this.#spaces.set(scratch, space);
    return space;
  }

  async #session({ buffers, sessions }: Workspace, pairs: number): Promise<PlanesSession> {
    const session = sessions.get(pairs) ?? (await this.#planes.session(buffers, pairs));
    sessions.set(pairs, session);
    return session;
  }

  /**
   * Makes the middle of two times (in eighths) when it is wanted or something between is, then the middles on both sides of it:
   * a quarter is the middle of the first frame and the middle. Equal times, which come of rounding, get the same picture.
   */
  async #halve(work: Work, timesteps: readonly number[], from: number, to: number): Promise<void> {
    if (to - from < 2 || !timesteps.some((t) => t * 8 > from && t * 8 < to)) return;
    const middle = (from + to) / 2;
    const into = PICTURE_OF_EIGHTH[middle] ?? MADE;
    const times = work.pairs.map(() => 0.5);
    await this.#make(work, PICTURE_OF_EIGHTH[from] ?? 0, PICTURE_OF_EIGHTH[to] ?? 0, into, times);
    timesteps.forEach((t, i) => {
      if (t * 8 === middle) this.#storeAll(work, into, i);
    });
    // What the network makes of the padding is no picture: it is a parent now, padded as every other.
    if (to - from > 2) for (const pair of work.pairs) this.#pad(pair, into);
    await this.#halve(work, timesteps, from, middle);
    await this.#halve(work, timesteps, middle, to);
  }

  async #make(work: Work, a: number, b: number, into: number, times: readonly number[]): Promise<void> {
    const begin = this.#clock.now();
    const errors = await work.session.run(a, b, into, times);
    work.network += minus(this.#clock.now(), begin);
    work.runs += 1;
    if (!errors) return;
    work.judged = true;
    work.pairs.forEach((pair, i) => {
      pair.error += errors[i] ?? 0;
    });
  }

  /** Gives every pair the picture as its output of one timestep. */
  #storeAll({ pairs }: Work, picture: number, timestep: number): void {
    for (const pair of pairs) this.#store(pair, picture, pair.job.outs[timestep] ?? 0);
  }

  /** Copies the frame at `source` into a picture and pads it. */
  #load(pair: Pair, source: number, picture: number): void {
    const { job, layout, frame } = pair;
    const { y, u, v } = pictureAt(layout, picture);
    const { width, height, chromaWidth, chromaHeight, strideY, strideC } = frame;
    const { paddedWidth } = layout;
    const at = job.scratch;
    this.#copy(source + frame.y, strideY, at + y, paddedWidth, width, height);
    this.#copy(source + frame.u, strideC, at + u, paddedWidth / 2, chromaWidth, chromaHeight);
    this.#copy(source + frame.v, strideC, at + v, paddedWidth / 2, chromaWidth, chromaHeight);
    this.#pad(pair, picture);
  }

  /** Copies a picture, cropped, into the frame at `target`. */
  #store({ job, layout, frame }: Pair, picture: number, target: number): void {
    const { y, u, v } = pictureAt(layout, picture);
    const { width, height, chromaWidth, chromaHeight, strideY, strideC } = frame;
    const { paddedWidth } = layout;
    const at = job.scratch;
    this.#copy(at + y, paddedWidth, target + frame.y, strideY, width, height);
    this.#copy(at + u, paddedWidth / 2, target + frame.u, strideC, chromaWidth, chromaHeight);
    this.#copy(at + v, paddedWidth / 2, target + frame.v, strideC, chromaWidth, chromaHeight);
  }

  #pad({ job, layout, frame }: Pair, picture: number): void {
    const { y, u, v } = pictureAt(layout, picture);
    const { width, height, chromaWidth, chromaHeight } = frame;
    const { paddedWidth, paddedHeight } = layout;
    const at = job.scratch;
    this.#extend(at + y, width, height, paddedWidth, paddedHeight);
    this.#extend(at + u, chromaWidth, chromaHeight, paddedWidth / 2, paddedHeight / 2);
    this.#extend(at + v, chromaWidth, chromaHeight, paddedWidth / 2, paddedHeight / 2);
  }

  #copy(source: number, sourceStride: number, target: number, targetStride: number, width: number, rows: number): void {
    const u8 = this.#u8;
    for (let row = 0; row < rows; row++) {
      const from = source + row * sourceStride;
      u8.copyWithin(target + row * targetStride, from, from + width);
    }
  }

  /** Repeats the last column and row of a plane. */
  #extend(plane: number, width: number, height: number, paddedWidth: number, paddedHeight: number): void {
    const u8 = this.#u8;
    if (paddedWidth > width) {
      for (let row = 0; row < height; row++) {
        const end = plane + row * paddedWidth + width;
        u8.fill(u8[end - 1] ?? 0, end, end + paddedWidth - width);
      }
    }
    const last = plane + (height - 1) * paddedWidth;
    for (let row = height; row < paddedHeight; row++) {
      u8.copyWithin(plane + row * paddedWidth, last, last + paddedWidth);
    }
  }
}

function pictureAt(layout: PlanesLayout, picture: number): PictureOffsets {
  const offsets = layout.pictures[picture];
  if (!offsets) throw new RangeError(`no picture ${picture}`);
  return offsets;
}
