/** Which piece of the grain an interpolated frame gets. */
import type { Micros } from '../../time.ts';

/**
 * A 32-bit number for the frame at `t` between two instants: from its parents' times and its own
 * alone, so that it is the same in every run. Neighbours differ.
 */
export function grainSeed(a: Micros, b: Micros, t: number): number {
  let h = 0x811c9dc5;
  // FNV-1a over whole words: low and high half of either time, then t in 1/2³².
  for (const word of [a, a / 2 ** 32, b, b / 2 ** 32, t * 2 ** 32]) h = Math.imul(h ^ Math.floor(word), 0x01000193);
  return h >>> 0;
}
