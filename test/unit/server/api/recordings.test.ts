import { rmSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Access } from '../../../../src/server/auth.ts';
import { temporaryFolder } from '../../../support/media.ts';
import { recordingsIn } from '../../../support/recordings-site.ts';
import { startServer } from '../../../support/server.ts';
import { bearer, TOKENS } from '../../../support/tokens.ts';

const BYTES = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 255));

async function rig(options: Parameters<typeof startServer>[1] = {}) {
  const folder = await temporaryFolder();
  onTestFinished(folder.remove);
  const file = { bytes: BYTES, records: '{"rtp":0}\n' };
  const { control, names, removed } = recordingsIn(folder.path, [file, file]);
  const { url } = await startServer(undefined, { recordings: control, ...options });
  const ask = (path: string, init: RequestInit = {}) => fetch(`${url}/api/streams/cam/recordings${path}`, init);
  const range = (value: string) => ask(`/${names[0]}`, { headers: { Range: value } });
  return { url, ask, range, names, removed, folder: folder.path };
}

describe('recordings over the API', () => {
  it('are listed, the oldest first', async () => {
    const { ask, url } = await rig();
    expect(await (await ask('')).json()).toEqual({
      recordings: [
        {
          ...{ name: 'upconverted_2026-12-01T03-44-12.345Z.mp4', variant: 'upconverted', bytes: 1000, open: false },
          ...{ start: '2026-12-01T03:44:12.345Z', durationMs: 2000 },
          frames: { source: 60, interpolated: 59, extrapolated: 0, repeated: 1 },
          records: 'upconverted_2026-12-01T03-44-12.345Z.jsonl',
        },
        expect.objectContaining({ name: 'upconverted_2026-12-01T03-45-12.345Z.mp4', open: true }),
      ],
    });
    expect((await fetch(`${url}/api/streams/other/recordings`)).status).toBe(404);
  });

  it('are fetched as a whole, with their records beside', async () => {
    const { ask, names } = await rig();
    const whole = await ask(`/${names[0]}`);
    expect([whole.status, whole.headers.get('content-type'), whole.headers.get('accept-ranges')]).toEqual([
      200,
      'video/mp4',
      'bytes',
    ]);
    expect(Buffer.from(await whole.arrayBuffer()).equals(BYTES)).toBe(true);
    const records = await ask(`/${names[0]?.replace('mp4', 'jsonl')}`);
    expect([records.headers.get('content-type'), await records.text()]).toEqual([
      'application/jsonl; charset=utf-8',
      '{"rtp":0}\n',
    ]);
    const head = await ask(`/${names[0]}`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '1000']);
  });

  it.each([
    ['bytes=0-', 0, 999],
    ['bytes=10-19', 10, 19],
    ['bytes=990-2000', 990, 999],
    ['bytes=-5', 995, 999],
    ['bytes=-5000', 0, 999],
  ])('are fetched in parts: %s', async (value, from, to) => {
    const { range } = await rig();
    const part = await range(value);
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${from}-${to}/1000`]);
    expect(Buffer.from(await part.arrayBuffer()).equals(BYTES.subarray(from, to + 1))).toBe(true);
  });

  it.each(['bytes=1000-', 'bytes=-0'])('have no such part: %s', async (value) => {
    const { range } = await rig();
    const part = await range(value);
    expect([part.status, part.headers.get('content-range')]).toEqual([416, 'bytes */1000']);
    expect(await part.json()).toMatchObject({ code: 'http.bad-range' });
  });

  it.each(['bytes=5-2', 'bytes=', 'bytes=a-b', 'items=0-5', 'bytes=0-1,4-5'])(
    'are sent whole where a range says nothing: %s',
    async (value) => {
      const { range } = await rig();
      expect((await range(value)).status).toBe(200);
    },
  );

  it.each([
    '..%2F..%2F..%2Fetc%2Fpasswd',
    '%2e%2e',
    '..%5C..',
    'upconverted_2026-12-01T03-44-12.345Z.mp4%00.txt',
    '%2Fetc%2Fpasswd',
    'nothing.mp4',
  ])('are nothing but themselves: %s', async (name) => {
    const { ask } = await rig();
    for (const method of ['GET', 'DELETE']) {
      const answer = await ask(`/${name}`, { method, headers: bearer(TOKENS.admin) });
      expect(answer.status, method).toBe(404);
    }
  });

  it('are deleted by administrators, unless they are being written', async () => {
    const { ask, names, removed } = await rig();
    const remove = (name = '', token = '') =>
      ask(`/${name}`, { method: 'DELETE', headers: token ? bearer(token) : {} });
    expect((await remove(names[0])).status).toBe(401);
    expect((await remove(names[0], TOKENS.publish)).status).toBe(401);
    expect((await remove(names[0], TOKENS.admin)).status).toBe(204);
    expect(removed).toEqual([names[0]]);
    const open = await remove(names[1], TOKENS.admin);
    expect([open.status, await open.json()]).toEqual([
      409,
      expect.objectContaining({ code: 'server.recording-open', remedy: expect.stringContaining('"record": false') }),
    ]);
  });

  it('are for those who may play', async () => {
    const { ask, names } = await rig({ access: new Access({ publish: [], play: ['play-token-1'], admin: [] }) });
    for (const path of ['', `/${names[0]}`]) {
      expect((await ask(path)).status).toBe(401);
      expect((await ask(path, { headers: bearer('play-token-1') })).status).toBe(200);
    }
  });

  it('may be gone meanwhile', async () => {
    const { ask, names, folder } = await rig();
    rmSync(`${folder}/${names[0]}`);
    expect((await ask(`/${names[0]}`)).status).toBe(404);
  });
});
