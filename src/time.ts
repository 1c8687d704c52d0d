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

/** A timer that is later than this did not wait for its turn: the process stood still. */
const MAX_LATENESS = fromMs(500);

/**
 * How long this process stood still (a suspended machine, a frozen VM, a debugger) before a timer
 * fired at `now` that was due at `due`; zero for the usual lateness of timers. What others sent
 * meanwhile still waits to be read: nobody was silent in that time.
 */
export function stoodStill(due: Micros, now: Micros): Micros {
  const late = minus(now, due);
  return late > MAX_LATENESS ? late : ZERO;
}

/** Options of {@link Watchdog}. */
export interface WatchdogOptions {
  readonly clock: Clock;
  /** Without a sign for this long, `expired` is called, once. */
  readonly limit: Micros;
  readonly expired: () => void;
  /** When the last sign came; default: the start. Signs are also given by {@link Watchdog.feed}. */
  readonly lastSign?: () => Micros;
  /** How often is looked. Default: a quarter of the limit, a second at most. */
  readonly interval?: Micros;
  /** Called at each look that does not end it. */
  readonly looked?: () => void;
}

/**
 * Judges silence. Only time in which this process ran counts, and after it stood still one interval
 * passes before anybody is judged, so that what waited is read first.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #interval: Micros;
  #sign: Micros;
  /** When the last sign would have come had the process not stood still since. */
  #quietSince: Micros;
  #due: Micros;
  #stood = false;
  #cancel: CancelTimer = () => {};

  constructor(options: WatchdogOptions) {
    const { clock, limit, interval = micros(Math.min(limit / 4, 1e6)) } = options;
    this.#options = options;
    this.#interval = interval;
    this.#sign = options.lastSign?.() ?? clock.now();
    this.#quietSince = this.#sign;
    this.#due = this.#sign;
    this.#wait();
  }

  /** A sign of life came. */
  feed(): void {
    this.#quietSince = this.#options.clock.now();
  }

  /** How long nothing has come, without the time in which this process stood still. */
  get silence(): Micros {
    this.#look();
    const now = this.#options.clock.now();
    const silence = minus(minus(now, stoodStill(this.#due, now)), this.#quietSince);
    return silence > ZERO ? silence : ZERO;
  }

  /** Twice is harmless. */
  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const sign = this.#options.lastSign?.() ?? this.#sign;
    if (sign === this.#sign) return;
    this.#sign = sign;
    this.#quietSince = sign;
  }

  #wait(): void {
    const { clock, limit } = this.#options;
    const now = clock.now();
    const rest = plus(this.#quietSince, limit);
    const next = plus(now, this.#interval);
    this.#due = rest > now && rest < next ? rest : next;
    this.#cancel = clock.at(this.#due, () => this.#judge());
  }

  #judge(): void {
    const { clock, limit, expired, looked } = this.#options;
    const now = clock.now();
    const still = stoodStill(this.#due, now);
    this.#look();
    if (this.#quietSince <= this.#due) this.#quietSince = plus(this.#quietSince, still);
    // A machine so busy that every look is late still ends those that are silent.
    const mayJudge = still === ZERO || this.#stood;
    this.#stood = still !== ZERO;
    if (mayJudge && minus(now, this.#quietSince) >= limit) {
      expired();
      return;
    }
    looked?.();
    this.#wait();
  }
}

/**
 * Calls `expired` after `limit` in which this process ran: how long is waited for somebody's answer.
 * See {@link Watchdog}.
 */
export function awaitAnswer(clock: Clock, limit: Micros, expired: () => void): CancelTimer {
  const watchdog = new Watchdog({ clock, limit, expired });
  return () => watchdog.stop();
}

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

  /** Lets time pass as it does for a process that stands still: timers that fall due fire late, at the next {@link advance}. */
  standStill(span: Micros): void {
    this.#now = plus(this.#now, span);
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
