/** The pairs beside a pair, which tell how its motion changes: only where all of them are one motion. */
import { Observable, type OperatorFunction } from 'rxjs';
import type { Frame } from '../media/frame.ts';
import type { Micros } from '../time.ts';
import { releaseStep, type Scheduled } from './operators.ts';

/** Choices of `--lookahead`. */
export const LOOKAHEAD_CHOICES = ['on', 'off'] as const;

/** Whether a pair's motion is taken from the pair after, too, or from the one before alone. */
export type LookaheadChoice = (typeof LOOKAHEAD_CHOICES)[number];

/** Options of {@link Neighbours}. */
export interface NeighboursOptions {
  /** Each step waits for the next one, to know the pair after, too: for files, where nothing is due. */
  readonly lookAhead: boolean;
}

/** Where the times of two pairs differ by more than this factor, one says nothing of the other's motion. */
const MAX_RATIO = 4;

/** A pair that is interpolated: its earlier frame, and when its two pictures are due. */
interface Motion {
  readonly frame: Frame;
  readonly from: Micros;
  readonly to: Micros;
}

/**
 * Tells each pair that is interpolated of the pairs beside it. Two pairs are beside each other where both are interpolated and
 * one ends when the other begins: a cut, a flash, a repetition, a picture that is held, a break in time or another size lies
 * between all others. Holds one frame, and with look-ahead one step. Owns the frames of steps until it returns them.
 */
export class Neighbours {
  readonly #lookAhead: boolean;
  /** The pair of the last step, with a handle of its own on the frame. */
  #last: Motion | undefined;
  #waiting: Scheduled | undefined;

  constructor({ lookAhead }: NeighboursOptions) {
    this.#lookAhead = lookAhead;
  }

  /** Takes the next steps; returns those of which all is known. */
  push(steps: readonly Scheduled[]): Scheduled[] {
    return steps.flatMap((step) => this.#next(step) ?? []);
  }

  /** What is left when no more steps come. */
  end(): Scheduled[] {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting ? [waiting] : [];
  }

  /** Releases what it holds. */
  close(): void {
    this.#last?.frame.release();
    this.#last = undefined;
    for (const step of this.end()) releaseStep(step);
  }

  #next(step: Scheduled): Scheduled | undefined {
    const last = this.#last;
    const motion = motionOf(step);
    this.#last = motion && { ...motion, frame: motion.frame.share() };
    const ratio = last && motion && ratioOf(last, motion);
    const isBeside = last !== undefined && ratio !== undefined;
    const known = isBeside ? { ...step, pairBefore: { frame: last.frame.share(), ratio } } : step;
    last?.frame.release();
    if (!this.#lookAhead) return known;
    const waiting = this.#waiting;
    this.#waiting = known;
    return waiting && isBeside ? { ...waiting, pairAfter: { frame: step.frame.share(), ratio: 1 / ratio } } : waiting;
  }
}

/** The pair of a step, if it is interpolated. */
function motionOf({ before, decision, from, to }: Scheduled): Motion | undefined {
  if (decision !== 'interpolate' || !before || from === undefined || to <= from) return undefined;
  return { frame: before, from, to };
}

/** The time of one pair over that of the next; undefined where they are not beside each other. */
function ratioOf(pair: Motion, next: Motion): number | undefined {
  const ratio = (pair.to - pair.from) / (next.to - next.from);
  return pair.to === next.from && ratio <= MAX_RATIO && ratio >= 1 / MAX_RATIO ? ratio : undefined;
}

/** Tells pairs of the pair before, which is known without waiting. */
export function withPairBefore(): OperatorFunction<Scheduled, Scheduled> {
  return (source) =>
    new Observable((subscriber) => {
      const neighbours = new Neighbours({ lookAhead: false });
      const subscription = source.subscribe({
        next(step) {
          if (subscriber.closed) releaseStep(step);
          else for (const known of neighbours.push([step])) subscriber.next(known);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      return () => {
        subscription.unsubscribe();
        neighbours.close();
      };
    });
}
