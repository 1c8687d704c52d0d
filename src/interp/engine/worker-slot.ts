/**
 * The engine's side of a worker: the worker itself, its scratch memory per frame size, and its
 * restarts.
 */

import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Arena, Block } from '../../media/arena.ts';
import { Mutex } from '../../mutex.ts';
import {
  type CancelTimer,
  type Clock,
  fromMs,
  type Micros,
  micros,
  minus,
  plus,
  toMs,
  toSeconds,
  ZERO,
} from '../../time.ts';
import type { FlowMode, NetworkFacts, SessionMade, WireJob, WireResult, WorkerSetup } from '../worker/protocol.ts';
import { WorkerHandle } from './worker-handle.ts';

/** A frame size that was not asked for this long is given up as soon as another one comes. */
const SIZE_IDLE = fromMs(10_000);
/**
 * Most frame sizes that a slot keeps ready, however often they are asked for: each has scratch
 * memory and a session.
 */
const MAX_SIZES = 16;
/** A worker is started again at once after so many crashes in a row; then it rests in between. */
const QUICK_RESTARTS = 3;
/** From a crash to the next start while that is at once. */
const QUICK_RESTART_DELAY = fromMs(100);
/** The first rest; each further crash in a row doubles it. */
const MIN_RESTART_DELAY = fromMs(1000);
const MAX_RESTART_DELAY = fromMs(30_000);
/** A worker that has run this long is sound: the next crash is the first one again. */
const SOUND_AFTER = fromMs(60_000);

/** Options of {@link WorkerSlot}. */
export interface WorkerSlotOptions {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly log: Log;
  /** Number of the worker, for the log. */
  readonly index: number;
  readonly setup: WorkerSetup;
  /** As {@link WorkerHandleOptions.limit}. */
  readonly limit: Micros;
  readonly scratchBytes: (width: number, height: number) => number;
  /** Called whenever the slot may take a job again, and when it begins to rest. */
  readonly onIdle: () => void;
  /** The worker's script, for tests. */
  readonly script?: URL;
}

/** Scratch memory of one frame size. */
interface Scratch {
  readonly block: Block;
  usedAt: Micros;
}

/**
 * One worker with its memory. One request at a time: {@link WorkerSlot.idle} tells whether it may
 * be asked.
 */
export class WorkerSlot {
  readonly #options: WorkerSlotOptions;
  /** By `width`x`height`, least recently used first. */
  readonly #scratch = new Map<string, Scratch>();
  #worker: WorkerHandle | undefined;
  #network: NetworkFacts | undefined;
  readonly #requests = new Mutex();
  /** Requests under way and waiting. */
  #depth = 0;
  /** Crashes in a row. */
  #crashes = 0;
  #startedAt: Micros = ZERO;
  #restarts = 0;
  #down: FrameliftError | undefined;
  #cancelRestart: CancelTimer | undefined;
  #closed = false;

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
  }

  /** True when a job would start at once. */
  get idle(): boolean {
    return this.#worker !== undefined && this.#depth === 0 && !this.#closed;
  }

  /** True while a request is under way. */
  get busy(): boolean {
    return this.#depth > 0;
  }

  /**
   * Why there is no worker while the slot rests between crashes and starts: jobs do not wait for
   * that long.
   */
  get down(): FrameliftError | undefined {
    return this.#down;
  }

  /** What the worker's network is, if it has one; known once the slot has started. */
  get network(): NetworkFacts | undefined {
    return this.#network;
  }

  /** How often the worker was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Starts the worker. @throws FrameliftError why it cannot start. */
  async start(): Promise<void> {
    const { setup, clock, limit, script, log } = this.#options;
    const begin = clock.now();
    const worker = await WorkerHandle.start({
      setup,
      clock,
      limit,
      onCrash: (error) => this.#crashed(error),
      onSession: (session) => this.#reportSession(session),
      ...(script ? { script } : {}),
    });
    this.#worker = worker;
    this.#startedAt = clock.now();
    this.#down = undefined;
    this.#network = worker.network;
    const message = this.#restarts === 0 ? 'interpolation worker started' : 'interpolation worker restarted';
    log.debug({ ...this.#names, restarts: this.#restarts, ms: toMs(minus(clock.now(), begin)) }, message);
    if (this.#closed) await worker.close();
  }

  /**
   * Makes the worker ready for runs of `pairs` pairs of a size. @throws FrameliftError as {@link
   * WorkerHandle.prepare}, `arena.full`.
   */
  prepare(width: number, height: number, pairs: number, mode: FlowMode): Promise<void> {
    return this.#alone((worker) =>
      worker.prepare({ width, height, pairs, mode, scratch: this.#scratchFor(width, height, worker) }),
    );
  }

  /**
   * Runs jobs of one size together: a result for each, in order. @throws FrameliftError as {@link
   * WorkerHandle.run}, `arena.full`.
   */
  run(width: number, height: number, jobs: readonly Omit<WireJob, 'scratch'>[]): Promise<readonly WireResult[]> {
    return this.#alone(async (worker) => {
      const scratch = this.#scratchFor(width, height, worker);
      const results = await worker.run(jobs.map((job) => ({ ...job, scratch })));
      if (results.length === jobs.length) return results;
      const message = `a worker gave ${results.length} results for ${jobs.length} jobs`;
      throw new FrameliftError('engine.failed', message, { recoverable: true });
    });
  }

  /** Waits for the request under way, stops the worker, frees the scratch. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRestart?.();
    // Behind the requests that there are.
    await this.#requests.run(async () => {});
    await this.#worker?.close();
    this.#worker = undefined;
    for (const { block } of this.#scratch.values()) this.#options.arena.free(block);
    this.#scratch.clear();
  }

  /** Requests one after the other. */
  #alone<T>(ask: (worker: WorkerHandle) => Promise<T>): Promise<T> {
    this.#depth += 1;
    const request = async (): Promise<T> => {
      if (this.#worker) return ask(this.#worker);
      throw this.#down ?? new FrameliftError('engine.failed', 'the worker is being restarted', { recoverable: true });
    };
    return this.#requests.run(request).finally(() => {
      this.#depth -= 1;
      // After the caller has taken its result and given its buffers back.
      if (this.#depth === 0) queueMicrotask(() => this.#options.onIdle());
    });
  }

  #scratchFor(width: number, height: number, worker: WorkerHandle): number {
    const key = `${width}x${height}`;
    const now = this.#options.clock.now();
    const known = this.#scratch.get(key);
    if (known) {
      this.#scratch.delete(key);
      known.usedAt = now;
      this.#scratch.set(key, known);
      return known.block.offset;
    }
    for (const [size, { usedAt }] of this.#scratch) {
      if (this.#scratch.size >= MAX_SIZES || minus(now, usedAt) > SIZE_IDLE) this.#forget(size, worker);
    }
    const block = this.#allocate(this.#options.scratchBytes(width, height), worker);
    this.#scratch.set(key, { block, usedAt: now });
    return block.offset;
  }

  /**
   * Gives up the least recently used sizes while the arena has no room. @throws FrameliftError
   * `arena.full`.
   */
  #allocate(bytes: number, worker: WorkerHandle): Block {
    for (;;) {
      try {
        return this.#options.arena.allocate(bytes);
      } catch (error) {
        const [oldest] = this.#scratch.keys();
        if (oldest === undefined) throw error;
        this.#forget(oldest, worker);
      }
    }
  }

  #forget(size: string, worker: WorkerHandle): void {
    const scratch = this.#scratch.get(size);
    if (!scratch) return;
    this.#scratch.delete(size);
    worker.forget(scratch.block.offset);
    this.#options.arena.free(scratch.block);
  }

  #crashed(error: FrameliftError): void {
    const { clock, onIdle, log } = this.#options;
    const now = clock.now();
    const sound = this.#worker !== undefined && minus(now, this.#startedAt) >= SOUND_AFTER;
    this.#worker = undefined;
    if (this.#closed) return;
    this.#crashes = sound ? 1 : this.#crashes + 1;
    const crashes = this.#crashes;
    log.debug({ ...this.#names, crashes, error: error.message }, 'interpolation worker crashed');
    const delay = restartDelay(crashes);
    if (crashes > QUICK_RESTARTS) {
      const message = `an interpolation worker crashed ${crashes} times in a row (${error.message})`;
      this.#down = new FrameliftError('engine.failed', `${message}; next start in ${toSeconds(delay)} s`, {
        cause: error,
        recoverable: true,
      });
      onIdle();
    }
    this.#cancelRestart = clock.at(plus(now, delay), () => {
      this.#restarts += 1;
      this.start().then(onIdle, (thrown: unknown) => this.#crashed(asFrameliftError(thrown, 'engine.failed')));
    });
  }

  /** What the log calls it. */
  get #names(): { readonly model: string; readonly worker: number } {
    const { setup, index } = this.#options;
    return { model: typeof setup.model === 'string' ? setup.model : setup.model.id, worker: index };
  }

  #reportSession({ inputs, span }: SessionMade): void {
    const { log, setup } = this.#options;
    const { provider, threads } = setup;
    log.debug({ ...this.#names, provider, threads, inputs, ms: toMs(span) }, 'session made');
  }
}

/** @param crashes in a row. */
function restartDelay(crashes: number): Micros {
  if (crashes <= QUICK_RESTARTS) return QUICK_RESTART_DELAY;
  return micros(Math.min(MIN_RESTART_DELAY * 2 ** (crashes - QUICK_RESTARTS - 1), MAX_RESTART_DELAY));
}
