/** Where the pieces of keeping text still lie in a worker's scratch. Pure. */

/** Byte offsets from the start of its part. */
export interface FinishLayout {
  /** Cells of 8 × 8 luma samples. */
  readonly columns: number;
  readonly rows: number;
  /** Fourteen planes of a byte a cell, each at a multiple of 64 bytes, then 16 bytes and 162 a row. */
  readonly work: number;
  /** Twice 64 bits a cell. */
  readonly masks: number;
  readonly bytes: number;
}

/** The layout for frames of width × height. */
export function finishLayout(width: number, height: number): FinishLayout {
  const [columns, rows] = [Math.ceil(width / 8), Math.ceil(height / 8)];
  const cells = columns * rows;
  const masks = 14 * Math.ceil(cells / 64) * 64 + Math.ceil((16 + 162 * rows) / 64) * 64;
  return { columns, rows, work: 0, masks, bytes: masks + 16 * cells };
}
