/** Functions of the kernel that judge an interpolated frame's cells. Offsets are bytes in the arena, sizes samples; nothing is allocated. */

/** How sure a frame is of its cells, and a parent's pixels where it is not. */
export interface ConfidenceFunctions {
  /**
   * Measures cells of 8 × 8 of the pair a, b by its first motion at t = ½, rows [rowBegin, rowEnd)
   * of cells. `field`: float32 [≥4][gridHeight][gridWidth]. Writes `out`, float32
   * [4][gridHeight][gridWidth] in grey levels, at cells that lie in the frame: difference of the means of
   * both windows, mean absolute difference of both windows, mean absolute difference where the
   * cell stands, deviation of the samples. Any field, NaN included, reads inside the planes.
   * `step` 2: of every second cell of every second row, whose figures the other three get; `rowBegin` is even.
   */
  measureCells(
    a: number,
    b: number,
    width: number,
    height: number,
    field: number,
    gridWidth: number,
    gridHeight: number,
    out: number,
    step: 1 | 2,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * The noise of columns × rows cells, in grey levels: the mean absolute difference (`disagreement`,
   * the second plane of what `measureCells` wrote) that a quarter of them stays under, to 1/4.
   * Scratch of `judgeScratchBytes`.
   */
  judgeNoise(disagreement: number, columns: number, rows: number, gridWidth: number, scratch: number): number;
  /**
   * Judges rows [rowBegin, rowEnd) of columns × rows cells by what `measureCells` wrote of all and the
   * expected `error` (float32 [gridHeight][gridWidth], 0…1). z, the logarithm of the odds that a cell
   * is broken, is bias + Σ weight·√feature (models/training/common/confidence.py); `odds`, float32[7]:
   * weights of drift, standing, error and contrast, bias, gate, noise. Writes how much each cell gives
   * way to a parent, 0…1, to `way` (float32 [gridHeight][gridWidth]); adds at `result` int32: cells whose
   * z is over the gate, cells that give way by a half or more, cells that do at all, cells by z in 256
   * bins of 1/16 from −8. Scratch of `judgeScratchBytes`.
   */
  judgeCells(
    measured: number,
    error: number,
    columns: number,
    rows: number,
    gridWidth: number,
    gridHeight: number,
    odds: number,
    scratch: number,
    way: number,
    result: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * out = out + (parent − out)·w for rows [rowBegin, rowEnd) of one plane, w bilinear between the
   * centres of cells, whose `way` it is. `stride` in bytes; luma has 2^shiftX × 2^shiftY samples for
   * each of the plane's; `deep` = 1: samples of 16 bits, else 8. `gridHeight`: rows of cells that
   * lie in the frame. Scratch: a float32 for each cell of a row.
   */
  giveWay(
    parent: number,
    out: number,
    width: number,
    stride: number,
    shiftX: number,
    shiftY: number,
    deep: 0 | 1,
    way: number,
    gridWidth: number,
    gridHeight: number,
    scratch: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
}
