/** The operator that leaves repeated pulses out, ahead of the pairs. */
import { Observable, type OperatorFunction } from 'rxjs';
import type { Frame } from './media/frame.ts';
import type { EventSink } from './metrics/events.ts';
import type { PulseFilter } from './pairing/pulse-filter.ts';
import type { Micros } from './time.ts';

/** What {@link onePerPulse} works with. */
export interface PulseParts {
  readonly filter: Pick<PulseFilter, 'keep' | 'interval'>;
  readonly stream: string;
  readonly events: EventSink;
  /** Pulses are shown several times each, `interval` apart; undefined: they no longer are. Told at each change. */
  readonly onInterval: (interval: Micros | undefined) => void;
}

/** An interval that differs by more than this share is another one. */
const CHANGED = 0.2;

/** Lets the first frame of each pulse pass and releases its repetitions; each is reported as a pair that is a duplicate. */
export function onePerPulse({ filter, stream, events, onInterval }: PulseParts): OperatorFunction<Frame, Frame> {
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

function differs(a: Micros | undefined, b: Micros | undefined): boolean {
  if (a === undefined || b === undefined) return a !== b;
  return Math.abs(a - b) > CHANGED * b;
}
