/** Mounts the WHEP endpoint on fastify. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MAX_OFFER_BYTES, type WhepEndpoint } from '../egress/whep.ts';

/** A body this long is read to its end and discarded, so that its sender sees the answer; a longer one is cut off. */
const MOST_DISCARDED = 8 * MAX_OFFER_BYTES;

interface WhepParams {
  readonly stream: string;
  readonly sessionId?: string;
}

/** `/whep/<stream>` and `/whep/<stream>/<sessionId>`, every method: the endpoint judges type, length and method itself. */
export function mountWhep(app: FastifyInstance, whep: WhepEndpoint): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request: FastifyRequest, payload: NodeJS.ReadableStream) => readOffer(payload));
    for (const url of ['/whep/:stream', '/whep/:stream/:sessionId']) {
      scope.all<{ Params: WhepParams; Body: string | null | undefined }>(url, async (request, reply) => {
        const { stream, sessionId } = request.params;
        const body = request.body ?? '';
        const response = await whep.handle({
          method: request.method,
          stream,
          sessionId,
          variant: new URL(request.url, 'http://localhost').searchParams.get('variant') ?? undefined,
          headers: request.headers,
          body,
        });
        if (Buffer.byteLength(body) > MAX_OFFER_BYTES) reply.header('Connection', 'close');
        return reply.code(response.status).headers(response.headers).send(response.body);
      });
    }
  });
}

/** The body as text, of a longer one than {@link MAX_OFFER_BYTES} one byte more: enough for the endpoint to refuse it. */
function readOffer(payload: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const kept: Buffer[] = [];
    let bytes = 0;
    const finish = (): void => {
      payload.off('data', take);
      resolve(
        Buffer.concat(kept)
          .subarray(0, MAX_OFFER_BYTES + 1)
          .toString('utf8'),
      );
    };
    const take = (chunk: Buffer): void => {
      if (bytes <= MAX_OFFER_BYTES) kept.push(chunk);
      bytes += chunk.length;
      if (bytes > MOST_DISCARDED) finish();
    };
    payload.on('data', take);
    payload.once('end', finish);
    payload.once('error', reject);
  });
}
