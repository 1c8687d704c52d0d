/** How the server answers: never cached, refusals as JSON with a code and a remedy. */
import type { FastifyReply } from 'fastify';
import type { Denial } from './auth.ts';
import type { TooMany } from './request-rate.ts';

/** Keeps an answer out of caches. */
export function uncached(reply: FastifyReply): FastifyReply {
  return reply.header('Cache-Control', 'no-store');
}

/** Answers with an error. */
export function refuse(
  reply: FastifyReply,
  status: number,
  code: string,
  message: string,
  remedy?: string,
): FastifyReply {
  return uncached(reply)
    .code(status)
    .send({ code, message, ...(remedy === undefined ? {} : { remedy }) });
}

/** Answers a request that lacks the right token, or is one too many. */
export function deny(reply: FastifyReply, { status, code, message, remedy, headers }: Denial | TooMany): FastifyReply {
  return refuse(reply.headers(headers), status, code, message, remedy);
}
