/** Mounts WHIP and WHEP endpoints on fastify. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Denial, MAX_OFFER_BYTES, type SignallingEndpoint, type SignallingRequest } from '../webrtc/resource.ts';

/** A body this many times longer than the longest offer is read to its end and discarded, so that its sender sees the answer; a longer one is cut off. */
const DISCARDED = 8;

interface Params {
  readonly stream: string;
  readonly sessionId?: string;
}

/** What {@link mountSignalling} works with. */
export interface SignallingParts {
  readonly endpoint: SignallingEndpoint;
  /** Undefined when a request with these headers may come in. */
  readonly authorize: (headers: SignallingRequest['headers']) => Denial | undefined;
}

/** `<path>/<stream>` and `<path>/<stream>/<sessionId>`, every method: the endpoint judges type, length and method itself. */
export function mountSignalling(app: FastifyInstance, path: string, { endpoint, authorize }: SignallingParts): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request: FastifyRequest, payload: NodeJS.ReadableStream) =>
      readBody(payload, MAX_OFFER_BYTES),
    );
    for (const url of [`${path}/:stream`, `${path}/:stream/:sessionId`]) {
      scope.all<{ Params: Params; Body: string | null | undefined }>(url, async (request, reply) => {
        const { stream, sessionId } = request.params;
        const body = request.body ?? '';
        const response = await endpoint.handle({
          method: request.method,
          stream,
          sessionId,
          variant: new URL(request.url, 'http://localhost').searchParams.get('variant') ?? undefined,
          headers: request.headers,
          body,
          denial: authorize(request.headers),
        });
        if (Buffer.byteLength(body) > MAX_OFFER_BYTES) reply.header('Connection', 'close');
        return reply.code(response.status).headers(response.headers).send(response.body);
      });
    }
  });
}

/** The body as text, of a longer one than `most` one byte more: enough for the endpoint to refuse it. */
function readBody(payload: NodeJS.ReadableStream, most: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const kept: Buffer[] = [];
    let bytes = 0;
    const finish = (): void => {
      payload.off('data', take);
      resolve(
        Buffer.concat(kept)
          .subarray(0, most + 1)
          .toString('utf8'),
      );
    };
    const take = (chunk: Buffer): void => {
      if (bytes <= most) kept.push(chunk);
      bytes += chunk.length;
      if (bytes > DISCARDED * most) finish();
    };
    payload.on('data', take);
    payload.once('end', finish);
    payload.once('error', reject);
  });
}
