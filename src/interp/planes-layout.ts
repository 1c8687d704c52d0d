/** Where the pieces of the `i420` path lie in a worker's scratch: pure arithmetic, shared by the engine (allocates) and the workers (use). */

import type { NetworkFacts } from './engine/protocol.ts';
import { gridSize, searchScratchBytes } from './kernel/kernel.ts';
import { laneScratchBytes } from './worker/scratch-layout.ts';

/** Byte offsets of the three planes of one padded picture, rows without gaps, from the start of the scratch: those of the first pair of a run. */
export interface PictureOffsets {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** Byte offsets from the start of the scratch. What goes into the network and comes out is there for each pair of a run, one after the other. */
export interface PlanesLayout {
  /** Picture size after padding, even. */
  readonly paddedWidth: number;
  readonly paddedHeight: number;
  readonly pictures: readonly PictureOffsets[];
  /** float32 [3][⌈paddedHeight/8⌉][⌈paddedWidth/8⌉]; for seeded networks. */
  readonly seed: number;
  /** float32 [18][⌈paddedHeight/8⌉][⌈paddedWidth/8⌉]; for seeded networks. */
  readonly costs: number;
  /** For the block search; for seeded networks. */
  readonly work: number;
  /** `laneBytes` for each thread of the crew. */
  readonly lanes: number;
  readonly laneBytes: number;
  readonly bytes: number;
}

/** Pictures that a network works with: both parents and the result; when it halves, also the middles of three halvings. */
const PICTURES = { any: 3, half: 6 } as const;

/** The scratch of one worker of `crew` threads for pictures of one padded size and runs of up to `pairs` pairs. */
export function planesLayout(
  paddedWidth: number,
  paddedHeight: number,
  { seeded, times }: Pick<NetworkFacts, 'seeded' | 'times'>,
  crew: number,
  pairs: number,
): PlanesLayout {
  let end = 0;
  const take = (bytes: number): number => {
    const start = end;
    end = Math.ceil((start + bytes) / 64) * 64;
    return start;
  };
  const luma = paddedWidth * paddedHeight;
  const pictures = Array.from({ length: PICTURES[times] }, () => ({
    y: take(pairs * luma),
    u: take((pairs * luma) / 4),
    v: take((pairs * luma) / 4),
  }));
  const grid = gridSize(paddedWidth, paddedHeight, 8);
  const seed = take(seeded ? pairs * 12 * grid.width * grid.height : 0);
  const costs = take(seeded ? pairs * 72 * grid.width * grid.height : 0);
  const work = take(seeded ? searchScratchBytes(paddedWidth, paddedHeight) : 0);
  const laneBytes = seeded ? laneScratchBytes(paddedWidth, grid.width) : 0;
  const lanes = take(crew * laneBytes);
  return { paddedWidth, paddedHeight, pictures, seed, costs, work, lanes, laneBytes, bytes: end };
}

/** The layout for the pair of a run at `index`. */
export function planesOfPair(layout: PlanesLayout, index: number): PlanesLayout {
  const luma = index * layout.paddedWidth * layout.paddedHeight;
  const grid = gridSize(layout.paddedWidth, layout.paddedHeight, 8);
  const cells = index * grid.width * grid.height;
  return {
    ...layout,
    pictures: layout.pictures.map(({ y, u, v }) => ({ y: y + luma, u: u + luma / 4, v: v + luma / 4 })),
    seed: layout.seed + 12 * cells,
    costs: layout.costs + 72 * cells,
  };
}

/** Bytes of scratch that a frame of this size needs at most: a network that fixes its size may pad less. */
export function planesScratchBytes(
  width: number,
  height: number,
  multiple: number,
  network: Pick<NetworkFacts, 'seeded' | 'times'>,
  crew: number,
  pairs: number,
): number {
  const up = (size: number): number => Math.ceil(size / multiple) * multiple;
  return planesLayout(up(width), up(height), network, crew, pairs).bytes;
}
