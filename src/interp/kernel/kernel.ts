/** The SIMD kernel as TypeScript sees it: one instance per thread over the arena's memory, all buffers passed as byte offsets. */
import { readFileSync } from 'node:fs';
import { planeLayout } from '../../frame.ts';

/** Functions of the compiled kernel. Offsets are bytes in the arena; sizes are samples; nothing is allocated. */
export interface Kernel {
  /**
   * Cross-fade out = a + (b − a)·weight/32768 of I420 frames, luma rows [rowBegin, rowEnd) and the chroma rows under them.
   * `rowBegin` even, `rowEnd` even or `height`.
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
   * out(x) = m·a(x + f0) + (1−m)·b(x + f1), bilinear, borders clamped. `field`: float32 [≥5][gridHeight][gridWidth] of cells
   * of 8 × 8 luma samples (f0x f0y f1x f1y in luma samples, m). Four neighbouring samples share the flow of their centre, m is
   * linear along them. Where one position is outside of the plane (by more than half a sample) and the other inside, the inside one counts alone. Rows as in
   * {@link Kernel.blendFrames}; scratch of {@link warpScratchBytes}. Any field, NaN included, stays inside the planes.
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
  ): void;
  /**
   * A field of t = ½ (float32 [6][gridHeight][gridWidth]) re-projected to 0 < t < 1: sampled at x + (½−t)·(f1−f0), f0·2t,
   * f1·2(1−t), m_t = (1−t)m / ((1−t)m + t(1−m)).
   */
  retimeField(field: number, out: number, gridWidth: number, gridHeight: number, t: number): void;
  /**
   * Luma difference of two frames over every second row in blocks of 16 × 16. Writes three float32 at `result`: mean absolute
   * difference (0…255), largest block mean (0…255), share of blocks whose mean exceeds `threshold` (0…1).
   */
  frameDifference(a: number, b: number, width: number, height: number, threshold: number, result: number): void;
}

let compiled: WebAssembly.Module | undefined;

/** An instance of the kernel on `memory` (the arena's). Compiled once per thread. */
export function loadKernel(memory: WebAssembly.Memory): Kernel {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('kernel.wasm', import.meta.url)));
  // The exports of our own binary; the unit tests call every one of them.
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernel;
}

/** Bytes of scratch that `warpBlend` needs for a frame of this width: five channel rows and nineteen tables of pairs. */
export function warpScratchBytes(width: number): number {
  const pairs = (((width + 7) >> 3) + 3) & ~3;
  return 4 * (5 * (pairs + 12) + 19 * pairs) + 64;
}

/** Cells of the 1/8-resolution grid for a frame whose sides are padded to a multiple of `multiple` luma samples. */
export function gridSize(width: number, height: number, multiple: number): { width: number; height: number } {
  return {
    width: (Math.ceil(width / multiple) * multiple) / 8,
    height: (Math.ceil(height / multiple) * multiple) / 8,
  };
}

/** Offset of the end of a frame's pixels, for bounds checks in tests and workers. */
export function frameBytes(width: number, height: number): number {
  return planeLayout(width, height).bytes;
}
