/** The server as one object: arena, engine, streams, HTTP, metrics; started together, closed in reverse. */
import { Arena } from './arena.ts';
import type { Config, StreamConfig } from './config.ts';
import { WhepEndpoint } from './egress/whep.ts';
import { asFrameliftError } from './errors.ts';
import { WhipSource } from './ingest/webrtc.ts';
import { WhipEndpoint } from './ingest/whip.ts';
import { EnginePool } from './interp/pool.ts';
import { describeSelection } from './interp/provider.ts';
import { ProviderTrials } from './interp/provider-trial.ts';
import { rateTarget } from './interp/schedule.ts';
import { MetricsRegistry } from './metrics/registry.ts';
import { describeTarget, Stream, type StreamLog } from './pipeline.ts';
import type { StreamDirectory } from './server/directory.ts';
import { FrameliftServer } from './server.ts';
import { makeSource } from './sources.ts';
import { type Clock, fromMs, minus, plus, systemClock, toMs } from './time.ts';

/** Options of {@link Framelift.start}. */
export interface ServeOptions {
  /** Checked configuration, as `parseConfig` gives it. */
  readonly config: Config;
  readonly log: StreamLog;
  /** For build info. */
  readonly version: string;
  readonly clock?: Clock;
  /** Where FFMPEG_PATH and PATH are looked up for sources that need the ffmpeg program; without it, only node-av's own is found. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Below this confidence of the model the nearer source frame is repeated. */
const MIN_CONFIDENCE = 0.25;

/** A running framelift. */
export class Framelift implements AsyncDisposable {
  readonly streams: readonly Stream[];
  readonly metrics: MetricsRegistry;
  readonly #parts: AsyncDisposableStack;
  readonly #arena: Arena;
  readonly #server: FrameliftServer;
  #closing: Promise<void> | undefined;

  private constructor(
    parts: AsyncDisposableStack,
    arena: Arena,
    streams: readonly Stream[],
    metrics: MetricsRegistry,
    server: FrameliftServer,
  ) {
    this.#parts = parts;
    this.#arena = arena;
    this.streams = streams;
    this.metrics = metrics;
    this.#server = server;
  }

  /**
   * Starts everything; resolves when HTTP listens and the model is loaded. Sources connect in the background.
   * @throws FrameliftError `provider.unusable`, `config.invalid` (a factor included that the model has no pictures for), `source.*` for a source that can never work, `model.*`, `server.port-taken`.
   */
  static async start(options: ServeOptions): Promise<Framelift> {
    const { config, log } = options;
    const clock = options.clock ?? systemClock;
    await using parts = new AsyncDisposableStack();
    const arena = new Arena(config.arenaMb);
    const metrics = new MetricsRegistry({
      clock,
      arena,
      version: options.version,
      streams: config.streams.map((s) => s.name),
    });
    parts.use(metrics);
    const trials = new ProviderTrials({ threads: config.engine.threads });
    const pool = new EnginePool({
      arena,
      clock,
      events: metrics,
      workers: config.engine.workers,
      threads: config.engine.threads,
      provide: async (model) => {
        const selection = await trials.select(model, config.engine.provider);
        const { model: id, provider } = selection;
        log.info({ model: id, provider, providers: describeSelection(selection) }, 'execution provider');
        metrics.emit({ type: 'provider', model: id, provider });
        return provider;
      },
      ...(config.engine.batch === undefined ? {} : { batch: config.engine.batch }),
      ...(config.engine.grain === undefined ? {} : { grain: config.engine.grain }),
    });
    parts.use(pool);
    const context = { arena, clock, events: metrics, pool, log };
    const transport = {
      advertisedHosts: config.webrtc.advertisedHosts,
      ...(config.webrtc.portRange === undefined ? {} : { portRange: config.webrtc.portRange }),
    };
    const gates = new Map<string, WhipSource>();
    const streams = config.streams.map((settings) => {
      const source = makeSource(settings, { arena, clock, events: metrics, env: options.env ?? {}, transport, log });
      if (source instanceof WhipSource) gates.set(settings.name, source);
      return new Stream(
        {
          name: settings.name,
          source,
          target: rateTarget(settings),
          ...(settings.latencyBudgetMs === undefined ? {} : { latencyBudget: fromMs(settings.latencyBudgetMs) }),
          minConfidence: MIN_CONFIDENCE,
          maxViewers: config.webrtc.maxViewers,
          ...(settings.bitrateKbps === undefined ? {} : { bitrate: settings.bitrateKbps * 1000 }),
          peer: transport,
        },
        context,
      );
    });
    // All at once: a source that hangs must not keep the others from being stopped.
    parts.defer(async () => {
      await Promise.all(streams.map((stream) => stream[Symbol.asyncDispose]()));
    });
    for (const stream of streams) await stream.useModel(config.engine.model);
    const whep = parts.use(
      new WhepEndpoint({
        find: (name, variant) => streams.find((stream) => stream.name === name)?.publication(variant),
      }),
    );
    const whip = parts.use(
      new WhipEndpoint({ find: (name) => gates.get(name), allowedOrigins: config.webrtc.publishOrigins }),
    );
    const server = await FrameliftServer.start({
      host: config.server.host,
      port: config.server.port,
      streams: directory(streams, gates, clock, config.engine.model),
      whep,
      whip,
      metrics,
      providers: () => trials.selections,
      log,
      clock,
    });
    parts.defer(() => server.close());
    for (const stream of streams) stream.start();
    return new Framelift(parts.move(), arena, streams, metrics, server);
  }

  /** `http://host:port/` of the page. */
  get url(): string {
    return this.#server.url;
  }

  /** Frame handles not released: zero after closing. */
  get liveFrames(): number {
    return this.#arena.liveFrames;
  }

  /** Closes everything in reverse order. Closing twice is harmless. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#parts.disposeAsync();
    return this.#closing;
  }
}

/** Gives unnamed sources their names: `demo` for the demo, else `live`, `live2`, …, none that is `alreadyTaken`. */
export function nameStreams(
  sources: readonly { name?: string | undefined; source: string }[],
  alreadyTaken: readonly string[] = [],
): { name: string; source: string }[] {
  const taken = new Set([...alreadyTaken, ...sources.flatMap((s) => s.name ?? [])]);
  return sources.map(({ name, source }) => {
    if (name !== undefined) return { name, source };
    const base = source === 'demo' ? 'demo' : 'live';
    let free = base;
    for (let n = 2; taken.has(free); n++) free = `${base}${n}`;
    taken.add(free);
    return { name: free, source };
  });
}

/** Fails early on sources that can never work, so that a typing error is an exit and not a retry for ever. */
export function checkSources(streams: readonly StreamConfig[], check: (stream: StreamConfig) => unknown): void {
  for (const stream of streams) {
    try {
      check(stream);
    } catch (thrown) {
      const error = asFrameliftError(thrown, 'config.invalid');
      error.message = `stream "${stream.name}": ${error.message}`;
      throw error;
    }
  }
}

/** @param gates streams that take publishers, by name. @param given model that framelift was started with, which may be a file: afterwards it goes by its id. */
function directory(
  streams: readonly Stream[],
  gates: ReadonlyMap<string, unknown>,
  clock: Clock,
  given: string,
): StreamDirectory {
  const first = streams[0]?.model;
  return {
    async setModel(name, model) {
      await streams.find((stream) => stream.name === name)?.useModel(model === first ? given : model);
    },
    list: () =>
      streams.map((stream) => {
        const { state, reason, phase, info, lastError, ladder, latencyBudget, latencyFloor } = stream.status;
        return {
          name: stream.name,
          label: stream.label,
          target: describeTarget(stream.target),
          model: stream.model,
          ready: stream.ready,
          awaitsPublisher: gates.has(stream.name),
          status: { state, reason, phase, sourceInfo: info, lastError: lastError?.message },
          ladder: ladder && { ...ladder, since: plus(clock.wall(), minus(ladder.since, clock.now())) },
          latencyBudgetMs: toMs(latencyBudget),
          latencyFloorMs: toMs(latencyFloor),
        };
      }),
    engineWarm: () => streams.every((stream) => stream.warm || !stream.ready),
  };
}
