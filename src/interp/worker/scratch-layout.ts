/**
 * Where the pieces of a model's work lie in a worker's scratch, for each kind of network: pure
 * arithmetic, shared by the engine (allocates) and the workers (use).
 */
import { planeLayout } from '../../media/frame.ts';
import type { FrameSize } from '../../media/size.ts';
import { finishLayout } from '../finish/layout.ts';
import {
  CHOICE_PLANES,
  choiceScratchBytes,
  costScratchBytes,
  grainScratchBytes,
  gridSize,
  judgeScratchBytes,
  pyramidBytes,
  searchScratchBytes,
  warpScratchBytes,
} from '../kernel/kernel.ts';
import { CELL_ROWS } from '../kernel/tasks.ts';
import type { NetworkFacts, RgbFacts, WorkerSetup } from './protocol.ts';

/** Bytes of what cells are judged by, and of what one thread counts of them. */
export const JUDGED_BY = 28;
export const JUDGED_BYTES = 4 * (3 + 256);

/** Takes pieces one after the other, each at a multiple of 64 bytes. */
class Pieces {
  /** Bytes taken so far. */
  end = 0;

  /** Offset of the next piece, of this many bytes. */
  take(bytes: number): number {
    const start = this.end;
    this.end = alignUp(start + bytes, 64);
    return start;
  }
}

function alignUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

type ScratchSetup = Pick<WorkerSetup, 'multiple' | 'grain' | 'threads'>;

/**
 * Bytes of scratch for frames of width × height luma samples, whatever the network is; `batch`:
 * most pairs of a run.
 */
export function scratchBytes(
  network: NetworkFacts | undefined,
  setup: ScratchSetup,
  batch: number,
  width: number,
  height: number,
): number {
  return finishOffset(network, setup, batch, width, height) + finishLayout(width, height).bytes;
}

/** Where the part of a scratch lies that keeps text still: behind the model's. */
export function finishOffset(
  network: NetworkFacts | undefined,
  { multiple, grain, threads }: ScratchSetup,
  batch: number,
  width: number,
  height: number,
): number {
  if (!network) return 0;
  // A network that fixes its size pads less than this.
  const padded = (to: number): FrameSize => ({ width: alignUp(width, to), height: alignUp(height, to) });
  if (network.rgb) return rgbLayout({ width, height }, padded(network.rgb.multiple), network.rgb, network.times).bytes;
  if (network.kind === 'i420') {
    const size = padded(multiple);
    return i420Layout(size.width, size.height, network, threads, batch).bytes;
  }
  const { chooses = false } = network;
  const whole = flowLayout(width, height, multiple, grain > 0, threads, batch, chooses);
  return halfFlowLayout(width, height, multiple, threads, batch, whole, chooses).bytes;
}

/**
 * Byte offsets from the start of the scratch; grids are of cells of 8 × 8 luma samples, padded.
 * What goes into the network and comes out is there for each pair of a run, one after the other;
 * what is given is that of the first.
 */
export interface FlowLayout {
  readonly gridWidth: number;
  readonly gridHeight: number;
  /** Frame size after padding: eight times the grid. */
  readonly paddedWidth: number;
  readonly paddedHeight: number;
  /** float32 [3][gridHeight][gridWidth]. */
  readonly seed: number;
  /** float32 [4][2·gridHeight][2·gridWidth]. */
  readonly images: number;
  /** float32 [3][gridHeight][gridWidth]: the vectors of the fine search. */
  readonly fine: number;
  /** float32 [18 or 28][gridHeight][gridWidth]. */
  readonly costs: number;
  /** float32 [8][gridHeight][gridWidth]: what the pairs beside tell of the acceleration. */
  readonly motion: number;
  /** float32 [72][gridHeight][gridWidth]: what a network that chooses says of the candidates. */
  readonly choice: number;
  /** float32: how much it trusts their costs. One for all pairs of a run. */
  readonly trust: number;
  /** float32 [6 or 12][gridHeight][gridWidth] at t = ½: one motion, or two. */
  readonly field: number;
  /** The same at another t. */
  readonly retimed: number;
  /** float32 [4][gridHeight][gridWidth]: what is measured of the cells of one pair. */
  readonly measured: number;
  /** float32 [gridHeight][gridWidth]: how much they give way to a parent. */
  readonly way: number;
  /** float32 [7]: what they are judged by. Then, for each row thread, int32 [3 + 256]: how many are how sure. */
  readonly judged: number;
  /** For the block search. */
  readonly work: number;
  /** `rowScratchBytes` for each row thread. */
  readonly rowScratch: number;
  readonly rowScratchBytes: number;
  /** For the grain of interpolated frames; of no size without it. */
  readonly grain: number;
  readonly bytes: number;
}

/**
 * Scratch of one thread that does rows of a kernel task: vectors of candidates, rows of the seed,
 * tables of the warp.
 */
function rowScratchBytesFor(width: number, gridWidth: number): number {
  const [costs, choice] = [costScratchBytes(gridWidth, CELL_ROWS), choiceScratchBytes(gridWidth, CELL_ROWS)];
  const rows = Math.max(costs, choice, 8 * (gridWidth + 2));
  const bytes = Math.max(rows, warpScratchBytes(width), judgeScratchBytes(gridWidth));
  return alignUp(bytes, 64);
}

/**
 * The scratch of one worker of `threads` row threads for one frame size whose sides are padded to a
 * multiple of `multiple`; `grainy`: interpolated frames get grain; `pairs`: most pairs of a run; `chooses`: its network
 * weighs candidates.
 */
export function flowLayout(
  width: number,
  height: number,
  multiple: number,
  grainy: boolean,
  threads: number,
  pairs: number,
  chooses: boolean,
): FlowLayout {
  const { width: gridWidth, height: gridHeight } = gridSize(width, height, multiple);
  const paddedWidth = gridWidth * 8;
  const paddedHeight = gridHeight * 8;
  const plane = 4 * gridWidth * gridHeight;
  const pieces = new Pieces();
  const seed = pieces.take(pairs * 3 * plane);
  const images = pieces.take(pairs * 16 * plane);
  const fine = pieces.take(pairs * 3 * plane);
  const costs = pieces.take(pairs * 28 * plane);
  const motion = pieces.take(pairs * 8 * plane);
  const choice = pieces.take(chooses ? pairs * CHOICE_PLANES * plane : 0);
  const trust = pieces.take(4);
  const field = pieces.take(pairs * 12 * plane);
  const retimed = pieces.take(12 * plane);
  const measured = pieces.take(4 * plane);
  const way = pieces.take(plane);
  const judged = pieces.take(JUDGED_BY + threads * JUDGED_BYTES);
  const work = pieces.take(searchScratchBytes(paddedWidth, paddedHeight));
  const rowScratchBytes = rowScratchBytesFor(width, gridWidth);
  const rowScratch = pieces.take(threads * rowScratchBytes);
  const grain = pieces.take(grainy ? grainScratchBytes(gridWidth * gridHeight) : 0);
  return {
    gridWidth,
    gridHeight,
    paddedWidth,
    paddedHeight,
    seed,
    images,
    fine,
    costs,
    motion,
    choice,
    trust,
    field,
    retimed,
    measured,
    way,
    judged,
    work,
    rowScratch,
    rowScratchBytes,
    grain,
    bytes: pieces.end,
  };
}

/**
 * What finding the motion at half the size takes, behind the {@link FlowLayout} of the whole:
 * offsets from the start of the scratch.
 */
export interface HalfFlowLayout {
  readonly width: number;
  readonly height: number;
  /** A halved luma; its pyramid is made at once, so that one place does for all frames. */
  readonly luma: number;
  /** The path at that size. */
  readonly path: FlowLayout;
  /** Of the whole scratch. */
  readonly bytes: number;
}

/**
 * The part of a scratch for half the size; `whole` and the rest as for {@link flowLayout}. Its path
 * has no grain.
 */
export function halfFlowLayout(
  width: number,
  height: number,
  multiple: number,
  threads: number,
  pairs: number,
  whole: FlowLayout,
  chooses: boolean,
): HalfFlowLayout {
  const [w, h] = [(width + 1) >> 1, (height + 1) >> 1];
  const luma = whole.bytes;
  const start = luma + alignUp(planeLayout(w, h).u + 64, 64);
  const path = flowLayout(w, h, multiple, false, threads, pairs, chooses);
  const { seed, images, fine, costs, motion, choice, trust, field, retimed } = path;
  const { measured, way, judged, work, rowScratch, grain, bytes } = path;
  const found = { seed, images, fine, costs, motion, choice, trust, field, retimed };
  const moved = { ...found, measured, way, judged, work, rowScratch, grain, bytes };
  for (const key of Object.keys(moved) as (keyof typeof moved)[]) moved[key] += start;
  return { width: w, height: h, luma, path: { ...path, ...moved }, bytes: moved.bytes };
}

/** How much a flow network takes and gives for each cell: candidates' costs, motions of the field. */
export interface FlowChannels {
  readonly costs: 0 | 18 | 28;
  readonly motions: 1 | 2;
}

/** The layout for the pair of a run at `index`. */
export function flowLayoutOfPair(layout: FlowLayout, index: number, { costs, motions }: FlowChannels): FlowLayout {
  const step = 4 * index * layout.gridWidth * layout.gridHeight;
  return {
    ...layout,
    seed: layout.seed + 3 * step,
    images: layout.images + 16 * step,
    fine: layout.fine + 3 * step,
    costs: layout.costs + costs * step,
    motion: layout.motion + 8 * step,
    choice: layout.choice + CHOICE_PLANES * step,
    field: layout.field + motions * 6 * step,
  };
}

/**
 * Bytes of the pyramid of one frame whose sides are padded to a multiple of `multiple`; `half`: of
 * its halved luma.
 */
export function paddedPyramidBytes(width: number, height: number, multiple: number, half = false): number {
  const grid = searchGrid(width, height, multiple, half);
  return pyramidBytes(grid.width * 8, grid.height * 8);
}

/**
 * Bytes in which the vectors of a pair are kept, float32 [3][gridHeight][gridWidth], room for whole
 * registers at the end included; otherwise as {@link paddedPyramidBytes}.
 */
export function seedBytes(width: number, height: number, multiple: number, half = false): number {
  const grid = searchGrid(width, height, multiple, half);
  return 12 * grid.width * grid.height + 64;
}

function searchGrid(width: number, height: number, multiple: number, half: boolean): FrameSize {
  return half ? gridSize((width + 1) >> 1, (height + 1) >> 1, multiple) : gridSize(width, height, multiple);
}

/**
 * Byte offsets of the three planes of one padded image, rows without gaps, from the start of the
 * scratch: those of the first pair of a run.
 */
export interface ImageOffsets {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/**
 * Byte offsets from the start of the scratch. What goes into the network and comes out is there for
 * each pair of a run, one after the other.
 */
export interface I420Layout {
  /** Image size after padding, even. */
  readonly paddedWidth: number;
  readonly paddedHeight: number;
  readonly images: readonly ImageOffsets[];
  /** float32 [3][⌈paddedHeight/8⌉][⌈paddedWidth/8⌉]; for seeded networks. */
  readonly seed: number;
  /** float32 [18][⌈paddedHeight/8⌉][⌈paddedWidth/8⌉]; for seeded networks. */
  readonly costs: number;
  /** For the block search; for seeded networks. */
  readonly work: number;
  /** `rowScratchBytes` for each row thread. */
  readonly rowScratch: number;
  readonly rowScratchBytes: number;
  readonly bytes: number;
}

/**
 * Images that a network works with: both parents and the result; when it halves, also the middles
 * of three halvings.
 */
const IMAGES = { any: 3, half: 6 } as const;

/**
 * The scratch of one worker of `threads` row threads for images of one padded size and runs of up
 * to `pairs` pairs.
 */
export function i420Layout(
  paddedWidth: number,
  paddedHeight: number,
  { seeded, times, scale = 1 }: Pick<NetworkFacts, 'seeded' | 'times' | 'scale'>,
  threads: number,
  pairs: number,
): I420Layout {
  const pieces = new Pieces();
  const luma = paddedWidth * paddedHeight;
  const image = (samples: number): ImageOffsets => ({
    y: pieces.take(pairs * samples),
    u: pieces.take((pairs * samples) / 4),
    v: pieces.take((pairs * samples) / 4),
  });
  // Who enlarges makes three frames of a pair at once, and nothing is halved.
  const images =
    scale > 1
      ? [luma, luma, 3 * scale * scale * luma].map(image)
      : Array.from({ length: IMAGES[times] }, () => image(luma));
  const grid = gridSize(paddedWidth, paddedHeight, 8);
  const seed = pieces.take(seeded ? pairs * 12 * grid.width * grid.height : 0);
  const costs = pieces.take(seeded ? pairs * 72 * grid.width * grid.height : 0);
  const work = pieces.take(seeded ? searchScratchBytes(paddedWidth, paddedHeight) : 0);
  const rowScratchBytes = seeded ? rowScratchBytesFor(paddedWidth, grid.width) : 0;
  const rowScratch = pieces.take(threads * rowScratchBytes);
  return { paddedWidth, paddedHeight, images, seed, costs, work, rowScratch, rowScratchBytes, bytes: pieces.end };
}

/** The layout for the pair of a run at `index`. */
export function i420LayoutOfPair(layout: I420Layout, index: number): I420Layout {
  const luma = index * layout.paddedWidth * layout.paddedHeight;
  const grid = gridSize(layout.paddedWidth, layout.paddedHeight, 8);
  const cells = index * grid.width * grid.height;
  return {
    ...layout,
    images: layout.images.map(({ y, u, v }) => ({ y: y + luma, u: u + luma / 4, v: v + luma / 4 })),
    seed: layout.seed + 12 * cells,
    costs: layout.costs + 72 * cells,
  };
}

/** Byte offsets from the start of the scratch. */
export interface RgbLayout {
  /** [planes][paddedHeight][paddedWidth] of the inputs' type. */
  readonly input: number;
  /** [3][paddedHeight][paddedWidth] of the output's type, or less where the file crops. */
  readonly output: number;
  /** Frame blocks of the middles of three halvings; none for a network that knows any time. */
  readonly middles: readonly number[];
  readonly bytes: number;
}

/** Halvings until an eighth. */
const HALVINGS = 3;

/** The scratch of one worker for frames of one size, padded to another. */
export function rgbLayout(
  frame: FrameSize,
  padded: FrameSize,
  { planes, inputBytes, outputBytes }: RgbFacts,
  times: NetworkFacts['times'],
): RgbLayout {
  const pieces = new Pieces();
  const samples = padded.width * padded.height;
  const input = pieces.take(planes * samples * inputBytes);
  const output = pieces.take(3 * samples * outputBytes);
  const block = planeLayout(frame.width, frame.height).bytes;
  const middles = Array.from({ length: times === 'half' ? HALVINGS : 0 }, () => pieces.take(block));
  return { input, output, middles, bytes: pieces.end };
}
