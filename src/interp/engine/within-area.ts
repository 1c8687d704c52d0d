/**
 * Models that see the picture without the bars around it: what they make of it is put back between
 * the bars, which stay as the source has them.
 */
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import { alignedArea, cropped, framed, type PictureArea } from '../../media/picture-area.ts';
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
      return { ...lease, tiers: lease.tiers.map((tier) => withinArea(tier, { arena, wait: false })) };
    },
  };
}

/** A model that interpolates the {@link InterpJob.area} of a pair as a picture of its own. */
export function withinArea(tier: Tier, { arena, wait }: WithinAreaOptions): Tier {
  const { model, times, extrapolates, workers } = tier;
  const sizes = new PreparedSizes(tier);
  return {
    model,
    times,
    extrapolates,
    workers,
    async interpolate(job) {
      const { area } = job;
      const whole = area && alignedArea(area, job.a);
      if (!whole || !isPart(whole, job.a)) return tier.interpolate(job);
      const [width, height] = [whole.right - whole.left, whole.bottom - whole.top];
      if (wait) await sizes.prepare(width, height);
      else if (!sizes.isReady(width, height)) return tier.interpolate(job);
      return interpolateArea(tier, arena, job, area, whole);
    },
    warmUp: (width, height) => tier.warmUp(width, height),
  };
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

async function interpolateArea(
  tier: Tier,
  arena: Arena,
  job: InterpJob,
  area: PictureArea,
  whole: PictureArea,
): Promise<InterpResult> {
  const parents = [job.a.share(), job.b.share()] as const;
  const parts: Frame[] = [];
  try {
    for (const parent of parents) parts.push(cropped(arena, parent, whole));
    const [a, b] = parts;
    if (!a || !b) throw new TypeError('two parents have two parts');
    const result = await tier.interpolate({ ...job, a, b });
    return result.status === 'done' ? { ...result, frames: putBack(arena, result.frames, job, area, parents) } : result;
  } finally {
    for (const frame of [...parts, ...parents]) frame.release();
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
