import { describe, expect, it } from 'vitest';
import { FrameliftError } from '../../src/errors.ts';
import type { StreamEntry } from '../../src/server/directory.ts';
import { LIVE, startServer } from '../support/server.ts';

/** A server whose stream takes any model but those that throw. */
async function start(): Promise<{ url: string; models: string[] }> {
  const models: string[] = [];
  const entries: StreamEntry[] = [LIVE];
  const streams = {
    list: () => entries,
    engineWarm: () => true,
    async setModel(_: string, model: string): Promise<void> {
      if (model === 'missing') {
        throw new FrameliftError('model.not-found', 'there is no model "missing"', { remedy: 'Name another one.' });
      }
      if (model === 'broken') throw new FrameliftError('model.invalid', 'not an ONNX file');
      if (model === 'crash') throw new TypeError('bug');
      models.push(model);
      entries[0] = { ...LIVE, model };
    },
  };
  const { url } = await startServer(entries, { streams });
  return { url: `${url}/api/streams`, models };
}

const json = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('/api/streams/<name>', () => {
  it('tells of one stream', async () => {
    const { url } = await start();
    const report = await (await fetch(`${url}/cam`)).json();
    expect(report).toMatchObject({ name: 'cam', model: 'flow-s', latencyBudgetMs: 56.7, latencyFloorMs: 16.7 });
    expect(report).toMatchObject({ ladder: { rung: 'flow-s', rungs: ['flow-s', 'search', 'hold'] } });
    expect(JSON.stringify(report)).not.toContain('secret');
    const absent = await fetch(`${url}/nobody`);
    expect([absent.status, await absent.json()]).toMatchObject([404, { code: 'http.not-found' }]);
  });

  it('changes the model and answers with the stream as it is then', async () => {
    const { url, models } = await start();
    const response = await fetch(`${url}/cam`, json({ model: 'search' }));
    expect([response.status, await response.json()]).toMatchObject([200, { name: 'cam', model: 'search' }]);
    expect(models).toEqual(['search']);
  });

  it.each([
    ['missing', 422, 'model.not-found'],
    ['broken', 422, 'model.invalid'],
    ['crash', 500, 'server.failed'],
  ])('says why a model cannot be had: %s', async (model, status, code) => {
    const { url } = await start();
    const response = await fetch(`${url}/cam`, json({ model }));
    expect([response.status, await response.json()]).toMatchObject([status, { code }]);
  });

  it.each([
    ['{', 400],
    ['', 400],
    [{}, 400],
    [{ model: 7 }, 400],
    [{ model: 'flow-s', extra: 1 }, 400],
    [{ model: '../../etc/passwd' }, 400],
    [{ model: 'mine.onnx' }, 400],
    [{ model: `a${'b'.repeat(5000)}` }, 413],
  ])('refuses a body that is not right: %j', async (body, status) => {
    const { url, models } = await start();
    const response = await fetch(`${url}/cam`, json(body));
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code: 'http.bad-request' });
    expect(models).toEqual([]);
  });

  it('refuses what a page elsewhere could send', async () => {
    const { url, models } = await start();
    const plain = await fetch(`${url}/cam`, json({ model: 'search' }, { 'Content-Type': 'text/plain' }));
    expect(plain.status).toBe(415);
    const foreign = await fetch(`${url}/cam`, json({ model: 'search' }, { Origin: 'https://elsewhere.example' }));
    expect([foreign.status, await foreign.json()]).toMatchObject([403, { code: 'http.forbidden-origin' }]);
    expect(models).toEqual([]);
    const own = await fetch(`${url}/cam`, json({ model: 'search' }, { Origin: new URL(url).origin }));
    expect(own.status).toBe(200);
  });

  it('says which methods are possible', async () => {
    const { url } = await start();
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const response = await fetch(`${url}/cam`, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
    }
    expect((await fetch(`${url}/nobody`, json({ model: 'search' }))).status).toBe(404);
  });
});
