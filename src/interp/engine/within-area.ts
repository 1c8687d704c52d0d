/**
 * Models that see the picture without the bars around it: what they make of it is put back between
 * the bars, which stay as the source has them.
 */
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import { alignedArea, cropped, framed, type PictureArea } from '../../media/picture-area.ts';
import type { Neighbour } from '../../pairing/operators.ts';
import type { ModelSource } from './auto-select.ts';
import type { InterpJob, InterpResult, Tier } from './job.ts';

/** Options of {@link withinArea}. */
export interface WithinAreaOptions {
  /** Where the engine's frames are. */
  readonly arena: Arena;
  /**
   * A size that the model has not seen yet is prepared first, and the pair waits for it; else bars count as picture until
   * it is ready, so that a live stream does not wait.
   */
  readonly wait: boolean;
}

/** Models that are all {@link withinArea}; streams do not wait for sizes. */
export function withinAreaPool(pool: ModelSource, arena: Arena): ModelSource {
  return {
    providerOf: (name) => pool.providerOf(name),
    async acquire(name) {
      const lease = await pool.acquire(name);
      const tiers = lease.tiers.map((tier) => withinArea(tier, { arena, wait: false }));
      const release = (): void => {
        for (const tier of tiers) tier[Symbol.dispose]();
        lease.release();
      };
      return { ...lease, tiers, release };
    },
  };
}

/**
 * A model that interpolates the {@link InterpJob.area} of the pairs of one stream as pictures of their own. Holds the last
 * job's until it is disposed of; disposing twice is harmless.
 */
export function withinArea(tier: Tier, { arena, wait }: WithinAreaOptions): Tier & Disposable {
  const { model, times, extrapolates, workers } = tier;
  const sizes = new PreparedSizes(tier);
  const crops = new Crops(arena);
  return {
    model,
    times,
    extrapolates,
    workers,
    async interpolate(job) {
      const { area } = job;
      const whole = area && alignedArea(area, job.a);
      if (!whole || !isPart(whole, job.a)) {
        crops.clear();
        return tier.interpolate(job);
      }
      const [width, height] = [whole.right - whole.left, whole.bottom - whole.top];
      if (wait) await sizes.prepare(width, height);
      else if (!sizes.isReady(width, height)) return tier.interpolate(job);
      return interpolateArea(tier, arena, job, area, crops.of(job, whole, wait));
    },
    warmUp: (width, height) => tier.warmUp(width, height),
    [Symbol.dispose]: () => crops.close(),
  };
}

type JobFrames = Pick<InterpJob, 'a' | 'b' | 'before' | 'after'>;

interface Crop {
  /** Of which frame, and which part of it. */
  readonly pixels: number;
  readonly area: PictureArea;
  readonly frame: Frame;
}

/**
 * The cropped frames of the last job: a frame that belongs to the next one too is the same there, so that what has been found
 * out about it is found again. Bound: the four frames of a job.
 */
class Crops {
  readonly #arena: Arena;
  #last: readonly Crop[] = [];
  #closed = false;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /**
   * The frames of a job, cropped; the caller owns them. @param all whether a pair beside is worth cropping a frame that the last
   * job did not have: nothing is known of it. @throws FrameliftError `arena.full`.
   */
  of({ a, b, before, after }: JobFrames, area: PictureArea, all: boolean): JobFrames {
    const made: Crop[] = [];
    const crop = (frame: Frame): Crop => {
      const known = this.#find(frame, area);
      if (known) return known;
      const fresh = { pixels: frame.pixels, area, frame: cropped(this.#arena, frame, area) };
      made.push(fresh);
      return fresh;
    };
    const beside = (pair: Neighbour | undefined): Crop | undefined =>
      pair && (all || this.#find(pair.frame, area)) ? crop(pair.frame) : undefined;
    try {
      const [partA, partB, partBefore, partAfter] = [crop(a), crop(b), beside(before), beside(after)];
      const parts: JobFrames = {
        a: partA.frame.share(),
        b: partB.frame.share(),
        ...(before && partBefore ? { before: { ...before, frame: partBefore.frame.share() } } : {}),
        ...(after && partAfter ? { after: { ...after, frame: partAfter.frame.share() } } : {}),
      };
      this.#keep([partA, partB, partBefore, partAfter].filter((part) => part !== undefined));
      return parts;
    } catch (error) {
      for (const { frame } of made) frame.release();
      throw error;
    }
  }

  /** Releases what it holds. */
  clear(): void {
    this.#keep([]);
  }

  /** From now on nothing is held. */
  close(): void {
    this.#closed = true;
    this.clear();
  }

  #find(frame: Frame, area: PictureArea): Crop | undefined {
    return this.#last.find((crop) => crop.pixels === frame.pixels && isSame(crop.area, area));
  }

  #keep(crops: readonly Crop[]): void {
    const last = this.#last;
    this.#last = this.#closed ? [] : crops;
    for (const crop of new Set([...last, ...crops])) if (!this.#last.includes(crop)) crop.frame.release();
  }
}

function isSame(a: PictureArea, b: PictureArea): boolean {
  return a.left === b.left && a.top === b.top && a.right === b.right && a.bottom === b.bottom;
}

/** The sizes that a model has been prepared for, beside those of whole frames. */
class PreparedSizes {
  readonly #tier: Tier;
  readonly #ready = new Set<string>();
  readonly #pending = new Map<string, Promise<void>>();

  constructor(tier: Tier) {
    this.#tier = tier;
  }

  /** Whether the model knows a size; begins to prepare it if not. */
  isReady(width: number, height: number): boolean {
    if (this.#ready.has(`${width}x${height}`)) return true;
    // What it fails with, the first pair of whole frames will fail with, too: it is told then.
    this.prepare(width, height).catch(() => {});
    return false;
  }

  async prepare(width: number, height: number): Promise<void> {
    const size = `${width}x${height}`;
    if (this.#ready.has(size)) return;
    const pending = this.#pending.get(size) ?? this.#tier.warmUp(width, height);
    this.#pending.set(size, pending);
    try {
      await pending;
      this.#ready.add(size);
    } finally {
      this.#pending.delete(size);
    }
  }
}

function isPart({ left, top, right, bottom }: PictureArea, { width, height }: Frame): boolean {
  return right - left < width || bottom - top < height;
}

/** Owns `parts`. */
async function interpolateArea(
  tier: Tier,
  arena: Arena,
  job: InterpJob,
  area: PictureArea,
  parts: JobFrames,
): Promise<InterpResult> {
  const parents = [job.a.share(), job.b.share()] as const;
  try {
    // Pairs beside whose frames were not cropped are none.
    const { before, after, ...rest } = job;
    const result = await tier.interpolate({ ...rest, ...parts });
    return result.status === 'done' ? { ...result, frames: putBack(arena, result.frames, job, area, parents) } : result;
  } finally {
    for (const frame of parents) frame.release();
    for (const frame of [parts.a, parts.b, parts.before?.frame, parts.after?.frame]) frame?.release();
  }
}

/** Owns `made`, gives frames with the bars of the nearer parent. */
function putBack(
  arena: Arena,
  made: readonly Frame[],
  { timesteps }: InterpJob,
  area: PictureArea,
  [a, b]: readonly [Frame, Frame],
): readonly Frame[] {
  const out: Frame[] = [];
  try {
    for (const [i, frame] of made.entries()) out.push(framed(arena, frame, area, (timesteps[i] ?? 0) < 0.5 ? a : b));
    return out;
  } catch (error) {
    for (const frame of out) frame.release();
    throw error;
  } finally {
    for (const frame of made) frame.release();
  }
}
