/** Which slots of the output grid were filled in time, from RTP timestamps and arrivals. Pure. */
import { quantile, type Spread, spread } from './statistics.ts';

/**
 * A frame counts as on time when it is at most this much late, in milliseconds: a quarter of an interval at 60 fps, well
 * under what a player's buffer or an eye notices.
 */
export const ON_TIME_MS = 4;
/** Ticks of the RTP clock of video in a millisecond. */
const TICKS = 90;

/** One access unit as a viewer got it. */
export interface Arrival {
  /** RTP timestamp, 32 bits. */
  readonly timestamp: number;
  /** When its last packet came, milliseconds on any steady clock, the same for all. */
  readonly at: number;
  /** Every packet of it came. */
  readonly complete: boolean;
}

/** What became of the slots of an output grid. */
export interface SlotCount {
  /** Slots that the time measured has room for. */
  readonly slots: number;
  /** Filled at most {@link ON_TIME_MS} late. */
  readonly onTime: number;
  /** Filled later than that. */
  readonly late: number;
  /** Never filled. */
  readonly missing: number;
  /** 100 onTime / slots. */
  readonly onTimePercent: number;
}

/** Counts slots: those that were not filled are missing. @param slots by the clock; more, if more were filled. */
export function countSlots(slots: number, filled: number, onTime: number): SlotCount {
  const all = Math.max(slots, filled);
  return {
    slots: all,
    onTime,
    late: filled - onTime,
    missing: all - filled,
    onTimePercent: Number(((100 * onTime) / all).toFixed(3)),
  };
}

/** Slots of a grid of `fps` in `seconds`, one less where the window's edges cut one off. */
export function gridSlots(fps: number, seconds: number): number {
  return Math.floor(fps * seconds);
}

/** What a viewer saw. */
export interface Viewed extends SlotCount {
  /** How far arrivals were from an even cadence: later than the median by so many milliseconds (earlier is negative). */
  readonly jitterMs: Spread;
  /** Came, with packets missing: counted among the missing slots. */
  readonly incomplete: number;
}

/**
 * Judges what a viewer received in `seconds` against a grid of `fps`. RTP timestamps are the even due times: arrivals are
 * compared with them, shifted by their median distance. Timestamps may wrap.
 */
export function judgeArrivals(arrivals: readonly Arrival[], fps: number, seconds: number): Viewed {
  const whole = arrivals.filter((arrival) => arrival.complete);
  const times = unwrapped(whole.map((arrival) => arrival.timestamp)).map((ticks) => ticks / TICKS);
  const delays = whole.map((arrival, i) => arrival.at - (times[i] ?? 0));
  const median = quantile(delays, 0.5);
  const jitter = delays.map((delay) => delay - median);
  const onTime = jitter.filter((late) => late <= ON_TIME_MS).length;
  const slots = Math.max(gridSlots(fps, seconds), slotsSpanned(times, fps));
  return {
    ...countSlots(slots, whole.length, onTime),
    incomplete: arrivals.length - whole.length,
    jitterMs: spread((share) => quantile(jitter, share)),
  };
}

/** Slots from the first to the last of these times in milliseconds, both included: gaps between neighbours are rounded, so that a grid which bends does not add up to false slots. */
function slotsSpanned(times: readonly number[], fps: number): number {
  const ordered = times.toSorted((a, b) => a - b);
  return ordered.reduce((slots, time, i) => {
    const before = ordered[i - 1];
    return slots + (before === undefined ? 1 : Math.max(1, Math.round(((time - before) * fps) / 1000)));
  }, 0);
}

/** 32-bit counters as one that goes on, starting from the first; neighbours are less than 2^31 apart. */
function unwrapped(timestamps: readonly number[]): number[] {
  let [last, value] = [timestamps[0] ?? 0, timestamps[0] ?? 0];
  return timestamps.map((timestamp) => {
    value += (timestamp - last) | 0;
    last = timestamp;
    return value;
  });
}
