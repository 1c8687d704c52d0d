/** The block search of one job in a worker: what the networks of both kinds are seeded with. */
import type { Crew } from './crew.ts';
import type { Kernel } from './kernel/kernel.ts';
import { CELL_ROWS, searchTasks } from './kernel/tasks.ts';
import type { WireJob } from './messages.ts';

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

/** Builds the pyramids that are missing, fills `seed`, and `costs` where the network reads them. */
export function searchPair(kernel: Kernel, crew: Crew, job: WireJob, layout: SearchLayout, costs: boolean): void {
  const { a, b, width, height, scratch, pyramidA, pyramidB } = job;
  const { paddedWidth: w, paddedHeight: h, laneBytes } = layout;
  if (!pyramidA.ready) kernel.buildPyramid(a, width, height, w, h, pyramidA.offset);
  if (!pyramidB.ready) kernel.buildPyramid(b, width, height, w, h, pyramidB.offset);
  const [p0, p1, seed] = [pyramidA.offset, pyramidB.offset, scratch + layout.seed];
  for (const { task, rows, chunk } of searchTasks(p0, p1, w, h, scratch + layout.work, seed))
    crew.run(task, rows, chunk);
  if (!costs) return;
  const task = ['costs', p0, p1, w, h, seed, scratch + layout.costs, scratch + layout.lanes, laneBytes] as const;
  crew.run(task, Math.ceil(h / 8), CELL_ROWS);
}
