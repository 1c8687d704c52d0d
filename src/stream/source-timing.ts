/** What a stream's source costs in time, told to metrics, log and whoever asks. */
import type { SourceInfo } from '../ingest/source.ts';
import type { Log } from '../log.ts';
import type { EventSink } from '../metrics/events.ts';
import { type Clock, fromMs, type Micros, minus, toMs, ZERO } from '../time.ts';
import { describeTiming, type TimingCause, type TimingNote } from './timing.ts';

/** How long a cut of the latency is told. */
const CUT_TOLD = fromMs(10_000);

/** Options of {@link SourceTiming}. */
export interface SourceTimingOptions {
  readonly stream: string;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Log;
  readonly info: () => SourceInfo | undefined;
  /** Between the source's frames. */
  readonly interval: () => Micros;
}

/** Notes of one stream. */
export class SourceTiming {
  readonly #options: SourceTimingOptions;
  /** Causes that the log has been told of. */
  readonly #told = new Set<TimingCause>();
  /** The last cut of the latency, for as long as it is told. */
  #cut: TimingNote | undefined;
  #cutAt: Micros = ZERO;

  constructor(options: SourceTimingOptions) {
    this.#options = options;
  }

  /** What there is to tell now. */
  get notes(): readonly TimingNote[] {
    const { info, interval } = this.#options;
    const notes = describeTiming(info(), interval());
    return this.#cut ? [...notes, this.#cut] : notes;
  }

  /** The last cut of the latency in words, while it is told. */
  get lastCut(): string | undefined {
    return this.#cut?.text;
  }

  /** To the metrics, once a second, and to the log when it changes. */
  tell(): void {
    const { stream, clock, events, log, info } = this.#options;
    const { notes } = this;
    const of = (cause: TimingCause): Micros => notes.find((note) => note.cause === cause)?.delay ?? ZERO;
    const source = info()?.clock;
    const speed = source?.kind === 'speed' ? source.speed : 1;
    events.emit({ type: 'source-timing', stream, speed, reordered: of('reordered'), unmarked: of('unmarked') });
    for (const { cause, delay, text } of notes) {
      if (cause === 'latency-cut' || this.#told.has(cause)) continue;
      this.#told.add(cause);
      const fields = { stream, cause, delayMs: toMs(delay) };
      if (cause === 'clock' || cause === 'unstamped') log.warn(fields, text);
      else log.info(fields, text);
    }
    if (this.#cut && minus(clock.now(), this.#cutAt) > CUT_TOLD) this.#cut = undefined;
  }

  /** The latency had grown to this, and was cut. */
  cut(latency: Micros): void {
    const { stream, clock, log } = this.#options;
    const text = `the latency had grown to ${toMs(latency).toFixed(0)} ms and was cut: frames were dropped`;
    this.#cut = { cause: 'latency-cut', delay: ZERO, text };
    this.#cutAt = clock.now();
    log.warn({ stream, latencyMs: toMs(latency) }, text);
  }
}
