import { describe, expect, it } from 'vitest';
import type { StreamConfig } from '../../../../src/config/schema.ts';
import { FrameliftError } from '../../../../src/errors.ts';
import type { ConfigControl, StreamControl, StreamEntry } from '../../../../src/server/contract.ts';
import type { ReloadReport } from '../../../../src/server/schemas.ts';
import { LIVE, startServer } from '../../../support/server.ts';
import { bearer, TOKENS } from '../../../support/tokens.ts';

const RELOADED: ReloadReport = {
  added: ['door'],
  removed: [],
  unchanged: ['cam'],
  changed: [],
  applied: ['auth.play'],
  needsRestart: ['server.port'],
};

/** Streams that only exist on paper. Models `missing`, `broken` and `crash` cannot be had. */
class PaperStreams implements StreamControl {
  readonly entries: StreamEntry[] = [LIVE];
  readonly calls: [string, ...unknown[]][] = [];

  async add(settings: StreamConfig): Promise<void> {
    this.calls.push(['add', settings]);
    if (this.entries.some(({ name }) => name === settings.name)) {
      throw new FrameliftError('server.stream-exists', `there is a stream "${settings.name}" already`);
    }
    if (settings.name === 'one-too-many') throw new FrameliftError('server.stream-limit', 'no room');
    if (settings.source === 'file:///etc/passwd')
      throw new FrameliftError('source.forbidden', 'file URLs are not taken');
    this.entries.push({ ...LIVE, name: settings.name });
  }

  async change(name: string, patch: Partial<StreamConfig>): Promise<void> {
    this.calls.push(['change', name, patch]);
    const at = this.entries.findIndex((entry) => entry.name === name);
    if (at < 0) throw new FrameliftError('server.no-stream', `there is no stream "${name}"`);
    if (patch.model === 'missing') throw new FrameliftError('model.not-found', 'no such model', { remedy: 'Another.' });
    if (patch.model === 'broken') throw new FrameliftError('model.invalid', 'not an ONNX file');
    if (patch.model === 'crash') throw new TypeError('bug with rtsp://user:secret@camera/');
    this.entries[at] = { ...LIVE, name, model: patch.model ?? LIVE.model };
  }

  async remove(name: string): Promise<void> {
    this.calls.push(['remove', name]);
    const at = this.entries.findIndex((entry) => entry.name === name);
    if (at < 0) throw new FrameliftError('server.no-stream', `there is no stream "${name}"`);
    this.entries.splice(at, 1);
  }
}

/** A server over paper streams. */
async function start(config: Partial<ConfigControl> = {}) {
  const streams = new PaperStreams();
  const control = { streams, config: { show: () => ({ log: 'info' }), reload: async () => RELOADED, ...config } };
  const { url } = await startServer(streams.entries, { control });
  /** A request of the administrator. */
  const ask = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url + path, {
      method,
      headers: {
        ...bearer(TOKENS.admin),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  return { url, ask, streams };
}

describe('reading', () => {
  it('tells of one stream', async () => {
    const { url } = await start();
    const report = await (await fetch(`${url}/api/streams/cam`)).json();
    expect(report).toMatchObject({ name: 'cam', model: 'flow-s', latencyBudgetMs: 56.7, latencyFloorMs: 16.7 });
    expect(report).toMatchObject({ ladder: { rung: 'flow-s', rungs: ['flow-s', 'search', 'hold'] } });
    expect(JSON.stringify(report)).not.toContain('secret');
    const absent = await fetch(`${url}/api/streams/nobody`);
    expect([absent.status, await absent.json()]).toMatchObject([404, { code: 'server.no-stream' }]);
  });

  it('lists models, references included, and statistics', async () => {
    const { url } = await start();
    const models = await (await fetch(`${url}/api/models`)).json();
    expect(models).toMatchObject({
      models: expect.arrayContaining([
        expect.objectContaining({ id: 'flow-s', kind: 'flow' }),
        expect.objectContaining({ id: 'search', kind: 'reference' }),
      ]),
    });
    expect(await (await fetch(`${url}/api/stats`)).json()).toMatchObject({ streams: [{ stream: 'cam', drops: 0 }] });
  });

  it('shows the configuration to the administrator', async () => {
    const { ask } = await start();
    expect(await (await ask('GET', '/api/config')).json()).toEqual({ log: 'info' });
  });
});

describe('changing a stream', () => {
  it('answers with the stream as it is then', async () => {
    const { ask, streams } = await start();
    const response = await ask('POST', '/api/streams/cam', { model: 'search' });
    expect([response.status, await response.json()]).toMatchObject([200, { name: 'cam', model: 'search' }]);
    expect(streams.calls).toEqual([['change', 'cam', { model: 'search' }]]);
  });

  it('takes a flow model on half the picture', async () => {
    const { ask, streams } = await start();
    const response = await ask('POST', '/api/streams/cam', { model: 'flow-s@0.5' });
    expect([response.status, await response.json()]).toMatchObject([200, { model: 'flow-s@0.5' }]);
    expect(streams.calls).toEqual([['change', 'cam', { model: 'flow-s@0.5' }]]);
  });

  it('changes only the keys that were sent: no default takes the place of what was configured', async () => {
    const { ask, streams } = await start();
    await ask('POST', '/api/streams/cam', { bitrateKbps: 2000, fps: 50 });
    expect(streams.calls).toEqual([['change', 'cam', { bitrateKbps: 2000, fps: 50 }]]);
  });

  it.each([
    ['missing', 422, 'model.not-found'],
    ['broken', 422, 'model.invalid'],
    ['crash', 500, 'server.failed'],
  ])('says why a model cannot be had: %s', async (model, status, code) => {
    const { ask } = await start();
    const response = await ask('POST', '/api/streams/cam', { model });
    const text = await response.text();
    expect([response.status, JSON.parse(text)]).toMatchObject([status, { code }]);
    expect(text).not.toContain('secret');
  });

  it.each([
    ['{', 400, 'http.bad-request', ''],
    [{}, 400, 'http.bad-request', 'nothing to change'],
    [{ model: 7 }, 400, 'http.bad-request', 'model: '],
    [{ model: 'flow-s', extra: 1 }, 400, 'http.bad-request', '"extra"'],
    [{ name: 'other' }, 400, 'http.bad-request', '"name"'],
    [{ model: '../../../etc/passwd' }, 400, 'http.bad-request', 'model: expected the id'],
    [{ model: 'mine.onnx' }, 400, 'http.bad-request', 'model: a file can only be named'],
    [{ model: 'mine.onnx@0.5' }, 400, 'http.bad-request', 'model: a file can only be named'],
    [{ model: 'flow-s@0.25' }, 400, 'http.bad-request', 'model: expected the id'],
    [{ model: 'flow-s@0.5@0.5' }, 400, 'http.bad-request', 'model: expected the id'],
    [{ model: `a${'b'.repeat(20_000)}` }, 413, 'http.too-large', ''],
  ])('refuses a body that is not right and names the key: %j', async (body, status, code, message) => {
    const { ask, streams } = await start();
    const response = await ask('POST', '/api/streams/cam', body);
    expect([response.status, await response.json()]).toMatchObject([
      status,
      { code, message: expect.stringContaining(message) },
    ]);
    expect(streams.calls).toEqual([]);
  });

  it('refuses what a page elsewhere could send', async () => {
    const { ask, url, streams } = await start();
    const plain = await ask('POST', '/api/streams/cam', { model: 'search' }, { 'Content-Type': 'text/plain' });
    expect([plain.status, await plain.json()]).toMatchObject([415, { code: 'http.unsupported-media-type' }]);
    const nothing = await ask('POST', '/api/streams/cam');
    expect([nothing.status, await nothing.json()]).toMatchObject([415, { code: 'http.unsupported-media-type' }]);
    const elsewhere = { Origin: 'https://elsewhere.example' };
    for (const [method, path, body] of [
      ['POST', '/api/streams/cam', { model: 'search' }],
      ['POST', '/api/streams', { name: 'x', source: 'demo' }],
      ['DELETE', '/api/streams/cam', undefined],
      ['POST', '/api/config/reload', undefined],
    ] as const) {
      const foreign = await ask(method, path, body, elsewhere);
      expect([foreign.status, await foreign.json()], path).toMatchObject([403, { code: 'http.forbidden-origin' }]);
    }
    expect(streams.calls).toEqual([]);
    const own = await ask('POST', '/api/streams/cam', { model: 'search' }, { Origin: new URL(url).origin });
    expect(own.status).toBe(200);
  });
});

describe('adding and removing', () => {
  it('adds a stream, with the defaults of the configuration, and says where it is', async () => {
    const { ask, streams } = await start();
    const response = await ask('POST', '/api/streams', { name: 'door', source: 'rtsp://camera.example/1', fps: 50 });
    expect([response.status, response.headers.get('location')]).toEqual([201, '/api/streams/door']);
    expect(await response.json()).toMatchObject({ name: 'door', whep: { upconverted: '/whep/door' } });
    expect(streams.calls[0]).toMatchObject(['add', { name: 'door', fps: 50, transport: 'tcp', stallTimeoutMs: 3000 }]);
    expect((await ask('GET', '/api/streams/door')).status).toBe(200);
  });

  it.each([
    [{ name: 'cam', source: 'demo' }, 409, 'server.stream-exists'],
    [{ name: 'one-too-many', source: 'demo' }, 503, 'server.stream-limit'],
    [{ name: 'door', source: 'file:///etc/passwd' }, 422, 'source.forbidden'],
    [{ name: 'a b', source: 'demo' }, 400, 'http.bad-request'],
    [{ source: 'demo' }, 400, 'http.bad-request'],
    [{ name: 'door', source: 'demo', fsp: 60 }, 400, 'http.bad-request'],
    [[], 400, 'http.bad-request'],
  ])('refuses %j', async (body, status, code) => {
    const { ask, streams } = await start();
    const response = await ask('POST', '/api/streams', body);
    expect([response.status, await response.json()]).toMatchObject([status, { code }]);
    expect(streams.entries).toEqual([LIVE]);
  });

  it('removes a stream', async () => {
    const { ask } = await start();
    const removed = await ask('DELETE', '/api/streams/cam');
    expect([removed.status, await removed.text()]).toEqual([204, '']);
    expect((await ask('GET', '/api/streams/cam')).status).toBe(404);
    expect((await ask('DELETE', '/api/streams/cam')).status).toBe(404);
  });
});

describe('reloading', () => {
  it('says what was done', async () => {
    const { ask } = await start();
    const response = await ask('POST', '/api/config/reload');
    expect([response.status, await response.json()]).toEqual([200, RELOADED]);
  });

  it('says which key of the file is wrong', async () => {
    const message = 'framelift.yaml: server.port is 70000: too big';
    const reload = async (): Promise<never> => {
      throw new FrameliftError('config.invalid', message);
    };
    const { ask } = await start({ reload });
    const response = await ask('POST', '/api/config/reload');
    expect([response.status, await response.json()]).toMatchObject([422, { code: 'config.invalid', message }]);
  });
});

it('says which methods are possible, to whom it may concern: no token is asked for', async () => {
  const { url } = await start();
  for (const [path, allow] of [
    ['/api/streams', 'GET, POST, HEAD'],
    ['/api/streams/cam', 'GET, POST, DELETE, HEAD'],
    ['/api/config/reload', 'POST'],
    ['/api/openapi.json', 'GET, HEAD'],
  ]) {
    const response = await fetch(`${url}${path}`, { method: 'PUT', body: '{}' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
    expect(await response.json()).toMatchObject({ code: 'http.method-not-allowed' });
  }
});
