import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket as Client } from 'ws';
import { Access } from '../../../src/server/auth.ts';
import { readPage } from '../../../src/server/page.ts';
import type { FrameliftServer } from '../../../src/server/server.ts';
import { type Answer, ask, UPGRADE } from '../../support/request.ts';
import { startServer } from '../../support/server.ts';
import { bearer, TOKENS } from '../../support/tokens.ts';

/** A request and what it takes. */
interface Way {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Needs a token where every role has one. */
  readonly token: boolean;
  /** Refuses pages of other sites. */
  readonly ownPages: boolean;
}

/** Every way in: the page, what is said of the server, signalling, the WebSocket, the API as its own document lists it, and ways to nothing. */
async function waysInto(server: FrameliftServer): Promise<Way[]> {
  const open = [...readPage().map(({ path }) => path), '/healthz', '/readyz', '/metrics', '/api/openapi.json', '/none'];
  // Our own document.
  const { paths } = (await (await fetch(`${server.url}/api/openapi.json`)).json()) as { paths: Record<string, object> };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ path: path.replace('{name}', 'cam'), method: method.toUpperCase() })),
  );
  expect(operations.length).toBeGreaterThan(5);
  return [
    ...open.map((path) => ({ method: 'GET', path, token: false, ownPages: false })),
    ...operations.map((way) => ({ ...way, token: true, ownPages: way.method !== 'GET' })),
    { method: 'POST', path: '/whip/cam', token: true, ownPages: true },
    { method: 'DELETE', path: '/whip/cam/session', token: true, ownPages: true },
    { method: 'POST', path: '/whep/cam', token: true, ownPages: true },
    { method: 'PATCH', path: '/whep/cam/session', token: true, ownPages: true },
    { method: 'GET', path: '/ws', headers: UPGRADE, token: true, ownPages: true },
    { method: 'GET', path: '/ws?token=1', headers: UPGRADE, token: true, ownPages: true },
    { method: 'GET', path: '/none', headers: UPGRADE, token: false, ownPages: false },
  ];
}

/** A server where every role has a token. */
function start(options: Parameters<typeof startServer>[1] = {}): Promise<FrameliftServer> {
  const access = new Access({ publish: [TOKENS.publish], play: [TOKENS.play], admin: [TOKENS.admin] });
  return startServer(undefined, { access, ...options });
}

/** Asks with further headers. */
function send(server: FrameliftServer, { method, path, headers }: Way, more: object = {}): Promise<Answer> {
  return ask(server, path, { ...headers, ...more }, method);
}

/** The answer is a refusal as all are. */
function expectRefusal({ status, headers, body }: Answer, expected: number, code: string, way: Way): void {
  const at = `${way.method} ${way.path} ${way.headers?.Upgrade ?? ''}`;
  expect({ at, status }).toEqual({ at, status: expected });
  expect(headers, at).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  expect(JSON.parse(body), at).toEqual({ code, message: expect.any(String), remedy: expect.any(String) });
}

describe('every way in', () => {
  it('refuses a Host that is another site, whatever token comes with it', async () => {
    const server = await start();
    for (const way of await waysInto(server)) {
      const answer = await send(server, way, { Host: `rebound.example:${server.port}`, ...bearer(TOKENS.admin) });
      expectRefusal(answer, 403, 'http.forbidden-host', way);
    }
  });

  it('refuses pages of other sites where something is changed or a WebSocket opened', async () => {
    const server = await start();
    for (const way of await waysInto(server)) {
      const answer = await send(server, way, { Origin: 'https://elsewhere.example', ...bearer(TOKENS.admin) });
      if (way.ownPages) expectRefusal(answer, 403, 'http.forbidden-origin', way);
      else expect(answer.body, way.path).not.toContain('http.forbidden-origin');
    }
  });

  it('asks for a token where the role has one', async () => {
    const server = await start();
    for (const way of await waysInto(server)) {
      for (const headers of [{}, bearer('wrong-token')]) {
        const answer = await send(server, way, headers);
        if (!way.token) {
          expect(answer.status, way.path).not.toBe(401);
          continue;
        }
        expectRefusal(answer, 401, 'http.unauthorized', way);
        expect(answer.headers['www-authenticate'], way.path).toMatch(/^Bearer realm="framelift"/);
      }
    }
  });

  it('is counted: beyond the rate everything is refused, until a second has passed', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const ways = await waysInto(await start());
    const server = await start({ requestsPerSecond: 2 });
    const probe = (): Promise<number> => fetch(`${server.url}/healthz`).then(({ status }) => status);
    expect([await probe(), await probe(), await probe()]).toEqual([200, 200, 429]);
    for (const way of ways) {
      const answer = await send(server, way, bearer(TOKENS.admin));
      expectRefusal(answer, 429, 'http.too-many-requests', way);
      expect(answer.headers['retry-after'], way.path).toBe('1');
      expect(Object.keys(answer.headers).filter((name) => name.includes('ratelimit'))).toEqual([]);
    }
    vi.setSystemTime(Date.now() + 1000);
    expect(await probe()).toBe(200);
  });
});

describe('the rate', () => {
  it('counts a WebSocket that was opened as one request', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await startServer(undefined, { requestsPerSecond: 2 });
    const client = new Client(`${server.url.replace('http', 'ws')}/ws`);
    onTestFinished(() => client.terminate());
    await once(client, 'open');
    const statuses = [await ask(server, '/healthz'), await ask(server, '/healthz')].map(({ status }) => status);
    expect(statuses).toEqual([200, 429]);
  });

  it('is unlimited unless it is configured', async () => {
    const server = await startServer();
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(server, '/healthz')));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });
});
