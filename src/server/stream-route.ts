/** One stream in the API: `GET /api/streams/<name>` tells of it, `POST` changes its model while it runs. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { asFrameliftError, type ErrorCode } from '../errors.ts';
import type { StreamDirectory } from './directory.ts';
import { originAllowed } from './host.ts';
import { refuse, uncached } from './reply.ts';
import type { StreamReport } from './status.ts';

/** Bytes of a request. */
const MOST_RECEIVED = 4096;

/** Only names: what the server opens is chosen by who starts it, not by who can reach it. */
const changeSchema = z.strictObject({
  model: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, 'expected the id of a model (framelift models lists them)')
    .refine((name) => !name.endsWith('.onnx'), 'a file can only be named when framelift is started, by --model'),
});

/** Statuses of errors that the request is to blame for, or that pass. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  'config.invalid': 422,
  'model.not-found': 422,
  'model.invalid': 422,
  'provider.unusable': 422,
  'arena.full': 503,
};

/** What {@link mountStream} works with. */
export interface StreamRouteParts {
  readonly streams: StreamDirectory;
  /** What the API says of a stream; undefined for one that there is not. */
  readonly report: (name: string) => StreamReport | undefined;
}

type StreamRequest = FastifyRequest<{ Params: { readonly name: string } }>;

/** Mounts the route. */
export function mountStream(app: FastifyInstance, { streams, report }: StreamRouteParts): void {
  const url = '/api/streams/:name';
  const answer = (request: StreamRequest, reply: FastifyReply): FastifyReply => {
    const { name } = request.params;
    const found = report(name);
    return found ? uncached(reply).send(found) : refuse(reply, 404, 'http.not-found', `there is no stream "${name}"`);
  };
  app.register(async (scope) => {
    // A page elsewhere may send text/plain without asking first.
    scope.removeContentTypeParser('text/plain');
    scope.get(url, async (request: StreamRequest, reply) => answer(request, reply));
    scope.post(url, { bodyLimit: MOST_RECEIVED }, async (request: StreamRequest, reply) => {
      if (!originAllowed(request.headers.origin, request.headers.host)) {
        return refuse(reply, 403, 'http.forbidden-origin', 'pages of other sites may not change streams');
      }
      if (!report(request.params.name)) return answer(request, reply);
      const change = changeSchema.safeParse(request.body);
      if (!change.success) {
        return refuse(reply, 400, 'http.bad-request', z.prettifyError(change.error), 'Send {"model": "flow-s"}.');
      }
      try {
        await streams.setModel(request.params.name, change.data.model);
      } catch (thrown) {
        const { code, message, remedy } = asFrameliftError(thrown, 'server.failed');
        return refuse(reply, STATUSES[code] ?? 500, code, message, remedy);
      }
      return answer(request, reply);
    });
    scope.route({
      method: ['PUT', 'PATCH', 'DELETE'],
      url,
      handler: async (request, reply) => {
        reply.header('Allow', 'GET, HEAD, POST');
        return refuse(reply, 405, 'http.method-not-allowed', `${request.method} is not possible here`, 'Use POST.');
      },
    });
  });
}
