/**
 * One interpolation worker as the engine sees it: started, asked one thing at a time, watched,
 * closed.
 */
import { Worker } from 'node:worker_threads';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import { awaitAnswer, type CancelTimer, type Clock, fromMs, type Micros } from '../../time.ts';
import type {
  NetworkFacts,
  Preparation,
  Reply,
  Request,
  SessionMade,
  WireJob,
  WireResult,
  WorkerData,
  WorkerSetup,
} from '../worker/protocol.ts';

/** How long a worker may take to stop by itself before it is terminated. */
const CLOSE_TIMEOUT = fromMs(1000);

/** Options of {@link WorkerHandle.start}. */
export interface WorkerHandleOptions {
  readonly setup: WorkerSetup;
  readonly clock: Clock;
  /**
   * A worker at a request that is outside of ONNX Runtime and has neither entered nor left it for
   * this long has crashed.
   */
  readonly limit: Micros;
  /** Called once when a started worker ends without having been closed. */
  readonly onCrash: (error: FrameliftError) => void;
  /** Called when the worker has made a session. */
  readonly onSession: (session: SessionMade) => void;
  /** The script, for tests. */
  readonly script?: URL;
}

interface Waiter {
  resolve(results: readonly WireResult[]): void;
  reject(error: FrameliftError): void;
}

/**
 * A running worker. A request is settled only when the worker has answered or is gone: its buffers
 * are then free to reuse.
 */
export class WorkerHandle {
  readonly #worker: Worker;
  readonly #options: WorkerHandleOptions;
  readonly #exited: Promise<void>;
  readonly #nativeCalls = new Int32Array(new SharedArrayBuffer(4));
  #waiter: Waiter | undefined;
  #cancelLimit: CancelTimer | undefined;
  #reason: FrameliftError | undefined;
  #started = false;
  #network: NetworkFacts | undefined;
  #closing = false;

  private constructor(options: WorkerHandleOptions) {
    this.#options = options;
    this.#worker = new Worker(options.script ?? new URL('../worker/main.ts', import.meta.url), {
      workerData: { ...options.setup, nativeCalls: this.#nativeCalls } satisfies WorkerData,
      name: 'framelift-interp',
    });
    this.#worker.on('message', (reply: Reply) => this.#take(reply));
    this.#worker.on('error', (thrown) => {
      this.#reason ??= asFrameliftError(thrown, 'engine.failed');
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#gone(code);
        resolve();
      });
    });
  }

  /**
   * Starts a worker and waits until it is ready. @throws FrameliftError what kept it from starting,
   * `model.invalid` included.
   */
  static async start(options: WorkerHandleOptions): Promise<WorkerHandle> {
    const worker = new WorkerHandle(options);
    await worker.#wait();
    worker.#started = true;
    return worker;
  }

  /** What the worker's network is, if it has one. */
  get network(): NetworkFacts | undefined {
    return this.#network;
  }

  /**
   * Interpolates. @throws FrameliftError `engine.failed` when the worker crashed or took too long.
   */
  run(jobs: readonly WireJob[]): Promise<readonly WireResult[]> {
    return this.#ask({ type: 'run', jobs });
  }

  /**
   * Makes ready for a size and a number of pairs. @throws FrameliftError as {@link
   * WorkerHandle.run}; `model.invalid` when the network refuses the size.
   */
  async prepare(wanted: Preparation): Promise<void> {
    await this.#ask({ type: 'prepare', ...wanted });
  }

  /**
   * Tells the worker that a scratch block will be reused once earlier requests are done. Not
   * answered.
   */
  forget(scratch: number): void {
    this.#post({ type: 'forget', scratch });
  }

  /**
   * Lets the worker finish and end; terminates it when it does not. Call it when no request is
   * under way.
   */
  async close(): Promise<void> {
    this.#closing = true;
    this.#post({ type: 'close' });
    this.#endWhenStuck(CLOSE_TIMEOUT);
    await this.#exited;
  }

  #post(request: Request): void {
    this.#worker.postMessage(request);
  }

  #ask(request: Request): Promise<readonly WireResult[]> {
    if (this.#reason) return Promise.reject(this.#reason);
    this.#post(request);
    return this.#wait();
  }

  #wait(): Promise<readonly WireResult[]> {
    this.#endWhenStuck(this.#options.limit);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /**
   * Terminates the worker once it has been outside of ONNX Runtime for `limit` without going in: in
   * there it cannot be ended without ending the process, so it is waited for, and what it answers
   * counts.
   */
  #endWhenStuck(limit: Micros): void {
    const { clock } = this.#options;
    const before = Atomics.load(this.#nativeCalls, 0);
    this.#cancelLimit = awaitAnswer(clock, limit, () => {
      const now = Atomics.load(this.#nativeCalls, 0);
      if (now !== before || now % 2 !== 0) {
        this.#endWhenStuck(limit);
        return;
      }
      this.#reason ??= new FrameliftError(
        'engine.failed',
        `an interpolation worker gave no answer for ${limit / 1e6} s`,
        { recoverable: true },
      );
      void this.#worker.terminate();
    });
  }

  #take(reply: Reply): void {
    if (reply.type === 'session') {
      this.#options.onSession(reply.session);
      return;
    }
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#cancelLimit?.();
    if (reply.type === 'ready') this.#network = reply.network;
    if (reply.type === 'failed') {
      waiter?.reject(new FrameliftError(reply.code, reply.message, { recoverable: reply.recoverable }));
    } else waiter?.resolve(reply.type === 'done' ? reply.results : []);
  }

  #gone(code: number): void {
    this.#cancelLimit?.();
    this.#reason ??= new FrameliftError('engine.failed', `an interpolation worker ended with code ${code}`, {
      recoverable: true,
    });
    this.#waiter?.reject(this.#reason);
    this.#waiter = undefined;
    if (this.#started && !this.#closing) this.#options.onCrash(this.#reason);
  }
}
