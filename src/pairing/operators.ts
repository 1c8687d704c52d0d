/**
 * The operators between source and output: which frames belong together, and what stands between
 * them. Frames are owned by the item that carries them.
 */

import { Observable, type OperatorFunction } from 'rxjs';
import type { Frame } from '../media/frame.ts';
import type { PairDecision } from '../media/pair-decision.ts';
import type { PictureArea } from '../media/picture-area.ts';
import type { EventSink } from '../metrics/events.ts';
import type { Micros } from '../time.ts';
import type { Pairing } from './pairing.ts';
import type { PulseFilter } from './pulse-filter.ts';
import type { Scheduler, Timestep } from './scheduler.ts';

/** What {@link onePerPulse} works with. */
export interface OnePerPulseOptions {
  readonly filter: Pick<PulseFilter, 'keep' | 'interval'>;
  readonly stream: string;
  readonly events: EventSink;
  /**
   * Pulses are shown several times each, `interval` apart; undefined: they no longer are. Told at
   * each change.
   */
  readonly onInterval: (interval: Micros | undefined) => void;
}

/** An interval that differs by more than this share is another one. */
const CHANGED = 0.2;

/**
 * Lets the first frame of each pulse pass and releases its repetitions; each is reported as a pair
 * that is a duplicate.
 */
export function onePerPulse({
  filter,
  stream,
  events,
  onInterval,
}: OnePerPulseOptions): OperatorFunction<Frame, Frame> {
  return (source) =>
    new Observable((subscriber) => {
      let told: Micros | undefined;
      return source.subscribe({
        next(frame) {
          if (subscriber.closed) {
            frame.release();
            return;
          }
          const kept = filter.keep(frame);
          if (differs(filter.interval, told)) {
            told = filter.interval;
            onInterval(told);
          }
          if (kept) {
            subscriber.next(frame);
            return;
          }
          events.emit({ type: 'pair', stream, decision: 'duplicate' });
          frame.release();
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
}

/** True when pictures come at another interval, not when it is jitter. */
export function differs(a: Micros | undefined, b: Micros | undefined): boolean {
  if (a === undefined || b === undefined) return a !== b;
  return Math.abs(a - b) > CHANGED * b;
}

/** A new source frame with the one before it, if they belong together. */
export interface Paired {
  readonly before: Frame | undefined;
  readonly frame: Frame;
  readonly decision: PairDecision | undefined;
  /** What is picture in both; undefined: all of it. */
  readonly area?: PictureArea | undefined;
}

/**
 * Forms pairs. Each frame appears twice: as `frame`, then as `before`; both are handles of their
 * own.
 */
export function pairUp(pairing: Pairing, stream: string, events: EventSink): OperatorFunction<Frame, Paired> {
  return (source) =>
    new Observable((subscriber) => {
      let last: Frame | undefined;
      const subscription = source.subscribe({
        next(frame) {
          if (subscriber.closed) {
            frame.release();
            return;
          }
          const decision = pairing.next(frame);
          if (decision) events.emit({ type: 'pair', stream, decision });
          const before = last;
          last = frame.share();
          subscriber.next({ before, frame, decision, area: pairing.area });
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      return () => {
        subscription.unsubscribe();
        last?.release();
        pairing.reset();
      };
    });
}

/** The pair beside the one that is interpolated, which shares a frame with it: how its motion changes. */
export interface Neighbour {
  /** Its other frame: the one before the pair, or the one after it. */
  readonly frame: Frame;
  /** Its time from frame to frame, over that of the pair that is interpolated. */
  readonly ratio: number;
}

/**
 * Output times of one step. `timesteps` lie between `before` and `frame`, or after `frame` where
 * nothing is held back; `show` is for `frame` itself.
 */
export interface Scheduled extends Paired {
  /**
   * When `before` and `frame` are due on the source's timeline: their own times, or those of a cadence. `from` undefined:
   * nothing lies between them.
   */
  readonly from: Micros | undefined;
  readonly to: Micros;
  /** Where the pair before goes on in this one, and this one in the pair after, if that is looked for. */
  readonly pairBefore?: Neighbour | undefined;
  readonly pairAfter?: Neighbour | undefined;
  readonly timesteps: readonly Timestep[];
  readonly show: Micros | undefined;
  readonly interval: Micros;
}

/** Releases the frames of a step. */
export function releaseStep({ before, frame, pairBefore, pairAfter }: Scheduled): void {
  for (const held of [before, frame, pairBefore?.frame, pairAfter?.frame]) held?.release();
}

/** Gives pairs their output times. */
export function planOutput(scheduler: Scheduler): OperatorFunction<Paired, Scheduled> {
  return (source) =>
    new Observable((subscriber) =>
      source.subscribe({
        next(paired) {
          if (subscriber.closed) {
            paired.before?.release();
            paired.frame.release();
            return;
          }
          const continuous =
            paired.decision !== undefined && paired.decision !== 'discontinuity' && paired.decision !== 'size-change';
          const plan = scheduler.next(paired.frame.pts, continuous);
          const [from, to] = [paired.before?.pts, paired.frame.pts];
          subscriber.next({ ...paired, from, to, timesteps: plan.between, show: plan.show, interval: plan.interval });
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
}
