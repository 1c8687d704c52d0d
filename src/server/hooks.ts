/**
 * What every request passes before its route, WebSocket upgrades included: rate, Host, Origin and
 * token, judged once for all.
 */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Role } from '../config/secrets.ts';
import type { Access } from './auth.ts';
import { clientAddress } from './front/client.ts';
import { type Addressed, hostOf, originOf, type Site } from './front/host.ts';
import { refuse } from './reply.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request of this route wants. Absent: anybody may ask. */
    readonly role?: Role;
  }
}

/** Judges a request before its body is read: answers it, or lets it pass. */
export type Judge = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;

/** Addresses whose requests are counted; the one that was silent for longest is forgotten first. */
const MAX_ADDRESSES = 4096;

/**
 * Refuses requests beyond `perSecond` from one address (of IPv6 one /64), whatever they ask for.
 */
export async function limitRate(app: FastifyInstance, perSecond: number): Promise<void> {
  const keyGenerator = (request: FastifyRequest): string => rateLimit.normalizeIP(clientAddress(request));
  await app.register(rateLimit, {
    global: false,
    max: perSecond,
    timeWindow: 1000,
    cache: MAX_ADDRESSES,
    keyGenerator,
  });
  const count = app.createRateLimit();
  app.addHook('onRequest', async (request, reply) => {
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    return refuse(reply, {
      status: 429,
      code: 'http.too-many-requests',
      message: `more than ${perSecond} requests a second from this address`,
      remedy: 'Send fewer requests.',
      headers: { 'Retry-After': `${counted.ttlInSeconds}` },
    });
  });
}

/** Refuses requests that name another host: a page elsewhere must not get in by a name it controls. */
export function checkHost(app: FastifyInstance, site: Site): void {
  app.addHook('onRequest', async (request, reply) => {
    const foreign = addressed(request).hosts.find((host) => !site.answersTo(host));
    if (foreign === undefined && request.headers.host !== undefined) return;
    return refuse(reply, {
      status: 403,
      code: 'http.forbidden-host',
      message: `this server does not answer as "${foreign ?? ''}"`,
      remedy: hostRemedy(request, foreign),
    });
  });
}

/** Refuses upgrades to WebSocket anywhere but at `path`. */
export function checkUpgrade(app: FastifyInstance, path: string): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!request.ws || request.routeOptions.url === path) return;
    const message = 'there is no WebSocket here';
    return refuse(reply, { status: 404, code: 'http.not-found', message, remedy: `The WebSocket is at ${path}.` });
  });
}

/**
 * For routes with a role: changes and WebSockets come from this server's own page or from programs,
 * and everybody has the token that the role needs.
 */
export function guard(access: Access, site: Site): Judge {
  return async (request, reply) => {
    const { headers, method, ws } = request;
    const { role } = request.routeOptions.config;
    if ((ws || (method !== 'GET' && method !== 'HEAD')) && !site.isOwnPage(addressed(request))) {
      return refusePage(request, reply, 'Open the page of this server, or use a program that sends no Origin header');
    }
    const denial = role && access.authorize(headers, role, ws ? 'websocket' : 'http');
    return denial && refuse(reply, denial);
  };
}

/**
 * For WHIP and WHEP: pages of other sites come only as `allowed` says, whatever they ask.
 * @param key of the configuration that allows them.
 */
export function guardOrigins(site: Site, allowed: readonly string[], key: string): Judge {
  return async (request, reply) => {
    const { origin } = request.headers;
    if (site.isOwnPage(addressed(request)) || allowed.includes('*') || allowed.includes(origin ?? '')) return;
    const { origin: shown = '"*"' } = shownOrigin(request);
    return refusePage(request, reply, `If its pages may do this, add ${shown} to ${key}`);
  };
}

function refusePage(request: FastifyRequest, reply: FastifyReply, remedy: string): FastifyReply {
  const { origin, host } = shownOrigin(request);
  const own = origin === undefined ? '' : `; if ${host} is this server, add ${origin} to server.publicUrls`;
  return refuse(reply, {
    status: 403,
    code: 'http.forbidden-origin',
    message: `pages of ${host} may not do this`,
    remedy: `${remedy}${own}.`,
  });
}

/** The site of an Origin header, for people. */
function shownOrigin({ headers }: FastifyRequest): { readonly host: string; readonly origin?: string } {
  const origin = originOf(headers.origin ?? '');
  return origin === undefined ? { host: 'other sites' } : { host: new URL(origin).host, origin: `"${origin}"` };
}

/** By which names a request came: of its Host header, and of X-Forwarded-Host where a trusted proxy sends one. */
function addressed(request: FastifyRequest): Addressed {
  const { host, origin } = request.headers;
  return { hosts: request.host === host ? [host] : [host, request.host], origin };
}

/** What to write into the configuration so that a request passes that came by a foreign name. */
function hostRemedy(request: FastifyRequest, host: string | undefined): string {
  const name = hostOf(host);
  if (name === undefined) return 'Send a Host header that names this server.';
  const { headers, protocol } = request;
  // A hint for words alone: the browser knows scheme and port, a proxy at least the scheme.
  const origin = originOf(headers.origin ?? '');
  const scheme = /^https?$/.exec(String(headers['x-forwarded-proto']))?.[0] ?? protocol;
  const url = origin && new URL(origin).hostname === name.toLowerCase() ? origin : `${scheme}://${host}`;
  return `If this is the server's name, write server.publicUrls: ["${url}"] into its configuration.`;
}

/** The path of a request, without its query. */
export function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? '/';
}
