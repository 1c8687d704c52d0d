/** Where the pieces of the flow path lie in a worker's scratch: pure arithmetic, shared by the engine (allocates) and the workers (use). */
import { gridSize, searchScratchBytes, warpScratchBytes } from './kernel/kernel.ts';

/** Byte offsets from the start of the scratch; grids are of cells of 8 × 8 luma samples, padded. */
export interface ScratchLayout {
  readonly gridWidth: number;
  readonly gridHeight: number;
  /** float32 [3][gridHeight][gridWidth]. */
  readonly seed: number;
  /** float32 [4][2·gridHeight][2·gridWidth]. */
  readonly images: number;
  /** float32 [6][gridHeight][gridWidth] at t = ½. */
  readonly field: number;
  /** The same at another t. */
  readonly retimed: number;
  /** For `search`, `prepareImages` and `warpBlend`, one after the other. */
  readonly work: number;
  readonly bytes: number;
}

/** The scratch of one worker for one frame size whose sides are padded to a multiple of `multiple`. */
export function scratchLayout(width: number, height: number, multiple: number): ScratchLayout {
  const { width: gridWidth, height: gridHeight } = gridSize(width, height, multiple);
  const plane = 4 * gridWidth * gridHeight;
  let end = 0;
  const take = (bytes: number): number => {
    const start = end;
    end = Math.ceil((start + bytes) / 64) * 64;
    return start;
  };
  const seed = take(3 * plane);
  const images = take(16 * plane);
  const field = take(6 * plane);
  const retimed = take(6 * plane);
  const work = take(Math.max(searchScratchBytes(width, height), warpScratchBytes(width), 8 * (gridWidth + 2)));
  return { gridWidth, gridHeight, seed, images, field, retimed, work, bytes: end };
}
