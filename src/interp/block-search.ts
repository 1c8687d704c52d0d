/** The block search of one job in a worker: what the networks of both kinds are seeded with. */
import type { Kernel } from './kernel/kernel.ts';
import type { WireJob } from './messages.ts';

/** Where the search works and what it fills, in bytes from the start of the job's scratch; sizes after padding. */
interface SearchLayout {
  readonly paddedWidth: number;
  readonly paddedHeight: number;
  readonly seed: number;
  readonly costs: number;
  readonly work: number;
}

/** Builds the pyramids that are missing, fills `seed`, and `costs` where the network reads them. */
export function searchPair(kernel: Kernel, job: WireJob, layout: SearchLayout, costs: boolean): void {
  const { a, b, width, height, scratch, pyramidA, pyramidB } = job;
  const { paddedWidth, paddedHeight } = layout;
  if (!pyramidA.ready) kernel.buildPyramid(a, width, height, paddedWidth, paddedHeight, pyramidA.offset);
  if (!pyramidB.ready) kernel.buildPyramid(b, width, height, paddedWidth, paddedHeight, pyramidB.offset);
  const [p0, p1, seed, work] = [pyramidA.offset, pyramidB.offset, scratch + layout.seed, scratch + layout.work];
  kernel.search(p0, p1, paddedWidth, paddedHeight, work, seed);
  if (costs) kernel.candidateCosts(p0, p1, paddedWidth, paddedHeight, seed, scratch + layout.costs, work);
}
