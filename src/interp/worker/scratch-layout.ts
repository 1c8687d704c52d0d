/** Where the pieces of the flow path lie in a worker's scratch: pure arithmetic, shared by the engine (allocates) and the workers (use). */
import { planeLayout } from '../../media/frame.ts';
import { grainScratchBytes, gridSize, pyramidBytes, searchScratchBytes, warpScratchBytes } from '../kernel/kernel.ts';
import { CELL_ROWS } from '../kernel/tasks.ts';

/**
 * Byte offsets from the start of the scratch; grids are of cells of 8 × 8 luma samples, padded. What goes into the network and comes out
 * is there for each pair of a run, one after the other; what is given is that of the first.
 */
export interface ScratchLayout {
  readonly gridWidth: number;
  readonly gridHeight: number;
  /** Frame size after padding: eight times the grid. */
  readonly paddedWidth: number;
  readonly paddedHeight: number;
  /** float32 [3][gridHeight][gridWidth]. */
  readonly seed: number;
  /** float32 [4][2·gridHeight][2·gridWidth]. */
  readonly images: number;
  /** float32 [18][gridHeight][gridWidth]. */
  readonly costs: number;
  /** float32 [6 or 12][gridHeight][gridWidth] at t = ½: one motion, or two. */
  readonly field: number;
  /** The same at another t. */
  readonly retimed: number;
  /** For the block search. */
  readonly work: number;
  /** `laneBytes` for each thread of the crew. */
  readonly lanes: number;
  readonly laneBytes: number;
  /** For the grain of made frames; of no size without it. */
  readonly grain: number;
  readonly bytes: number;
}

/** Scratch of one thread that does rows of a kernel task: vectors of candidates, rows of the seed, tables of the warp. */
export function laneScratchBytes(width: number, gridWidth: number): number {
  const bytes = Math.max(4 * gridWidth * (CELL_ROWS + 6), 8 * (gridWidth + 2), warpScratchBytes(width));
  return Math.ceil(bytes / 64) * 64;
}

/**
 * The scratch of one worker of `crew` threads for one frame size whose sides are padded to a multiple of `multiple`;
 * `grainy`: made frames get grain; `pairs`: most pairs of a run.
 */
export function scratchLayout(
  width: number,
  height: number,
  multiple: number,
  grainy: boolean,
  crew: number,
  pairs: number,
): ScratchLayout {
  const { width: gridWidth, height: gridHeight } = gridSize(width, height, multiple);
  const paddedWidth = gridWidth * 8;
  const paddedHeight = gridHeight * 8;
  const plane = 4 * gridWidth * gridHeight;
  let end = 0;
  const take = (bytes: number): number => {
    const start = end;
    end = Math.ceil((start + bytes) / 64) * 64;
    return start;
  };
  const seed = take(pairs * 3 * plane);
  const images = take(pairs * 16 * plane);
  const costs = take(pairs * 18 * plane);
  const field = take(pairs * 12 * plane);
  const retimed = take(12 * plane);
  const work = take(searchScratchBytes(paddedWidth, paddedHeight));
  const laneBytes = laneScratchBytes(width, gridWidth);
  const lanes = take(crew * laneBytes);
  const grain = take(grainy ? grainScratchBytes(gridWidth * gridHeight) : 0);
  return {
    gridWidth,
    gridHeight,
    paddedWidth,
    paddedHeight,
    seed,
    images,
    costs,
    field,
    retimed,
    work,
    lanes,
    laneBytes,
    grain,
    bytes: end,
  };
}

/** What finding the motion from half the picture takes, behind the {@link ScratchLayout} of the whole: offsets from the start of the scratch. */
export interface HalfLayout {
  readonly width: number;
  readonly height: number;
  /** A halved luma; its pyramid is made at once, so that one place does for all frames. */
  readonly luma: number;
  /** The path at that size. */
  readonly path: ScratchLayout;
  /** Of the whole scratch. */
  readonly bytes: number;
}

/** The part of a scratch for half the picture; `whole` and the rest as for {@link scratchLayout}. Its path has no grain. */
export function halfLayout(
  width: number,
  height: number,
  multiple: number,
  crew: number,
  pairs: number,
  whole: ScratchLayout,
): HalfLayout {
  const [w, h] = [(width + 1) >> 1, (height + 1) >> 1];
  const luma = whole.bytes;
  const start = luma + Math.ceil((planeLayout(w, h).u + 64) / 64) * 64;
  const path = scratchLayout(w, h, multiple, false, crew, pairs);
  const { seed, images, costs, field, retimed, work, lanes, grain, bytes } = path;
  const moved = { seed, images, costs, field, retimed, work, lanes, grain, bytes };
  for (const key of Object.keys(moved) as (keyof typeof moved)[]) moved[key] += start;
  return { width: w, height: h, luma, path: { ...path, ...moved }, bytes: moved.bytes };
}

/** The layout for the pair of a run at `index`; a field holds `motions` motions. */
export function layoutOfPair(layout: ScratchLayout, index: number, motions: 1 | 2): ScratchLayout {
  const step = 4 * index * layout.gridWidth * layout.gridHeight;
  return {
    ...layout,
    seed: layout.seed + 3 * step,
    images: layout.images + 16 * step,
    costs: layout.costs + 18 * step,
    field: layout.field + motions * 6 * step,
  };
}

/** Bytes of the pyramid of one frame whose sides are padded to a multiple of `multiple`; `half`: of its halved luma. */
export function paddedPyramidBytes(width: number, height: number, multiple: number, half = false): number {
  const grid = half ? gridSize((width + 1) >> 1, (height + 1) >> 1, multiple) : gridSize(width, height, multiple);
  return pyramidBytes(grid.width * 8, grid.height * 8);
}
