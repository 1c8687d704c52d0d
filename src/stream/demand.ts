/**
 * Whether anybody watches a stream: without viewers, recordings and pushes no frames are made, and by
 * `onDemand` its source is not read either.
 */
import { BehaviorSubject, Observable, type Subscription } from 'rxjs';
import type { Frame } from '../media/frame.ts';
import type { Variant } from '../metrics/events.ts';
import { fromMs, type Micros, minus } from '../time.ts';

/** A source that was started is read for so long at least: what it sends is known then. */
const LEAST_AWAKE = fromMs(5000);

/** Options of {@link Demand}. */
export interface DemandOptions {
  /** The source may sleep. */
  readonly onDemand: boolean;
  readonly now: Micros;
}

/** Who is there, and whether the source is read. */
export class Demand {
  readonly #onDemand: boolean;
  readonly #present: Record<Variant, boolean> = { upconverted: false, source: false };
  readonly #awake = new BehaviorSubject(true);
  #since: Micros;
  /** The source has ended in order, and begins no more. */
  #ended = false;

  constructor({ onDemand, now }: DemandOptions) {
    this.#onDemand = onDemand;
    this.#since = now;
  }

  /** Somebody takes what is upconverted. */
  get watched(): boolean {
    return this.#present.upconverted;
  }

  /** The source is read. */
  get awake(): boolean {
    return this.#awake.value;
  }

  /** Somebody has come to a variant, or nobody is there any more. True: the source is woken by it. */
  change(variant: Variant, present: boolean, now: Micros): boolean {
    this.#present[variant] = present;
    if (!present || this.awake) return false;
    this.#since = now;
    this.#awake.next(true);
    return true;
  }

  /**
   * Puts the source to sleep if nobody is there; true when that has happened. One that has ended stays awake: its last
   * frame is for those who come.
   */
  rest(now: Micros): boolean {
    const { upconverted, source } = this.#present;
    const wanted = upconverted || source || minus(now, this.#since) < LEAST_AWAKE;
    if (!this.#onDemand || !this.awake || this.#ended || wanted) return false;
    this.#awake.next(false);
    return true;
  }

  /** `frames` as often as it takes: subscribed to while awake. Completes with it, for good. */
  whileAwake(frames: Observable<Frame>): Observable<Frame> {
    return new Observable((subscriber) => {
      let reading: Subscription | undefined;
      subscriber.add(() => reading?.unsubscribe());
      subscriber.add(
        this.#awake.subscribe((awake) => {
          reading?.unsubscribe();
          reading = awake
            ? frames.subscribe({
                next: (frame) => subscriber.next(frame),
                error: (error: unknown) => subscriber.error(error),
                complete: () => {
                  this.#ended = true;
                  subscriber.complete();
                },
              })
            : undefined;
        }),
      );
    });
  }
}
