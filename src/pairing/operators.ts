/** The operators between source and output: which frames belong together, and what stands between them. Frames are owned by the item that carries them. */

import { Observable, type OperatorFunction } from 'rxjs';
import type { Frame } from '../media/frame.ts';
import type { PairDecision } from '../media/pair-decision.ts';
import type { EventSink } from '../metrics/events.ts';
import type { Micros } from '../time.ts';
import type { Pairing } from './pairing.ts';
import type { Scheduler, Timestep } from './scheduler.ts';

/** A new source frame with the one before it, if they belong together. */
export interface Paired {
  readonly before: Frame | undefined;
  readonly frame: Frame;
  readonly decision: PairDecision | undefined;
}

/** Forms pairs. Each frame appears twice: as `frame`, then as `before`; both are handles of their own. */
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
          subscriber.next({ before, frame, decision });
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

/** Output times of one step. `timesteps` lie between `before` and `frame`; `show` is for `frame` itself. */
export interface Scheduled extends Paired {
  readonly timesteps: readonly Timestep[];
  readonly show: Micros | undefined;
  readonly interval: Micros;
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
          subscriber.next({ ...paired, timesteps: plan.between, show: plan.show, interval: plan.interval });
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
}
