/** Accelerated motion of `flow` interpolation: what the pairs beside tell, and what is made of it. */

import type { Kernel } from '../kernel/kernel.ts';
import type { WireJob } from '../worker/protocol.ts';
import type { FlowLayout } from '../worker/scratch-layout.ts';

/**
 * How much of the acceleration a field gets whose network does not weigh it, by the number of pairs
 * beside: measured on clips (models/training/SEARCH.md, "Acceleration").
 */
export const SHARES = { one: 0.5, both: 0.9 } as const;

/**
 * Fills the layout's `motion` from the vectors of the job and of the pairs beside it. `network`: one
 * that reads it even where there are none.
 */
export function findMotion(kernel: Kernel, job: WireJob, layout: FlowLayout, network: boolean): void {
  const { scratch, before, after } = job;
  if (!before && !after && !network) return;
  const { gridWidth, gridHeight, seed, rowScratch } = layout;
  const motion = scratch + layout.motion;
  const sides = [before?.seed.offset ?? 0, before?.ratio ?? 1, after?.seed.offset ?? 0, after?.ratio ?? 1] as const;
  kernel.motionPlanes(scratch + seed, ...sides, motion, gridWidth, gridHeight, 0, gridHeight);
  if (before || after) kernel.smoothMotion(motion, gridWidth, gridHeight, scratch + rowScratch, 0, gridHeight);
}

/** Accelerates the layout's `field` of so many motions by its `motion`, if there is a pair beside. */
export function accelerate(kernel: Kernel, job: WireJob, layout: FlowLayout, motions: 1 | 2): void {
  const { scratch, before, after } = job;
  if (!before && !after) return;
  const share = before && after ? SHARES.both : SHARES.one;
  const cells = layout.gridWidth * layout.gridHeight;
  kernel.accelerateField(scratch + layout.field, scratch + layout.motion, cells, motions, share);
}
