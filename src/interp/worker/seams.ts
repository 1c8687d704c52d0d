/** Where motions meet in a rendered frame: its samples anew, each by its own vector, in all its forms. */
import { planeLayout } from '../../media/frame.ts';
import { CELL_ROWS } from '../kernel/tasks.ts';
import { type AppliedField, planesOf } from './deep.ts';
import type { WireJob } from './protocol.ts';
import type { RowThreads } from './row-threads.ts';

/** Smooths the seams of the frame at a timestep, which `by` has rendered. */
export function smoothSeams(rowThreads: RowThreads, job: WireJob, timestep: number, by: AppliedField): void {
  const { a, b, width, height, outs, deep } = job;
  const { field, gridWidth, gridHeight, motions } = by;
  const motion = [field, gridWidth, gridHeight, motions] as const;
  const out = outs[timestep] ?? 0;
  const { y, u, v, strideY, strideC, chromaWidth, chromaHeight } = planeLayout(width, height);
  const rows = (height + 7) >> 3;
  const luma = [width, height, strideY, 0, 0, 0] as const;
  const chroma = [chromaWidth, chromaHeight, strideC, 1, 1, 0] as const;
  rowThreads.run(['seams', a + y, b + y, out + y, ...luma, ...motion], rows, CELL_ROWS);
  rowThreads.run(['seams', a + u, b + u, out + u, ...chroma, ...motion], rows, CELL_ROWS);
  rowThreads.run(['seams', a + v, b + v, out + v, ...chroma, ...motion], rows, CELL_ROWS);
  const deepOut = deep?.outs[timestep];
  if (!deep || deepOut === undefined) return;
  for (const { plane, shiftX, shiftY } of planesOf(job)) {
    const { offset, width: w, height: h, stride } = plane;
    const places = [deep.a + offset, deep.b + offset, deepOut + offset] as const;
    rowThreads.run(['seams', ...places, w, h, stride, shiftX, shiftY, 1, ...motion], rows, CELL_ROWS);
  }
}
