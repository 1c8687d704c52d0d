import { describe, expect, it } from 'vitest';
import type { Role } from '../../../src/config/secrets.ts';
import { Access } from '../../../src/server/auth.ts';
import { ask } from '../../support/request.ts';
import { startServer } from '../../support/server.ts';
import { bearer, TOKENS } from '../../support/tokens.ts';

const ROLES: readonly Role[] = ['publish', 'play', 'admin'];

describe('Access', () => {
  it('without any token lets play, and nothing else', () => {
    const access = new Access();
    expect(ROLES.map((role) => access.authorize({}, role)?.code)).toEqual([
      'http.unauthorized',
      undefined,
      'http.unauthorized',
    ]);
    expect(access.authorize({}, 'publish')).toMatchObject({
      message: 'publishing is closed: no token is configured for it',
      remedy: expect.stringContaining('auth.publish'),
      headers: { 'WWW-Authenticate': 'Bearer realm="framelift"' },
    });
    expect(access.authorize(bearer('whatever-it-is'), 'admin')?.remedy).toContain('FRAMELIFT_ADMIN_TOKEN');
  });

  it.each([
    [TOKENS.publish, ['publish']],
    [TOKENS.play, ['play']],
    [TOKENS.admin, ['publish', 'play', 'admin']],
    [`${TOKENS.publish}x`, []],
    [TOKENS.publish.slice(0, -1), []],
    [TOKENS.publish.toUpperCase(), []],
  ])('%s may: %j', (token, may) => {
    const access = new Access({ publish: [TOKENS.publish], play: [TOKENS.play], admin: [TOKENS.admin] });
    expect(ROLES.filter((role) => access.authorize(bearer(token), role) === undefined)).toEqual(may);
  });

  it('tells a missing token from a wrong one, as RFC 6750 does', () => {
    const access = new Access({ publish: [TOKENS.publish], play: [], admin: [] });
    const challenge = (headers: Record<string, string>): string | undefined =>
      access.authorize(headers, 'publish')?.headers['WWW-Authenticate'];
    expect(challenge({})).toBe('Bearer realm="framelift"');
    expect(challenge({ authorization: 'Basic dXNlcjpwYXNz' })).toBe('Bearer realm="framelift"');
    expect(challenge({ authorization: 'Bearer not-the-token' })).toBe(
      'Bearer realm="framelift", error="invalid_token"',
    );
    expect(challenge({ authorization: `bearer ${TOKENS.publish}` })).toBeUndefined();
  });

  it("takes a browser's WebSocket, whose token is a subprotocol", () => {
    const access = new Access({ publish: [], play: [TOKENS.play], admin: [] });
    const offer = (token: string): Record<string, string> => ({
      'sec-websocket-protocol': `framelift, bearer.${Buffer.from(token).toString('base64url')}`,
    });
    const judge = (headers: Record<string, string>) => access.authorize(headers, 'play', 'websocket')?.status;
    expect(judge(offer(TOKENS.play))).toBeUndefined();
    expect(judge(offer(TOKENS.admin))).toBe(401);
    expect(judge({ 'sec-websocket-protocol': 'framelift' })).toBe(401);
    expect(judge(bearer(TOKENS.play))).toBeUndefined();
    // Of no other request.
    expect(access.authorize(offer(TOKENS.play), 'play')?.status).toBe(401);
  });

  it('has several tokens of a role, and takes others while it runs', () => {
    const access = new Access({ publish: ['first-token', 'second-token'], play: [], admin: [] });
    expect(access.authorize(bearer('second-token'), 'publish')).toBeUndefined();
    access.update({ publish: ['third-token'], play: ['first-token'], admin: [] });
    expect(access.authorize(bearer('second-token'), 'publish')?.status).toBe(401);
    expect(access.authorize(bearer('third-token'), 'publish')).toBeUndefined();
    expect(access.isOpen('play')).toBe(false);
  });
});

describe('over HTTP', () => {
  it.each([
    ['POST', '/whip/cam', 'publish'],
    ['PATCH', '/whip/cam/session', 'publish'],
    ['DELETE', '/whip/cam/session', 'publish'],
    ['POST', '/whep/cam', 'play'],
    ['DELETE', '/whep/cam/session', 'play'],
    ['GET', '/api/streams', 'play'],
    ['GET', '/api/streams/cam', 'play'],
    ['GET', '/api/models', 'play'],
    ['GET', '/api/stats', 'play'],
    ['GET', '/api/config', 'admin'],
    ['POST', '/api/streams', 'admin'],
    ['POST', '/api/streams/cam', 'admin'],
    ['DELETE', '/api/streams/cam', 'admin'],
    ['POST', '/api/config/reload', 'admin'],
  ] as const)('%s %s needs a token for %s', async (method, path, role) => {
    const access = new Access({ publish: [TOKENS.publish], play: [TOKENS.play], admin: [TOKENS.admin] });
    const { url } = await startServer(undefined, { access });
    const other = role === 'play' ? TOKENS.publish : TOKENS.play;
    for (const headers of [{}, bearer(other), bearer('wrong-token')]) {
      const response = await fetch(url + path, { method, headers });
      const text = await response.text();
      expect([response.status, response.headers.get('www-authenticate')?.split(' ')[0]]).toEqual([401, 'Bearer']);
      expect(JSON.parse(text)).toMatchObject({ code: 'http.unauthorized' });
      for (const token of Object.values(TOKENS)) expect(text).not.toContain(token);
    }
    for (const token of [TOKENS[role], TOKENS.admin]) {
      expect((await fetch(url + path, { method, headers: bearer(token) })).status).not.toBe(401);
    }
  });

  it.each([
    ['GET', '/api/streams'],
    ['POST', '/api/config/reload'],
    ['POST', '/whep/cam'],
    ['POST', '/whip/cam'],
  ])('%s %s takes no token as a subprotocol', async (method, path) => {
    const access = new Access({ publish: [], play: [TOKENS.play], admin: [TOKENS.admin] });
    const server = await startServer(undefined, { access });
    const token = Buffer.from(TOKENS.admin).toString('base64url');
    const headers = { 'Sec-WebSocket-Protocol': `framelift, bearer.${token}` };
    expect((await ask(server, path, headers, method)).status).toBe(401);
  });

  it.each(['/api/streams', '/api/config'])('HEAD %s needs what GET needs', async (path) => {
    const access = new Access({ publish: [], play: [TOKENS.play], admin: [TOKENS.admin] });
    const { url } = await startServer(undefined, { access });
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(url + path, { method: 'HEAD', headers })).status;
    expect([await status({}), await status(bearer(TOKENS.admin))]).toEqual([401, 200]);
  });

  it('keeps open what a page and a probe need before they have a token', async () => {
    const access = new Access({ publish: [], play: [TOKENS.play], admin: [] });
    const { url } = await startServer(undefined, { access });
    for (const path of ['/', '/app.js', '/healthz', '/readyz', '/metrics', '/api/openapi.json']) {
      expect((await fetch(url + path)).status, path).toBe(200);
    }
    expect((await fetch(`${url}/whip/cam`, { method: 'OPTIONS' })).status).toBe(204);
  });

  it('names the key to configure where nothing is', async () => {
    const { url } = await startServer(undefined, { access: new Access() });
    const response = await fetch(`${url}/whip/cam`, { method: 'POST', headers: bearer('some-token') });
    expect([response.status, await response.json()]).toMatchObject([
      401,
      {
        message: 'publishing is closed: no token is configured for it',
        remedy: expect.stringMatching(/auth\.publish/),
      },
    ]);
    expect((await fetch(`${url}/api/streams`)).status).toBe(200);
  });
});
