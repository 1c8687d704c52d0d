/**
 * The SIMD kernel as TypeScript sees it: one instance per thread over the arena's memory, all
 * buffers passed as byte offsets.
 */
import { readFileSync } from 'node:fs';
import type { ConfidenceFunctions } from './functions/confidence.ts';
import type { FinishFunctions } from './functions/finish.ts';
import type { FrameFunctions } from './functions/frames.ts';
import type { GrainFunctions } from './functions/grain.ts';
import type { SearchFunctions } from './functions/search.ts';
import type { WarpFunctions } from './functions/warp.ts';

/**
 * Functions of the compiled kernel. Offsets are bytes in the arena; sizes are samples; nothing is
 * allocated.
 */
export interface Kernel
  extends FrameFunctions,
    SearchFunctions,
    WarpFunctions,
    GrainFunctions,
    ConfidenceFunctions,
    FinishFunctions {}

let compiled: WebAssembly.Module | undefined;

/** An instance of the kernel on `memory` (the arena's). Compiled once per thread. */
export function loadKernel(memory: WebAssembly.Memory): Kernel {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('kernel.wasm', import.meta.url)));
  // The exports of our own binary; the unit tests call every one of them.
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernel;
}

/**
 * Bytes of scratch that `warpBlend` and `warpDeep` need for a frame of this width: six channel rows,
 * twenty-two tables of pairs, and two windows.
 */
export function warpScratchBytes(width: number): number {
  const pairs = (((width + 7) >> 3) + 3) & ~3;
  return 4 * (6 * (pairs + 12) + 22 * pairs) + 64;
}

/** Bytes of scratch that `candidateCosts` needs for so many rows of cells at a time: whole vectors. */
export function costScratchBytes(gridWidth: number, rows: number): number {
  return 4 * (gridWidth + 6) * (2 * rows + 8) + 16;
}

/** Planes that a network gives which weighs candidates. */
export const CHOICE_PLANES = 72;

/** Bytes of scratch that `chooseField` needs for so many rows of cells at a time: vectors, and sums. */
export function choiceScratchBytes(gridWidth: number, rows: number): number {
  return 8 * (gridWidth + 6) * (2 * rows + 8) + 4 * (3 * gridWidth + 8) + 16;
}

/**
 * Bytes of the grain's scratch: levels and counts, white noise, tile, a byte per cell
 * (assembly/grain/measure.ts).
 */
export function grainScratchBytes(cells: number): number {
  return 64 + 16_384 + 576 + 131_072 + 256 * 272 + cells + 16;
}

/** Bytes of scratch of `judgeCells` for a grid of this width: a histogram, or three rows of sums. */
export function judgeScratchBytes(gridWidth: number): number {
  return Math.max(256, 3 * (4 * gridWidth + 32));
}

/**
 * Cells of the 1/8-resolution grid for a frame whose sides are padded to a multiple of `multiple`
 * luma samples.
 */
export function gridSize(width: number, height: number, multiple: number): { width: number; height: number } {
  return {
    width: (Math.ceil(width / multiple) * multiple) / 8,
    height: (Math.ceil(height / multiple) * multiple) / 8,
  };
}

/** Replicated border around each level of a pyramid. */
const BORDER = 16;

/**
 * Where level 1 … 5 of a pyramid lies: sample (x, y) is at `origin + y·stride + x`; 16 samples of
 * border on every side are readable.
 */
export function pyramidLevel(width: number, height: number, level: number) {
  let start = 0;
  for (let l = 1; ; l++) {
    const size = { width: Math.ceil(width / 2 ** l), height: Math.ceil(height / 2 ** l) };
    const stride = Math.ceil((size.width + 2 * BORDER) / 16) * 16;
    const end = start + stride * (size.height + 2 * BORDER);
    if (l === level) return { ...size, stride, origin: start + BORDER * (stride + 1), end };
    start = end;
  }
}

/** Bytes of the pyramid of a frame, room for whole registers at the end included. */
export function pyramidBytes(width: number, height: number): number {
  return pyramidLevel(width, height, 5).end + 64;
}

/** Blocks of the search at a level: pitch 4 level samples. */
export function searchGrid(width: number, height: number, level: number): { width: number; height: number } {
  const size = pyramidLevel(width, height, level);
  return { width: Math.ceil(size.width / 4), height: Math.ceil(size.height / 4) };
}

/**
 * Bytes of scratch of `search`: the final vectors of levels 1 … 5 one after the other (int32, x in
 * the low and y in the high half), then four arrays of level 1's size.
 */
export function searchScratchBytes(width: number, height: number): number {
  const cells = (level: number): number => {
    const grid = searchGrid(width, height, level);
    return grid.width * grid.height;
  };
  return 4 * ([1, 2, 3, 4, 5].reduce((sum, level) => sum + cells(level), 0) + 4 * cells(1));
}
