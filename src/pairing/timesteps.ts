/**
 * At which times between two frames a network can interpolate, and what follows for a schedule.
 * Pure.
 */
import { FrameliftError } from '../errors.ts';

/**
 * `any`: 0 < t < 1. `half`: t = ½ alone; quarters and eighths come from halving again between a
 * source frame and an interpolated one.
 */
export type Times = 'any' | 'half';

/** Furthest that a frame is carried on beyond the later one of its pair: half of an interval. */
export const FURTHEST = 1.5;

/** Whether a timestep lies beyond the later frame of its pair, where only some models can follow. */
export function isBeyond(t: number): boolean {
  return t > 1 && t <= FURTHEST;
}

/** The eighth (⅛ … ⅞) nearest to `t`: what a `half` network makes in its place. */
export function nearestEighth(t: number): number {
  return Math.min(7, Math.max(1, Math.round(t * 8))) / 8;
}

/**
 * True when so many output frames for each source frame stand at eighths. 0 is a free grid, whose
 * times are anything.
 */
export function standsAtEighths(multiple: number): boolean {
  return multiple === 1 || multiple === 2 || multiple === 4 || multiple === 8;
}

/**
 * Why a schedule gets no frames from a model that only knows the middle: three eighths shown where
 * a third belongs is uneven motion, which is what this program is there to remove.
 * @param multiple output frames for each source frame, 0 on a free grid.
 * @param able ids of models that know any time.
 */
export function timesRefusal(model: string, multiple: number, able: readonly string[]): FrameliftError {
  const wanted = multiple === 0 ? "a rate that is no multiple of the source's" : `${multiple} times`;
  return new FrameliftError(
    'config.invalid',
    `model "${model}" only knows the middle between two frames: it makes 2, 4 or 8 times the source's rate, not ${wanted}`,
    { remedy: `Use --factor 2, 4 or 8, or a model that knows any time: ${able.join(', ')}.` },
  );
}
