/**
 * Even times for pictures that a video shows for unequal numbers of frames: film in 30 frames a
 * second shows three pictures once and one twice. Pure.
 */
import { type Micros, micros, minus } from '../time.ts';

/** A source frame with a picture of its own. */
export interface Drawn {
  /** Number of the source frame. */
  readonly index: number;
  readonly pts: Micros;
}

/** Pictures after which such a pattern begins anew, at most: 2, 3, 2, 3 begins anew after 2. */
const MAX_PERIOD = 12;
/** Gaps that must agree with those a period earlier before the pattern is believed. */
const MIN_AGREEING = 4;

/** The gaps between pictures, in source frames. */
function gapsOf(drawn: readonly Drawn[]): number[] {
  return drawn.slice(1).map(({ index }, k) => index - (drawn[k]?.index ?? 0));
}

/**
 * When the picture `drawn[at]` is due, if those around it come in a pattern that is as even as
 * frames allow; else its own time. Never earlier than its own time: a picture is not known before.
 */
export function evenTime(drawn: readonly Drawn[], at: number): Micros {
  const own = drawn[at];
  if (!own) return micros(0);
  const gaps = gapsOf(drawn);
  for (let period = 2; period <= MAX_PERIOD; period++) {
    const run = agreeing(gaps, at, period);
    if (!run) continue;
    const cycle = gaps.slice(run.from, run.from + period);
    if (Math.max(...cycle) - Math.min(...cycle) !== 1) return own.pts;
    return evenly(drawn.slice(run.from, run.to + 1), at - run.from, period) ?? own.pts;
  }
  return own.pts;
}

/** The gaps around a picture that repeat with a period, if they are enough. Gap k ends at picture k + 1. */
function agreeing(
  gaps: readonly number[],
  at: number,
  period: number,
): { readonly from: number; readonly to: number } | undefined {
  const agrees = (k: number): boolean => gaps[k] !== undefined && gaps[k] === gaps[k + period];
  // The picture must be one of those that the gaps lie between.
  const anchors = [at - 1 - period, at - 1, at, at - period].filter(agrees);
  const start = anchors[0];
  if (start === undefined) return undefined;
  let from = start;
  let to = start;
  while (agrees(from - 1)) from -= 1;
  while (agrees(to + 1)) to += 1;
  if (to - from + 1 < Math.max(MIN_AGREEING, period)) return undefined;
  return { from, to: to + period + 1 };
}

/** The line through the pictures that is never ahead of one of them. */
function evenly(drawn: readonly Drawn[], at: number, period: number): Micros | undefined {
  const [first, next, own] = [drawn[0], drawn[period], drawn[at]];
  if (!first || !next || !own) return undefined;
  const interval = minus(next.pts, first.pts) / period;
  let latest = Number.NEGATIVE_INFINITY;
  // The pictures of the cycle around it: clocks drift.
  const from = Math.max(0, Math.min(at, drawn.length - period));
  for (let k = from; k < Math.min(from + period, drawn.length); k++) {
    latest = Math.max(latest, (drawn[k]?.pts ?? 0) - k * interval);
  }
  return micros(Math.max(own.pts, latest + at * interval));
}
