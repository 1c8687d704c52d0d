/** The operator for sources that show their pictures several times: pairs of pictures, not of frames. */
import { Observable, type OperatorFunction } from 'rxjs';
import type { Frame } from '../media/frame.ts';
import type { EventSink } from '../metrics/events.ts';
import type { Micros } from '../time.ts';
import { differs, releaseStep, type Scheduled } from './operators.ts';
import type { PairPlanner } from './pair-planner.ts';
import type { Scheduler } from './scheduler.ts';

/** What {@link inCadence} works with. */
export interface InCadenceOptions {
  readonly planner: Pick<PairPlanner, 'push' | 'end' | 'close' | 'interval' | 'hold' | 'repeats'>;
  readonly scheduler: Pick<Scheduler, 'hold'>;
  readonly stream: string;
  readonly events: EventSink;
  /** Told when the interval of the pictures changes; undefined: every frame is one. */
  readonly onInterval: (interval: Micros | undefined) => void;
}

/** Forms pairs of the pictures of a source, not of its frames, and gives them their output times. */
export function inCadence(options: InCadenceOptions): OperatorFunction<Frame, Scheduled> {
  const { planner, scheduler, stream, events, onInterval } = options;
  return (source) =>
    new Observable((subscriber) => {
      let told: Micros | undefined;
      const pass = (steps: readonly Scheduled[]): void => {
        for (const step of steps) {
          if (subscriber.closed) {
            releaseStep(step);
            continue;
          }
          if (step.decision) events.emit({ type: 'pair', stream, decision: step.decision });
          subscriber.next(step);
        }
      };
      const subscription = source.subscribe({
        next(frame) {
          if (subscriber.closed) {
            frame.release();
            return;
          }
          const { repeats } = planner;
          const steps = planner.push(frame);
          if (planner.repeats > repeats) events.emit({ type: 'pair', stream, decision: 'duplicate' });
          // Before the frames that wait for it are announced.
          scheduler.hold = planner.hold;
          if (differs(planner.interval, told)) {
            told = planner.interval;
            onInterval(told);
          }
          pass(steps);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          pass(planner.end());
          subscriber.complete();
        },
      });
      return () => {
        subscription.unsubscribe();
        planner.close();
      };
    });
}
