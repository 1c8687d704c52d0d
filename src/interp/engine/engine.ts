/**
 * The interpolation engine: takes pairs, gives interpolated frames; a bounded queue in front of
 * workers.
 */

import { BoundedQueue } from '../../bounded-queue.ts';
import { asFrameliftError, type FrameliftError } from '../../errors.ts';
import { type Log, SILENT_LOG } from '../../log.ts';
import type { Times } from '../../pairing/timesteps.ts';
import { type CancelTimer, fromMs, type Micros, minus, toMs } from '../../time.ts';
import { modelHash, readModel } from '../models/file.ts';
import { HALF, type ModelSpec } from '../models/manifest.ts';
import { type ReferenceModel, repeatNearer } from '../models/reference.ts';
import type { Provider } from '../providers/provider.ts';
import { deepens, type FlowMode, type NetworkFacts, type WireResult, type WorkerSetup } from '../worker/protocol.ts';
import { scratchBytes } from '../worker/scratch-layout.ts';
import { Batcher } from './batcher.ts';
import type { InterpJob, InterpResult, InterpStats, Tier } from './job.ts';
import { checkJob, groupOf, JobRun, type PendingJob, releaseFrames, sharedFrames } from './job-run.ts';
import { checkSettings, type EngineSettings, type InterpEngineOptions, settingsOf } from './options.ts';
import { EngineReport } from './report.ts';
import { SearchCaches } from './search-loans.ts';
import { WorkerSlot } from './worker-slot.ts';

export type { InterpJob, InterpResult, InterpStats } from './job.ts';
export type { InterpEngineOptions } from './options.ts';

/**
 * Interpolates pairs on worker threads. Jobs of a stream start in order; with several workers they
 * may finish out of order.
 */
export class InterpEngine implements Tier {
  /** Id of the model, as it stands in provenance. */
  readonly model: string;
  readonly provider: Provider;
  readonly #options: InterpEngineOptions;
  readonly #log: Log;
  readonly #report: EngineReport;
  readonly #queue: BoundedQueue<PendingJob>;
  readonly #searches: SearchCaches;
  readonly #settings: EngineSettings;
  #batcher = new Batcher(1);
  #cancelBatch: CancelTimer = () => {};
  #slots: WorkerSlot[] = [];
  /** Of the model's file. */
  #hash: string | undefined;
  /** Known once the workers have opened it. */
  #network: NetworkFacts | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: InterpEngineOptions) {
    const { arena, clock, events, log = SILENT_LOG, policy = 'drop-oldest' } = options;
    const settings = settingsOf(options);
    this.#options = options;
    this.#settings = settings;
    this.#log = log;
    this.#report = new EngineReport({ clock, events, log });
    this.model = settings.model;
    this.provider = settings.provider;
    this.#searches = new SearchCaches(arena, settings);
    this.#queue = new BoundedQueue(settings.capacity, policy, (job) =>
      this.#refuse(job, this.#closing ? 'closed' : 'dropped'),
    );
  }

  /**
   * Starts the workers and loads the model.
   * @throws FrameliftError `model.not-found`, `model.invalid`, `engine.failed`; `config.invalid`
   * for grain that the model cannot give.
   */
  static async start(options: InterpEngineOptions): Promise<InterpEngine> {
    const engine = new InterpEngine(options);
    const { clock, model } = options;
    const begin = clock.now();
    if (model !== 'repeat') await engine.#startWorkers(model);
    await engine.#check();
    engine.#reportOpened(minus(clock.now(), begin));
    return engine;
  }

  async #startWorkers(model: ModelSpec | Exclude<ReferenceModel, 'repeat'>): Promise<void> {
    const { arena, clock, limitMs = 10_000, workerScript } = this.#options;
    const { multiple, threads, grain, maxPairs } = this.#settings;
    const setup: WorkerSetup = {
      memory: arena.memory,
      model: typeof model === 'string' ? model : await this.#read(model),
      ...{ multiple, threads, grain },
      provider: this.provider,
      batch: maxPairs,
    };
    const slot = {
      arena,
      clock,
      log: this.#log,
      setup,
      limit: fromMs(limitMs),
      scratchBytes: (width: number, height: number) => scratchBytes(this.#network, setup, this.batch, width, height),
      onIdle: () => this.#dispatch(),
      ...(workerScript ? { script: workerScript } : {}),
    };
    this.#slots = Array.from({ length: this.workers }, (_, index) => new WorkerSlot({ ...slot, index }));
    try {
      await Promise.all(this.#slots.map((s) => s.start()));
    } catch (thrown) {
      await this.close();
      throw asFrameliftError(thrown, 'engine.failed');
    }
    this.#network = this.#slots[0]?.network;
    if (this.#network?.batches) this.#batcher = new Batcher(this.#settings.maxPairs);
  }

  async #read(model: ModelSpec): Promise<Exclude<WorkerSetup['model'], string>> {
    const file = await readModel(model);
    this.#hash = modelHash(file);
    return { id: model.id, file, times: model.times };
  }

  /**
   * Closes when more is asked of the model than it can. @throws FrameliftError `config.invalid`.
   */
  async #check(): Promise<void> {
    try {
      checkSettings(this.#settings, this.#network);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  #reportOpened(span: Micros): void {
    const { model, provider, workers, batch } = this;
    const kind = this.#network?.kind;
    const facts = { model, provider, kind, workers, threads: this.#settings.threads, batch, ms: toMs(span) };
    this.#log.debug(facts, 'interpolation engine opened');
  }

  /**
   * Interpolates one pair. Resolves with frames or a typed refusal.
   * @throws FrameliftError `engine.failed` (worker crash: recoverable; sizes differ, t that it cannot make:
   * not), `arena.full`, `model.invalid`.
   */
  interpolate(job: InterpJob): Promise<InterpResult> {
    return this.#submit(job, this.model, this.#settings.mode);
  }

  /**
   * What the same workers make of a pair with less work, best first: their flow network at half the
   * size, and the block search alone. Empty where they do not search by themselves.
   */
  get lower(): readonly Tier[] {
    if (this.#network?.kind !== 'flow' || !this.hasNetwork) return [];
    const tier = (model: string, mode: FlowMode): Tier => ({
      model,
      times: 'any',
      extrapolates: true,
      workers: this.workers,
      interpolate: (job) => this.#submit(job, model, mode),
      warmUp: (width, height) => this.warmUp(width, height, mode),
    });
    const search = tier('search', 'search');
    return this.#settings.mode === 'whole' ? [tier(`${this.model}${HALF}`, 'half'), search] : [search];
  }

  /** Whether it runs a network: not one of the reference models. */
  get hasNetwork(): boolean {
    return typeof this.#options.model !== 'string';
  }

  /** Most pairs that share a run: 1 where the network cannot, whatever was asked for. */
  get batch(): number {
    return this.#batcher.size;
  }

  /** Worker threads. */
  get workers(): number {
    return this.#settings.workers;
  }

  async #submit(job: InterpJob, model: string, mode: FlowMode): Promise<InterpResult> {
    checkJob(job, this);
    const { a, b, timesteps, minConfidence = 0 } = job;
    if (this.#closing) return { status: 'refused', reason: 'closed' };
    if (this.#options.model === 'repeat') {
      this.#report.counts.done += 1;
      const frames = timesteps.map((t) => repeatNearer(a, b, t, 'no-model'));
      return { status: 'done', frames, confidence: undefined, spanMicros: { search: 0, network: 0, kernel: 0 } };
    }
    const { fault } = this;
    if (fault) throw fault;
    return new Promise((resolve, reject) => {
      const enqueued = this.#options.clock.now();
      const { stream, deadline } = job;
      const group = mode === 'search' ? undefined : `${mode} ${groupOf(job, this.#network)}`;
      const frames = sharedFrames(job);
      this.#batcher.arrived({ stream, group }, enqueued);
      const hash = mode === 'search' ? undefined : this.#hash;
      const asked = { stream, group, model, hash, mode, timesteps, minConfidence };
      this.#queue.push({ ...asked, ...frames, deadline, enqueued, resolve, reject });
      this.#reportQueue();
      this.#dispatch();
    });
  }

  /**
   * Loads and tries what this size needs on every worker, for each number of pairs that a run may
   * have; between them other jobs get their turn.
   * @throws FrameliftError `model.invalid`, `engine.failed`, `arena.full`.
   */
  async warmUp(width: number, height: number, mode = this.#settings.mode): Promise<void> {
    for (let pairs = 1; pairs <= this.batch; pairs++) {
      await Promise.all(this.#slots.map((slot) => slot.prepare(width, height, pairs, mode)));
    }
  }

  /**
   * Times that the model can make. At other times `half` gives the nearest eighth, and says so in
   * the provenance.
   */
  get times(): Times {
    return this.#network?.times ?? 'any';
  }

  /** Whether it finds the motion of a pair itself, and so can carry it on beyond its later frame. */
  get extrapolates(): boolean {
    return this.#network?.kind === 'flow';
  }

  /**
   * Whether frames get the form that their parents have beside I420 (`Frame.deep`), where both have
   * the same one. If not, what it makes is of 8 bits, and 4:2:0.
   */
  get deepens(): boolean {
    return deepens(this.#network);
  }

  /**
   * How many times as large as its parents each way what it makes is: 1, or of a network that
   * enlarges more. Such a one makes the middle, and both parents: a job's times are 0, ½ and 1.
   */
  get scale(): number {
    return this.#network?.scale ?? 1;
  }

  /** Whether it makes use of the pairs beside a pair: where motion is sought, and frames are made by it. */
  get accelerates(): boolean {
    return this.#network?.kind === 'flow';
  }

  /** Counters since the start, and the present load. */
  get stats(): InterpStats {
    const { done, late, failed } = this.#report.counts;
    return {
      queued: this.#queue.length,
      capacity: this.#queue.capacity,
      running: this.#slots.filter((slot) => slot.busy).length,
      done,
      late,
      dropped: this.#queue.dropped,
      failed,
      restarts: this.#slots.reduce((sum, slot) => sum + slot.restarts, 0),
    };
  }

  /**
   * Refuses what waits, lets running jobs finish, stops the workers, frees all scratch. Closing
   * twice is harmless.
   */
  close(): Promise<void> {
    this.#closing ??= Promise.resolve().then(async () => {
      this.#cancelBatch();
      this.#queue.clear();
      this.#reportQueue();
      await Promise.all(this.#slots.map((slot) => slot.close()));
      this.#searches.clear();
      this.#log.debug({ model: this.model, ...this.#report.counts }, 'interpolation engine closed');
    });
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Starts what can start now, and sets a timer for what waits for company. */
  #dispatch(): void {
    this.#cancelBatch();
    const { clock } = this.#options;
    const { fault } = this;
    this.#report.fault(this.model, fault);
    if (fault) for (const job of this.#drain()) this.#fail(job, fault);
    for (;;) {
      const [slot, other] = this.#slots.filter((s) => s.idle);
      if (!slot) return;
      const now = clock.now();
      this.#refuseLate(now);
      const batch = this.#batcher.next(this.#queue.items, now, other !== undefined);
      if (!batch) return;
      if (batch.closes > now) {
        this.#cancelBatch = clock.at(batch.closes, () => this.#dispatch());
        return;
      }
      this.#queue.take(batch.jobs);
      this.#reportQueue();
      void this.#run(slot, batch.jobs);
    }
  }

  /**
   * Why nothing can be interpolated at present: all workers crashed repeatedly and wait for their
   * next start.
   */
  get fault(): FrameliftError | undefined {
    return this.#slots.every((slot) => slot.down) ? this.#slots[0]?.down : undefined;
  }

  /** All that waits, removed. */
  #drain(): readonly PendingJob[] {
    const jobs = this.#queue.items;
    this.#queue.take(jobs);
    this.#reportQueue();
    return jobs;
  }

  #refuseLate(now: Micros): void {
    const late = this.#queue.items.filter(({ deadline }) => deadline !== undefined && now > deadline);
    if (late.length === 0) return;
    this.#queue.take(late);
    this.#reportQueue();
    for (const job of late) this.#refuse(job, 'late');
  }

  /**
   * Runs a batch. A failure is that of all of its jobs, and none is tried again: what goes into a
   * network is of one form, so what fails is the machine (its memory, a driver, the thread), and
   * streams that are in time do not wait for a second attempt.
   */
  async #run(slot: WorkerSlot, jobs: readonly PendingJob[]): Promise<void> {
    const runs = jobs.flatMap((job) => this.#begin(job) ?? []);
    const [first] = runs;
    if (!first) return;
    const { clock } = this.#options;
    const { width, height } = first.wire;
    const begin = clock.now();
    let results: readonly WireResult[];
    try {
      const wires = runs.map(({ wire }) => wire);
      results = await slot.run(width, height, wires);
    } catch (thrown) {
      const error = asFrameliftError(thrown, 'engine.failed');
      this.#report.counts.failed += runs.length;
      for (const run of runs) run.failed(error);
      this.#dispatch();
      return;
    }
    this.#batcher.ran(first.job.group, runs.length, minus(clock.now(), begin));
    this.#report.run(first.job, this.provider, results);
    runs.forEach((run, i) => {
      const result = results[i];
      if (!result) return;
      this.#report.done(run.job, result);
      run.done(result);
    });
    this.#dispatch();
  }

  /** Takes memory for a job; fails the job alone when there is none. */
  #begin(job: PendingJob): JobRun | undefined {
    try {
      return new JobRun(job, {
        arena: this.#options.arena,
        search: this.#network?.seeded ? this.#searches : undefined,
        accelerates: this.accelerates,
        times: this.times,
        scale: this.scale,
        deepens: this.deepens,
        grain: this.#settings.grain,
      });
    } catch (thrown) {
      this.#fail(job, asFrameliftError(thrown, 'engine.failed'));
      return undefined;
    }
  }

  #reportQueue(): void {
    this.#report.queue(this.#queue.length, this.#queue.capacity);
  }

  #refuse(job: PendingJob, reason: 'late' | 'dropped' | 'closed'): void {
    releaseFrames(job);
    this.#report.refused(job, reason);
    job.resolve({ status: 'refused', reason });
  }

  #fail(job: PendingJob, error: FrameliftError): void {
    this.#report.counts.failed += 1;
    releaseFrames(job);
    job.reject(error);
  }
}
