/** Mounts the API on fastify: who may call, what a body may be, and how refusals look. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { asFrameliftError, type ErrorCode } from '../../errors.ts';
import type { Snapshot } from '../contract.ts';
import type { Judge } from '../hooks.ts';
import { notAllowed, refuse, uncached } from '../reply.ts';
import { answerFile } from './file-answer.ts';
import { OPENAPI_PATH, openApi } from './openapi.ts';
import type { Operation } from './operation.ts';
import { pictureHeaders } from './snapshot.ts';

/** Bytes of a request's body. */
const MAX_BODY_BYTES = 16_384;

/**
 * Statuses of errors that the request is to blame for, or that pass. Errors of sources and models
 * that are not listed are 422.
 */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  'config.invalid': 422,
  'provider.unusable': 422,
  'arena.full': 503,
  'server.no-stream': 404,
  'server.stream-exists': 409,
  'server.stream-limit': 503,
  'server.no-recording': 404,
  'server.no-frame': 503,
  'server.recording-open': 409,
};

/** What {@link mountApi} works with. */
export interface ApiRouteDeps {
  readonly operations: readonly Operation[];
  /** Judges every request for an operation. */
  readonly judge: Judge;
  readonly version: string;
  /** Path before those of the operations, for addresses in answers. */
  readonly basePath: string;
}

/**
 * Mounts every operation, the OpenAPI document, and an answer to all other methods of their paths.
 */
export function mountApi(app: FastifyInstance, { operations, version, ...deps }: ApiRouteDeps): void {
  const document = JSON.stringify(openApi(operations, version, deps.basePath));
  app.register(async (scope) => {
    // A page elsewhere may send text/plain without asking first.
    scope.removeContentTypeParser('text/plain');
    for (const operation of operations) mount(scope, operation, deps);
    scope.get(OPENAPI_PATH, async (_request, reply) =>
      uncached(reply).type('application/json; charset=utf-8').send(document),
    );
    for (const path of new Set([...operations.map((operation) => operation.path), OPENAPI_PATH])) {
      const here = operations.filter((operation) => operation.path === path).map(({ method }) => method);
      mountOthers(scope, path, path === OPENAPI_PATH ? ['GET'] : here);
    }
  });
}

function mount(
  scope: FastifyInstance,
  operation: Operation,
  { judge, basePath }: Pick<ApiRouteDeps, 'judge' | 'basePath'>,
): void {
  const { method, path, role, body: schema, status } = operation;
  scope.route({
    method,
    url: urlOf(path),
    bodyLimit: MAX_BODY_BYTES,
    config: { role },
    onRequest: judge,
    handler: async (request, reply) => {
      const body = schema?.safeParse(request.body);
      if (body?.success === false) return refuseBody(request, reply, body.error);
      const query = operation.query?.safeParse(request.query);
      if (query?.success === false) return refuseQuery(reply, query.error);
      try {
        // Paths have these parameters or none.
        const { name = '', file = '' } = request.params as { readonly name?: string; readonly file?: string };
        const answer = await operation.handle({ name, file, body: body?.data, query: query?.data });
        if (operation.file) return await answerFile(request, reply, String(answer));
        if (operation.picture) return sendPicture(reply, answer as Snapshot); // as it is said of `picture`
        if (status === 201) reply.header('Location', `${basePath}${path}/${nameIn(answer)}`);
        return uncached(reply).code(status).send(answer);
      } catch (thrown) {
        const { code, message, remedy } = asFrameliftError(thrown, 'server.failed');
        if (code === 'server.failed') throw thrown;
        const headers: Record<string, string> = code === 'server.no-frame' ? { 'Retry-After': '1' } : {};
        return refuse(reply, { status: statusOf(code), code, message, remedy, headers });
      }
    },
  });
}

function mountOthers(scope: FastifyInstance, path: string, methods: readonly string[]): void {
  const allow = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  scope.route({
    method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((method) => !methods.includes(method)),
    url: urlOf(path),
    // Whatever was sent is not read.
    onRequest: async (request, reply) => refuse(reply, notAllowed(request.method, allow)),
    handler: () => undefined,
  });
}

function sendPicture(reply: FastifyReply, snapshot: Snapshot): FastifyReply {
  return uncached(reply).headers(pictureHeaders(snapshot)).type('image/jpeg').send(snapshot.jpeg);
}

function refuseQuery(reply: FastifyReply, error: z.ZodError): FastifyReply {
  const message = error.issues.map((issue) => [...issue.path, issue.message].join(': ')).join('; ');
  const remedy = `Send the parameters as ${OPENAPI_PATH} describes them.`;
  return refuse(reply, { status: 400, code: 'http.bad-request', message, remedy });
}

function refuseBody(request: FastifyRequest, reply: FastifyReply, error: z.ZodError): FastifyReply {
  const remedy = `Send Content-Type: application/json with a body as ${OPENAPI_PATH} describes it.`;
  if (request.body === undefined) {
    const message = 'the request has no JSON body';
    return refuse(reply, { status: 415, code: 'http.unsupported-media-type', message, remedy });
  }
  // Issues name keys and rules, never values: these may be secrets.
  const message = error.issues.map((issue) => [...issue.path, issue.message].join(': ')).join('; ');
  return refuse(reply, { status: 400, code: 'http.bad-request', message, remedy });
}

function statusOf(code: ErrorCode): number {
  return STATUSES[code] ?? (/^(?:source|model|ffmpeg)\./.test(code) ? 422 : 500);
}

function nameIn(answer: unknown): string {
  const named = typeof answer === 'object' && answer !== null && 'name' in answer ? answer.name : '';
  return encodeURIComponent(String(named));
}

function urlOf(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}
