/** A lane of the engine: one worker thread, its scratch memory per frame size, and its restarts. */

import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Arena, Block } from '../../media/arena.ts';
import { type CancelTimer, type Clock, fromMs, type Micros, minus, plus } from '../../time.ts';
import type { FlowWay, NetworkFacts, WireJob, WireResult, WorkerSetup } from './protocol.ts';
import { WorkerThread } from './worker-handle.ts';

/** A frame size that was not asked for this long is given up as soon as another one comes. */
const SIZE_IDLE = fromMs(10_000);
/** Most frame sizes a lane keeps ready, however often they are asked for: each has scratch memory and a session. */
const SIZES = 16;
/** Crashes tolerated within {@link CRASH_WINDOW}; one more and the lane is dead. */
const CRASHES = 3;
const CRASH_WINDOW = fromMs(60_000);
const RESTART_AFTER = fromMs(100);

/** Options of {@link Lane}. */
export interface LaneOptions {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly setup: WorkerSetup;
  readonly limit: Micros;
  readonly scratchBytes: (width: number, height: number) => number;
  /** Called whenever the lane may take a job again, or died. */
  readonly onIdle: () => void;
  readonly script?: URL;
}

/** Scratch memory of one frame size. */
interface Scratch {
  readonly block: Block;
  usedAt: Micros;
}

/** One worker with its memory. One request at a time: {@link Lane.idle} tells whether it may be asked. */
export class Lane {
  readonly #options: LaneOptions;
  /** By `width`x`height`, least recently used first. */
  readonly #scratch = new Map<string, Scratch>();
  #thread: WorkerThread | undefined;
  #network: NetworkFacts | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #depth = 0;
  #crashes: Micros[] = [];
  #restarts = 0;
  #dead: FrameliftError | undefined;
  #cancelRestart: CancelTimer | undefined;
  #closed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** True when a job would start at once. */
  get idle(): boolean {
    return this.#thread !== undefined && this.#depth === 0 && !this.#closed;
  }

  /** True while a request is under way. */
  get busy(): boolean {
    return this.#depth > 0;
  }

  /** The error that ended the lane for good, once it crashed too often. */
  get dead(): FrameliftError | undefined {
    return this.#dead;
  }

  /** What the worker's network is, if it has one; known once the lane has started. */
  get network(): NetworkFacts | undefined {
    return this.#network;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Starts the worker. @throws FrameliftError why it cannot start. */
  async start(): Promise<void> {
    const { setup, clock, limit, script } = this.#options;
    const thread = await WorkerThread.start({
      setup,
      clock,
      limit,
      onCrash: (error) => this.#crashed(error),
      ...(script ? { script } : {}),
    });
    this.#thread = thread;
    this.#network = thread.network;
    if (this.#closed) await thread.close();
  }

  /** Makes the worker ready for runs of `pairs` pairs of a size. @throws FrameliftError as {@link WorkerThread.prepare}, `arena.full`. */
  prepare(width: number, height: number, pairs: number, way: FlowWay): Promise<void> {
    return this.#alone((thread) =>
      thread.prepare({ width, height, pairs, way, scratch: this.#scratchFor(width, height, thread) }),
    );
  }

  /** Runs jobs of one size together: a result for each, in order. @throws FrameliftError as {@link WorkerThread.run}, `arena.full`. */
  run(width: number, height: number, jobs: readonly Omit<WireJob, 'scratch'>[]): Promise<readonly WireResult[]> {
    return this.#alone(async (thread) => {
      const scratch = this.#scratchFor(width, height, thread);
      const results = await thread.run(jobs.map((job) => ({ ...job, scratch })));
      if (results.length === jobs.length) return results;
      const message = `a worker gave ${results.length} results for ${jobs.length} jobs`;
      throw new FrameliftError('engine.failed', message, { recoverable: true });
    });
  }

  /** Waits for the request under way, stops the worker, frees the scratch. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRestart?.();
    await this.#turn.catch(() => {});
    await this.#thread?.close();
    this.#thread = undefined;
    for (const { block } of this.#scratch.values()) this.#options.arena.free(block);
    this.#scratch.clear();
  }

  /** Requests one after the other. */
  #alone<T>(ask: (thread: WorkerThread) => Promise<T>): Promise<T> {
    this.#depth += 1;
    const result = this.#turn
      .then(() => {
        if (this.#thread) return ask(this.#thread);
        throw this.#dead ?? new FrameliftError('engine.failed', 'the worker is being restarted', { recoverable: true });
      })
      .finally(() => {
        this.#depth -= 1;
        // After the caller has taken its result and given its buffers back.
        if (this.#depth === 0) queueMicrotask(() => this.#options.onIdle());
      });
    this.#turn = result.catch(() => {});
    return result;
  }

  #scratchFor(width: number, height: number, thread: WorkerThread): number {
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
      if (this.#scratch.size >= SIZES || minus(now, usedAt) > SIZE_IDLE) this.#forget(size, thread);
    }
    const block = this.#allocate(this.#options.scratchBytes(width, height), thread);
    this.#scratch.set(key, { block, usedAt: now });
    return block.offset;
  }

  /** Gives up the least recently used sizes while the arena has no room. @throws FrameliftError `arena.full`. */
  #allocate(bytes: number, thread: WorkerThread): Block {
    for (;;) {
      try {
        return this.#options.arena.allocate(bytes);
      } catch (error) {
        const [oldest] = this.#scratch.keys();
        if (oldest === undefined) throw error;
        this.#forget(oldest, thread);
      }
    }
  }

  #forget(size: string, thread: WorkerThread): void {
    const scratch = this.#scratch.get(size);
    if (!scratch) return;
    this.#scratch.delete(size);
    thread.forget(scratch.block.offset);
    this.#options.arena.free(scratch.block);
  }

  #crashed(error: FrameliftError): void {
    const { clock, onIdle } = this.#options;
    this.#thread = undefined;
    const now = clock.now();
    this.#crashes = this.#crashes.filter((at) => minus(now, at) < CRASH_WINDOW);
    this.#crashes.push(now);
    if (this.#closed) return;
    if (this.#crashes.length > CRASHES) {
      this.#dead = new FrameliftError(
        'engine.failed',
        `an interpolation worker crashed ${this.#crashes.length} times`,
        {
          cause: error,
        },
      );
      onIdle();
      return;
    }
    this.#cancelRestart = clock.at(plus(now, RESTART_AFTER), () => {
      this.#restarts += 1;
      this.start().then(onIdle, (thrown: unknown) => this.#crashed(asFrameliftError(thrown, 'engine.failed')));
    });
  }
}
