/** Mounts WHIP and WHEP endpoints on fastify. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SignallingEndpoint } from '../webrtc/resource.ts';

/** A body this many times longer than the longest offer is read to its end and discarded, so that its sender sees the answer; a longer one is cut off. */
const DISCARDED = 8;

interface Params {
  readonly stream: string;
  readonly sessionId?: string;
}

/** `<path>/<stream>` and `<path>/<stream>/<sessionId>`, every method: the endpoint judges type, length and method itself. @param most bytes of an offer. */
export function mountSignalling(app: FastifyInstance, path: string, endpoint: SignallingEndpoint, most: number): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request: FastifyRequest, payload: NodeJS.ReadableStream) =>
      readBody(payload, most),
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
        });
        if (Buffer.byteLength(body) > most) reply.header('Connection', 'close');
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
