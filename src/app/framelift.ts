/** The server as one object: arena, engine, streams, HTTP, metrics; started together, closed in reverse. */

import type { Config, StreamConfig } from '../config/schema.ts';
import { checkPublishers, resolveTokens } from '../config/secrets.ts';
import { type EncoderSelection, selectEncoder } from '../egress/codec/hardware/trial.ts';
import { WhepEndpoint, type WhepOptions } from '../egress/whep.ts';
import { asFrameliftError } from '../errors.ts';
import { WhipEndpoint, type WhipOptions } from '../ingest/whip/endpoint.ts';
import { EnginePool } from '../interp/engine/pool.ts';
import { describeSelection } from '../interp/providers/provider.ts';
import { ProviderTrials } from '../interp/providers/trial.ts';
import type { Log } from '../log.ts';
import { Arena } from '../media/arena.ts';
import type { Variant } from '../metrics/events.ts';
import { MetricsRegistry } from '../metrics/registry.ts';
import { Access } from '../server/auth.ts';
import { Certificate, logValidity, readCertificate } from '../server/certificate.ts';
import { RtspServer } from '../server/rtsp/server.ts';
import type { ReloadReport } from '../server/schemas.ts';
import { FrameliftServer } from '../server/server.ts';
import { sourceRules } from '../stream/make-source.ts';
import { StreamSet } from '../stream/set.ts';
import type { StreamContext } from '../stream/settings.ts';
import { type Clock, systemClock, toMs } from '../time.ts';
import { IcePort } from '../webrtc/ice/port.ts';
import { IceServers } from '../webrtc/ice-servers.ts';
import type { TransportSettings } from '../webrtc/transport.ts';
import { Reloader } from './reloader.ts';

/** Options of {@link Framelift.start}. */
export interface ServeOptions {
  /** Checked configuration, as `parseConfig` gives it. */
  readonly config: Config;
  /** Reads the configuration again, for {@link Framelift.reload}; throws `config.invalid`. Absent: there is nothing to read. */
  readonly reread?: () => Config;
  readonly log: Log;
  /** For build info. */
  readonly version: string;
  readonly clock?: Clock;
  /** Where tokens are looked up, and FFMPEG_PATH and PATH for sources that need the ffmpeg program; without it, only node-av's own is found. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A running framelift. */
export class Framelift implements AsyncDisposable {
  readonly metrics: MetricsRegistry;
  readonly #running: AsyncDisposableStack;
  readonly #arena: Arena;
  readonly #server: FrameliftServer;
  readonly #reloader: Reloader;
  #closing: Promise<void> | undefined;

  private constructor(
    running: AsyncDisposableStack,
    arena: Arena,
    metrics: MetricsRegistry,
    server: FrameliftServer,
    reloader: Reloader,
  ) {
    this.#running = running;
    this.#arena = arena;
    this.metrics = metrics;
    this.#server = server;
    this.#reloader = reloader;
  }

  /**
   * Starts everything; resolves when HTTP listens and the model is loaded. Sources connect in the background.
   * @throws FrameliftError `provider.unusable`, `config.invalid` (also for a factor that the model cannot
   * make), `source.*` for a source that can never work, `model.*`, `server.port-taken`,
   * `webrtc.no-port`.
   */
  static async start(options: ServeOptions): Promise<Framelift> {
    const { config, log, env = {}, reread, version } = options;
    const clock = options.clock ?? systemClock;
    const tokens = resolveTokens(config.auth, env);
    checkPublishers(config.streams, tokens);
    const access = new Access(tokens);
    const pem = config.server.tls && readCertificate(config.server.tls);
    if (pem) logValidity(pem, toMs(clock.wall()), log);
    const certificate = pem && new Certificate(pem);
    await using running = new AsyncDisposableStack();
    const arena = new Arena(config.arenaMb);
    const names = config.streams.map(({ name }) => name);
    const metrics = running.use(new MetricsRegistry({ clock, arena, version, streams: names }));
    const trials = new ProviderTrials({ threads: config.engine.threads, log });
    const pool = running.use(makePool(config.engine, { arena, clock, metrics, trials, log }));
    const iceServers = new IceServers(config.webrtc.iceServers, clock, log);
    const { host } = config.server;
    const port = running.use(await IcePort.open({ ...config.webrtc, host, clock, log, events: metrics }));
    const transport: TransportSettings = {
      ...{ port, iceServers, log },
      refused: (reason) => metrics.emit({ type: 'webrtc-refused', reason }),
    };
    const selection = await selectEncoder(config.encoder);
    logEncoder(selection, log);
    const { encoder } = selection;
    const context = { arena, clock, events: metrics, pool, log, encoder };
    const streams = running.use(makeStreams(config, context, transport, env));
    const { model } = config.engine;
    const { maxStreams } = config.server;
    await streams.apply({ added: config.streams, removed: [], changed: [], model, maxStreams });
    const [whep, whip] = makeEndpoints(config, streams, { iceServers, log }, running);
    const reloader = new Reloader({ config, reread, env, streams, access, certificate, clock, log });
    const server = await FrameliftServer.start(
      { ...config.server, advertisedHosts: config.webrtc.advertisedHosts, certificate },
      {
        ...{ access, streams, whep, whip, metrics, log, clock },
        control: { streams, config: reloader },
        recordings: (name) => streams.recordings(name),
        snapshot: (name, variant) => streams.snapshot(name, variant),
        providers: () => trials.selections,
        encoder: selection,
      },
    );
    running.defer(() => server.close());
    const { rtsp } = config.server;
    if (rtsp) {
      const find = (name: string, variant: Variant) => streams.publication(name, variant);
      running.use(
        await RtspServer.start(
          { port: rtsp.port, host: rtsp.host ?? host },
          { access, find, clock, events: metrics, log },
        ),
      );
    }
    streams.start();
    return new Framelift(running.move(), arena, metrics, server, reloader);
  }

  /** `http://host:port/` of the page, or `https:`. */
  get url(): string {
    return this.#server.url;
  }

  /**
   * Reads the configuration again and touches only what differs; all of it or nothing.
   * @throws FrameliftError `config.invalid` naming the key, and what {@link Framelift.start} throws of streams; then everything is as it was.
   */
  reload(): Promise<ReloadReport> {
    return this.#reloader.reload();
  }

  /** Frame handles not released: zero after closing. */
  get liveFrames(): number {
    return this.#arena.liveFrames;
  }

  /** Closes everything in reverse order. Closing twice is harmless. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#running.disposeAsync();
    return this.#closing;
  }
}

function logEncoder({ wanted, encoder, detail, remedy }: EncoderSelection, log: Log): void {
  if (encoder !== wanted) log.warn({ encoder, wanted, remedy }, detail);
  else if (wanted !== 'x264') log.info({ encoder }, `encoder ${encoder}: ${detail}`);
}

/** What engines run on and report to. */
interface PoolDeps {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
  readonly trials: ProviderTrials;
  readonly log: Log;
}

function makePool(engine: Config['engine'], { arena, clock, metrics, trials, log }: PoolDeps): EnginePool {
  return new EnginePool({
    arena,
    clock,
    events: metrics,
    log,
    workers: engine.workers,
    threads: engine.threads,
    provide: async (model) => {
      const selection = await trials.select(model, engine.provider);
      const { model: id, provider } = selection;
      log.info({ model: id, provider, providers: describeSelection(selection) }, 'execution provider');
      metrics.emit({ type: 'provider', model: id, provider });
      return provider;
    },
    ...(engine.batch === undefined ? {} : { batch: engine.batch }),
    ...(engine.grain === undefined ? {} : { grain: engine.grain }),
  });
}

/** The streams; none runs yet. */
function makeStreams(
  config: Config,
  context: StreamContext & { readonly events: MetricsRegistry },
  transport: TransportSettings,
  env: NonNullable<ServeOptions['env']>,
): StreamSet {
  return new StreamSet({
    ...context,
    env,
    transport,
    sourceRules: { operator: sourceRules(config, 'operator'), api: sourceRules(config, 'api') },
    maxViewers: config.webrtc.maxViewers,
    maxStreams: config.server.maxStreams,
    recordings: config.recordings.directory,
    model: config.engine.model,
  });
}

/** Where players and publishers come in. */
function makeEndpoints(
  { server: { publicUrls, basePath }, webrtc: { publishOrigins, playOrigins } }: Config,
  streams: StreamSet,
  shared: { readonly iceServers: IceServers; readonly log: Log },
  running: AsyncDisposableStack,
): [WhepEndpoint, WhipEndpoint] {
  const publication: WhepOptions['find'] = (name, variant) => streams.publication(name, variant);
  const gate: WhipOptions['find'] = (name) => streams.gate(name);
  // A page that is reached by one of our names may ask by another.
  const own = publicUrls.map((url) => new URL(url).origin);
  const whep = { basePath: `${basePath}/whep/`, allowedOrigins: [...own, ...playOrigins] };
  const whip = { basePath: `${basePath}/whip/`, allowedOrigins: [...own, ...publishOrigins] };
  return [
    running.use(new WhepEndpoint({ find: publication, ...whep, ...shared })),
    running.use(new WhipEndpoint({ find: gate, ...whip, ...shared })),
  ];
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
