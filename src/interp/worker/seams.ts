/** Where motions meet in a rendered frame: its samples anew, each by its own vector, in all its forms. */
import { CELL_ROWS } from '../kernel/tasks.ts';
import { type AppliedField, planesOf } from './deep.ts';
import type { WireJob } from './protocol.ts';
import type { RowThreads } from './row-threads.ts';

/**
 * Smooths the seams of the frame at a timestep, which `by` has rendered. `detail`: where the deviation of
 * each cell's samples is.
 */
export function smoothSeams(
  rowThreads: RowThreads,
  job: WireJob,
  timestep: number,
  by: AppliedField,
  detail: number,
): void {
  const { a, b, width, height, outs, deep } = job;
  const { field, gridWidth, gridHeight, motions, rowScratch, rowScratchBytes } = by;
  const motion = [field, gridWidth, gridHeight, motions, detail, rowScratch, rowScratchBytes] as const;
  const out = outs[timestep] ?? 0;
  const rows = (height + 7) >> 3;
  rowThreads.run(['seams', a, b, out, width, height, ...motion], rows, CELL_ROWS);
  const deepOut = deep?.outs[timestep];
  if (!deep || deepOut === undefined) return;
  for (const { plane, shiftX, shiftY } of planesOf(job)) {
    const { offset, width: w, height: h, stride } = plane;
    const places = [deep.a + offset, deep.b + offset, deepOut + offset] as const;
    rowThreads.run(['seams-deep', ...places, w, h, stride, shiftX, shiftY, ...motion], rows, CELL_ROWS);
  }
}
