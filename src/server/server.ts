/**
 * The HTTP server: page, WHEP and WHIP, metrics, health, the API and the state feed, on fastify.
 */

import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { EncoderSelection } from '../egress/codec/hardware/trial.ts';
import type { WhepEndpoint } from '../egress/whep.ts';
import { FrameliftError, messageOf } from '../errors.ts';
import type { WhipEndpoint } from '../ingest/whip/endpoint.ts';
import type { ProviderSelection } from '../interp/providers/provider.ts';
import type { Log } from '../log.ts';
import type { MetricsRegistry } from '../metrics/registry.ts';
import { type Clock, fromMs, plus, toMs } from '../time.ts';
import { MAX_OFFER_BYTES, type SignallingEndpoint } from '../webrtc/resource.ts';
import { type ApiDeps, operations } from './api/operations.ts';
import { mountApi } from './api/route.ts';
import { Access } from './auth.ts';
import type { Certificate } from './certificate.ts';
import type { ConfigControl, RecordingControl, SnapshotControl, StreamControl, StreamDirectory } from './contract.ts';
import { mountBasePath, withoutBase } from './front/base-path.ts';
import { trustedProxies } from './front/client.ts';
import { Site } from './front/host.ts';
import { checkHost, checkUpgrade, guard, guardOrigins, limitRate, pathOf } from './hooks.ts';
import { makeListener } from './listener.ts';
import { pageHeaders, readPage } from './page.ts';
import { notAllowed, refuse, uncached } from './reply.ts';
import { logRequests } from './request-log.ts';
import { mountSignalling } from './signalling-route.ts';
import { notReady, streamReport } from './status.ts';
import { StateFeed } from './websocket.ts';
import { acceptWebSockets, mountWebSocket, WEBSOCKET_PATH } from './websocket-route.ts';

/** Options of {@link FrameliftServer.start}. */
export interface ServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8080; 0 takes a free one. */
  readonly port?: number;
  /** HTTPS instead of HTTP. */
  readonly certificate?: Certificate | undefined;
  /** Default 1024. */
  readonly maxConnections?: number;
  /** Default 10 s. */
  readonly requestTimeoutMs?: number;
  /** From one address. Default: any number. */
  readonly requestsPerSecond?: number | undefined;
  /** Addresses and names of this machine for its peers. */
  readonly advertisedHosts?: readonly string[];
  /** Where people open the page, if not by the address of `host`. */
  readonly publicUrls?: readonly string[];
  /** Path at which a proxy shows the server, without a slash at its end. Default none. */
  readonly basePath?: string;
  /** Proxies whose `X-Forwarded-*` are believed: `loopback`, `private`, addresses, ranges. */
  readonly trustProxy?: readonly string[];
  /** Sites that may show the page in a frame. */
  readonly frameAncestors?: readonly string[];
}

/** What the server works with. */
export interface ServerDeps {
  /** Default: playing is open, everything else closed. */
  readonly access?: Access;
  readonly streams: StreamDirectory;
  /** What the API changes. */
  readonly control: { readonly streams: StreamControl; readonly config: ConfigControl };
  /** Default: there is nothing. */
  readonly recordings?: RecordingControl;
  /** Default: there is no stream. */
  readonly snapshot?: SnapshotControl;
  readonly whep: WhepEndpoint;
  readonly whip: WhipEndpoint;
  readonly metrics: MetricsRegistry;
  /**
   * Which execution provider each model runs on, and why no other one. Default: nothing is known.
   */
  readonly providers?: () => readonly ProviderSelection[];
  /** Which encoder makes H.264, and why. Default: nothing is told. */
  readonly encoder?: EncoderSelection;
  readonly log: Log;
  readonly clock: Clock;
}

const MAX_CONNECTIONS = 1024;
const REQUEST_TIMEOUT_MS = 10_000;
/** Closing takes no longer than this. */
const CLOSE_TIMEOUT = fromMs(1000);

/** A listening server. */
export class FrameliftServer implements AsyncDisposable {
  /** `http://127.0.0.1:8080`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly #app: FastifyInstance;
  readonly #clock: Clock;
  #closing: Promise<void> | undefined;

  private constructor(app: FastifyInstance, clock: Clock, url: string, port: number) {
    this.#app = app;
    this.#clock = clock;
    this.url = url;
    this.port = port;
  }

  /** Listens. @throws FrameliftError `server.port-taken`, `server.failed`. */
  static async start(options: ServerOptions, deps: ServerDeps): Promise<FrameliftServer> {
    const { host = '127.0.0.1', port = 8080 } = options;
    const app = await buildApp({ ...options, host }, deps);
    try {
      await app.listen({ host, port });
    } catch (thrown) {
      await app.close();
      throw listenError(thrown, host, port);
    }
    // A TCP server that listens has an AddressInfo; strings belong to pipes.
    const { port: bound } = app.server.address() as AddressInfo;
    const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
    const scheme = options.certificate ? 'https' : 'http';
    return new FrameliftServer(app, deps.clock, `${scheme}://${shown}:${bound}`, bound);
  }

  /**
   * Stops listening and closes every connection, idle ones included. Resolves within 2 s; calling
   * it twice is harmless.
   */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const cancel = this.#clock.at(plus(this.#clock.now(), CLOSE_TIMEOUT), resolve);
      const closed = (): void => {
        cancel();
        resolve();
      };
      this.#app.close().then(closed, closed);
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Everything that is mounted; it does not listen yet. */
async function buildApp(
  options: ServerOptions & { readonly host: string },
  deps: ServerDeps,
): Promise<FastifyInstance> {
  const { host, requestsPerSecond, basePath = '', frameAncestors = [], advertisedHosts, publicUrls } = options;
  const site = new Site({ boundTo: host, advertisedHosts, publicUrls, machine: hostname() });
  const { log } = deps;
  const app = makeApp(options, log);
  // First: the sockets of refused upgrades, and with them their addresses, go with the answer.
  logRequests(app, log);
  await acceptWebSockets(app, log);
  app.addHook('onRequest', async (_request, reply) => {
    // Nor does a page elsewhere get any of it as its own script or image.
    reply.header('X-Content-Type-Options', 'nosniff').header('Cross-Origin-Resource-Policy', 'same-origin');
  });
  if (requestsPerSecond !== undefined) await limitRate(app, requestsPerSecond);
  checkHost(app, site);
  checkUpgrade(app, WEBSOCKET_PATH);
  mountBasePath(app, basePath);
  mountPage(app, frameAncestors);
  mountStatus(app, deps);
  mountStreams(app, deps, { site, basePath });
  answerFaults(app, log, basePath);
  return app;
}

/** A fastify that listens as the options say. */
function makeApp({ certificate, trustProxy = [], basePath = '', ...limits }: ServerOptions, log: Log): FastifyInstance {
  const { maxConnections = MAX_CONNECTIONS, requestTimeoutMs = REQUEST_TIMEOUT_MS } = limits;
  return fastify({
    bodyLimit: MAX_OFFER_BYTES,
    forceCloseConnections: true,
    trustProxy: trustedProxies(trustProxy),
    rewriteUrl: ({ url = '/' }) => withoutBase(url, basePath),
    serverFactory: (handle) => makeListener(handle, { maxConnections, requestTimeoutMs }, { certificate, log }),
    frameworkErrors: ({ message }, { raw }, reply) => {
      // No hook runs here: nobody else would close the connection of an upgrade.
      reply.raw.once('finish', () => raw.socket.destroySoon());
      refuse(reply, { status: 400, code: 'http.bad-request', message, headers: { Connection: 'close' } });
    },
  });
}

function mountPage(app: FastifyInstance, frameAncestors: readonly string[]): void {
  const headers = pageHeaders(frameAncestors);
  for (const { path, type, body, etag } of readPage()) {
    app.get(path, async (request, reply) => {
      reply.headers(headers).header('ETag', etag);
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return reply.type(type).send(body);
    });
  }
}

/** Health and metrics, which need no token. */
function mountStatus(app: FastifyInstance, { streams, metrics }: ServerDeps): void {
  const { version } = metrics;
  app.get('/healthz', async (_request, reply) => uncached(reply).send({ status: 'ok', version }));
  app.get('/readyz', async (_request, reply) => {
    const reasons = notReady(streams);
    const ready = reasons.length === 0;
    return uncached(reply)
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'not-ready', reasons });
  });
  app.get('/metrics', async (_request, reply) =>
    uncached(reply)
      .header('Content-Type', metrics.contentType)
      .send(await metrics.text()),
  );
}

/** Where requests are to have come to. */
interface Front {
  readonly site: Site;
  readonly basePath: string;
}

/** The ways to the streams: API, WebSocket, WHEP and WHIP. */
function mountStreams(app: FastifyInstance, deps: ServerDeps, { site, basePath }: Front): void {
  const {
    access = new Access(),
    recordings = () => undefined,
    snapshot = noSnapshot,
    control,
    streams,
    metrics,
    whep,
    whip,
    clock,
    log,
  } = deps;
  const document = streamsDocument(deps, basePath);
  const table = operations({
    document,
    report: (name) => document().streams.find((stream) => stream.name === name),
    stats: () => streams.list().map(({ name }) => metrics.snapshot(name)),
    recordings,
    snapshot,
    ...control,
  });
  const feed = new StateFeed({ streams, document: () => JSON.stringify(document()), gate: whep, clock, log });
  const judge = guard(access, site);
  mountApi(app, { operations: table, judge, version: metrics.version, basePath });
  mountWebSocket(app, { feed, judge, log });
  const fromPages = (endpoint: SignallingEndpoint, key: string) => ({
    ...{ endpoint, access, judge: guardOrigins(site, endpoint.allowedOrigins, key) },
  });
  mountSignalling(app, { path: '/whep', role: 'play', ...fromPages(whep, 'webrtc.playOrigins') });
  mountSignalling(app, { path: '/whip', role: 'publish', ...fromPages(whip, 'webrtc.publishOrigins') });
}

const noSnapshot: SnapshotControl = async (name) => {
  throw new FrameliftError('server.no-stream', `there is no stream "${name}"`);
};

/** What `GET /api/streams` answers and the state feed sends. */
function streamsDocument(
  { streams, metrics, providers = () => [], encoder, clock }: ServerDeps,
  basePath: string,
): ApiDeps['document'] {
  const startedAt = new Date(toMs(clock.wall())).toISOString();
  const { version } = metrics;
  return () => {
    const reports = streams.list().map((entry) => streamReport(entry, metrics.snapshot(entry.name), basePath));
    return { version, startedAt, providers: providers(), ...(encoder && { encoder }), streams: reports };
  };
}

/** Codes of requests that fastify refuses. */
const CODES: Readonly<Record<number, string>> = { 413: 'http.too-large', 415: 'http.unsupported-media-type' };

/** Answers what no route does, and what a route or fastify has thrown. */
function answerFaults(app: FastifyInstance, log: Log, basePath: string): void {
  app.setNotFoundHandler(async (request, reply) => {
    const { method } = request;
    const path = pathOf(request);
    if (app.hasRoute({ method: 'GET', url: path })) return refuse(reply, notAllowed(method, ['GET', 'HEAD']));
    const message = `there is nothing at ${path}`;
    return refuse(reply, { status: 404, code: 'http.not-found', message, remedy: `The page is at ${basePath}/.` });
  });
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const { statusCode: status = 500, message } = error;
    if (status < 500) return refuse(reply, { status, code: CODES[status] ?? 'http.bad-request', message });
    log.warn({ err: error, path: pathOf(request) }, 'request failed');
    const told = { code: 'server.failed', message: 'the server failed to answer', remedy: 'See its log.' };
    return refuse(reply, { status: 500, ...told });
  });
}

function listenError(thrown: unknown, host: string, port: number): FrameliftError {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'EADDRINUSE') {
    return new FrameliftError('server.port-taken', `port ${port} on ${host} is taken by another program`, {
      remedy: 'Choose another one with --port, or stop the program that listens there.',
      cause: thrown,
    });
  }
  const remedy =
    code === 'EACCES'
      ? 'Choose a port of 1024 or above with --port.'
      : 'Choose an address of this machine with --host: 127.0.0.1, or 0.0.0.0 for all.';
  const message = `cannot listen on ${host}:${port}: ${messageOf(thrown)}`;
  return new FrameliftError('server.failed', message, { remedy, cause: thrown });
}
