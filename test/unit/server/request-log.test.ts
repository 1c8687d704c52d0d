import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket as Client } from 'ws';
import { type Log, SILENT_LOG } from '../../../src/log.ts';
import { Access } from '../../../src/server/auth.ts';
import { upgrade } from '../../support/request.ts';
import { startServer } from '../../support/server.ts';
import { bearer, TOKENS } from '../../support/tokens.ts';

/** A server where every role has a token, and what it logs. */
async function start({ debug }: { readonly debug: boolean }) {
  const lines: { level: string; fields: object; message: string }[] = [];
  const writer =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields, message });
  const enabled: Log['enabled'] = (level) => debug || level !== 'debug';
  const log = { ...SILENT_LOG, debug: writer('debug'), warn: writer('warn'), enabled };
  const access = new Access({ publish: [TOKENS.publish], play: [TOKENS.play], admin: [TOKENS.admin] });
  const server = await startServer(undefined, { access, log });
  return { ...{ server, url: server.url, lines } };
}

const from = '127.0.0.1';
const method = 'POST';

describe('requests that are refused for who sends them', () => {
  it('are always told, without a secret', async () => {
    const { url, server, lines } = await start({ debug: false });
    await fetch(`${url}/whip/cam?token=${TOKENS.play}`, { method, headers: bearer(TOKENS.play) });
    const elsewhere = { Origin: 'https://elsewhere.example', ...bearer(TOKENS.admin) };
    await fetch(`${url}/api/config/reload`, { method, headers: elsewhere });
    await fetch(`${url}/api/streams`, { headers: bearer(TOKENS.play) });
    await upgrade(server, { 'Sec-WebSocket-Protocol': 'framelift, bearer.d3JvbmctdG9rZW4' });
    await vi.waitFor(() => expect(lines).toHaveLength(3));
    const [token, site] = [
      'refused: no token, or a wrong one',
      'refused: from a page of another site, or by another name',
    ];
    const [host, origin] = [new URL(url).host, 'https://elsewhere.example'];
    expect(lines).toEqual([
      { level: 'warn', fields: { status: 401, method, path: '/whip/cam', from }, message: token },
      { level: 'warn', fields: { status: 403, method, path: '/api/config/reload', from, host, origin }, message: site },
      { level: 'warn', fields: { status: 401, method: 'GET', path: '/ws', from }, message: token },
    ]);
    for (const secret of [...Object.values(TOKENS), 'wrong-token', 'd3Jvbmct']) {
      expect(JSON.stringify(lines)).not.toContain(secret);
    }
  });
});

describe('at debug', () => {
  it('every request is told: what, who, the role, the answer and its time', async () => {
    const { url, lines } = await start({ debug: true });
    await fetch(`${url}/api/config?token=${TOKENS.admin}`, { headers: bearer(TOKENS.admin) });
    await fetch(`${url}/whep/cam/the-session-id`, { method: 'DELETE', headers: bearer(TOKENS.play) });
    await fetch(`${url}/none`);
    await vi.waitFor(() => expect(lines).toHaveLength(3));
    const more = { from, ms: expect.any(Number) };
    const fields = [
      { status: 200, method: 'GET', path: '/api/config', role: 'admin', ...more },
      { status: 404, method: 'DELETE', path: '/whep/cam/…', role: 'play', ...more },
      { status: 404, method: 'GET', path: '/none', role: undefined, ...more },
    ];
    expect(lines).toEqual(fields.map((line) => ({ level: 'debug', fields: line, message: 'request' })));
  });

  it('a WebSocket is told when it opens and when it closes', async () => {
    const { url, lines } = await start({ debug: true });
    const client = new Client(`${url.replace('http', 'ws')}/ws`, { headers: bearer(TOKENS.play) });
    onTestFinished(() => client.terminate());
    await once(client, 'open');
    client.close(1000);
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    expect(lines.map(({ fields }) => fields)).toEqual([
      { status: 101, method: 'GET', path: '/ws', role: 'play', from, ms: undefined },
      { code: 1000, from },
    ]);
  });
});
