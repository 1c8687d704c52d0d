/** What an engine says of its work: counters, events for the metrics, lines of the log. */
import type { FrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { EventSink } from '../../metrics/events.ts';
import { type Clock, micros, minus, toMs } from '../../time.ts';
import type { Provider } from '../providers/provider.ts';
import type { WireResult } from '../worker/protocol.ts';
import type { PendingJob } from './job-run.ts';

/** Of so many pairs, one is logged at `trace`. */
const TRACE_INTERVAL = 100;

/** What {@link EngineReport} works with. */
export interface EngineReportDeps {
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Log;
}

/** Counts what becomes of an engine's jobs, and reports it. */
export class EngineReport {
  /** Jobs since the start, by what became of them. */
  readonly counts = { done: 0, late: 0, failed: 0 };
  readonly #deps: EngineReportDeps;
  #faulty = false;

  constructor(deps: EngineReportDeps) {
    this.#deps = deps;
  }

  /** The queue has changed; it is one for all streams. */
  queue(depth: number, capacity: number): void {
    this.#deps.events.emit({ type: 'queue', stream: '', stage: 'interpolate', depth, capacity });
  }

  /** A run of a network, or of what stands for one, has given these results. */
  run({ model, mode }: PendingJob, provider: Provider, results: readonly WireResult[]): void {
    const span = micros(results.reduce((sum, { spans }) => sum + spans.network, 0));
    const used = mode === 'search' ? 'cpu' : provider;
    this.#deps.events.emit({ type: 'inference', model, provider: used, span, jobs: results.length });
  }

  /** A job has got its frames. */
  done(job: PendingJob, result: WireResult): void {
    const { clock, events, log } = this.#deps;
    const span = minus(clock.now(), job.enqueued);
    this.counts.done += 1;
    events.emit({ type: 'stage', stream: job.stream, stage: 'interpolate', span });
    if (this.counts.done % TRACE_INTERVAL === 1 && log.enabled('trace')) this.#trace(job, result, toMs(span));
  }

  /** A job has been refused. */
  refused({ stream }: PendingJob, reason: 'late' | 'dropped' | 'closed'): void {
    if (reason === 'late') this.counts.late += 1;
    const drop = ({ late: 'late', dropped: 'queue-full', closed: 'stopped' } as const)[reason];
    this.#deps.events.emit({ type: 'drop', stream, stage: 'interpolate', reason: drop });
  }

  /** Why the engine cannot interpolate at present; undefined when it can. A change is said once. */
  fault(model: string, error: FrameliftError | undefined): void {
    const faulty = error !== undefined;
    if (this.#faulty === faulty) return;
    this.#faulty = faulty;
    const { log } = this.#deps;
    if (error) log.error({ model, error: error.message }, 'interpolation pauses: every worker crashes repeatedly');
    else log.info({ model }, 'interpolation goes on');
  }

  #trace({ stream, model, a, timesteps }: PendingJob, { spans, confidence }: WireResult, ms: number): void {
    const { width, height, pts } = a;
    const work = { searchMs: spans.search / 1000, networkMs: spans.network / 1000, kernelMs: spans.kernel / 1000 };
    const pair = { stream, model, width, height, pts, timesteps };
    this.#deps.log.trace({ ...pair, ms, ...work, confidence }, 'interpolated pair');
  }
}
