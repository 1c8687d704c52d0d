/** The block search of one job in a worker: what the networks of both kinds are seeded with. */

import type { WireJob } from '../engine/protocol.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { CELL_ROWS, searchTasks } from '../kernel/tasks.ts';
import type { Crew } from './row-threads.ts';

/** Where the search works and what it fills, in bytes from the start of the job's scratch; sizes after padding. */
interface SearchLayout {
  readonly paddedWidth: number;
  readonly paddedHeight: number;
  readonly seed: number;
  readonly costs: number;
  readonly work: number;
  readonly lanes: number;
  readonly laneBytes: number;
}

/** A luma of half the size: what is searched instead of the frames' own. */
interface HalvedLuma {
  readonly width: number;
  readonly height: number;
  /** Where it is made, in bytes from the start of the job's scratch. */
  readonly luma: number;
}

/** Builds the pyramids that are missing, fills `seed`, and `costs` where the network reads them; all of it at half the size if `half` is given. */
export function searchPair(
  kernel: Kernel,
  crew: Crew,
  job: WireJob,
  layout: SearchLayout,
  costs: boolean,
  half?: HalvedLuma,
): void {
  const { a, b, width, height, scratch, pyramidA, pyramidB } = job;
  const { paddedWidth: w, paddedHeight: h, laneBytes } = layout;
  for (const { frame, pyramid } of [
    { frame: a, pyramid: pyramidA },
    { frame: b, pyramid: pyramidB },
  ]) {
    if (pyramid.ready) continue;
    if (half) {
      kernel.halveLuma(frame, width, height, scratch + half.luma);
      kernel.buildPyramid(scratch + half.luma, half.width, half.height, w, h, pyramid.offset);
    } else kernel.buildPyramid(frame, width, height, w, h, pyramid.offset);
  }
  const [p0, p1, seed] = [pyramidA.offset, pyramidB.offset, scratch + layout.seed];
  for (const { task, rows, chunk } of searchTasks(p0, p1, w, h, scratch + layout.work, seed))
    crew.run(task, rows, chunk);
  if (!costs) return;
  const task = ['costs', p0, p1, w, h, seed, scratch + layout.costs, scratch + layout.lanes, laneBytes] as const;
  crew.run(task, Math.ceil(h / 8), CELL_ROWS);
}
