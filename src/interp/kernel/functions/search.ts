/** Functions of the kernel that find motion, and prepare what a network reads. Offsets are bytes in the arena, sizes samples; nothing is allocated. */

/** Where things moved: pyramids, the block search, the inputs of flow networks. */
export interface SearchFunctions {
  /**
   * The luma of an I420 frame at half its size, rounded up, written as the luma plane of a frame of
   * that size: 2 × 2 box means. Up to 7 bytes behind a row's end change.
   */
  halveLuma(frame: number, width: number, height: number, out: number): void;
  /**
   * Fills the luma pyramid (`pyramidBytes` of the padded size) of a frame that is padded
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
   * height (models/training/SEARCH.md) over rows of blocks of one level (`searchGrid`).
   * Passes run in order, levels from 5 to 1, each over all its rows (`searchTasks` in tasks.ts);
   * rows of one pass are independent. The last one of level 1 writes `seed`: float32
   * [3][⌈height/8⌉][⌈width/8⌉], vx vy in luma samples and the matching cost 0…1. Scratch: `searchScratchBytes`.
   * `fine`: in small windows, that follow small things and are sooner mistaken.
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
    fine: 0 | 1,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * Writes a flow network's `images`: float32 [4][2·⌈height/8⌉][2·⌈width/8⌉], quarter-resolution
   * lumas 0…1 of both frames, then both warped to t = ½ by the seed; of the seed's rows from
   * rowBegin to rowEnd. Sizes as in {@link SearchFunctions.searchRows}. Scratch: 2·(⌈width/8⌉ + 2) float32.
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
   * Writes a flow network's `costs`: float32 [18 or 28][⌈height/8⌉][⌈width/8⌉], how well vectors
   * match at each cell itself (models/training/SEARCH.md): those of 17 cells around, and the zero
   * vector; with `fine` (a seed of the fine search, else 0) also its of nine cells, and those in the
   * first two planes of `motion`. Of the rows of cells from rowBegin to rowEnd. Sizes as in {@link
   * SearchFunctions.searchRows}. Scratch: `costScratchBytes`.
   */
  candidateCosts(
    pyramid0: number,
    pyramid1: number,
    width: number,
    height: number,
    seed: number,
    fine: number,
    motion: number,
    costs: number,
    scratch: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /** A field from a seed alone: f0 = −v/2, f1 = v/2, m = ½, e = cost. `cells`: a multiple of 4. */
  seedField(seed: number, field: number, cells: number): void;
  /**
   * What the pairs beside tell of a pair's acceleration (models/training/SEARCH.md, "Acceleration"):
   * planes 0…3, 6 and 7 of a flow network's `motion`, float32 [8][gridHeight][gridWidth], of the rows
   * of cells from rowBegin to rowEnd. Seeds as of {@link SearchFunctions.searchRows}: the pair's, and
   * those of the pairs before and after it, 0 where there is none (then 0…3 and 6 stay as they are);
   * ratios: their intervals over the pair's. Any seed, NaN included, reads inside the seeds, but for
   * four bytes behind one that is one cell wide.
   */
  motionPlanes(
    seed: number,
    before: number,
    beforeRatio: number,
    after: number,
    afterRatio: number,
    motion: number,
    gridWidth: number,
    gridHeight: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * Planes 4 and 5 of `motion`: the means of planes 2 and 3 over 5 × 5 cells, edges replicated; of
   * the rows of cells from rowBegin to rowEnd. Scratch: gridWidth + 12 float32.
   */
  smoothMotion(
    motion: number,
    gridWidth: number,
    gridHeight: number,
    scratch: number,
    rowBegin: number,
    rowEnd: number,
  ): void;
  /**
   * Adds `share` of planes 4 and 5 of `motion` to both flows of every motion of a field of t = ½,
   * float32 [6·motions] of planes of `cells` floats.
   */
  accelerateField(field: number, motion: number, cells: number, motions: number, share: number): void;
}
