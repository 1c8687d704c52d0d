/** Streams that come, go and change while others play: by the file, a signal, and the API. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { stringify } from 'yaml';
import type { ReloadReport } from '../../src/server/schemas.ts';
import { type App, startApp } from '../support/app.ts';
import { nameShown, writeCertificate } from '../support/certificate.ts';
import { temporaryFolder } from '../support/media.ts';
import { bearer, TOKENS } from '../support/tokens.ts';
import { WhepClient } from '../support/whep-client.ts';

const PASSWORD = 'hunter22';
/** A camera that is not there: its address is in every attempt's log line. */
const CAMERA = `rtsp://nurse:${PASSWORD}@127.0.0.1:9/1`;

let folder: { path: string; remove: () => Promise<void> };
let file: string;
let app: App;
let viewer: WhepClient;
/** When the viewer's packets came. */
const arrivals: number[] = [];

const write = (streams: object[], more: object = {}): void =>
  writeFileSync(file, stringify({ engine: { model: 'repeat' }, auth: { play: [TOKENS.play] }, streams, ...more }));

const kept = { name: 'kept', source: 'demo' };
const demo = (name: string, extra: object = {}): object => ({ name, source: 'demo', ...extra });

const ask = (method: string, path: string, body?: object): Promise<Response> =>
  fetch(app.url + path, {
    method,
    headers: { ...bearer(TOKENS.admin), ...(body ? { 'Content-Type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

/** Names of the streams there are. */
async function names(): Promise<string[]> {
  // Our own API.
  const { streams } = (await (await ask('GET', '/api/streams')).json()) as { streams: { name: string }[] };
  return streams.map(({ name }) => name).toSorted();
}

/** The viewer of the stream that is left alone has its next 30 packets, and had no pause before. */
async function expectUndisturbed(): Promise<void> {
  const before = arrivals.length;
  await expect.poll(() => arrivals.length, { timeout: 3000 }).toBeGreaterThan(before + 30);
  const gaps = arrivals.slice(1).map((at, i) => at - (arrivals[i] ?? at));
  expect(Math.max(...gaps)).toBeLessThan(1000);
}

beforeAll(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, 'framelift.yaml');
  write([kept, demo('gone'), demo('other')]);
  app = await startApp(['--config', file, '--watch', '--provider', 'cpu']);
  const upconverted = async (): Promise<number> => (await app.stream('kept')).stats.fps.upconverted;
  await vi.waitFor(async () => expect(await upconverted()).toBeGreaterThan(0), { timeout: 10_000 });
  viewer = await WhepClient.play(`${app.url}/whep/kept`, () => arrivals.push(performance.now()), bearer(TOKENS.play));
});

afterAll(async () => {
  await viewer?.[Symbol.asyncDispose]();
  const end = await app?.stop();
  expect(end?.code, app?.log()).toBe(0);
  expect(app?.log()).toContain('"liveFrames":0');
  await folder?.remove();
});

describe('the file', () => {
  it('is read again when it changes, and only what differs is touched', async () => {
    write([kept, demo('other', { factor: 3 }), demo('door', { fps: 30 }), { name: 'camera', source: CAMERA }]);
    await expect.poll(names, { timeout: 8000 }).toEqual(['camera', 'door', 'kept', 'other']);
    // It says what it did once all of it is done.
    const done = /"added":\["door","camera"\],"removed":\["gone"\].*"unchanged":\["kept"\]/;
    await expect.poll(() => app.log(), { timeout: 8000 }).toMatch(done);
    expect(app.log()).toMatch(/"changed":\[\{"name":"other","keys":\[.*\],"startedAnew":true\}\]/);
    await expect.poll(async () => (await app.stream('door')).phase, { timeout: 8000 }).toBe('live');
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    expect(metrics).toContain('stream="door"');
    expect(metrics).not.toContain('stream="gone"');
    await expectUndisturbed();
  });

  it('is read again on SIGHUP', async () => {
    const reloaded = (): number => app.log().split('"configuration reloaded"').length;
    const before = reloaded();
    app.signal('SIGHUP');
    await expect.poll(reloaded).toBe(before + 1);
    expect(await names()).toEqual(['camera', 'door', 'kept', 'other']);
  });

  it.each([
    ['a key that is wrong', { server: { port: 70_000 } }, 'server.port is 70000'],
    ['a source that cannot be', { streams: [{ name: 'new', source: 'gopher://x/' }] }, 'scheme "gopher"'],
    ['a model that is not there', { streams: [demo('new', { model: 'flow-xxl' })] }, 'no model "flow-xxl"'],
  ])('with %s is refused, and everything stays', async (_, more, message) => {
    const before = await names();
    write([kept], more);
    await expect.poll(() => app.log(), { timeout: 4000 }).toContain(JSON.stringify(message).slice(1, -1));
    const answer = await ask('POST', '/api/config/reload');
    expect([answer.status, await answer.json()]).toMatchObject([422, { message: expect.stringContaining(message) }]);
    expect(await names()).toEqual(before);
    await expectUndisturbed();
  });
});

it('the model of all streams changes while they run, for all of them or for none', async () => {
  const camera = { name: 'camera', source: CAMERA };
  const model = async (): Promise<unknown> => (await ask('GET', '/api/streams/kept')).json();
  write([kept, { ...camera, model: 'flow-xxl' }], { engine: { model: 'blend' } });
  expect((await ask('POST', '/api/config/reload')).status).toBe(422);
  expect(await model()).toMatchObject({ model: 'repeat' });
  write([kept, { ...camera, model: 'search' }], { engine: { model: 'blend' } });
  const answer = await ask('POST', '/api/config/reload');
  expect(await answer.json()).toMatchObject({
    applied: ['engine.model'],
    changed: [{ name: 'camera', keys: ['model'] }],
  });
  expect(await model()).toMatchObject({ model: 'blend' });
  expect(await (await ask('GET', '/api/streams/camera')).json()).toMatchObject({ model: 'search' });
  await expectUndisturbed();
  write([kept, camera]);
  expect((await ask('POST', '/api/config/reload')).status).toBe(200);
  expect(await model()).toMatchObject({ model: 'repeat' });
});

describe('the API', () => {
  it('adds a stream, changes it while it runs, and removes it', async () => {
    const added = await ask('POST', '/api/streams', { name: 'added', source: 'demo', factor: 2 });
    expect([added.status, await added.json()]).toMatchObject([201, { name: 'added', target: '×2', model: 'repeat' }]);
    await expect.poll(async () => (await app.stream('added')).phase, { timeout: 8000 }).toBe('live');
    const changed = await ask('POST', '/api/streams/added', { model: 'blend', bitrateKbps: 500 });
    expect([changed.status, await changed.json()]).toMatchObject([200, { model: 'blend', phase: 'live' }]);
    const anew = await ask('POST', '/api/streams/added', { fps: 30 });
    expect([anew.status, await anew.json()]).toMatchObject([200, { model: 'blend', target: '30 fps' }]);
    expect((await ask('DELETE', '/api/streams/added')).status).toBe(204);
    expect(await names()).not.toContain('added');
    await expectUndisturbed();
  });

  it("does not open this machine's files and neighbours to who may only ask it", async () => {
    const hosts = ['rtsp://[::ffff:127.0.0.1]/', 'http://169.254.169.254/', '/etc/passwd'];
    for (const source of hosts) {
      const answer = await ask('POST', '/api/streams', { name: 'inside', source });
      const stream = answer.status === 201 ? await app.stream('inside') : undefined;
      expect(stream?.phase ?? 'refused', source).not.toBe('live');
      if (stream) expect((await ask('DELETE', '/api/streams/inside')).status).toBe(204);
    }
  });

  it('reads the file again, and keeps streams that it has added itself', async () => {
    expect((await ask('POST', '/api/streams', { name: 'added', source: 'demo' })).status).toBe(201);
    write([kept, { name: 'camera', source: CAMERA }], { auth: { play: [TOKENS.play] }, arenaMb: 600 });
    const answer = await ask('POST', '/api/config/reload');
    expect(answer.status).toBe(200);
    // Our own API. The watch may have been first; then nothing is left to remove.
    const { unchanged, needsRestart } = (await answer.json()) as ReloadReport;
    expect([unchanged, needsRestart]).toEqual([['kept', 'camera'], ['arenaMb']]);
    expect(await names()).toEqual(['added', 'camera', 'kept']);
    await expectUndisturbed();
  });

  it('shows the configuration and what was added to it', async () => {
    const shown = await (await ask('GET', '/api/config')).json();
    expect(shown).toMatchObject({
      arenaMb: 600,
      auth: { play: ['***'] },
      streams: [{ name: 'kept' }, { name: 'camera', source: 'rtsp://***@127.0.0.1:9/1' }, { name: 'added' }],
    });
    expect((await fetch(`${app.url}/api/config`, { headers: bearer(TOKENS.play) })).status).toBe(401);
  });
});

it('neither the log nor any answer has a token or a password', async () => {
  await expect.poll(() => app.log(), { timeout: 4000 }).toContain('rtsp://***@127.0.0.1:9/1');
  const answers = ['/api/streams', '/api/config', '/api/streams/camera', '/readyz', '/metrics', '/api/openapi.json'];
  const said = await Promise.all(answers.map(async (path) => (await ask('GET', path)).text()));
  for (const text of [app.log(), ...said]) {
    for (const secret of [PASSWORD, ...Object.values(TOKENS)]) expect(text).not.toContain(secret);
  }
});

it('a certificate that the file names later is watched as well', async () => {
  const [first, second] = ['first', 'second'].map((name) => join(folder.path, name));
  if (!first || !second) throw new Error('two names make two paths');
  const path = join(folder.path, 'tls.yaml');
  const configure = (tls: object): void =>
    writeFileSync(path, stringify({ engine: { model: 'repeat' }, server: { tls }, streams: [kept] }));
  for (const made of [first, second]) mkdirSync(made);
  configure(writeCertificate(first, 'first'));
  const tls = await startApp(['--config', path, '--watch']);
  onTestFinished(async () => void (await tls.stop()));
  const shown = (): Promise<unknown> => nameShown(tls.url);
  expect(await shown()).toBe('first');
  configure(writeCertificate(second, 'second'));
  await expect.poll(shown, { timeout: 5000 }).toBe('second');
  writeCertificate(second, 'renewed');
  await expect.poll(shown, { timeout: 5000 }).toBe('renewed');
});
