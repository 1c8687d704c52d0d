/** The part of a file that is wanted. Pure. */
import type { Micros } from '../../time.ts';

/** A part of a file on the timeline of its packets: from `start`, up to before `end`. */
export interface TimeRange {
  readonly start: Micros;
  /** Undefined = to the end of the file. */
  readonly end?: Micros | undefined;
}

/** A packet's or a subtitle's time. */
export interface Span {
  readonly start: Micros;
  readonly end: Micros;
}

/** Whether a part of `span` lies in the range; of one without length, its time. */
export function overlaps({ start, end }: Span, range: TimeRange): boolean {
  if (range.end !== undefined && start >= range.end) return false;
  return end > range.start || (end === start && start >= range.start);
}

/** What of `span` lies in the range. */
export function clipped({ start, end }: Span, range: TimeRange): Span {
  return {
    start: start < range.start ? range.start : start,
    end: range.end !== undefined && end > range.end ? range.end : end,
  };
}
