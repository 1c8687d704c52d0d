/** The interpolation engine: takes pairs, gives synthetic frames; a bounded queue in front of worker threads. */

import { BoundedQueue, type DropPolicy } from '../../bounded-queue.ts';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Arena } from '../../media/arena.ts';
import type { EventSink } from '../../metrics/events.ts';
import { nearestEighth, type Times } from '../../pairing/timesteps.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, micros, minus } from '../../time.ts';
import { HALF, type ModelSpec, modelHash, readModel } from '../models/manifest.ts';
import { type ReferenceModel, repeatNearer } from '../models/reference.ts';
import type { Provider } from '../providers/provider.ts';
import { scratchBytes } from '../scratch.ts';
import { paddedPyramidBytes } from '../worker/scratch-layout.ts';
import { Batcher } from './batcher.ts';
import type { InterpJob, InterpResult, InterpStats, Tier } from './job.ts';
import { JobRun, type PendingJob } from './job-run.ts';
import type { FlowWay, NetworkFacts, WireResult, WorkerSetup } from './protocol.ts';
import { PyramidCache } from './pyramid-cache.ts';
import { Lane } from './worker-slot.ts';

export type { InterpJob, InterpResult, InterpStats } from './job.ts';

/** Options of {@link InterpEngine.start}. */
export interface InterpEngineOptions {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly model: ModelSpec | ReferenceModel;
  /** Worker threads, each with its own session. Default 1. */
  readonly workers?: number;
  /** Threads of each worker: of its session, and for rows of the kernel's work. Default 2. */
  readonly threads?: number;
  readonly provider?: Provider;
  /** How much of a real frame's noise made frames get back, 0…1; flow models and `search` only. Default: the model's own setting. */
  readonly grain?: number;
  /**
   * Most pairs that share a run of the network, of all streams with frames of one size. Networks whose file fixes the first dimension, `rgb`
   * networks and the block search run one after the other. Default 1 on the CPU, where a batch brings nothing, and {@link GPU_BATCH} elsewhere.
   */
  readonly batch?: number;
  /** Jobs that may wait. Default 8, or two batches. A caller that must lose none (offline conversion) keeps no more than this under way. */
  readonly capacity?: number;
  /** What a full queue gives up. Default `drop-oldest`. */
  readonly policy?: DropPolicy;
  /** A worker that is at a job, outside of the runtime, and neither enters nor leaves it for so long has crashed. Default 10 s. */
  readonly limitMs?: number;
  /** Script of the worker threads, for tests. */
  readonly workerScript?: URL;
}

/** Default of {@link InterpEngineOptions.batch} where a graphics processor runs the network. */
const GPU_BATCH = 4;

/** Interpolates pairs on worker threads. Jobs of a stream start in order; with several workers they may finish out of order. */
export class InterpEngine implements Tier {
  /** Id of the model, as it stands in provenance. */
  readonly model: string;
  readonly provider: Provider;
  readonly #options: InterpEngineOptions;
  readonly #queue: BoundedQueue<PendingJob>;
  readonly #pyramids: PyramidCache;
  readonly #multiple: number;
  readonly #grain: number;
  readonly #threads: number;
  readonly #mostPairs: number;
  #batcher = new Batcher(1);
  #cancelBatch: CancelTimer = () => {};
  #lanes: Lane[] = [];
  /** Of the model's file. */
  #hash: string | undefined;
  /** Known once the workers have opened it. */
  #network: NetworkFacts | undefined;
  #closing: Promise<void> | undefined;
  #done = 0;
  #late = 0;
  #failed = 0;

  private constructor(options: InterpEngineOptions) {
    this.#options = options;
    this.model = typeof options.model === 'string' ? options.model : options.model.id;
    this.provider = options.provider ?? 'cpu';
    // The search alone needs cells by fours (seedField), a network its own multiple.
    this.#multiple = typeof options.model === 'string' ? 32 : options.model.multiple;
    this.#grain = options.grain ?? (typeof options.model === 'string' ? 0 : (options.model.grain ?? 0));
    this.#threads = options.threads ?? 2;
    this.#mostPairs = options.batch ?? (this.provider === 'cpu' ? 1 : GPU_BATCH);
    this.#pyramids = new PyramidCache(options.arena, 4 + 2 * this.workers * this.#mostPairs);
    this.#queue = new BoundedQueue(
      options.capacity ?? Math.max(8, 2 * this.#mostPairs),
      options.policy ?? 'drop-oldest',
      (job) => this.#refuse(job, this.#closing ? 'closed' : 'dropped'),
    );
  }

  /**
   * Starts the workers and loads the model.
   * @throws FrameliftError `model.not-found`, `model.invalid`, `engine.failed`; `config.invalid` for grain that the model cannot give.
   */
  static async start(options: InterpEngineOptions): Promise<InterpEngine> {
    const engine = new InterpEngine(options);
    if (options.model === 'repeat') return engine.#checked();
    const { arena, clock, model } = options;
    const setup: WorkerSetup = {
      memory: arena.memory,
      model: typeof model === 'string' ? model : await engine.#read(model),
      multiple: engine.#multiple,
      threads: engine.#threads,
      provider: engine.provider,
      grain: engine.#grain,
      batch: engine.#mostPairs,
    };
    const lane = {
      arena,
      clock,
      setup,
      limit: fromMs(options.limitMs ?? 10_000),
      scratchBytes: (width: number, height: number) =>
        scratchBytes(engine.#network, setup, engine.batch, width, height),
      onIdle: () => engine.#dispatch(),
      ...(options.workerScript ? { script: options.workerScript } : {}),
    };
    engine.#lanes = Array.from({ length: engine.workers }, () => new Lane(lane));
    try {
      await Promise.all(engine.#lanes.map((l) => l.start()));
    } catch (thrown) {
      await engine.close();
      throw asFrameliftError(thrown, 'engine.failed');
    }
    engine.#network = engine.#lanes[0]?.network;
    if (engine.#network?.batches) engine.#batcher = new Batcher(engine.#mostPairs);
    return engine.#checked();
  }

  async #read(model: ModelSpec): Promise<Exclude<WorkerSetup['model'], string>> {
    const bytes = await readModel(model);
    this.#hash = modelHash(model, bytes);
    return { id: model.id, bytes, times: model.times };
  }

  /** Closes, and throws, when grain or half a picture is asked of what cannot give it. */
  async #checked(): Promise<this> {
    if (this.#way === 'half' && this.#network?.kind !== 'flow') {
      await this.close();
      throw new FrameliftError('config.invalid', `model ${this.model}: only flow models can work on half the picture`, {
        remedy: `Leave "${HALF}" away, or name a flow model (\`framelift models\` lists them).`,
      });
    }
    if (this.#grain === 0 || this.#network?.kind === 'flow') return this;
    await this.close();
    throw new FrameliftError('config.invalid', `model ${this.model} cannot add grain`, {
      remedy: 'Grain (--grain, engine.grain) needs a flow model or search; with others it must be 0.',
    });
  }

  /**
   * Interpolates one pair. Resolves with frames or a typed refusal.
   * @throws FrameliftError `engine.failed` (worker crash: recoverable; sizes differ, t outside 0…1: not), `arena.full`, `model.invalid`.
   */
  interpolate(job: InterpJob): Promise<InterpResult> {
    return this.#submit(job, this.model, this.#way);
  }

  /**
   * What the same workers make of a pair with less work, best first: their flow network on half the picture, and the block search alone.
   * Empty where they do not search by themselves.
   */
  get lower(): readonly Tier[] {
    if (this.#network?.kind !== 'flow' || !this.hasNetwork) return [];
    const tier = (model: string, way: FlowWay): Tier => ({
      model,
      times: 'any',
      workers: this.workers,
      interpolate: (job) => this.#submit(job, model, way),
      warmUp: (width, height) => this.warmUp(width, height, way),
    });
    const search = tier('search', 'search');
    return this.#way === 'whole' ? [tier(`${this.model}${HALF}`, 'half'), search] : [search];
  }

  /** How it finds motion when nothing else is said. */
  get #way(): FlowWay {
    const { model } = this.#options;
    if (typeof model === 'string') return 'search';
    return model.half ? 'half' : 'whole';
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
    return this.#options.workers ?? 1;
  }

  async #submit(job: InterpJob, model: string, way: FlowWay): Promise<InterpResult> {
    const { a, b, timesteps } = job;
    if (a.width !== b.width || a.height !== b.height || !timesteps.every((t) => t > 0 && t < 1)) {
      throw new FrameliftError('engine.failed', 'a pair needs frames of one size and timesteps between 0 and 1');
    }
    if (this.#closing) return { status: 'refused', reason: 'closed' };
    if (this.#options.model === 'repeat') {
      this.#done += 1;
      const frames = timesteps.map((t) => repeatNearer(a, b, t, 'no-model'));
      return { status: 'done', frames, confidence: undefined, spanMicros: { search: 0, network: 0, kernel: 0 } };
    }
    if (this.#lanes.every((lane) => lane.dead))
      throw this.#lanes[0]?.dead ?? new FrameliftError('engine.failed', 'no worker');
    return new Promise((resolve, reject) => {
      const enqueued = this.#options.clock.now();
      const { stream, deadline } = job;
      const group = way === 'search' ? undefined : `${way} ${this.#groupOf(job)}`;
      const frames = { a: a.share(), b: b.share() };
      this.#batcher.arrived({ stream, group }, enqueued);
      const made = { model, hash: way === 'search' ? undefined : this.#hash, way, timesteps };
      this.#queue.push({ stream, group, ...made, ...frames, deadline, enqueued, resolve, reject });
      this.#reportQueue();
      this.#dispatch();
    });
  }

  /**
   * Loads and tries what this size needs on every worker, for each number of pairs that a run may have; between them other jobs get their turn.
   * @throws FrameliftError `model.invalid`, `engine.failed`, `arena.full`.
   */
  async warmUp(width: number, height: number, way = this.#way): Promise<void> {
    for (let pairs = 1; pairs <= this.batch; pairs++) {
      await Promise.all(this.#lanes.map((lane) => lane.prepare(width, height, pairs, way)));
    }
  }

  /** Times that the model can make. At other times `half` gives the nearest eighth, and says so in the provenance. */
  get times(): Times {
    return this.#network?.times ?? 'any';
  }

  get stats(): InterpStats {
    return {
      queued: this.#queue.length,
      capacity: this.#queue.capacity,
      running: this.#lanes.filter((lane) => lane.busy).length,
      done: this.#done,
      late: this.#late,
      dropped: this.#queue.dropped,
      failed: this.#failed,
      restarts: this.#lanes.reduce((sum, lane) => sum + lane.restarts, 0),
    };
  }

  /** Refuses what waits, lets running jobs finish, stops the workers, frees all scratch. Closing twice is harmless. */
  close(): Promise<void> {
    this.#closing ??= Promise.resolve().then(async () => {
      this.#cancelBatch();
      this.#queue.clear();
      this.#reportQueue();
      await Promise.all(this.#lanes.map((lane) => lane.close()));
      this.#pyramids.clear();
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
    const dead = this.#lanes.every((lane) => lane.dead) ? this.#lanes[0]?.dead : undefined;
    if (dead) for (const job of this.#drain()) this.#fail(job, dead);
    for (;;) {
      const [lane, other] = this.#lanes.filter((l) => l.idle);
      if (!lane) return;
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
      void this.#run(lane, batch.jobs);
    }
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
   * Runs a batch. A failure is that of all of its jobs, and none is tried again: what goes into a network is of one form, so what fails is
   * the machine (its memory, a driver, the thread), and streams that are in time do not wait for a second attempt.
   */
  async #run(lane: Lane, jobs: readonly PendingJob[]): Promise<void> {
    const runs = jobs.flatMap((job) => this.#begin(job) ?? []);
    const [first] = runs;
    if (!first) return;
    const { clock } = this.#options;
    const { width, height } = first.wire;
    const begin = clock.now();
    let results: readonly WireResult[];
    try {
      const wires = runs.map(({ wire }) => wire);
      results = await lane.run(width, height, wires);
    } catch (thrown) {
      const error = asFrameliftError(thrown, 'engine.failed');
      this.#failed += runs.length;
      for (const run of runs) run.failed(error);
      this.#dispatch();
      return;
    }
    this.#batcher.ran(first.job.group, runs.length, minus(clock.now(), begin));
    this.#reportRun(first.job, results);
    runs.forEach((run, i) => {
      const result = results[i];
      if (!result) return;
      this.#reportJob(run.job);
      run.done(result);
    });
    this.#dispatch();
  }

  /** Takes memory for a job; fails the job alone when there is none. */
  #begin(job: PendingJob): JobRun | undefined {
    const { arena } = this.#options;
    const { width, height } = job.a;
    const pyramidBytes = this.#network?.seeded
      ? paddedPyramidBytes(width, height, this.#multiple, job.way === 'half')
      : undefined;
    const parts = { arena, pyramids: this.#pyramids, pyramidBytes, times: this.times, grain: this.#grain };
    try {
      return new JobRun(job, parts);
    } catch (thrown) {
      this.#fail(job, asFrameliftError(thrown, 'engine.failed'));
      return undefined;
    }
  }

  /** Jobs that can share a run: of one size, and with an `i420` network of equally many runs, or halvings of the same times. */
  #groupOf({ a, timesteps }: InterpJob): string {
    const size = `${a.width}x${a.height}`;
    if (this.#network?.kind !== 'i420') return size;
    return `${size} ${this.times === 'half' ? timesteps.map(nearestEighth).join() : timesteps.length}`;
  }

  #reportJob({ stream, enqueued }: PendingJob): void {
    const { events, clock } = this.#options;
    this.#done += 1;
    events.emit({ type: 'stage', stream, stage: 'interpolate', span: minus(clock.now(), enqueued) });
  }

  #reportRun({ model, way }: PendingJob, results: readonly WireResult[]): void {
    const span = micros(results.reduce((sum, { spans }) => sum + spans.network, 0));
    const provider = way === 'search' ? 'cpu' : this.provider;
    this.#options.events.emit({ type: 'inference', model, provider, span, jobs: results.length });
  }

  /** The queue is one for all streams. */
  #reportQueue(): void {
    const { length: depth, capacity } = this.#queue;
    this.#options.events.emit({ type: 'queue', stream: '', stage: 'interpolate', depth, capacity });
  }

  #refuse(job: PendingJob, reason: 'late' | 'dropped' | 'closed'): void {
    const { events } = this.#options;
    job.a.release();
    job.b.release();
    if (reason === 'late') this.#late += 1;
    const drop = ({ late: 'late', dropped: 'queue-full', closed: 'stopped' } as const)[reason];
    events.emit({ type: 'drop', stream: job.stream, stage: 'interpolate', reason: drop });
    job.resolve({ status: 'refused', reason });
  }

  #fail(job: PendingJob, error: FrameliftError): void {
    this.#failed += 1;
    job.a.release();
    job.b.release();
    job.reject(error);
  }
}
