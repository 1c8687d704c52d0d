import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { postOffer } from '../../../../src/egress/push/whip-request.ts';
import { fromMs, ManualClock, systemClock } from '../../../../src/time.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that answers as it is told, and what it was asked. */
async function start(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? '-'}`);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { asked, url: `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}` };
}

const post = (url: string, token?: string) =>
  postOffer({ url, token, clock: systemClock }, 'v=0', new AbortController().signal);

describe('posting an offer', () => {
  it('follows redirections, with the token to the same server alone, and ends the session', async () => {
    const other = await start(({ method }, response) => {
      response.writeHead(method === 'POST' ? 201 : 200, { Location: 'session/7', Link: '<stun:x>; rel="ice-server"' });
      response.end('answer');
    });
    const first = await start(({ url }, response) => {
      response.writeHead(url === '/a' ? 308 : 307, { Location: url === '/a' ? '/b' : `${other.url}/whip/x` }).end();
    });
    const session = await post(`${first.url}/a`, 'token-of-tests');
    expect([session.answer, session.links]).toEqual(['answer', '<stun:x>; rel="ice-server"']);
    await session.end();
    expect(first.asked).toEqual(['POST /a Bearer token-of-tests', 'POST /b Bearer token-of-tests']);
    expect(other.asked).toEqual(['POST /whip/x -', 'DELETE /whip/session/7 -']);
  });

  it.each([
    [401, '', 'output.unauthorized'],
    [403, '', 'output.unauthorized'],
    [404, 'no such room', 'output.refused'],
    [409, '<html>', 'output.refused'],
    [500, 'x'.repeat(10_000), 'output.refused'],
    [200, 'v=0', 'output.refused'],
    [201, 'x'.repeat(200_000), 'output.refused'],
    [302, '', 'output.refused'],
  ])('answered with %d', async (status, body, code) => {
    const { url } = await start((_, response) => response.writeHead(status).end(body));
    const refusal = await post(`${url}/whip/x?token=geheim`, 'token-of-tests').then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({ code });
    expect(String(refusal)).not.toMatch(/geheim|token-of-tests|<html>/);
    expect(String(refusal).length).toBeLessThan(400);
  });

  it.each(['/x', 'file:///etc/passwd', 'http://user:pass@127.0.0.1/'])('is not led around by %s', async (location) => {
    const { url, asked } = await start((_, response) => response.writeHead(307, { Location: location }).end());
    await expect(post(`${url}/x`)).rejects.toMatchObject({ code: 'output.refused' });
    expect(asked.length).toBeLessThanOrEqual(6);
  });

  it('to a server that hangs ends in time', async () => {
    const clock = new ManualClock();
    const { url, asked } = await start(() => {});
    const posted = postOffer({ url, token: undefined, clock }, 'v=0', new AbortController().signal);
    const ended = expect(posted).rejects.toMatchObject({ code: 'output.unreachable', recoverable: true });
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(fromMs(10_000));
    await ended;
  });
});
