/** A server that a proxy shows at a path of its own. */
import { describe, expect, it } from 'vitest';
import { RESERVED_PATHS } from '../../../../src/config/front.ts';
import { withoutBase } from '../../../../src/server/front/base-path.ts';
import { readPage } from '../../../../src/server/page.ts';
import type { StreamsDocument } from '../../../../src/server/schemas.ts';
import { ask, upgrade } from '../../../support/request.ts';
import { LIVE, NO_CONTROL, startServer } from '../../../support/server.ts';
import { bearer, TOKENS } from '../../../support/tokens.ts';

const basePath = '/video/framelift';

it.each([
  ['/video/framelift/ws?x', '/ws?x'],
  ['/video/framelift/', '/'],
  ['/video/framelift', '/video/framelift'],
  ['/video/frameliftier/ws', '/video/frameliftier/ws'],
  ['/ws', '/ws'],
  ['http://host/video/framelift/ws', 'http://host/video/framelift/ws'],
])('%s is %s', (target, path) => {
  expect(withoutBase(target, basePath)).toBe(path);
  expect(withoutBase(target, '')).toBe(target);
});

describe('under a base path', () => {
  it('everything answers there as it does at the root: a proxy may take the path off or not', async () => {
    const server = await startServer(undefined, { basePath });
    const pages = readPage().map(({ path }) => path);
    for (const path of [...pages, '/healthz', '/readyz', '/metrics', '/api/streams', '/api/openapi.json']) {
      for (const prefix of ['', basePath]) {
        expect((await ask(server, prefix + path)).status, prefix + path).toBe(200);
      }
    }
    expect((await upgrade(server, {}, `${basePath}/ws`)).status).toBe(101);
    expect((await ask(server, `${basePath}/whep/cam`, {}, 'OPTIONS')).headers['accept-post']).toBe('application/sdp');
    expect((await ask(server, `${basePath}/none`)).body).toContain(`The page is at ${basePath}/.`);
  });

  it('the path without its slash leads to the page, and keeps the query', async () => {
    const server = await startServer(undefined, { basePath });
    const bare = await ask(server, basePath);
    expect([bare.status, bare.headers.location]).toEqual([308, `${basePath}/`]);
    const { headers } = await ask(server, `${basePath}?view=source`);
    expect(headers.location).toBe(`${basePath}/?view=source`);
  });

  it('addresses in answers have the path: streams, new streams, the OpenAPI document', async () => {
    const added = { ...LIVE, name: 'door', awaitsPublisher: true };
    const control = { ...NO_CONTROL, streams: { ...NO_CONTROL.streams, add: async () => {} } };
    const server = await startServer([LIVE, added], { basePath, control });
    const { streams } = JSON.parse((await ask(server, '/api/streams')).body) as StreamsDocument;
    expect(streams.map(({ whep, whip }) => [whep.upconverted, whep.source, whip])).toEqual([
      [`${basePath}/whep/cam`, `${basePath}/whep/cam?variant=source`, undefined],
      [`${basePath}/whep/door`, `${basePath}/whep/door?variant=source`, `${basePath}/whip/door`],
    ]);
    const answer = await fetch(`${server.url}${basePath}/api/streams`, {
      ...{ method: 'POST', body: JSON.stringify({ name: 'door', source: 'whip' }) },
      headers: { 'Content-Type': 'application/json', ...bearer(TOKENS.admin) },
    });
    expect([answer.status, answer.headers.get('location')]).toEqual([201, `${basePath}/api/streams/door`]);
    const document = JSON.parse((await ask(server, `${basePath}/api/openapi.json`)).body);
    expect(document.servers).toEqual([{ url: basePath }]);
  });
});

it('no path of the server can be hidden by a base path', async () => {
  const server = await startServer();
  const { paths } = JSON.parse((await ask(server, '/api/openapi.json')).body);
  const own = [...Object.keys(paths), '/whep/x', '/whip/x', '/ws', '/healthz', '/readyz', '/metrics', '/embed/x'];
  for (const path of own) expect(RESERVED_PATHS).toContain(path.split('/')[1]);
});

describe('frames', () => {
  it('are for this server alone, unless the configuration names more', async () => {
    const policy = async (frameAncestors?: string[]) => {
      const server = await startServer(undefined, frameAncestors ? { frameAncestors } : {});
      const { headers } = await ask(server, '/');
      expect(headers['x-frame-options']).toBeUndefined();
      return /frame-ancestors ([^;]*)$/.exec(String(headers['content-security-policy']))?.[1];
    };
    expect(await policy()).toBe("'self'");
    expect(await policy(['https://grafana.example:3000', 'http://*.home.example'])).toBe(
      "'self' https://grafana.example:3000 http://*.home.example",
    );
  });
});
