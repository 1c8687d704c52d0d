/**
 * What every request passes before its route, WebSocket upgrades included: rate, Host, Origin and
 * token, judged once for all.
 */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Role } from '../config/secrets.ts';
import type { Access } from './auth.ts';
import { hostAllowed, originAllowed } from './host.ts';
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
  await app.register(rateLimit, { global: false, max: perSecond, timeWindow: 1000, cache: MAX_ADDRESSES });
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

/**
 * On loopback, refuses requests that name another host: a page elsewhere must not get in by a name
 * it controls. WHEP is for players of any site.
 */
export function checkHost(app: FastifyInstance, boundTo: string): void {
  app.addHook('onRequest', async (request, reply) => {
    if (pathOf(request).startsWith('/whep/') || hostAllowed(request.headers.host, boundTo)) return;
    return refuse(reply, {
      status: 403,
      code: 'http.forbidden-host',
      message: `this server does not answer as "${request.hostname}"`,
      remedy: 'Open the page as localhost or by the address the server listens on.',
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
export function guard(access: Access): Judge {
  return async (request, reply) => {
    const { headers, method, ws } = request;
    const { role } = request.routeOptions.config;
    if ((ws || (method !== 'GET' && method !== 'HEAD')) && !originAllowed(headers.origin, headers.host)) {
      return refuse(reply, {
        status: 403,
        code: 'http.forbidden-origin',
        message: 'pages of other sites may not do this',
        remedy: 'Use the page of this server, or a program that sends no Origin header.',
      });
    }
    const denial = role && access.authorize(headers, role, ws ? 'websocket' : 'http');
    return denial && refuse(reply, denial);
  };
}

/** The path of a request, without its query. */
export function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? '/';
}
