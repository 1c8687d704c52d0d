/** The HTTP server: page, WHEP, metrics, health and the read-only API, on fastify. */
import type { WhepEndpoint } from './egress/whep.ts';
import type { MetricsRegistry } from './metrics/registry.ts';
import type { ServerLog, StreamDirectory } from './server/directory.ts';
import type { Clock } from './time.ts';

/** Options of {@link FrameliftServer.start}. */
export interface ServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8080; 0 takes a free one. */
  readonly port?: number;
  readonly version: string;
  readonly streams: StreamDirectory;
  readonly whep: WhepEndpoint;
  readonly metrics: MetricsRegistry;
  readonly log: ServerLog;
  readonly clock: Clock;
}

/** A listening server. */
export class FrameliftServer implements AsyncDisposable {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;

  private constructor(url: string) {
    this.url = url;
  }

  /** Listens. @throws FrameliftError `server.port-taken`, `server.failed`. */
  static start(options: ServerOptions): Promise<FrameliftServer> {
    return Promise.resolve(new FrameliftServer(`http://${options.host ?? '127.0.0.1'}:${options.port ?? 8080}`));
  }

  /** Stops listening and closes every connection, idle ones included. Resolves within 2 s; calling it twice is harmless. */
  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
