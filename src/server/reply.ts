/** How the server answers: never cached, refusals as JSON with a code and a remedy. */
import type { FastifyReply } from 'fastify';

/** Why a request is refused. */
export interface Refusal {
  readonly status: number;
  /** For programs. */
  readonly code: string;
  readonly message: string;
  /** What the client can do about it. */
  readonly remedy?: string | undefined;
  /** Sent with the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Keeps an answer out of caches. */
export function uncached(reply: FastifyReply): FastifyReply {
  return reply.header('Cache-Control', 'no-store');
}

/** Answers with an error. */
export function refuse(reply: FastifyReply, { status, code, message, remedy, headers = {} }: Refusal): FastifyReply {
  return uncached(reply)
    .headers(headers)
    .code(status)
    .send({ code, message, ...(remedy === undefined ? {} : { remedy }) });
}

/** Why a method is refused where only `methods` are possible. */
export function notAllowed(method: string, methods: readonly string[]): Refusal {
  const allow = methods.join(', ');
  return {
    status: 405,
    code: 'http.method-not-allowed',
    message: `${method} is not possible here`,
    remedy: `Use ${allow}.`,
    headers: { Allow: allow },
  };
}
