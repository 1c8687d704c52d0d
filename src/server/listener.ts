/** The listening socket, with TLS or without, and what bounds its clients. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { Log } from '../log.ts';
import type { Certificate } from './certificate.ts';
import { shareConnections } from './front/connections.ts';

/** Bounds of clients. */
export interface ListenerLimits {
  /** TCP connections at a time; when all are taken, clients share them. */
  readonly maxConnections: number;
  /**
   * A request, headers and body, has arrived by then, or its connection is cut off; before it, TLS
   * has as long.
   */
  readonly requestTimeoutMs: number;
}

/** An idle keep-alive connection is closed after this. */
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
/** Headers of a request, in bytes. */
const MAX_HEADER_BYTES = 16_384;

/** What {@link makeListener} works with. */
export interface ListenerDeps {
  readonly certificate: Certificate | undefined;
  readonly log: Log;
}

/**
 * Makes the server of node:http or node:https; it does not listen yet. Once it does, nothing that
 * happens to its socket ends the process: connections that cannot be taken are told in the log.
 */
export function makeListener(
  handle: RequestListener,
  { maxConnections, requestTimeoutMs }: ListenerLimits,
  { certificate, log }: ListenerDeps,
): Server {
  const options: ServerOptions = {
    handshakeTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: Math.min(1000, requestTimeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
    // Other upgrades (curl offers h2c) are answered as if none had been asked for.
    shouldUpgradeCallback: ({ method, headers }) => method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket',
  };
  const server = certificate ? makeTls(handle, options, certificate) : createServer(options, handle);
  shareConnections(server, maxConnections, log);
  server.on('listening', () => {
    server.on('error', (error) => log.warn({ err: error, remedy: remedyOf(error) }, 'a connection cannot be taken'));
  });
  return server;
}

function makeTls(handle: RequestListener, options: ServerOptions, certificate: Certificate): Server {
  const pem = certificate.follow((newer) => server.setSecureContext(newer));
  const server = createTlsServer({ ...options, ...pem }, handle);
  return server;
}

function remedyOf(error: Error): string | undefined {
  const full = 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');
  return full ? 'Raise the limit of open files (ulimit -n, LimitNOFILE=), or lower server.maxConnections.' : undefined;
}
