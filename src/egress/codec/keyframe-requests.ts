/** Keyframes on request: at most one in a time, however many viewers ask. */
import { type CancelTimer, type Clock, fromMs, type Micros, plus } from '../../time.ts';

/** Least time between two: further requests wait and share the next. */
const SPACING = fromMs(300);

/** The requests of all viewers of one encoder. */
export class KeyframeRequests {
  readonly #clock: Clock;
  readonly #make: () => void;
  #madeAt: Micros | undefined;
  #cancel: CancelTimer | undefined;
  #closed = false;

  /** @param make makes one; called during {@link want}, or later. */
  constructor(clock: Clock, make: () => void) {
    this.#clock = clock;
    this.#make = make;
  }

  /** Somebody needs one. */
  want(): void {
    if (this.#closed || this.#cancel) return;
    const due = this.#madeAt === undefined ? this.#clock.now() : plus(this.#madeAt, SPACING);
    if (due <= this.#clock.now()) this.#makeOne();
    else this.#cancel = this.#clock.at(due, () => this.#makeOne());
  }

  /** Makes none any more. Closing twice is harmless. */
  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #makeOne(): void {
    this.#cancel = undefined;
    this.#madeAt = this.#clock.now();
    this.#make();
  }
}
