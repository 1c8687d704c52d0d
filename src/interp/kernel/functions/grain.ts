/** Functions of the kernel that measure noise and give it back. Offsets are bytes in the arena, sizes samples; nothing is allocated. */

/** The noise that interpolated frames lack. */
export interface GrainFunctions {
  /**
   * Makes the white noise in the grain's scratch (`grainScratchBytes`). Once, before the
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
   * Adds to the luma of an interpolated frame what it lacks of the noise that `grainMeasure` found (models/training/FLUORO.md, "Noise"), up to `strength` (0…1) of a
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
   * {@link GrainFunctions.grainAdd} for a plane of 16-bit words as large as luma. `luma`: of the same frame
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
}
