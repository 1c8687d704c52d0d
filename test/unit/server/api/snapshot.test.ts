import { describe, expect, it } from 'vitest';
import { FrameliftError } from '../../../../src/errors.ts';
import { Access } from '../../../../src/server/auth.ts';
import type { SnapshotControl } from '../../../../src/server/contract.ts';
import { startServer } from '../../../support/server.ts';
import { bearer } from '../../../support/tokens.ts';

const JPEG = Buffer.of(0xff, 0xd8, 0xff, 0xd9);

async function rig(options: Parameters<typeof startServer>[1] = {}) {
  const asked: string[] = [];
  const snapshot: SnapshotControl = async (name, variant) => {
    asked.push(`${variant} of ${name}`);
    if (name === 'dark') throw new FrameliftError('server.no-frame', 'dark has no frame yet', { remedy: 'Ask again.' });
    if (name !== 'cam') throw new FrameliftError('server.no-stream', `there is no stream "${name}"`);
    const record = { pts: 1.5, kind: 'interpolated', t: 0.5, model: 'größtes\n' } as const;
    return { jpeg: JPEG, record, captured: new Date(0) };
  };
  const { url } = await startServer(undefined, { snapshot, ...options });
  return { asked, ask: (path: string, init?: RequestInit) => fetch(`${url}/api/streams/${path}`, init) };
}

describe('a snapshot over the API', () => {
  it('is a JPEG of the source, unless another variant is asked for, that says where it comes from', async () => {
    const { ask, asked } = await rig();
    const answer = await ask('cam/frame.jpg?_=1');
    const { headers } = answer;
    expect([answer.status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      ...[200, 'image/jpeg', 'no-store'],
    ]);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(JPEG);
    const told = headers.get('framelift-provenance') ?? '';
    expect(told).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(told)).toEqual({ pts: 1.5, kind: 'interpolated', t: 0.5, model: 'größtes\n' });
    expect(headers.get('framelift-captured')).toBe('1970-01-01T00:00:00.000Z');
    const head = await ask('cam/frame.jpg?variant=upconverted', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '4', '']);
    expect(asked).toEqual(['source of cam', 'upconverted of cam']);
  });

  it.each([
    ['dark/frame.jpg', 503, 'server.no-frame', '1'],
    ['none/frame.jpg', 404, 'server.no-stream', null],
    ['cam/frame.jpg?variant=both', 400, 'http.bad-request', null],
    ['cam/frame.jpg?variant=source&variant=source', 400, 'http.bad-request', null],
  ])('%s is refused with %i', async (path, status, code, retry) => {
    const { ask } = await rig();
    const answer = await ask(path);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, retry]);
    expect(await answer.json()).toMatchObject({ code });
  });

  it('is for those who may play', async () => {
    const { ask, asked } = await rig({ access: new Access({ publish: [], play: ['play-token-1'], admin: [] }) });
    expect((await ask('cam/frame.jpg')).status).toBe(401);
    expect(asked).toEqual([]);
    expect((await ask('cam/frame.jpg', { headers: bearer('play-token-1') })).status).toBe(200);
  });
});
