/** Functions of the kernel on whole frames: cross-fades and differences. Offsets are bytes in the arena, sizes samples; nothing is allocated. */

/** Cross-fades and differences of frames. */
export interface FrameFunctions {
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
   * {@link FrameFunctions.blendFrames} of planes of 16-bit words, `bytes` in all (a multiple of 16), their
   * padding too; `weight` 0…1.
   */
  blendDeep(a: number, b: number, out: number, bytes: number, weight: number): void;
  /**
   * Luma difference of two frames over every second row in blocks of 16 × 16. Writes three float32
   * at `result`: mean absolute difference (0…255), largest block mean (0…255), share of blocks
   * whose mean exceeds `threshold` (0…1).
   */
  frameDifference(a: number, b: number, width: number, height: number, threshold: number, result: number): void;
}
