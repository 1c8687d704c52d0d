/**
 * The `i420` kind in the worker: planes are copied into contiguous images, padded, run through the
 * network, and cropped.
 */
import { type PlaneLayout, planeLayout } from '../../media/frame.ts';
import { type Clock, minus } from '../../time.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { BlockSearch } from '../worker/block-search.ts';
import { confidenceFrom } from '../worker/confidence.ts';
import type { Interpolator, NetworkFacts, Preparation, WireJob, WireResult, WorkerSetup } from '../worker/protocol.ts';
import type { RowThreads } from '../worker/row-threads.ts';
import { type I420Layout, type ImageOffsets, i420Layout, i420LayoutOfPair } from '../worker/scratch-layout.ts';
import { halvings } from './halving.ts';
import { ENLARGED_FRAMES } from './i420-io.ts';
import type { I420Buffers, I420Network, I420Session } from './i420-session.ts';

/** What hangs on one scratch block: layouts, and the sessions that work in it. */
interface Workspace {
  readonly frame: PlaneLayout;
  readonly buffers: I420Buffers;
  /** Of each pair of a run. */
  readonly layouts: readonly I420Layout[];
  /** By number of pairs. */
  readonly sessions: Map<number, I420Session>;
}

/** The images of a workspace: both parents, and what is interpolated from them. */
const PARENT_A = 0;
const PARENT_B = 1;
const RESULT = 2;
/**
 * Which image holds the one of so many eighths, when a network halves: the parents, the middles
 * that are halved again, the rest.
 */
const IMAGE_OF_EIGHTH = [PARENT_A, RESULT, 3, RESULT, 4, RESULT, 5, RESULT, PARENT_B] as const;

/** One pair of a run. */
interface Pair {
  readonly job: WireJob;
  readonly layout: I420Layout;
  readonly frame: PlaneLayout;
  /** Sum of the errors that the network expected of its images. */
  error: number;
}

/** What is under way: the pairs of one run, which all take the same steps, and the work so far. */
interface Work {
  readonly session: I420Session;
  readonly pairs: readonly Pair[];
  network: number;
  runs: number;
  judged: boolean;
}

/** Interpolates with an `i420` network. */
export class I420Interpolator implements Interpolator {
  readonly network: NetworkFacts;
  readonly #search: BlockSearch;
  readonly #rowThreads: RowThreads;
  readonly #clock: Clock;
  readonly #multiple: number;
  /** Most pairs of a run. */
  readonly #pairs: number;
  readonly #i420: I420Network;
  readonly #u8: Uint8Array;
  /** By offset of the scratch block. */
  readonly #spaces = new Map<number, Workspace>();

  constructor(kernel: Kernel, rowThreads: RowThreads, setup: WorkerSetup, clock: Clock, i420: I420Network) {
    this.network = i420.facts;
    this.#search = new BlockSearch(kernel, rowThreads, setup.memory);
    this.#rowThreads = rowThreads;
    this.#clock = clock;
    this.#multiple = setup.multiple;
    this.#pairs = i420.facts.batches ? setup.batch : 1;
    this.#i420 = i420;
    this.#u8 = new Uint8Array(setup.memory.buffer);
  }

  async prepare({ width, height, pairs, scratch }: Preparation): Promise<void> {
    const session = await this.#session(this.#space(width, height, scratch), pairs);
    // The first run plans memory and is slow.
    await session.run(PARENT_A, PARENT_B, RESULT, Array(pairs).fill(0.5));
  }

  async run(jobs: readonly WireJob[]): Promise<readonly WireResult[]> {
    const [first] = jobs;
    if (!first) return [];
    const work = await this.#begin(first, jobs);
    const { pairs } = work;
    const begin = this.#clock.now();
    this.#search.begin();
    for (const { job, layout } of pairs) {
      if (this.network.seeded) this.#search.search(job, layout);
      if (this.#i420.costs) this.#search.costs(job, layout);
    }
    const seeded = this.#clock.now();
    for (const pair of pairs) {
      this.#load(pair, pair.job.a, PARENT_A);
      this.#load(pair, pair.job.b, PARENT_B);
    }
    if (this.network.scale !== undefined) await this.#enlarge(work, first.timesteps, this.network.scale);
    else if (this.network.times === 'half') await this.#halve(work, first.timesteps);
    else await this.#makeEach(work, first.timesteps.length);
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
    this.#rowThreads.close();
  }

  async #begin({ width, height, scratch }: WireJob, jobs: readonly WireJob[]): Promise<Work> {
    const space = this.#space(width, height, scratch);
    const session = await this.#session(space, jobs.length);
    const pairs = jobs.flatMap((job, i) => {
      const layout = space.layouts[i];
      return layout ? { job, layout, frame: space.frame, error: 0 } : [];
    });
    return { session, pairs, network: 0, runs: 0, judged: false };
  }

  #space(width: number, height: number, scratch: number): Workspace {
    const known = this.#spaces.get(scratch);
    if (known) return known;
    const pairs = this.#pairs;
    const size = this.#i420.size(width, height, this.#multiple);
    const layout = i420Layout(size.width, size.height, this.network, this.#rowThreads.size, pairs);
    const luma = pairs * size.width * size.height;
    const { buffer } = this.#u8;
    const plane = (offset: number, bytes: number): Uint8Array => new Uint8Array(buffer, scratch + offset, bytes);
    const { scale } = this.network;
    const images = layout.images.map(({ y, u, v }, i) => {
      const samples = scale !== undefined && i === RESULT ? ENLARGED_FRAMES * scale * scale * luma : luma;
      return { y: plane(y, samples), u: plane(u, samples / 4), v: plane(v, samples / 4) };
    });
    const cells = this.network.seeded ? pairs * Math.ceil(size.width / 8) * Math.ceil(size.height / 8) : 0;
    const seed = new Float32Array(buffer, scratch + layout.seed, 3 * cells).fill(0);
    const costs = new Float32Array(buffer, scratch + layout.costs, 18 * cells).fill(0);
    const space: Workspace = {
      frame: planeLayout(width, height),
      buffers: { ...size, images, seed, costs },
      layouts: Array.from({ length: pairs }, (_, i) => i420LayoutOfPair(layout, i)),
      sessions: new Map(),
    };
    this.#spaces.set(scratch, space);
    return space;
  }

  async #session({ buffers, sessions }: Workspace, pairs: number): Promise<I420Session> {
    const session = sessions.get(pairs) ?? (await this.#i420.session(buffers, pairs));
    sessions.set(pairs, session);
    return session;
  }

  /** Makes the frames of each timestep. */
  async #makeEach(work: Work, timesteps: number): Promise<void> {
    for (let i = 0; i < timesteps; i++) {
      const times = work.pairs.map(({ job }) => job.timesteps[i] ?? 0.5);
      await this.#make(work, PARENT_A, PARENT_B, RESULT, times);
      this.#storeAll(work, RESULT, i);
    }
  }

  /** One run makes the parents and the middle, larger: times 0, ½ and 1 of each pair. */
  async #enlarge(work: Work, timesteps: readonly number[], scale: number): Promise<void> {
    await this.#make(work, PARENT_A, PARENT_B, RESULT, []);
    for (const pair of work.pairs) {
      const { y, u, v } = imageAt(pair.layout, RESULT);
      const [stride, samples] = [
        scale * pair.layout.paddedWidth,
        scale * scale * pair.layout.paddedWidth * pair.layout.paddedHeight,
      ];
      const frame = planeLayout(scale * pair.frame.width, scale * pair.frame.height);
      const at = pair.job.scratch;
      for (const [i, t] of timesteps.entries()) {
        const target = pair.job.outs[i] ?? 0;
        const place = Math.round((ENLARGED_FRAMES - 1) * t);
        const [luma, chroma] = [at + place * samples, at + (place * samples) / 4];
        this.#copyPlane(luma + y, stride, target + frame.y, frame.strideY, frame.width, frame.height);
        this.#copyPlane(chroma + u, stride / 2, target + frame.u, frame.strideC, frame.chromaWidth, frame.chromaHeight);
        this.#copyPlane(chroma + v, stride / 2, target + frame.v, frame.strideC, frame.chromaWidth, frame.chromaHeight);
      }
    }
  }

  /** Makes the frames of a network that only knows the middle, each from what stands beside it. */
  async #halve(work: Work, timesteps: readonly number[]): Promise<void> {
    const times = work.pairs.map(() => 0.5);
    for (const step of halvings(timesteps)) {
      const into = IMAGE_OF_EIGHTH[step.middle] ?? RESULT;
      await this.#make(work, IMAGE_OF_EIGHTH[step.from] ?? 0, IMAGE_OF_EIGHTH[step.to] ?? 0, into, times);
      for (const i of step.timesteps) this.#storeAll(work, into, i);
      // What the network makes of the padding is no image: it is a parent now, padded as every
      // other.
      if (step.to - step.from > 2) for (const pair of work.pairs) this.#pad(pair, into);
    }
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

  /** Gives every pair the image as its output of one timestep. */
  #storeAll({ pairs }: Work, image: number, timestep: number): void {
    for (const pair of pairs) this.#store(pair, image, pair.job.outs[timestep] ?? 0);
  }

  /** Copies the frame at `source` into an image and pads it. */
  #load(pair: Pair, source: number, image: number): void {
    const { job, layout, frame } = pair;
    const { y, u, v } = imageAt(layout, image);
    const { width, height, chromaWidth, chromaHeight, strideY, strideC } = frame;
    const { paddedWidth } = layout;
    const at = job.scratch;
    this.#copyPlane(source + frame.y, strideY, at + y, paddedWidth, width, height);
    this.#copyPlane(source + frame.u, strideC, at + u, paddedWidth / 2, chromaWidth, chromaHeight);
    this.#copyPlane(source + frame.v, strideC, at + v, paddedWidth / 2, chromaWidth, chromaHeight);
    this.#pad(pair, image);
  }

  /** Copies an image, cropped, into the frame at `target`. */
  #store({ job, layout, frame }: Pair, image: number, target: number): void {
    const { y, u, v } = imageAt(layout, image);
    const { width, height, chromaWidth, chromaHeight, strideY, strideC } = frame;
    const { paddedWidth } = layout;
    const at = job.scratch;
    this.#copyPlane(at + y, paddedWidth, target + frame.y, strideY, width, height);
    this.#copyPlane(at + u, paddedWidth / 2, target + frame.u, strideC, chromaWidth, chromaHeight);
    this.#copyPlane(at + v, paddedWidth / 2, target + frame.v, strideC, chromaWidth, chromaHeight);
  }

  #pad({ job, layout, frame }: Pair, image: number): void {
    const { y, u, v } = imageAt(layout, image);
    const { width, height, chromaWidth, chromaHeight } = frame;
    const { paddedWidth, paddedHeight } = layout;
    const at = job.scratch;
    this.#padPlane(at + y, width, height, paddedWidth, paddedHeight);
    this.#padPlane(at + u, chromaWidth, chromaHeight, paddedWidth / 2, paddedHeight / 2);
    this.#padPlane(at + v, chromaWidth, chromaHeight, paddedWidth / 2, paddedHeight / 2);
  }

  #copyPlane(
    source: number,
    sourceStride: number,
    target: number,
    targetStride: number,
    width: number,
    rows: number,
  ): void {
    const u8 = this.#u8;
    for (let row = 0; row < rows; row++) {
      const from = source + row * sourceStride;
      u8.copyWithin(target + row * targetStride, from, from + width);
    }
  }

  /** Repeats the last column and row of a plane. */
  #padPlane(plane: number, width: number, height: number, paddedWidth: number, paddedHeight: number): void {
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

function imageAt(layout: I420Layout, image: number): ImageOffsets {
  const offsets = layout.images[image];
  if (!offsets) throw new RangeError(`no image ${image}`);
  return offsets;
}
