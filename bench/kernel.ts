/** Processor time of each piece of the kernel's work on a pair: one thread, so that other work on the machine counts for little. */
import { Finisher } from '../src/interp/finish/finisher.ts';
import { finishLayout } from '../src/interp/finish/layout.ts';
import { loadKernel } from '../src/interp/kernel/kernel.ts';
import { CELL_ROWS, LUMA_ROWS } from '../src/interp/kernel/tasks.ts';
import { accelerate, findMotion } from '../src/interp/networks/flow-motion.ts';
import { BlockSearch } from '../src/interp/worker/block-search.ts';
import { CellJudge } from '../src/interp/worker/cell-judge.ts';
import { SEARCH_ODDS } from '../src/interp/worker/confidence.ts';
import type { WireJob, WireNeighbour } from '../src/interp/worker/protocol.ts';
import { RowThreads } from '../src/interp/worker/row-threads.ts';
import { flowLayout, paddedPyramidBytes, seedBytes } from '../src/interp/worker/scratch-layout.ts';
import { smoothSeams } from '../src/interp/worker/seams.ts';
import { Arena } from '../src/media/arena.ts';
import { planeLayout } from '../src/media/frame.ts';
import { movingClip } from './clip.ts';
import { quantile } from './statistics.ts';

/** What is measured. */
export interface KernelOptions {
  readonly width: number;
  readonly height: number;
  /** Each round does every piece {@link REPEATS} times. */
  readonly rounds: number;
}

/** One piece of the work. */
export interface KernelRow {
  readonly piece: string;
  /** Median over the rounds. */
  readonly ms: number;
}

const MULTIPLE = 32;
/** The clock of processor time ticks every few milliseconds. */
const REPEATS = 20;

/** Measures every piece, all of them in each round. */
export function measureKernel({ width, height, rounds }: KernelOptions): KernelRow[] {
  const pieces = Object.entries(piecesFor(width, height));
  const times = new Map(pieces.map(([piece]) => [piece, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const [piece, work] of pieces) {
      const begin = process.threadCpuUsage();
      for (let i = 0; i < REPEATS; i++) work();
      const { user, system } = process.threadCpuUsage(begin);
      // The first round warms up.
      if (round > 0) times.get(piece)?.push((user + system) / 1000 / REPEATS);
    }
  }
  return [...times].map(([piece, all]) => ({ piece, ms: Number(quantile(all, 0.5).toFixed(3)) }));
}

/** The pieces of the work on a pair between two others, in the order in which they need each other. */
function piecesFor(width: number, height: number): Record<string, () => void> {
  const arena = new Arena(512);
  const kernel = loadKernel(arena.memory);
  const rowThreads = new RowThreads(kernel, arena.memory, 1);
  const layout = flowLayout(width, height, MULTIPLE, false, 1, 1, true);
  const { gridWidth, gridHeight, rowScratchBytes, paddedWidth, paddedHeight } = layout;
  const { bytes, strideY } = planeLayout(width, height);
  const place = (size: number): number => arena.allocate(size).offset;
  const [before = 0, a = 0, b = 0, after = 0] = movingClip(width, height, 4).map((tight) => {
    const frame = place(bytes);
    for (let y = 0; y < height; y++) arena.u8.set(tight.subarray(y * width, (y + 1) * width), frame + y * strideY);
    return frame;
  });
  const pyramid = () => ({ offset: place(paddedPyramidBytes(width, height, MULTIPLE)), ready: false });
  const beside = (frame: number): WireNeighbour => {
    const seed = { offset: place(seedBytes(width, height, MULTIPLE)), ready: false };
    return { frame, pyramid: pyramid(), seed, ratio: 1 };
  };
  const [scratch, out] = [place(layout.bytes), place(bytes)];
  const job: WireJob = {
    ...{ width, height, a, b, scratch, pyramidA: pyramid(), pyramidB: pyramid() },
    ...{ before: beside(before), after: beside(after) },
    ...{ timesteps: [0.5], outs: [out], minConfidence: 0, grainSeeds: [0], mode: 'whole' },
  };
  const judge = new CellJudge(kernel, rowThreads, arena.memory);
  const detail = scratch + layout.measured + 12 * gridWidth * gridHeight;
  const search = new BlockSearch(kernel, rowThreads, arena.memory);
  search.search(job, layout);
  const { before: _, after: __, ...found } = job;
  const alone = { ...found, pyramidA: { ...job.pyramidA, ready: true }, pyramidB: { ...job.pyramidB, ready: true } };
  const [seed, field, rowScratch] = [scratch + layout.seed, scratch + layout.field, scratch + layout.rowScratch];
  const pair = [job.pyramidA.offset, job.pyramidB.offset, paddedWidth, paddedHeight] as const;
  const grid = [gridWidth, gridHeight] as const;
  const render = (motions: 1 | 2): void => {
    rowThreads.run(
      ['render', a, b, out, width, height, field, ...grid, motions, rowScratch, rowScratchBytes],
      height,
      LUMA_ROWS,
    );
  };
  const finisher = new Finisher(kernel, rowThreads);
  const finish = place(finishLayout(width, height).bytes);
  const known: WireJob = { ...job, frameBefore: before, frameAfter: after };
  return {
    'pyramid of a frame': () => kernel.buildPyramid(a, width, height, paddedWidth, paddedHeight, job.pyramidA.offset),
    search: () => search.search(alone, layout),
    'fine search': () => search.fine(job, layout),
    'acceleration, both sides': () => findMotion(kernel, job, layout, true),
    '18 costs': () => search.costs(job, layout),
    '28 costs': () => search.costs(job, layout, layout),
    'images of the network': () => {
      const task = [...pair, seed, scratch + layout.images, rowScratch, rowScratchBytes] as const;
      rowThreads.run(['images', ...task], gridHeight, CELL_ROWS);
    },
    'field of weighed candidates': () => {
      const at = [layout.choice, layout.trust, layout.seed, layout.fine, layout.motion, layout.costs, layout.field];
      const [choice = 0, trust = 0, own = 0, fine = 0, motion = 0, costs = 0, chosen = 0] = at.map((o) => scratch + o);
      const task = [choice, trust, own, fine, motion, costs, chosen, ...grid, rowScratch, rowScratchBytes] as const;
      rowThreads.run(['choice', ...task], gridHeight, CELL_ROWS);
    },
    'acceleration of a field': () => {
      for (const motion of [0, 24 * gridWidth * gridHeight]) {
        kernel.seedField(seed, field + motion, gridWidth * gridHeight);
      }
      accelerate(kernel, job, layout, 2);
    },
    'field at another time': () => kernel.retimeField(field, scratch + layout.retimed, ...grid, 0.25),
    'warp, one motion': () => render(1),
    'warp, two motions': () => render(2),
    'seams, two motions': () => smoothSeams(rowThreads, job, 0, { ...layout, field, motions: 2, rowScratch }, detail),
    'how sure of the cells': () => judge.judge(job, layout, SEARCH_ODDS),
    'cells that give way': () => judge.giveWay(job, layout, 0),
    // What the warp made, and nothing stands still in it: the way of most pictures.
    'text that stays still': () => finisher.finish(known, finish),
  };
}
