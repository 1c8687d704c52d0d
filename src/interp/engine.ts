/** The interpolation engine: takes pairs, gives synthetic frames; a bounded queue in front of worker threads. */
import type { Arena } from '../arena.ts';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import { Frame } from '../frame.ts';
import type { EventSink } from '../metrics/events.ts';
import { BoundedQueue, type DropPolicy } from '../stage.ts';
import { type Clock, fromMs, type Micros, micros, minus } from '../time.ts';
import type { InterpJob, InterpResult, InterpStats, Tier } from './job.ts';
import { Lane } from './lane.ts';
import { paddedPyramidBytes, scratchLayout } from './layout.ts';
import type { NetworkFacts, WireResult, WorkerSetup } from './messages.ts';
import { type ModelSpec, readModel } from './model.ts';
import { planesScratchBytes } from './planes-layout.ts';
import type { Provider } from './provider.ts';
import { PyramidCache, type PyramidLoan } from './pyramid-cache.ts';
import { between, type ReferenceModel, repeatNearer } from './reference.ts';
import { rgbScratchBytes } from './rgb-layout.ts';
import { grainSeed } from './seed.ts';
import { nearestEighth, type Times } from './times.ts';

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
  /** Jobs that may wait. Default 8. A caller that must lose none (offline conversion) keeps no more than this under way. */
  readonly capacity?: number;
  /** What a full queue gives up. Default `drop-oldest`. */
  readonly policy?: DropPolicy;
  /** A worker that is at a job, outside of the runtime, and neither enters nor leaves it for so long has crashed. Default 10 s. */
  readonly limitMs?: number;
  /** Script of the worker threads, for tests. */
  readonly workerScript?: URL;
}

interface Pending {
  readonly stream: string;
  /** Id of the model, as it goes into provenance. */
  readonly model: string;
  readonly searchOnly: boolean;
  readonly a: Frame;
  readonly b: Frame;
  readonly timesteps: readonly number[];
  readonly deadline: Micros | undefined;
  readonly enqueued: Micros;
  resolve(result: InterpResult): void;
  reject(error: FrameliftError): void;
}

/** Interpolates pairs on worker threads. Jobs start in order; with several workers they may finish out of order. */
export class InterpEngine implements Tier {
  /** Id of the model, as it stands in provenance. */
  readonly model: string;
  readonly provider: Provider;
  readonly #options: InterpEngineOptions;
  readonly #queue: BoundedQueue<Pending>;
  readonly #pyramids: PyramidCache;
  readonly #multiple: number;
  readonly #grain: number;
  readonly #threads: number;
  #lanes: Lane[] = [];
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
    this.#pyramids = new PyramidCache(options.arena, 4 + 2 * this.workers);
    this.#queue = new BoundedQueue(options.capacity ?? 8, options.policy ?? 'drop-oldest', (job) =>
      this.#refuse(job, this.#closing ? 'closed' : 'dropped'),
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
      model: typeof model === 'string' ? model : { id: model.id, bytes: await readModel(model), times: model.times },
      multiple: engine.#multiple,
      threads: engine.#threads,
      provider: engine.provider,
      grain: engine.#grain,
    };
    const lane = {
      arena,
      clock,
      setup,
      limit: fromMs(options.limitMs ?? 10_000),
      scratchBytes: (width: number, height: number) => engine.#scratchBytes(width, height),
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
    return engine.#checked();
  }

  /** Closes, and throws, when grain is asked of what cannot give it. */
  async #checked(): Promise<this> {
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
    return this.#submit(job, this.model, false);
  }

  /** The block search alone, run by the same workers: no network, about half the work. Undefined where they do not search by themselves. */
  get search(): Tier | undefined {
    if (this.#network?.kind !== 'flow' || !this.hasNetwork) return undefined;
    return {
      model: 'search',
      times: 'any',
      workers: this.workers,
      interpolate: (job) => this.#submit(job, 'search', true),
      warmUp: (width, height) => this.warmUp(width, height),
    };
  }

  /** Whether it runs a network: not one of the reference models. */
  get hasNetwork(): boolean {
    return typeof this.#options.model !== 'string';
  }

  /** Worker threads. */
  get workers(): number {
    return this.#options.workers ?? 1;
  }

  async #submit(job: InterpJob, model: string, searchOnly: boolean): Promise<InterpResult> {
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
      const frames = { a: a.share(), b: b.share() };
      this.#queue.push({ stream, model, searchOnly, ...frames, timesteps, deadline, enqueued, resolve, reject });
      this.#reportQueue();
      this.#dispatch();
    });
  }

  /** Loads and tries what this size needs on every worker. @throws FrameliftError `model.invalid`, `engine.failed`, `arena.full`. */
  async warmUp(width: number, height: number): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.prepare(width, height)));
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

  #dispatch(): void {
    const dead = this.#lanes.length > 0 && this.#lanes.every((lane) => lane.dead);
    while (this.#queue.length > 0) {
      const lane = dead ? this.#lanes[0] : this.#lanes.find((l) => l.idle);
      const job = lane && this.#queue.shift();
      if (!job) return;
      this.#reportQueue();
      if (lane.dead) this.#fail(job, lane.dead);
      else if (job.deadline !== undefined && this.#options.clock.now() > job.deadline) this.#refuse(job, 'late');
      else void this.#run(lane, job);
    }
  }

  async #run(lane: Lane, job: Pending): Promise<void> {
    const { arena } = this.#options;
    const { a, b } = job;
    const { width, height } = a;
    const timesteps = this.times === 'half' ? job.timesteps.map(nearestEighth) : job.timesteps;
    const outs: Frame[] = [];
    const loans: PyramidLoan[] = [];
    let filled = false;
    try {
      for (const t of timesteps) outs.push(Frame.allocate(arena, width, height, this.#info(job, t, t, undefined)));
      const bytes = paddedPyramidBytes(width, height, this.#multiple);
      if (this.#network?.seeded) loans.push(this.#pyramids.lend(a, bytes), this.#pyramids.lend(b, bytes));
      const pyramid = (i: number): { offset: number; ready: boolean } => ({
        offset: loans[i]?.offset ?? 0,
        ready: loans[i]?.ready ?? false,
      });
      const result = await lane.run(width, height, {
        width,
        height,
        a: a.offset,
        b: b.offset,
        timesteps,
        outs: outs.map((f) => f.offset),
        pyramidA: pyramid(0),
        pyramidB: pyramid(1),
        grainSeeds: job.timesteps.map((t) => grainSeed(a.pts, b.pts, t)),
        searchOnly: job.searchOnly,
      });
      filled = true;
      const frames = outs.map((f, i) =>
        f.share(this.#info(job, job.timesteps[i] ?? 0.5, timesteps[i] ?? 0.5, result.confidence)),
      );
      this.#report(job, result);
      job.resolve({ status: 'done', frames, confidence: result.confidence, spanMicros: result.spans });
    } catch (thrown) {
      this.#failed += 1;
      job.reject(asFrameliftError(thrown, 'engine.failed'));
    } finally {
      for (const loan of loans) loan.done(filled);
      for (const frame of outs) frame.release();
      a.release();
      b.release();
    }
    this.#dispatch();
  }

  /** `t`: the time that was asked for, at which the frame stands. `made`: the time that its picture is of. */
  #info(job: Pending, t: number, made: number, confidence: number | undefined) {
    const { a, b } = job;
    return {
      pts: between(a.pts, b.pts, t),
      capture: between(a.capture, b.capture, t),
      arrival: b.arrival,
      discontinuity: false,
      provenance: {
        kind: 'synthetic',
        t: made,
        model: job.model,
        confidence,
        ...(this.#grain > 0 ? { grain: this.#grain } : {}),
      } as const,
    };
  }

  #scratchBytes(width: number, height: number): number {
    if (!this.#network) return 64;
    const { kind, rgb, times } = this.#network;
    if (rgb) return rgbScratchBytes(width, height, rgb, times);
    if (kind === 'i420') return planesScratchBytes(width, height, this.#multiple, this.#network, this.#threads);
    return scratchLayout(width, height, this.#multiple, this.#grain > 0, this.#threads).bytes;
  }

  #report(job: Pending, { spans }: WireResult): void {
    const { events, clock } = this.#options;
    this.#done += 1;
    events.emit({ type: 'stage', stream: job.stream, stage: 'interpolate', span: minus(clock.now(), job.enqueued) });
    events.emit({
      type: 'inference',
      model: job.model,
      provider: job.searchOnly ? 'cpu' : this.provider,
      span: micros(spans.network),
      jobs: 1,
    });
  }

  /** The queue is one for all streams. */
  #reportQueue(): void {
    const { length: depth, capacity } = this.#queue;
    this.#options.events.emit({ type: 'queue', stream: '', stage: 'interpolate', depth, capacity });
  }

  #refuse(job: Pending, reason: 'late' | 'dropped' | 'closed'): void {
    const { events } = this.#options;
    job.a.release();
    job.b.release();
    if (reason === 'late') this.#late += 1;
    const drop = ({ late: 'late', dropped: 'queue-full', closed: 'stopped' } as const)[reason];
    events.emit({ type: 'drop', stream: job.stream, stage: 'interpolate', reason: drop });
    job.resolve({ status: 'refused', reason });
  }

  #fail(job: Pending, error: FrameliftError): void {
    this.#failed += 1;
    job.a.release();
    job.b.release();
    job.reject(error);
  }
}
