/** Mounts WHIP and WHEP endpoints on fastify. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Role } from '../config/secrets.ts';
import { MAX_OFFER_BYTES, type SignallingEndpoint } from '../webrtc/resource.ts';
import type { Access } from './auth.ts';
import { clientAddress } from './front/client.ts';
import type { Judge } from './hooks.ts';

/**
 * A body up to this many times the longest offer is read to its end and discarded, so that its
 * sender sees the answer; a longer one is cut off.
 */
const DISCARD_FACTOR = 8;

interface Params {
  readonly stream: string;
  readonly sessionId?: string;
}

/** Options of {@link mountSignalling}. */
export interface SignallingOptions {
  /** `/whep`. */
  readonly path: string;
  /** What its clients want. */
  readonly role: Role;
  readonly endpoint: SignallingEndpoint;
  /**
   * Who may have it: the endpoint answers, as refusals need its CORS headers and preflights need no
   * token.
   */
  readonly access: Access;
  /** Judges from whose page a request comes. */
  readonly judge: Judge;
}

/**
 * `<path>/<stream>` and `<path>/<stream>/<sessionId>`, every method: the endpoint judges type,
 * length and method itself.
 */
export function mountSignalling(app: FastifyInstance, { path, role, ...options }: SignallingOptions): void {
  const { endpoint, access, judge } = options;
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request: FastifyRequest, payload: NodeJS.ReadableStream) =>
      readBody(payload, MAX_OFFER_BYTES),
    );
    for (const url of [`${path}/:stream`, `${path}/:stream/:sessionId`]) {
      scope.all<{ Params: Params; Body: string | null | undefined }>(
        url,
        { config: { role }, onRequest: judge },
        async (request, reply) => {
          const { stream, sessionId } = request.params;
          const body = request.body ?? '';
          const response = await endpoint.handle({
            method: request.method,
            stream,
            sessionId,
            address: clientAddress(request),
            variant: new URL(request.url, 'http://localhost').searchParams.get('variant') ?? undefined,
            headers: request.headers,
            body,
            denial: access.authorize(request.headers, role),
          });
          if (Buffer.byteLength(body) > MAX_OFFER_BYTES) reply.header('Connection', 'close');
          return reply.code(response.status).headers(response.headers).send(response.body);
        },
      );
    }
  });
}

/**
 * The body as text, of a longer one than `limit` one byte more: enough for the endpoint to refuse
 * it.
 */
function readBody(payload: NodeJS.ReadableStream, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const kept: Buffer[] = [];
    let bytes = 0;
    const finish = (): void => {
      payload.off('data', take);
      resolve(
        Buffer.concat(kept)
          .subarray(0, limit + 1)
          .toString('utf8'),
      );
    };
    const take = (chunk: Buffer): void => {
      if (bytes <= limit) kept.push(chunk);
      bytes += chunk.length;
      if (bytes > DISCARD_FACTOR * limit) finish();
    };
    payload.on('data', take);
    payload.once('end', finish);
    payload.once('error', reject);
  });
}
