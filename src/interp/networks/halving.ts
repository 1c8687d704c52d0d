/**
 * How a network that only knows the middle of two frames makes quarters and eighths: its runs, in
 * order. Pure.
 */

/**
 * One run: it makes the frame in the middle of two others. Times are in eighths of the pair's
 * interval.
 */
export interface Halving {
  readonly from: number;
  readonly to: number;
  readonly middle: number;
  /**
   * Indices of the timesteps that this frame is for. Equal timesteps, which come of rounding, share
   * it.
   */
  readonly timesteps: readonly number[];
}

/**
 * The runs for timesteps that are eighths: the middle of two times when it is wanted or something
 * between is, then the same on both sides of it. A quarter is the middle of the first frame and the
 * middle. What a run starts from has been made by an earlier one, and of each distance only the
 * latest frame is needed.
 */
export function halvings(timesteps: readonly number[], from = 0, to = 8): readonly Halving[] {
  if (to - from < 2 || !timesteps.some((t) => t * 8 > from && t * 8 < to)) return [];
  const middle = (from + to) / 2;
  const wanted = timesteps.flatMap((t, i) => (t * 8 === middle ? [i] : []));
  return [
    { from, to, middle, timesteps: wanted },
    ...halvings(timesteps, from, middle),
    ...halvings(timesteps, middle, to),
  ];
}
