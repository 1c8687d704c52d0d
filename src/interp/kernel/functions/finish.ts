/** Functions of the kernel that keep text and overlays still. Offsets are bytes in the arena, sizes samples; nothing is allocated. */

/** What both parents show alike and a frame made between them does not. */
export interface FinishFunctions {
  /**
   * Counts, in cells of 8 × 8 (a byte each), the luma samples that are still detail in both parents
   * and at least 13 levels off in the frame made; in a second plane of cells, at the next multiple of
   * 64 bytes, those that are bright in one parent and far darker in the other; of the rows of cells
   * from rowBegin to rowEnd. `before`, `after`: the frames beside of the same scene, or 0; one at least.
   * `work`: fourteen planes of a byte a cell, each at a multiple of 64 bytes, then 16 bytes and 162 a row of cells.
   */
  stillDamage(
    a: number,
    b: number,
    before: number,
    after: number,
    out: number,
    width: number,
    height: number,
    work: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * Which of these cells are text or another overlay, of the rows of cells from rowBegin to rowEnd: after
   * `stillDamage` of all rows, with the same `work`. Masks are of 64 bits a cell, that of sample (x, y)
   * is 8y + x; for all cells what to keep as both parents have it, then, again for all cells, what
   * to copy from the nearer parent. Only these are written, those are cleared.
   */
  stillLabels(
    a: number,
    b: number,
    before: number,
    after: number,
    out: number,
    width: number,
    height: number,
    work: number,
    masks: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /** After `stillLabels` of all rows: the masks of what to keep. @returns 1 where there is anything to keep or copy. */
  stillText(
    a: number,
    b: number,
    before: number,
    after: number,
    out: number,
    width: number,
    height: number,
    work: number,
    masks: number,
  ): number;
  /**
   * Cross-fades the samples to keep, and the chroma under them, into an I420 frame, and copies those
   * to copy (at t = ½ from `b`). `weight`: t in 1/256.
   */
  stillKeep(a: number, b: number, out: number, width: number, height: number, weight: number, masks: number): void;
  /**
   * {@link FinishFunctions.stillKeep} of one plane of 16-bit words, which has a 2^-shiftX of luma's columns
   * and a 2^-shiftY of its rows; masks of `columns` × `rows` cells. `stride` in bytes, `weight` 0…1.
   */
  stillKeepDeep(
    a: number,
    b: number,
    out: number,
    width: number,
    height: number,
    stride: number,
    shiftX: number,
    shiftY: number,
    weight: number,
    masks: number,
    columns: number,
    rows: number,
  ): void;
}
