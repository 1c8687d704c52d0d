/** A WHIP source under supervision behind the real HTTP server, and what came out of it. */

import type { Subscription } from 'rxjs';
import { WhepEndpoint } from '../../src/egress/whep.ts';
import type { IngestLimits } from '../../src/ingest/limits.ts';
import { WhipEndpoint } from '../../src/ingest/whip/endpoint.ts';
import { WhipSource } from '../../src/ingest/whip/source.ts';
import { SILENT_LOG } from '../../src/log.ts';
import { Arena } from '../../src/media/arena.ts';
import type { MetricEvent } from '../../src/metrics/events.ts';
import { MetricsRegistry } from '../../src/metrics/registry.ts';
import { FrameliftServer } from '../../src/server/server.ts';
import { Supervisor } from '../../src/stream/supervisor.ts';
import { fromMs, systemClock } from '../../src/time.ts';
import { NO_CONTROL } from './server.ts';
import { testAccess } from './tokens.ts';

/** A frame, after it was released. */
export interface ReceivedFrame {
  readonly ptsMs: number;
  /** Monotonic, as {@link atMs}. */
  readonly arrivalMs: number;
  /** When it was delivered. */
  readonly atMs: number;
  readonly size: string;
  readonly discontinuity: boolean;
}

/** The stream `cam`, which takes publishers. */
export class WhipRig implements AsyncDisposable {
  readonly frames: ReceivedFrame[] = [];
  /** Pieces of sound, by codec. */
  readonly sounds: string[] = [];
  readonly events: MetricEvent[];
  readonly log: string[];
  readonly arena: Arena;
  readonly endpoint: WhipEndpoint;
  readonly supervisor: Supervisor;
  readonly #server: FrameliftServer;
  readonly #subscription: Subscription;

  private constructor(source: WhipSource, endpoint: WhipEndpoint, server: FrameliftServer, parts: Parts) {
    this.events = parts.events;
    this.log = parts.log;
    this.arena = parts.arena;
    this.endpoint = endpoint;
    this.#server = server;
    this.supervisor = new Supervisor(source, {
      stream: 'cam',
      clock: systemClock,
      events: { emit: (event) => this.events.push(event) },
      onSound: ({ codec }) => void this.sounds.push(codec),
    });
    this.#subscription = this.supervisor.frames.subscribe((frame) => {
      const { pts, arrival, width, height, discontinuity } = frame;
      const [ptsMs, arrivalMs, atMs] = [pts / 1000, arrival / 1000, performance.now()];
      this.frames.push({ ptsMs, arrivalMs, atMs, size: `${width}x${height}`, discontinuity });
      frame.release();
    });
  }

  /** Starts it on a free port. */
  static async start(options: { stallTimeoutMs?: number; limits?: IngestLimits } = {}): Promise<WhipRig> {
    const parts: Parts = { arena: new Arena(64), events: [], log: [] };
    const source = new WhipSource({
      stream: 'cam',
      arena: parts.arena,
      clock: systemClock,
      events: { emit: (event) => parts.events.push(event) },
      transport: {},
      sound: true,
      log: { ...SILENT_LOG, info: (fields, message) => parts.log.push(`${message} ${JSON.stringify(fields)}`) },
      stallTimeout: fromMs(options.stallTimeoutMs ?? 3000),
      limits: options.limits,
    });
    const whip = new WhipEndpoint({ find: (name) => (name === 'cam' ? source : undefined) });
    const server = await FrameliftServer.start(
      { port: 0 },
      {
        streams: { list: () => [], engineWarm: () => true, engineFaults: () => [] },
        access: testAccess(),
        control: NO_CONTROL,
        whep: new WhepEndpoint({ find: () => undefined }),
        whip,
        metrics: new MetricsRegistry({ clock: systemClock, version: '0', streams: ['cam'] }),
        log: SILENT_LOG,
        clock: systemClock,
      },
    );
    return new WhipRig(source, whip, server, parts);
  }

  /** Where publishers post. */
  get url(): string {
    return `${this.#server.url}/whip/cam`;
  }

  /** Resolves when so many frames have come. @throws Error after `ms`. */
  async untilFrames(count: number, ms = 10_000): Promise<void> {
    await until(`${count} frames (there are ${this.frames.length})`, () => this.frames.length >= count, ms);
  }

  /** Packets lost for good. */
  get lost(): number {
    return this.events.reduce((sum, event) => sum + (event.type === 'ingest-loss' ? event.packets : 0), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription.unsubscribe();
    await this.supervisor.stopped;
    await this.endpoint[Symbol.asyncDispose]();
    await this.#server.close();
    if (this.arena.liveFrames !== 0) throw new Error(`${this.arena.liveFrames} frames were never released`);
  }
}

interface Parts {
  readonly arena: Arena;
  readonly events: MetricEvent[];
  readonly log: string[];
}

/** Resolves when `condition` holds. @throws Error after `ms`. */
export async function until(what: string, condition: () => boolean, ms = 5000): Promise<void> {
  for (const end = performance.now() + ms; !condition(); ) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A pause of the wall clock: the network under test runs in real time. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
