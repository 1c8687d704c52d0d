/** What a page of another site can and cannot do here: every way in × its Origin × its Host × its token. */
import { describe, expect, it } from 'vitest';
import { Access } from '../../../src/server/auth.ts';
import { ask, UPGRADE } from '../../support/request.ts';
import { startServer } from '../../support/server.ts';
import { bearer, TOKENS } from '../../support/tokens.ts';

const PUBLIC = 'https://video.example:8443';
const PLAYER = 'https://player.example';
const STUDIO = 'https://studio.example';

/** A way in, and whose pages may use it beside our own. */
interface Way {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Undefined: anybody's, but without CORS they cannot read the answer. */
  readonly pages?: readonly string[];
  readonly role?: 'publish' | 'play' | 'admin';
}

const WAYS: readonly Way[] = [
  ...['/', '/app.js', '/healthz', '/readyz', '/metrics', '/api/openapi.json'].map((path) => ({ method: 'GET', path })),
  { method: 'GET', path: '/api/streams', role: 'play' },
  { method: 'GET', path: '/api/config', role: 'admin' },
  { method: 'POST', path: '/api/streams', pages: [], role: 'admin' },
  { method: 'POST', path: '/api/config/reload', pages: [], role: 'admin' },
  { method: 'DELETE', path: '/api/streams/cam', pages: [], role: 'admin' },
  { method: 'GET', path: '/ws', headers: UPGRADE, pages: [], role: 'play' },
  ...(['/whep/cam', '/whep/cam/session'] as const).flatMap((path) =>
    [path === '/whep/cam' ? 'POST' : 'DELETE', 'OPTIONS'].map((method) => ({
      ...{ method, path, pages: [PLAYER] },
      ...(method === 'OPTIONS' ? {} : { role: 'play' as const }),
    })),
  ),
  { method: 'PATCH', path: '/whep/cam/session', pages: [PLAYER], role: 'play' },
  { method: 'POST', path: '/whip/cam', pages: [STUDIO], role: 'publish' },
  { method: 'OPTIONS', path: '/whip/cam', pages: [STUDIO] },
  { method: 'DELETE', path: '/whip/cam/session', pages: [STUDIO], role: 'publish' },
];

const TOKEN_HEADERS = { none: {}, wrong: bearer('wrong-token-of-a-stranger'), right: bearer(TOKENS.admin) };

/** What the answer says: passed on to the route, or which check refused. */
function outcome(body: string): 'passed' | 'host' | 'origin' | 'token' {
  const found = /"code":"http\.(forbidden-host|forbidden-origin|unauthorized)"/.exec(body)?.[1];
  if (found === undefined) return 'passed';
  return found === 'unauthorized' ? 'token' : found === 'forbidden-host' ? 'host' : 'origin';
}

describe.each([
  ['with tokens for all', [TOKENS.play]],
  ['where playing is open', []],
])('a server %s', (_, play) => {
  it.each(WAYS)('$method $path', async ({ method, path, headers, pages, role }) => {
    const access = new Access({ publish: [TOKENS.publish], play, admin: [TOKENS.admin] });
    const options = { publicUrls: [PUBLIC], playOrigins: [PLAYER], publishOrigins: [STUDIO] };
    const server = await startServer(undefined, { access, ...options });
    const own = `127.0.0.1:${server.port}`;
    const rebound = `rebound.example:${server.port}`;
    const hosts = { [own]: true, 'video.example': true, [rebound]: false };
    const origins = [undefined, `http://${own}`, PUBLIC, PLAYER, STUDIO, 'https://stranger.example', 'null'];
    const isOpen = role === undefined || (role === 'play' && play.length === 0);
    for (const [host, isOurs] of Object.entries(hosts)) {
      for (const origin of [...origins, `http://${rebound}`, `http://${own}.stranger.example`]) {
        const ownPage = origin === undefined || origin === PUBLIC || origin === `http://${host}`;
        const mayCome = pages === undefined || ownPage || pages.includes(origin);
        for (const [token, given] of Object.entries(TOKEN_HEADERS)) {
          const from = { Host: host, ...(origin === undefined ? {} : { Origin: origin }) };
          const answer = await ask(server, path, { ...headers, ...from, ...given }, method);
          const expected = !isOurs ? 'host' : !mayCome ? 'origin' : isOpen || token === 'right' ? 'passed' : 'token';
          expect({ host, origin, token, outcome: outcome(answer.body) }).toEqual({
            ...{ host, origin, token, outcome: expected },
          });
          // Only pages that may come are told the answer, and none with a cookie.
          const told = isOurs && pages !== undefined && origin !== undefined && pages.includes(origin);
          expect(answer.headers['access-control-allow-origin'], `${host} ${origin}`).toBe(told ? origin : undefined);
          expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
          const ofOthers = answer.status === 101 ? undefined : 'same-origin';
          expect(answer.headers['cross-origin-resource-policy']).toBe(ofOthers);
        }
      }
    }
  });
});

it('playOrigins: * lets every page play, and none publish or change anything', async () => {
  const server = await startServer(undefined, { playOrigins: ['*'] });
  const origin = { Origin: 'https://stranger.example' };
  const play = await ask(server, '/whep/cam', { ...origin, 'Access-Control-Request-Method': 'POST' }, 'OPTIONS');
  expect([play.status, play.headers['access-control-allow-origin']]).toEqual([204, '*']);
  expect((await ask(server, '/whip/cam', { ...origin, ...bearer(TOKENS.admin) }, 'POST')).status).toBe(403);
  expect((await ask(server, '/ws', { ...UPGRADE, ...origin })).status).toBe(403);
  expect((await ask(server, '/whep/cam', { Host: 'rebound.example' }, 'OPTIONS')).status).toBe(403);
});

describe('a refusal says what to write, and where', () => {
  const told = async (headers: Record<string, string>, path = '/healthz', method = 'GET', options = {}) => {
    const server = await startServer(undefined, options);
    const { body } = await ask(server, path, headers, method);
    const { message, remedy } = JSON.parse(body);
    return [message, remedy].join(' ').replaceAll(`:${server.port}`, ':PORT');
  };

  it.each([
    [{ Host: 'video.example' }, '"http://video.example"'],
    [{ Host: 'video.example', 'X-Forwarded-Proto': 'https' }, '"https://video.example"'],
    [{ Host: 'video.example', Origin: 'https://video.example:8443' }, '"https://video.example:8443"'],
    [{ Host: 'video.example:9000', Origin: 'https://stranger.example' }, '"http://video.example:9000"'],
  ])('of a Host: %j', async (headers, url) => {
    const said = await told({ ...headers });
    expect(said).toContain(`this server does not answer as "${headers.Host}"`);
    expect(said).toContain(`server.publicUrls: [${url}]`);
  });

  it('of one that is no host', async () => {
    expect(await told({ Host: 'a b' })).toMatch(/does not answer as "a b" Send a Host header/);
  });

  it.each([
    ['/whep/cam', 'webrtc.playOrigins'],
    ['/whip/cam', 'webrtc.publishOrigins'],
  ])('of the page of another site, %s', async (path, key) => {
    const said = await told({ Origin: 'https://wall.example:3000' }, path, 'POST');
    expect(said).toContain('pages of wall.example:3000 may not do this');
    expect(said).toContain(`add "https://wall.example:3000" to ${key}`);
    expect(said).toContain('add "https://wall.example:3000" to server.publicUrls');
  });

  it('of the page of no site', async () => {
    expect(await told({ Origin: 'null' }, '/whep/cam', 'POST')).toContain('add "*" to webrtc.playOrigins');
    expect(await told({ Origin: 'null' }, '/api/config/reload', 'POST')).not.toContain('publicUrls');
  });
});

it('beyond loopback a name that a stranger could own is refused as well', async () => {
  const server = await startServer(undefined, { host: '0.0.0.0' });
  const statuses = ['192.168.1.5:8080', 'framelift:8080', 'localhost', 'rebound.example'].map(
    async (Host) => (await ask(server, '/healthz', { Host })).status,
  );
  expect(await Promise.all(statuses)).toEqual([200, 200, 200, 403]);
});
