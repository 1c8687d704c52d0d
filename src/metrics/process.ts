/** The process itself: memory, processor time, lag of the event loop. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { type Clock, fromMs, type Micros, minus } from '../time.ts';

/** How late timers fire, in seconds. */
export interface LoopLag {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds between the samples; what a sample exceeds them by is lag. */
const RESOLUTION_MS = 10;
/** A window is closed by the first reader after this. */
const WINDOW = fromMs(10_000);

/**
 * Lag of the event loop over the present and the last closed window, whichever was worse: readers that come at least
 * every {@link WINDOW} miss nothing, and several readers do not take it from each other.
 */
export class LoopLagProbe {
  readonly #clock: Clock;
  readonly #delays: ReturnType<typeof monitorEventLoopDelay>;
  #opened: Micros;
  #last: LoopLag = { p50: 0, p90: 0, p99: 0, max: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#opened = clock.now();
    this.#delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delays.enable();
  }

  /** The lag now. */
  read(): LoopLag {
    const now = this.#clock.now();
    const present = this.#present();
    const worst = {
      p50: Math.max(present.p50, this.#last.p50),
      p90: Math.max(present.p90, this.#last.p90),
      p99: Math.max(present.p99, this.#last.p99),
      max: Math.max(present.max, this.#last.max),
    };
    if (minus(now, this.#opened) >= WINDOW) {
      this.#last = present;
      this.#opened = now;
      this.#delays.reset();
    }
    return worst;
  }

  /** Stops sampling. */
  stop(): void {
    this.#delays.disable();
  }

  #present(): LoopLag {
    if (this.#delays.count === 0) return { p50: 0, p90: 0, p99: 0, max: 0 };
    return {
      p50: lag(this.#delays.percentile(50)),
      p90: lag(this.#delays.percentile(90)),
      p99: lag(this.#delays.percentile(99)),
      max: lag(this.#delays.max),
    };
  }
}

/** Memory of the process in bytes. */
export function processMemory(): { readonly rss: number; readonly heap: number; readonly external: number } {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed, external };
}

/** User and system time of the process since its start, seconds. */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Seconds that the process has run. */
export function uptimeSeconds(): number {
  return process.uptime();
}

/** Version of Node, e.g. `v24.1.0`. */
export const nodeVersion: string = process.version;

function lag(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000);
}
