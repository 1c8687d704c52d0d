/** The `i420` kind in the worker: planes are copied into contiguous pictures, padded, run through the network, and cropped. */
import { type PlaneLayout, planeLayout } from '../frame.ts';
import { type Clock, minus } from '../time.ts';
import { searchPair } from './block-search.ts';
import { confidenceFrom } from './confidence.ts';
import type { Crew } from './crew.ts';
import type { Kernel } from './kernel/kernel.ts';
import type { Interpolator, NetworkFacts, WireJob, WireResult, WorkerSetup } from './messages.ts';
import { type PictureOffsets, type PlanesLayout, planesLayout } from './planes-layout.ts';
import type { PlanesNetwork, PlanesSession } from './planes-session.ts';

/** What hangs on one scratch block: layouts, and the session that works in it. */
interface Workspace {
  readonly layout: PlanesLayout;
  readonly frame: PlaneLayout;
  readonly session: PlanesSession;
}

/** The pictures of a workspace: both parents, and what is made from them. */
const PARENT_A = 0;
const PARENT_B = 1;
const MADE = 2;
/** Which picture holds the one of so many eighths, when a network halves: the parents, the middles that are halved again, the rest. */
const PICTURE_OF_EIGHTH = [PARENT_A, MADE, 3, MADE, 4, MADE, 5, MADE, PARENT_B] as const;

/** Work of the job under way. */
interface Tally {
  network: number;
  runs: number;
  error: number;
  judged: boolean;
}

/** Interpolates with an `i420` network. */
export class PlanesInterpolator implements Interpolator {
  readonly network: NetworkFacts;
  readonly #kernel: Kernel;
  readonly #crew: Crew;
  readonly #clock: Clock;
  readonly #multiple: number;
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
    this.#planes = planes;
    this.#u8 = new Uint8Array(setup.memory.buffer);
  }

  async prepare(width: number, height: number, scratch: number): Promise<void> {
    const { session } = await this.#space(width, height, scratch);
    // The first run plans memory and is slow.
    await session.run(PARENT_A, PARENT_B, MADE, 0.5);
  }

  async run(job: WireJob): Promise<WireResult> {
    const space = await this.#space(job.width, job.height, job.scratch);
    const begin = this.#clock.now();
    if (this.network.seeded) searchPair(this.#kernel, this.#crew, job, space.layout, this.#planes.costs);
    const seeded = this.#clock.now();
    this.#load(job, space, job.a, PARENT_A);
    this.#load(job, space, job.b, PARENT_B);
    const tally: Tally = { network: 0, runs: 0, error: 0, judged: false };
    if (this.network.times === 'half') await this.#halve(job, space, tally, 0, 8);
    else {
      for (let i = 0; i < job.timesteps.length; i++) {
        await this.#make(space, tally, PARENT_A, PARENT_B, MADE, job.timesteps[i] ?? 0.5);
        this.#store(job, space, MADE, job.outs[i] ?? 0);
      }
    }
    return {
      confidence: tally.judged ? confidenceFrom(tally.error / tally.runs) : undefined,
      spans: {
        search: minus(seeded, begin),
        network: tally.network,
        kernel: minus(this.#clock.now(), seeded) - tally.network,
      },
    };
  }

  async forget(scratch: number): Promise<void> {
    const space = this.#spaces.get(scratch);
    this.#spaces.delete(scratch);
    await space?.session.release();
  }

  async close(): Promise<void> {
    for (const scratch of [...this.#spaces.keys()]) await this.forget(scratch);
    this.#crew.close();
  }

  async #space(width: number, height: number, scratch: number): Promise<Workspace> {
    const known = this.#spaces.get(scratch);
    if (known) return known;
    const size = this.#planes.size(width, height, this.#multiple);
    const layout = planesLayout(size.width, size.height, this.network, this.#crew.size);
    const luma = size.width * size.height;
    const { buffer } = this.#u8;
    const plane = (offset: number, bytes: number): Uint8Array => new Uint8Array(buffer, scratch + offset, bytes);
    const pictures = layout.pictures.map(({ y, u, v }) => ({
      y: plane(y, luma),
      u: plane(u, luma / 4),
      v: plane(v, luma / 4),
    }));
    const cells = this.network.seeded ? Math.ceil(size.width / 8) * Math.ceil(size.height / 8) : 0;
    const seed = new Float32Array(buffer, scratch + layout.seed, 3 * cells);
    const costs = new Float32Array(buffer, scratch + layout.costs, 18 * cells);
    seed.fill(0);
    costs.fill(0);
    const session = await this.#planes.session({ ...size, pictures, seed, costs });
    const space: Workspace = { layout, frame: planeLayout(width, height), session };
    this.#spaces.set(scratch, space);
    return space;
  }

  /**
   * Makes the middle of two times (in eighths) when it is wanted or something between is, then the middles on both sides of it:
   * a quarter is the middle of the first frame and the middle. Equal times, which come of rounding, get the same picture.
   */
  async #halve(job: WireJob, space: Workspace, tally: Tally, from: number, to: number): Promise<void> {
    if (to - from < 2 || !job.timesteps.some((t) => t * 8 > from && t * 8 < to)) return;
    const middle = (from + to) / 2;
    const into = PICTURE_OF_EIGHTH[middle] ?? MADE;
    await this.#make(space, tally, PICTURE_OF_EIGHTH[from] ?? 0, PICTURE_OF_EIGHTH[to] ?? 0, into, 0.5);
    job.timesteps.forEach((t, i) => {
      if (t * 8 === middle) this.#store(job, space, into, job.outs[i] ?? 0);
    });
    // What the network makes of the padding is no picture: it is a parent now, padded as every other.
    if (to - from > 2) this.#pad(job, space, into);
    await this.#halve(job, space, tally, from, middle);
    await this.#halve(job, space, tally, middle, to);
  }

  async #make(space: Workspace, tally: Tally, a: number, b: number, into: number, t: number): Promise<void> {
    const begin = this.#clock.now();
    const error = await space.session.run(a, b, into, t);
    tally.network += minus(this.#clock.now(), begin);
    tally.runs += 1;
    if (error === undefined) return;
    tally.judged = true;
    tally.error += error;
  }

  /** Copies the frame at `source` into a picture and pads it. */
  #load(job: WireJob, space: Workspace, source: number, picture: number): void {
    const { layout, frame } = space;
    const { y, u, v } = pictureAt(layout, picture);
    const { width, height, chromaWidth, chromaHeight, strideY, strideC } = frame;
    const { paddedWidth } = layout;
    const at = job.scratch;
    this.#copy(source + frame.y, strideY, at + y, paddedWidth, width, height);
    this.#copy(source + frame.u, strideC, at + u, paddedWidth / 2, chromaWidth, chromaHeight);
    this.#copy(source + frame.v, strideC, at + v, paddedWidth / 2, chromaWidth, chromaHeight);
    this.#pad(job, space, picture);
  }

  /** Copies a picture, cropped, into the frame at `target`. */
  #store(job: WireJob, { layout, frame }: Workspace, picture: number, target: number): void {
    const { y, u, v } = pictureAt(layout, picture);
    const { width, height, chromaWidth, chromaHeight, strideY, strideC } = frame;
    const { paddedWidth } = layout;
    const at = job.scratch;
    this.#copy(at + y, paddedWidth, target + frame.y, strideY, width, height);
    this.#copy(at + u, paddedWidth / 2, target + frame.u, strideC, chromaWidth, chromaHeight);
    this.#copy(at + v, paddedWidth / 2, target + frame.v, strideC, chromaWidth, chromaHeight);
  }

  #pad(job: WireJob, { layout, frame }: Workspace, picture: number): void {
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
