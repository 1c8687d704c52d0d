/**
 * The log of requests: each at debug, those without the right to be there at warn. No query, header
 * or session id is written.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Log } from '../log.ts';
import { clientAddress } from './front/client.ts';

/** Refusals that are always written: somebody may be trying something, or has forgotten a token. */
const REFUSED: Readonly<Record<number, string>> = {
  401: 'refused: no token, or a wrong one',
  403: 'refused: from a page of another site, or by another name',
};

/** Characters of a path, or of a header, that are logged. */
const MAX_LOGGED_LENGTH = 200;

/**
 * Writes a line for every answered request. An upgrade to WebSocket has no answer of HTTP: see
 * {@link logRequest}.
 */
export function logRequests(app: FastifyInstance, log: Log): void {
  app.addHook('onResponse', async (request, reply) => {
    logRequest(log, request, { status: reply.statusCode, ms: Math.round(reply.elapsedTime) });
  });
}

/** Writes the line of one request. */
export function logRequest(
  log: Log,
  request: FastifyRequest,
  { status, ms }: { readonly status: number; readonly ms?: number },
): void {
  const refused = REFUSED[status];
  if (refused === undefined && !log.enabled('debug')) return;
  const line = { status, method: request.method, path: shownPath(request), from: clientAddress(request) };
  if (status === 403) log.warn({ ...line, ...namesIn(request) }, refused ?? '');
  else if (refused !== undefined) log.warn(line, refused);
  else log.debug({ ...line, ms, role: request.routeOptions.config.role }, 'request');
}

/** By which name a request came, and from whose page. */
function namesIn({ headers: { host, origin } }: FastifyRequest): object {
  const page = origin === undefined ? {} : { origin: origin.slice(0, MAX_LOGGED_LENGTH) };
  return { host: host?.slice(0, MAX_LOGGED_LENGTH), ...page };
}

/**
 * Without its query, which may hold a token, and without the session id, which lets its holder end
 * the session.
 */
function shownPath({ url, params }: FastifyRequest): string {
  const path = (url.split('?', 1)[0] ?? '').slice(0, MAX_LOGGED_LENGTH);
  // Signalling routes have this parameter, others none.
  const { sessionId } = (params ?? {}) as { readonly sessionId?: string };
  return sessionId === undefined ? path : path.replace(/[^/]*$/, '…');
}
