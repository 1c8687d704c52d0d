/**
 * The SIMD kernel as TypeScript sees it: one instance per thread over the arena's memory, all
 * buffers passed as byte offsets.
 */
import { readFileSync } from 'node:fs';

/**
 * Functions of the compiled kernel. Offsets are bytes in the arena; sizes are samples; nothing is
 * allocated.
 */
export interface Kernel {
  /**
   * Cross-fade out = a + (b − a)·weight/32768 of I420 frames, luma rows [rowBegin, rowEnd) and the
   * chroma rows under them. `rowBegin` even, `rowEnd` even or `height`.
   */
  blendFrames(
    a: number,
    b: number,
    out: number,
    width: number,
    height: number,
    weight: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * out(x) = m·a(x + f0) + (1−m)·b(x + f1), bilinear, borders clamped. `field`: float32
   * [≥5][gridHeight][gridWidth] of cells of 8 × 8 luma samples (f0x f0y f1x f1y in luma samples,
   * m). Four neighbouring samples share the flow of their centre, m is linear along them. Where one
   * position is outside of the plane (by more than half a sample) and the other inside, the inside
   * one counts alone. Rows as in {@link Kernel.blendFrames}; scratch of {@link warpScratchBytes}.
   * Any field, NaN included, stays inside the planes. With `shared` = 1 the field is a second
   * motion's and has a sixth channel, its share w: out = (1−w)·out + w·(that frame).
   */
  warpBlend(
    a: number,
    b: number,
    out: number,
    width: number,
    height: number,
    field: number,
    gridWidth: number,
    gridHeight: number,
    scratch: number,
    rowBegin: number,
    rowEnd: number,
    shared: 0 | 1,
  ): void;
  /**
   * {@link Kernel.blendFrames} of planes of 16-bit words, `bytes` in all (a multiple of 16), their
   * padding too; `weight` 0…1.
   */
  blendDeep(a: number, b: number, out: number, bytes: number, weight: number): void;
  /**
   * {@link Kernel.warpBlend} of one plane of 16-bit words, rows [rowBegin, rowEnd) of it, `rowBegin`
   * even. `width`, `height` in samples of the plane, which has a 2^-shiftX of luma's columns and a
   * 2^-shiftY of its rows; `stride` in bytes, a multiple of 64. 16 bytes beyond a row are read.
   */
  warpDeep(
    a: number,
    b: number,
    out: number,
    width: number,
    height: number,
    stride: number,
    shiftX: number,
    shiftY: number,
    field: number,
    gridWidth: number,
    gridHeight: number,
    scratch: number,
    rowBegin: number,
    rowEnd: number,
    shared: 0 | 1,
  ): void;
  /**
   * A field of t = ½ (float32 [6][gridHeight][gridWidth]) re-projected to 0 < t < 1: sampled at x +
   * (½−t)·(f1−f0), f0·2t, f1·2(1−t), m_t = (1−t)m / ((1−t)m + t(1−m)).
   */
  retimeField(field: number, out: number, gridWidth: number, gridHeight: number, t: number): void;
  /**
   * Luma difference of two frames over every second row in blocks of 16 × 16. Writes three float32
   * at `result`: mean absolute difference (0…255), largest block mean (0…255), share of blocks
   * whose mean exceeds `threshold` (0…1).
   */
  frameDifference(a: number, b: number, width: number, height: number, threshold: number, result: number): void;
  /**
   * Fills the luma pyramid ({@link pyramidBytes} of the padded size) of a frame that is padded
   * right and bottom by repeating its last column and row.
   */
  buildPyramid(
    frame: number,
    width: number,
    height: number,
    paddedWidth: number,
    paddedHeight: number,
    pyramid: number,
  ): void;
  /**
   * One pass (0…2) of the block search between the pyramids of two frames of padded size width ×
   * height (models/training/SEARCH.md) over rows of blocks of one level ({@link searchGrid}).
   * Passes run in order, levels from 5 to 1, each over all its rows (`searchTasks` in tasks.ts);
   * rows of one pass are independent. The last one of level 1 writes `seed`: float32
   * [3][⌈height/8⌉][⌈width/8⌉], vx vy in luma samples and the matching cost 0…1. Scratch: {@link
   * searchScratchBytes}.
   */
  searchRows(
    pyramid0: number,
    pyramid1: number,
    width: number,
    height: number,
    scratch: number,
    seed: number,
    level: number,
    pass: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * Writes a flow network's `images`: float32 [4][2·⌈height/8⌉][2·⌈width/8⌉], quarter-resolution
   * lumas 0…1 of both frames, then both warped to t = ½ by the seed; of the seed's rows from
   * rowBegin to rowEnd. Sizes as in {@link Kernel.searchRows}. Scratch: 2·(⌈width/8⌉ + 2) float32.
   */
  prepareImages(
    pyramid0: number,
    pyramid1: number,
    width: number,
    height: number,
    seed: number,
    images: number,
    scratch: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * Writes a flow network's `costs`: float32 [18][⌈height/8⌉][⌈width/8⌉], how well the vectors of
   * 17 cells around, and the zero vector, match at each cell itself (models/training/SEARCH.md); of
   * the rows of cells from rowBegin to rowEnd. Sizes as in {@link Kernel.searchRows}. Scratch: an
   * int32 for each cell of rowEnd − rowBegin + 6 rows.
   */
  candidateCosts(
    pyramid0: number,
    pyramid1: number,
    width: number,
    height: number,
    seed: number,
    costs: number,
    scratch: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * Makes the white noise in the grain's scratch ({@link grainScratchBytes}). Once, before the
   * others.
   */
  grainStart(grain: number): void;
  /**
   * Measures the luma noise of a pair and makes a tile of grain like it, all in the grain's
   * scratch. `field`: float32 [≥4][gridHeight][gridWidth], the first motion at t = ½. Any field,
   * NaN included, reads inside the planes.
   */
  grainMeasure(
    a: number,
    b: number,
    width: number,
    height: number,
    field: number,
    gridWidth: number,
    gridHeight: number,
    grain: number,
  ): void;
  /**
   * Adds to the luma of an interpolated frame what it lacks of the noise that {@link
   * Kernel.grainMeasure} found (models/training/FLUORO.md, "Noise"), up to `strength` (0…1) of a
   * real frame's. `field`: float32 [6·motions][gridHeight][gridWidth] of the frame's own time. The
   * same `grainSeed` (32 bits) gives the same grain. Up to 15 bytes of a row's padding change.
   */
  grainAdd(
    out: number,
    width: number,
    height: number,
    field: number,
    gridWidth: number,
    gridHeight: number,
    motions: number,
    strength: number,
    grainSeed: number,
    grain: number,
  ): void;
  /**
   * {@link Kernel.grainAdd} for a plane of 16-bit words as large as luma. `luma`: of the same frame
   * in 8 bits, before its grain: it tells how noisy a sample is. `gain`: levels of the plane for a
   * grey level of `luma`; `most`: the plane's largest; `stride` in bytes. Up to 14 bytes of a row's
   * padding change.
   */
  grainAddDeep(
    luma: number,
    out: number,
    width: number,
    height: number,
    stride: number,
    gain: number,
    most: number,
    field: number,
    gridWidth: number,
    gridHeight: number,
    motions: number,
    strength: number,
    grainSeed: number,
    grain: number,
  ): void;
  /** A field from a seed alone: f0 = −v/2, f1 = v/2, m = ½, e = cost. `cells`: a multiple of 4. */
  seedField(seed: number, field: number, cells: number): void;
  /**
   * The luma of an I420 frame at half its size, rounded up, written as the luma plane of a frame of
   * that size: 2 × 2 box means. Up to 7 bytes behind a row's end change.
   */
  halveLuma(frame: number, width: number, height: number, out: number): void;
  /**
   * A field of half a frame (float32 [6·motions][fromHeight][fromWidth]) as that of the whole one:
   * bilinear between the centres of cells, motion doubled. The second motion's share is not motion.
   */
  expandField(
    from: number,
    fromWidth: number,
    fromHeight: number,
    field: number,
    gridWidth: number,
    gridHeight: number,
    motions: number,
  ): void;
}

let compiled: WebAssembly.Module | undefined;

/** An instance of the kernel on `memory` (the arena's). Compiled once per thread. */
export function loadKernel(memory: WebAssembly.Memory): Kernel {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('kernel.wasm', import.meta.url)));
  // The exports of our own binary; the unit tests call every one of them.
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernel;
}

/**
 * Bytes of scratch that `warpBlend` and `warpDeep` need for a frame of this width: six channel rows,
 * twenty-one tables of pairs, and two windows.
 */
export function warpScratchBytes(width: number): number {
  const pairs = (((width + 7) >> 3) + 3) & ~3;
  return 4 * (6 * (pairs + 12) + 21 * pairs) + 64;
}

/**
 * Bytes of the grain's scratch: levels and counts, white noise, tile, a byte per cell
 * (assembly/grain-measure.ts).
 */
export function grainScratchBytes(cells: number): number {
  return 64 + 16_384 + 576 + 131_072 + 256 * 272 + cells + 16;
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
