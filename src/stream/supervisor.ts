/** The one owner of retries: runs a source, restarts it with capped, jittered backoff, and says what is going on. */
import { Observable } from 'rxjs';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import type { FrameSink, Source, SourceInfo } from '../ingest/source.ts';
import type { Frame } from '../media/frame.ts';
import type { SoundPacket } from '../media/sound.ts';
import type { EventSink } from '../metrics/events.ts';
import { type Clock, fromMs, type Micros, micros, plus, waitUntil } from '../time.ts';

/** How long to wait before trying again. */
export interface BackoffPolicy {
  /** First wait. */
  readonly first: Micros;
  /** Longest wait for a fault that may pass. */
  readonly cap: Micros;
  /** Wait for a fault that a person must mend (wrong password, unsupported codec): slow, because nothing changes by itself. */
  readonly hopeless: Micros;
  /** Each wait is scaled by a random factor in 1 ± jitter. */
  readonly jitter: number;
}

/** Back within 5 s of the source's return, without hammering it: 0.25, 0.5, 1, 2, 3, 3 … s, ± 20 %. */
export const DEFAULT_BACKOFF: BackoffPolicy = {
  first: fromMs(250),
  cap: fromMs(3000),
  hopeless: fromMs(15_000),
  jitter: 0.2,
};

/** Exponential backoff. Pure: randomness is passed in. */
export class Backoff {
  readonly #policy: BackoffPolicy;
  #failures = 0;

  constructor(policy: BackoffPolicy = DEFAULT_BACKOFF) {
    this.#policy = policy;
  }

  /** The wait after another failure. `random` is within 0…1. */
  next(recoverable: boolean, random: number): Micros {
    const { first, cap, hopeless, jitter } = this.#policy;
    const base = recoverable ? Math.min(cap, first * 2 ** Math.min(this.#failures, 20)) : hopeless;
    this.#failures += 1;
    return micros(base * (1 + jitter * (2 * random - 1)));
  }

  /** Call when a frame came through: the next failure starts from the beginning. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Where a supervised source stands. */
export interface SupervisionStatus {
  readonly phase: 'connecting' | 'live' | 'waiting' | 'ended';
  readonly info: SourceInfo | undefined;
  readonly lastError: FrameliftError | undefined;
  readonly reconnects: number;
}

/** Options of {@link Supervisor}. */
export interface SupervisorOptions {
  readonly stream: string;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly backoff?: BackoffPolicy;
  /** 0…1, default Math.random. */
  readonly random?: () => number;
  /** Called at every change, for logs. */
  readonly onStatus?: (status: SupervisionStatus) => void;
  /** Takes the sound beside the frames. */
  readonly onSound?: (packet: SoundPacket) => void;
  /** Called after each failure, with how long is waited before the next attempt. */
  readonly onRetry?: (error: FrameliftError, wait: Micros) => void;
}

/** Keeps one source alive. */
export class Supervisor {
  readonly #source: Source;
  readonly #options: SupervisorOptions;
  #status: SupervisionStatus = { phase: 'connecting', info: undefined, lastError: undefined, reconnects: 0 };
  #stopped: Promise<void> = Promise.resolve();
  /** Subscriptions to {@link frames} that are not closed yet, or not begun. */
  #runs = 0;

  constructor(source: Source, options: SupervisorOptions) {
    this.#source = source;
    this.#options = options;
  }

  get status(): SupervisionStatus {
    return this.#status;
  }

  /** Resolves when everything of the last subscription to {@link frames} has been closed. */
  get stopped(): Promise<void> {
    return this.#stopped;
  }

  /**
   * The frames of the source over all its lives; the first frame of each life is a discontinuity. Completes at the end of
   * a source that ends in order (a file); never errors. Each frame is owned by the subscriber. Unsubscribing stops the source.
   */
  readonly frames = new Observable<Frame>((subscriber) => {
    const stop = new AbortController();
    const deliver = (frame: Frame): void => {
      if (subscriber.closed) frame.release();
      else subscriber.next(frame);
    };
    const run = (): Promise<void> =>
      this.#run(deliver, stop.signal).finally(() => {
        this.#runs -= 1;
      });
    // One at a time: the one before may still be closing.
    const done = this.#runs > 0 ? this.#stopped.then(run) : run();
    this.#runs += 1;
    this.#stopped = done.then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => stop.abort();
  });

  async #run(deliver: (frame: Frame) => void, signal: AbortSignal): Promise<void> {
    const { clock, events, stream, random = Math.random, onRetry } = this.#options;
    const backoff = new Backoff(this.#options.backoff);
    // What failed in an earlier run is none of this one.
    this.#status = { ...this.#status, lastError: undefined };
    while (!signal.aborted) {
      this.#set({ phase: this.#status.reconnects ? 'waiting' : 'connecting' });
      const error = await this.#attempt(deliver, backoff, signal);
      if (!error) return;
      if (error.code === 'source.ended' && !error.recoverable) {
        this.#set({ phase: 'ended', lastError: error });
        return;
      }
      const wait = backoff.next(error.recoverable, random());
      events.emit({ type: 'reconnect', stream, reason: error.code });
      this.#set({ phase: 'waiting', lastError: error, reconnects: this.#status.reconnects + 1 });
      onRetry?.(error, wait);
      await waitUntil(plus(clock.now(), wait), clock, signal);
    }
  }

  /** One life of the source. Resolves with why it ended; undefined when it was stopped. Never rejects. */
  async #attempt(
    deliver: (frame: Frame) => void,
    backoff: Backoff,
    signal: AbortSignal,
  ): Promise<FrameliftError | undefined> {
    try {
      await this.#source.run(this.#sink(deliver, backoff, signal), signal);
      if (signal.aborted) return undefined;
      const message = `${this.#source.label}: the source closed the stream`;
      return new FrameliftError('source.ended', message, { recoverable: true });
    } catch (thrown) {
      return signal.aborted ? undefined : asFrameliftError(thrown, 'source.protocol');
    }
  }

  #sink(deliver: (frame: Frame) => void, backoff: Backoff, signal: AbortSignal): FrameSink {
    let first = true;
    return {
      frame: (frame) => {
        if (!first || signal.aborted) {
          deliver(frame);
          return;
        }
        first = false;
        backoff.reset();
        this.#set({ phase: 'live', lastError: undefined });
        const fresh = frame.share({ discontinuity: true });
        frame.release();
        deliver(fresh);
      },
      info: (info) => this.#set({ info }),
      sound: (packet) => signal.aborted || this.#options.onSound?.(packet),
    };
  }

  #set(change: Partial<SupervisionStatus>): void {
    this.#status = { ...this.#status, ...change };
    this.#options.onStatus?.(this.#status);
  }
}
