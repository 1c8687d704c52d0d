/** The outputs of a stream: each handed on by itself, and tried again when it fails. */

import type { Publication } from '../egress/publication.ts';
import type { Push } from '../egress/push/push.ts';
import { asFrameliftError, type FrameliftError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { EventSink, Variant } from '../metrics/events.ts';
import { type Clock, fromMs, type Micros, minus, plus, toMs, waitUntil } from '../time.ts';
import { Backoff, type BackoffPolicy, DEFAULT_BACKOFF } from './supervisor.ts';

/** One output. */
export interface OutputSettings {
  /** In metrics, logs and the API: its name, or its number. */
  readonly name: string;
  readonly variant: Variant;
  readonly push: Push;
}

/** Where an output stands. */
export interface OutputStatus {
  readonly name: string;
  /** Its URL, without credentials. */
  readonly url: string;
  readonly variant: Variant;
  readonly state: 'connecting' | 'live' | 'waiting';
  /** Why it was interrupted last; undefined while it is live. */
  readonly error: FrameliftError | undefined;
  readonly restarts: number;
  readonly bytes: number;
}

/** What {@link Outputs} work with. */
export interface OutputsOptions {
  readonly stream: string;
  readonly publication: (variant: Variant) => Pick<Publication, 'follow' | 'sound'>;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Log;
  readonly backoff?: BackoffPolicy;
  /** 0…1, default Math.random. */
  readonly random?: () => number;
}

/** An output that was live for so long had not just been let in to be thrown out. */
const SETTLED = fromMs(10_000);

/** The outputs of one stream. */
export class Outputs implements AsyncDisposable {
  readonly #outputs: readonly Output[];

  constructor(outputs: readonly OutputSettings[], options: OutputsOptions) {
    this.#outputs = outputs.map((output) => new Output(output, options));
  }

  get status(): readonly OutputStatus[] {
    return this.#outputs.map(({ status }) => status);
  }

  /** Hands on from now on. */
  start(): void {
    for (const output of this.#outputs) output.start();
  }

  /** Resolves when nothing is handed on any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#outputs.map((output) => output[Symbol.asyncDispose]()));
  }
}

class Output implements AsyncDisposable {
  readonly #settings: OutputSettings;
  readonly #options: OutputsOptions;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  #running: Promise<void> = Promise.resolve();
  #status: OutputStatus;
  #liveAt: Micros | undefined;

  constructor(settings: OutputSettings, options: OutputsOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#backoff = new Backoff(options.backoff);
    const { name, variant, push } = settings;
    this.#status = {
      ...{ name, variant, url: push.label, state: 'connecting', error: undefined },
      ...{ restarts: 0, bytes: 0 },
    };
  }

  get status(): OutputStatus {
    return this.#status;
  }

  start(): void {
    this.#tell(false);
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { clock, random = Math.random } = this.#options;
    while (!signal.aborted) {
      const error = await this.#attempt();
      if (signal.aborted) return;
      if (!error) {
        await waitUntil(plus(clock.now(), DEFAULT_BACKOFF.first), clock, signal);
        continue;
      }
      if (this.#liveAt !== undefined && minus(clock.now(), this.#liveAt) >= SETTLED) this.#backoff.reset();
      const wait = this.#backoff.next(error.recoverable, random());
      this.#failed(error, wait);
      await waitUntil(plus(clock.now(), wait), clock, signal);
    }
  }

  /** One life. Resolves with why it ended; undefined when it was stopped, or is to begin anew at once. Never rejects. */
  async #attempt(): Promise<FrameliftError | undefined> {
    const { push, variant } = this.#settings;
    const { publication } = this.#options;
    this.#liveAt = undefined;
    this.#status = { ...this.#status, state: 'connecting' };
    const report = { live: () => this.#live(), sent: (bytes: number) => this.#sent(bytes) };
    try {
      const how = await push.run(publication(variant), report, this.#stop.signal);
      if (how === 'changed') this.#log('info', 'what is sent has changed: the output starts anew');
      return undefined;
    } catch (thrown) {
      return asFrameliftError(thrown, 'output.failed');
    } finally {
      this.#tell(false);
    }
  }

  #live(): void {
    this.#liveAt = this.#options.clock.now();
    this.#status = { ...this.#status, state: 'live', error: undefined };
    this.#tell(true);
    this.#log('info', `output to ${this.#status.url} live`);
  }

  #sent(bytes: number): void {
    const { stream, events } = this.#options;
    this.#status = { ...this.#status, bytes: this.#status.bytes + bytes };
    events.emit({ type: 'output-sent', stream, output: this.#settings.name, bytes });
  }

  /** The same fault again and again is one line of the log. */
  #failed(error: FrameliftError, wait: Micros): void {
    const { stream, events } = this.#options;
    const before = this.#status.error;
    this.#status = { ...this.#status, state: 'waiting', error, restarts: this.#status.restarts + 1 };
    events.emit({ type: 'output-restart', stream, output: this.#settings.name, reason: error.code });
    const fields = { code: error.code, remedy: error.remedy, inMs: Math.round(toMs(wait)) };
    const level = before?.code === error.code && before.message === error.message ? 'debug' : 'warn';
    this.#log(level, `output to ${this.#status.url} failed: ${error.message}`, fields);
  }

  #log(level: 'debug' | 'info' | 'warn', message: string, fields: object = {}): void {
    const { stream, log } = this.#options;
    log[level]({ stream, output: this.#settings.name, ...fields }, message);
  }

  #tell(live: boolean): void {
    const { stream, events } = this.#options;
    events.emit({ type: 'output-live', stream, output: this.#settings.name, live });
  }
}
