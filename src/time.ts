/** Time: integer microseconds, branded, and the clocks that give them. */

declare const brand: unique symbol;

/** An instant or a span in whole microseconds. Integer up to 2^53 (285 years). */
export type Micros = number & { readonly [brand]: 'Micros' };

/** Rounds a number of microseconds to {@link Micros}. */
export function micros(value: number): Micros {
  // Brand constructor: the only place where a plain number becomes Micros.
  return Math.round(value) as Micros;
}

/** Milliseconds to {@link Micros}. */
export function fromMs(ms: number): Micros {
  return micros(ms * 1000);
}

/** {@link Micros} to (fractional) milliseconds, for logs, JSON and histograms in ms. */
export function toMs(span: Micros): number {
  return span / 1000;
}

/** {@link Micros} to seconds, the unit of Prometheus. */
export function toSeconds(span: Micros): number {
  return span / 1e6;
}

/** a + b. */
export function plus(a: Micros, b: Micros): Micros {
  return (a + b) as Micros; // integer + integer
}

/** a − b. */
export function minus(a: Micros, b: Micros): Micros {
  return (a - b) as Micros; // integer − integer
}

/** Zero. */
export const ZERO: Micros = micros(0);

/** Stops a timer that was set with {@link Clock.at}; calling it twice is harmless. */
export type CancelTimer = () => void;

/** The only source of time for stages. Injected, so that tests drive it. */
export interface Clock {
  /** Monotonic time since an arbitrary start. */
  now(): Micros;
  /** Wall-clock time since the Unix epoch, for capture times and logs. */
  wall(): Micros;
  /** Calls `fn` once, as soon as possible after `due` (monotonic). */
  at(due: Micros, fn: () => void): CancelTimer;
}

/** The real clock: `performance.now`, wall time, `setTimeout`. */
export const systemClock: Clock = {
  now: () => micros(performance.now() * 1000),
  wall: () => micros((performance.timeOrigin + performance.now()) * 1000),
  at(due, fn) {
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      timer = setTimeout(fire, Math.max(0, due / 1000 - performance.now()));
    };
    // Node drops the fraction of a wait and counts from its loop's time: it may fire up to 2 ms too early.
    const fire = (): void => {
      if (systemClock.now() < due) wait();
      else fn();
    };
    wait();
    return () => clearTimeout(timer);
  },
};

/** Resolves at `due`, or as soon as `signal` aborts. */
export function waitUntil(due: Micros, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted || due <= clock.now()) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.at(due, done);
    signal.addEventListener('abort', done);
  });
}

/** A clock that stands still until a test moves it. Timers fire in order of due time during {@link ManualClock.advance}. */
export class ManualClock implements Clock {
  #now: Micros;
  readonly #epoch: Micros;
  #timers: { due: Micros; fn: () => void }[] = [];

  constructor(start: Micros = ZERO, epoch: Micros = micros(1.7e15)) {
    this.#now = start;
    this.#epoch = epoch;
  }

  now(): Micros {
    return this.#now;
  }

  wall(): Micros {
    return plus(this.#epoch, this.#now);
  }

  at(due: Micros, fn: () => void): CancelTimer {
    const timer = { due, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((t) => t !== timer);
    };
  }

  /** Moves time forward by `span`, firing every timer that falls due, each at its own due time. */
  advance(span: Micros): void {
    const end = plus(this.#now, span);
    for (;;) {
      const next = this.#timers.filter((t) => t.due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((t) => t !== next);
      if (next.due > this.#now) this.#now = next.due;
      next.fn();
    }
    this.#now = end;
  }
}
