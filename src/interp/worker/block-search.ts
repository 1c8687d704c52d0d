/** The block search of one job in a worker: what seeds the networks that work with it. */

import type { Kernel } from '../kernel/kernel.ts';
import { CELL_ROWS, searchTasks } from '../kernel/tasks.ts';
import type { WireJob } from './protocol.ts';
import type { RowThreads } from './row-threads.ts';

/**
 * Where the search works and what it fills, in bytes from the start of the job's scratch; sizes
 * after padding.
 */
interface SearchLayout {
  readonly paddedWidth: number;
  readonly paddedHeight: number;
  readonly seed: number;
  readonly costs: number;
  readonly work: number;
  readonly rowScratch: number;
  readonly rowScratchBytes: number;
}

/** A luma of half the size: what is searched instead of the frames' own. */
interface HalvedLuma {
  readonly width: number;
  readonly height: number;
  /** Where it is made, in bytes from the start of the job's scratch. */
  readonly luma: number;
}

/**
 * Builds the pyramids that are missing, fills `seed`, and `costs` where the network reads them; all
 * of it at half the size if `half` is given.
 */
export function searchPair(
  kernel: Kernel,
  rowThreads: RowThreads,
  job: WireJob,
  layout: SearchLayout,
  costs: boolean,
  half?: HalvedLuma,
): void {
  const { scratch, pyramidA, pyramidB } = job;
  const { paddedWidth: w, paddedHeight: h, rowScratchBytes } = layout;
  buildPyramids(kernel, job, layout, half);
  const [p0, p1, seed] = [pyramidA.offset, pyramidB.offset, scratch + layout.seed];
  for (const { task, rows, chunk } of searchTasks(p0, p1, w, h, scratch + layout.work, seed)) {
    rowThreads.run(task, rows, chunk);
  }
  if (!costs) return;
  const [out, rowScratch] = [scratch + layout.costs, scratch + layout.rowScratch];
  rowThreads.run(['costs', p0, p1, w, h, seed, out, rowScratch, rowScratchBytes], Math.ceil(h / 8), CELL_ROWS);
}

function buildPyramids(kernel: Kernel, job: WireJob, layout: SearchLayout, half: HalvedLuma | undefined): void {
  const { a, b, width, height, scratch, pyramidA, pyramidB } = job;
  const { paddedWidth, paddedHeight } = layout;
  for (const { frame, pyramid } of [
    { frame: a, pyramid: pyramidA },
    { frame: b, pyramid: pyramidB },
  ]) {
    if (pyramid.ready) continue;
    if (half) {
      const luma = scratch + half.luma;
      kernel.halveLuma(frame, width, height, luma);
      kernel.buildPyramid(luma, half.width, half.height, paddedWidth, paddedHeight, pyramid.offset);
    } else kernel.buildPyramid(frame, width, height, paddedWidth, paddedHeight, pyramid.offset);
  }
}
