/**
 * The reference interpolators, which every model has to beat: their names, and the one that repeats
 * source frames.
 */
import type { Frame, RepeatReason } from '../../media/frame.ts';
import { type Micros, micros } from '../../time.ts';

/**
 * Ids of the interpolators that need no network: cross-fade, nearer parent, block search with
 * motion compensation.
 */
export const REFERENCE_MODELS = ['search', 'blend', 'repeat'] as const;

/** One of {@link REFERENCE_MODELS}. */
export type ReferenceModel = (typeof REFERENCE_MODELS)[number];

/** Presentation or capture time at `t` between two instants, rounded to a microsecond. */
export function between(a: Micros, b: Micros, t: number): Micros {
  return micros(a + (b - a) * t);
}

/**
 * The parent nearer to `t`, shown again: a new handle on its pixels, at its own PTS, with the other
 * times of `t`. The caller owns it.
 */
export function repeatNearer(a: Frame, b: Frame, t: number, reason: RepeatReason): Frame {
  return (t < 0.5 ? a : b).share({
    capture: between(a.capture, b.capture, t),
    arrival: b.arrival,
    discontinuity: false,
    provenance: { kind: 'repeated', t, reason },
  });
}
