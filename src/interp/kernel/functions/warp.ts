/** Functions of the kernel that move pixels by a field. Offsets are bytes in the arena, sizes samples; nothing is allocated. */

/** Fields at other times and sizes, and frames warped by them. */
export interface WarpFunctions {
  /**
   * out(x) = m·a(x + f0) + (1−m)·b(x + f1), bilinear, borders clamped. `field`: float32
   * [≥5][gridHeight][gridWidth] of cells of 8 × 8 luma samples (f0x f0y f1x f1y in luma samples,
   * m). Four neighbouring samples share the flow of their centre, m is linear along them. Where one
   * position is outside of the plane (by more than half a sample) and the other inside, the inside
   * one counts alone. Rows as in `blendFrames`; scratch of `warpScratchBytes`.
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
   * {@link WarpFunctions.warpBlend} of one plane of 16-bit words, rows [rowBegin, rowEnd) of it, `rowBegin`
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
   * Marks the cells of rows [rowBegin, rowEnd) of the grid that border on cells whose motion differs by
   * more than 4 luma samples, and whose samples deviate by 4 grey levels or more (`detail`, float32
   * [gridHeight][gridWidth]). `marks`: a byte for each of `columns` cells of a row, in rows of
   * 4 · ⌈columns/4⌉, row `rowBegin` first.
   */
  findSeams(
    field: number,
    gridWidth: number,
    gridHeight: number,
    columns: number,
    motions: number,
    detail: number,
    marks: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * Renders anew the cells of rows [rowBegin, rowEnd) of the grid that `findSeams` has marked: every
   * sample by its own vector, bilinear between the cells, where `warpBlend` gives four one. One plane
   * of samples of 8 bits (`deep` = 0) or 16, all columns of the frame; `motions` of the field at once,
   * the rest as for {@link WarpFunctions.warpDeep}.
   */
  renderSeams(
    a: number,
    b: number,
    out: number,
    width: number,
    height: number,
    stride: number,
    shiftX: number,
    shiftY: number,
    deep: 0 | 1,
    field: number,
    gridWidth: number,
    gridHeight: number,
    motions: number,
    marks: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * Rows [rowBegin, rowEnd) of cells of `field`, float32 [12][gridHeight][gridWidth] at t = ½, from a
   * network's `choice`, float32 [72][gridHeight][gridWidth], and what it has seen: of each motion logits
   * of 28 candidates, four of the residual, of weight and error or share, and of two gates. `trust`, a
   * float32: what a cost of 1 takes from a logit. `gridWidth`: a multiple of 4. Scratch of
   * `choiceScratchBytes`. Any number, NaN included, leaves vectors within those of the candidates.
   */
  chooseField(
    choice: number,
    trust: number,
    seed: number,
    fine: number,
    motion: number,
    costs: number,
    field: number,
    gridWidth: number,
    gridHeight: number,
    scratch: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * A field of t = ½ (float32 [6][gridHeight][gridWidth]) re-projected to 0 < t < 1: with v = f1 − f0
   * and s = (f0 + f1)/2 sampled at x + (½−t)·v, f0 = 4t(1−t)·s − t·v, f1 = 4t(1−t)·s + (1−t)·v, m_t =
   * (1−t)m / ((1−t)m + t(1−m)).
   */
  retimeField(field: number, out: number, gridWidth: number, gridHeight: number, t: number): void;
  /**
   * A field of t = ½ (float32 [6][gridHeight][gridWidth]) carried on to 1 < t ≤ 1.5, beyond frame b,
   * for {@link WarpFunctions.warpBlend} with b in both places: f0 = f1 = −(what a point has gone since
   * b), which is (t − 1)·v + bend·4t(t − 1)·s with v = f1 − f0 and s = (f0 + f1)/2; m = 0; the last
   * channel is carried along. Of two motions that arrive at one cell the one that differs more from
   * the whole picture's passes in front. Where nothing arrives the picture beside it is stretched, no
   * object shown twice. Any field, NaN included; motion beyond 4096 samples is cut. `scratch`: four
   * planes of the grid.
   */
  extrapolateField(
    field: number,
    out: number,
    gridWidth: number,
    gridHeight: number,
    t: number,
    bend: number,
    scratch: number,
  ): void;
  /**
   * A field of half a frame (float32 [6·motions][fromHeight][fromWidth]) as that of the whole one, rows
   * [rowBegin, rowEnd) of its grid: bilinear between the centres of cells, motion doubled. The second motion's share is not motion.
   */
  expandField(
    from: number,
    fromWidth: number,
    fromHeight: number,
    field: number,
    gridWidth: number,
    gridHeight: number,
    motions: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
}
