/** The HTTP server: page, WHEP and WHIP, metrics, health, the API and live state, on fastify. */

import type { AddressInfo } from 'node:net';
import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { WhepEndpoint } from '../egress/whep.ts';
import { FrameliftError } from '../errors.ts';
import type { WhipEndpoint } from '../ingest/whip/endpoint.ts';
import type { ProviderSelection } from '../interp/providers/provider.ts';
import type { Log } from '../log.ts';
import type { MetricsRegistry } from '../metrics/registry.ts';
import { type Clock, fromMs, plus, toMs } from '../time.ts';
import { MAX_OFFER_BYTES } from '../webrtc/resource.ts';
import { type ApiParts, operations } from './api/operations.ts';
import { mountApi } from './api/route.ts';
import { Access } from './auth.ts';
import type { Certificate } from './certificate.ts';
import type { ConfigControl, StreamControl, StreamDirectory } from './contract.ts';
import { hostAllowed } from './host.ts';
import { makeListener } from './listener.ts';
import { PAGE_HEADERS, readPage } from './page.ts';
import { noteRefusal } from './refusals.ts';
import { deny, refuse, uncached } from './reply.ts';
import { RequestRate } from './request-rate.ts';
import { mountSignalling } from './signalling-route.ts';
import { notReady, type StreamReport, streamReport } from './status.ts';
import { LIVE_PATH, type LiveOptions, LiveState } from './websocket.ts';

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
  /** Default: playing is open, everything else closed. */
  readonly access?: Access;
  readonly streams: StreamDirectory;
  /** What the API changes. */
  readonly control: { readonly streams: StreamControl; readonly config: ConfigControl };
  readonly whep: WhepEndpoint;
  readonly whip: WhipEndpoint;
  readonly metrics: MetricsRegistry;
  /** Which execution provider each model runs on, and why no other one. Default: nothing is known. */
  readonly providers?: () => readonly ProviderSelection[];
  readonly log: Log;
  readonly clock: Clock;
}

const MAX_CONNECTIONS = 1024;
const REQUEST_TIMEOUT_MS = 10_000;
/** Closing takes no longer than this. */
const CLOSE_WITHIN = fromMs(1000);

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
  static async start(options: ServerOptions): Promise<FrameliftServer> {
    const { host = '127.0.0.1', port = 8080 } = options;
    const app = buildApp(options, host);
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
    return new FrameliftServer(app, options.clock, `${scheme}://${shown}:${bound}`, bound);
  }

  /** Stops listening and closes every connection, idle ones included. Resolves within 2 s; calling it twice is harmless. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const cancel = this.#clock.at(plus(this.#clock.now(), CLOSE_WITHIN), resolve);
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

function buildApp(options: ServerOptions, host: string): FastifyInstance {
  const { log, whep, whip, access = new Access(), metrics, certificate } = options;
  const { maxConnections = MAX_CONNECTIONS, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const app = fastify({
    bodyLimit: MAX_OFFER_BYTES,
    forceCloseConnections: true,
    serverFactory: (handle) => makeListener(handle, { maxConnections, requestTimeoutMs }, certificate),
    frameworkErrors: (error, _request, reply) => {
      refuse(reply, 400, 'http.bad-request', error.message);
    },
  });
  const rate = limitRate(app, options);
  app.server.on('drop', () => log.warn({ maxConnections }, 'refused: too many connections'));
  app.addHook('onResponse', async ({ method, url, ip }, { statusCode }) => {
    noteRefusal(log, { status: statusCode, method, url, from: ip });
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('X-Content-Type-Options', 'nosniff');
    if (pathOf(request).startsWith('/whep/') || hostAllowed(request.headers.host, host)) return;
    const remedy = 'Open the page as localhost or by the address the server listens on.';
    return refuse(reply, 403, 'http.forbidden-host', `this server does not answer as "${request.hostname}"`, remedy);
  });
  const document = apiDocument(options);
  const text = (): string => JSON.stringify(document());
  const paths = new Set([
    ...mountPage(app),
    ...mountStatus(app, options),
    ...mountLive(app, options, { access, rate, document: text, boundTo: host }),
  ]);
  const table = operations({
    document,
    report: (name) => reportOf(options, name),
    stats: () => options.streams.list().map(({ name }) => metrics.snapshot(name)),
    ...options.control,
  });
  mountApi(app, { operations: table, access, version: metrics.version });
  mountSignalling(app, '/whep', {
    endpoint: whep,
    authorize: (headers) => access.authorize(headers, 'play'),
  });
  mountSignalling(app, '/whip', {
    endpoint: whip,
    authorize: (headers) => access.authorize(headers, 'publish'),
  });
  app.setNotFoundHandler(async (request, reply) => {
    if (!paths.has(pathOf(request))) {
      return refuse(reply, 404, 'http.not-found', `there is nothing at ${pathOf(request)}`, 'The page is at /.');
    }
    reply.header('Allow', 'GET, HEAD');
    return refuse(reply, 405, 'http.method-not-allowed', `${request.method} is not possible here`, 'Use GET.');
  });
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return refuse(reply, status, CODES[status] ?? 'http.bad-request', error.message);
    log.warn({ err: error, path: pathOf(request) }, 'request failed');
    return refuse(reply, 500, 'server.failed', 'the server failed to answer', 'See its log.');
  });
  return app;
}

/** Codes of requests that fastify refuses. */
const CODES: Readonly<Record<number, string>> = { 413: 'http.too-large', 415: 'http.unsupported-media-type' };

/** Counts requests; upgrades, which pass by hooks, have to be counted by the same rate. */
function limitRate(app: FastifyInstance, { clock, requestsPerSecond }: ServerOptions): RequestRate | undefined {
  if (requestsPerSecond === undefined) return undefined;
  const rate = new RequestRate(clock, requestsPerSecond);
  app.addHook('onRequest', async (request, reply) => {
    if (!rate.take(request.ip)) return deny(reply, rate.refusal);
  });
  return rate;
}

/** Page files; returns their paths. */
function mountPage(app: FastifyInstance): string[] {
  const files = readPage();
  for (const { path, type, body, etag } of files) {
    app.get(path, async (request, reply) => {
      reply.headers(PAGE_HEADERS).header('ETag', etag);
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return reply.type(type).send(body);
    });
  }
  return files.map((file) => file.path);
}

/** Health and metrics, which need no token; returns their paths. */
function mountStatus(app: FastifyInstance, { streams, metrics }: ServerOptions): string[] {
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
  return ['/healthz', '/readyz', '/metrics'];
}

/** What `GET /api/streams` answers and live state sends. */
function apiDocument({ streams, metrics, providers = () => [], clock }: ServerOptions): ApiParts['document'] {
  const startedAt = new Date(toMs(clock.wall())).toISOString();
  const { version } = metrics;
  return () => {
    const reports = streams.list().map((entry) => streamReport(entry, metrics.snapshot(entry.name)));
    return { version, startedAt, providers: providers(), streams: reports };
  };
}

function reportOf({ streams, metrics }: ServerOptions, name: string): StreamReport | undefined {
  const entry = streams.list().find((stream) => stream.name === name);
  return entry && streamReport(entry, metrics.snapshot(name));
}

/** Live state over WebSocket; returns its path. */
function mountLive(
  app: FastifyInstance,
  { streams, whep, clock, log }: ServerOptions,
  parts: Pick<LiveOptions, 'access' | 'rate' | 'document' | 'boundTo'>,
): string[] {
  const live = new LiveState({ streams, gate: whep, clock, log, ...parts });
  app.server.on('upgrade', (request, socket, head) => live.upgrade(request, socket, head));
  app.addHook('preClose', async () => live.close());
  app.get(LIVE_PATH, async (_request, reply) => {
    reply.header('Upgrade', 'websocket');
    return refuse(reply, 426, 'http.upgrade-required', 'only WebSockets are served here', 'Ask /api/streams instead.');
  });
  return [LIVE_PATH];
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/';
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
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new FrameliftError('server.failed', `cannot listen on ${host}:${port}: ${message}`, { remedy, cause: thrown });
}
