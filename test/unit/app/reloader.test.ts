import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Framelift } from '../../../src/app/framelift.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import type { Config, ConfigInput } from '../../../src/config/schema.ts';
import { SILENT_LOG } from '../../../src/log.ts';
import { nameShown, writeCertificate } from '../../support/certificate.ts';
import { bearer, TOKENS } from '../../support/tokens.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'framelift-reload-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** framelift without streams, whose configuration can be exchanged. */
class Rig implements AsyncDisposable {
  readonly app: Framelift;
  readonly log: string[];
  readonly #file: { input: ConfigInput };

  private constructor(app: Framelift, log: string[], file: { input: ConfigInput }) {
    this.app = app;
    this.log = log;
    this.#file = file;
  }

  static async start(input: ConfigInput): Promise<Rig> {
    const file = { input: { arenaMb: 16, ...input, server: { port: 0, ...input.server } } };
    const log: string[] = [];
    const note = (fields: object, message: string): number => log.push(`${JSON.stringify(fields)} ${message}`);
    const reread = (): Config => parseConfig(file.input, 'test.yaml');
    const app = await Framelift.start({
      config: reread(),
      reread,
      log: { ...SILENT_LOG, info: note, warn: note },
      version: '0',
      env: ENV,
    });
    return new Rig(app, log, file);
  }

  /** Puts another configuration in place of the file and reads it. */
  reload(input: ConfigInput): ReturnType<Framelift['reload']> {
    this.#file.input = { arenaMb: 16, ...input, server: { port: 0, ...input.server } };
    return this.app.reload();
  }

  /** Status of a request for what needs a token for playing. */
  async status(token: string): Promise<number> {
    return (await fetch(`${this.app.url}/api/streams`, { headers: bearer(token) })).status;
  }

  /** Id of the model of a stream. */
  async model(stream: string): Promise<unknown> {
    const answer = await fetch(`${this.app.url}/api/streams/${stream}`, { headers: bearer(TOKENS.admin) });
    // Our own API.
    return ((await answer.json()) as { model: unknown }).model;
  }

  /** What the API answers to a change of a stream. */
  async change(stream: string, patch: object): Promise<unknown> {
    const headers = { ...bearer(TOKENS.admin), 'Content-Type': 'application/json' };
    const body = JSON.stringify(patch);
    return (await fetch(`${this.app.url}/api/streams/${stream}`, { method: 'POST', headers, body })).json();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.app[Symbol.asyncDispose]();
  }
}

const ENV = { FRAMELIFT_ADMIN_TOKEN: TOKENS.admin };

describe('a reload', () => {
  it('exchanges tokens, and says which keys took effect and which wait for a start', async () => {
    await using rig = await Rig.start({ auth: { play: ['first-token'] } });
    const report = await rig.reload({ auth: { play: ['second-token'] }, webrtc: { maxViewers: 3 } });
    expect(report).toMatchObject({ applied: ['auth.play'], needsRestart: ['webrtc.maxViewers'] });
    expect([await rig.status('first-token'), await rig.status('second-token')]).toEqual([401, 200]);
    // Compared with the start, not with the last time: it still waits.
    expect(await rig.reload({ auth: { play: ['second-token'] }, webrtc: { maxViewers: 3 } })).toMatchObject({
      ...{ applied: [], needsRestart: ['webrtc.maxViewers'] },
    });
  });

  it.each<[ConfigInput, string]>([
    [{ auth: { play: [{ env: 'NOT_SET' }] } }, 'auth.play: the environment variable NOT_SET is not set'],
    [{ auth: { play: ['short'] } }, 'test.yaml: auth.play.0 is "***"'],
    [{ streams: [{ name: 'a', source: 'nowhere.mp4' }] }, 'there is no file "nowhere.mp4"'],
    [
      { server: { maxStreams: 1 }, streams: ['a', 'b'].map((name) => ({ name, source: 'demo' })) },
      'there are 2 streams, and server.maxStreams is 1',
    ],
  ])('that cannot be carried out changes nothing: %j', async (input, message) => {
    await using rig = await Rig.start({ auth: { play: ['first-token'] } });
    await expect(rig.reload({ auth: { play: ['second-token'] }, ...input })).rejects.toThrow(message);
    expect(rig.log.at(-1)).toContain(`configuration not reloaded, the present one stays: `);
    expect(rig.log.at(-1)).toContain(message);
    expect([await rig.status('first-token'), await rig.status('second-token')]).toEqual([200, 401]);
  });

  it('reads the certificate again, also when the configuration is the same', async () => {
    const tls = writeCertificate(folder, 'first');
    await using rig = await Rig.start({ server: { tls } });
    expect(await nameShown(rig.app.url)).toBe('first');
    writeCertificate(folder, 'second');
    await rig.reload({ server: { tls } });
    expect(await nameShown(rig.app.url)).toBe('second');
    await expect(rig.reload({ server: { tls: { ...tls, key: tls.cert } } })).rejects.toThrow('server.tls.key: ');
    expect(await nameShown(rig.app.url)).toBe('second');
  });

  it('does not ask a stream that is started anew whether its old rate has pictures of the new model', async () => {
    // Only a stream that goes on at ×3 could refuse a model that knows the middle alone.
    const stream = { name: 'cam', source: 'whip' };
    await using rig = await Rig.start({ engine: { model: 'repeat' }, streams: [{ ...stream, factor: 3 }] });
    const engine = { model: 'cfu', provider: 'cpu' } as const;
    await expect(rig.reload({ engine, streams: [{ ...stream, factor: 3 }] })).rejects.toThrow('only knows the middle');
    expect(await rig.reload({ engine, streams: [{ ...stream, factor: 2 }] })).toMatchObject({
      changed: [{ name: 'cam', startedAnew: true }],
    });
    expect(await rig.model('cam')).toBe('cfu');
  });

  it('lets the API name a file of the configuration by its id, on the whole picture and on half of it', async () => {
    const mine = join(folder, 'mine.onnx');
    copyFileSync(new URL('../../../models/flow-s.onnx', import.meta.url), mine);
    const engine = { model: `${mine}@0.5`, provider: 'cpu' } as const;
    await using rig = await Rig.start({ engine, streams: [{ name: 'cam', source: 'whip' }] });
    expect(await rig.model('cam')).toBe('mine@0.5');
    for (const model of ['mine', 'mine@0.5']) {
      expect(await rig.change('cam', { model })).toMatchObject({ model });
    }
    expect(await rig.change('cam', { model: `${mine}@0.5` })).toMatchObject({ code: 'http.bad-request' });
  });

  it('needs something to read', async () => {
    const log = SILENT_LOG;
    const config = parseConfig({ arenaMb: 16, server: { port: 0 } }, 'test.yaml');
    await using app = await Framelift.start({ config, log, version: '0', env: ENV });
    const response = await fetch(`${app.url}/api/config/reload`, { method: 'POST', headers: bearer(TOKENS.admin) });
    expect([response.status, await response.json()]).toMatchObject([
      422,
      { code: 'config.invalid', remedy: expect.stringContaining('--config') },
    ]);
  });
});
