/** How many streams one process carries: one more at a time until slots are late. */
import { type LiveOptions, measureLive } from './live.ts';
import type { LiveResult } from './live-result.ts';

/** What must be on time for a count of streams to be carried, percent of the slots of each stream. */
export const CARRIED_PERCENT = 99;

/** What is measured. */
export interface ScaleOptions extends Omit<LiveOptions, 'streams'> {
  /** Counts tried: 1 to this. */
  readonly most: number;
}

/** What was tried. */
export interface ScaleResult {
  /** The largest count whose every stream had at least {@link CARRIED_PERCENT} of its slots on time; 0 when one was too many. */
  readonly streamsCarried: number;
  /** True when not even the largest count tried was too many. */
  readonly limitNotReached: boolean;
  readonly tried: readonly LiveResult[];
}

/** Measures 1, 2, … streams, each with a viewer, and stops after the first count that is too many. Errors: those of {@link measureLive}. */
export async function measureScale({ most, ...options }: ScaleOptions): Promise<ScaleResult> {
  const tried: LiveResult[] = [];
  for (let streams = 1; streams <= most; streams++) {
    options.onProgress(`${streams} of at most ${most} streams`);
    const result = await measureLive({ ...options, streams });
    tried.push(result);
    if (result.onTimePercent < CARRIED_PERCENT) return { streamsCarried: streams - 1, limitNotReached: false, tried };
  }
  return { streamsCarried: most, limitNotReached: true, tried };
}
