/**
 * Whether anybody takes what a publication sends: what nobody takes is not made, and is made again
 * without delay for one who comes back soon.
 */
import { type CancelTimer, type Clock, fromMs, plus } from '../time.ts';

/** What is made for somebody is made this long after the last one has left: a reload finds it warm. */
const LINGER = fromMs(5000);
/** Who comes waits so long for the first frame of a source that is started for it. */
const WAKE_TIMEOUT = fromMs(10_000);

/** Options of {@link Presence}. */
export interface PresenceOptions {
  readonly clock: Clock;
  /** Nobody is there at this moment, nor on the way. */
  readonly isEmpty: () => boolean;
  /** Somebody has come, or nobody has been there for 5 s. At first nobody is. */
  readonly onChange: (present: boolean) => void;
}

/** Who comes and goes. */
export class Presence {
  readonly #options: PresenceOptions;
  #present = false;
  #cancelLinger: CancelTimer | undefined;
  /** Those who wait for a frame: told whether one came. */
  readonly #waiting = new Set<(came: boolean) => void>();
  #closed = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Somebody is there, or on the way. */
  arrived(): void {
    this.#cancelLinger?.();
    if (this.#present || this.#closed) return;
    this.#present = true;
    this.#options.onChange(true);
  }

  /** Somebody has left, or did not come after all. */
  left(): void {
    const { clock, isEmpty, onChange } = this.#options;
    this.#cancelLinger?.();
    if (this.#closed || !this.#present || !isEmpty()) return;
    this.#cancelLinger = clock.at(plus(clock.now(), LINGER), () => {
      this.#present = false;
      onChange(false);
    });
  }

  /** Waits for the next frame; false when none comes in time. */
  async nextFrame(): Promise<boolean> {
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.add(resolve);
    const cancel = clock.at(plus(clock.now(), WAKE_TIMEOUT), () => resolve(false));
    try {
      return !this.#closed && (await promise);
    } finally {
      cancel();
      this.#waiting.delete(resolve);
    }
  }

  /** A frame has come. */
  frame(): void {
    for (const resolve of this.#waiting) resolve(true);
  }

  /** Nobody is told of anything any more; who waits for a frame waits in vain. */
  close(): void {
    this.#closed = true;
    this.#cancelLinger?.();
    for (const resolve of this.#waiting) resolve(false);
  }
}
