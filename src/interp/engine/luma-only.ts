/**
 * Models whose frames take their colour from a source frame: for images whose colour carries
 * nothing, such as X-rays.
 */

import type { Frame } from '../../media/frame.ts';
import type { ModelSource } from './auto-select.ts';
import type { InterpJob, InterpResult, Tier } from './job.ts';

/** Models that are all {@link lumaOnly}. */
export function lumaOnlyPool(pool: ModelSource): ModelSource {
  return {
    providerOf: (name) => pool.providerOf(name),
    async acquire(name) {
      const lease = await pool.acquire(name);
      return { ...lease, tiers: lease.tiers.map(lumaOnly) };
    },
  };
}

/**
 * A model whose frames have no colour of their own: chroma is that of the nearer parent, untouched.
 */
export function lumaOnly(tier: Tier): Tier {
  const { model, times, extrapolates, workers } = tier;
  return {
    model,
    times,
    extrapolates,
    workers,
    interpolate: async (job) => withParentsChroma(await tier.interpolate(job), job),
    warmUp: (width, height) => tier.warmUp(width, height),
  };
}

/** Frames that were just made are nobody else's yet: they may still be written. */
function withParentsChroma(result: InterpResult, { a, b, timesteps }: InterpJob): InterpResult {
  if (result.status !== 'done') return result;
  result.frames.forEach((frame, i) => {
    if (frame.provenance.kind === 'source' || frame.provenance.kind === 'repeated') return;
    const parent = (timesteps[i] ?? 0) < 0.5 ? a : b;
    // Both chroma planes lie behind the luma plane, in the same places for all frames of a size.
    const from = frame.layout.u;
    frame.bytes.set(parent.bytes.subarray(from), from);
    takeDeepChroma(frame, parent);
  });
  return result;
}

/**
 * The same for the form beside I420. Red, green and blue have no chroma of their own: where they are
 * grey they are warped alike, and stay so.
 */
function takeDeepChroma({ deep }: Frame, { deep: from }: Frame): void {
  if (!deep || !from || deep.layout.form.model !== 'yuv') return;
  for (const { offset, stride, height } of deep.layout.planes.slice(1, 3)) {
    deep.bytes.set(from.bytes.subarray(offset, offset + stride * height), offset);
  }
}
