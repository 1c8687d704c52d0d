import { describe, expect, it } from 'vitest';
import type { ViewerSession } from '../../../src/egress/publication.ts';
import { MAX_OFFER_BYTES, WhepEndpoint } from '../../../src/egress/whep.ts';
import { type ErrorCode, FrameliftError } from '../../../src/errors.ts';
import type { SignallingRequest } from '../../../src/webrtc/resource.ts';

class FakeViewer implements ViewerSession {
  readonly answer = 'v=0\r\n';
  readonly #ended = Promise.withResolvers<string>();
  readonly ended = this.#ended.promise;
  readonly stats = { rtt: undefined, loss: 0, depth: 0 };
  closed = 0;

  close(): Promise<void> {
    this.closed += 1;
    this.#ended.resolve('closed');
    return Promise.resolve();
  }
}

class Rig {
  readonly viewers: FakeViewer[] = [];
  fails: ErrorCode | undefined;
  readonly endpoint: WhepEndpoint;

  constructor(allowedOrigins?: string[]) {
    this.endpoint = new WhepEndpoint({
      find: (stream, variant) =>
        stream === 'cam' || (stream === 'höhle/1' && variant === 'source') ? { join: () => this.#join() } : undefined,
      ...(allowedOrigins ? { allowedOrigins } : {}),
    });
  }

  #join(): Promise<ViewerSession> {
    if (this.fails) return Promise.reject(new FrameliftError(this.fails, 'because'));
    const viewer = new FakeViewer();
    this.viewers.push(viewer);
    return Promise.resolve(viewer);
  }

  ask(request: Partial<SignallingRequest>) {
    return this.endpoint.handle({
      method: 'POST',
      stream: 'cam',
      headers: { 'content-type': 'application/sdp' },
      body: 'v=0\r\n',
      ...request,
    });
  }
}

describe('WhepEndpoint', () => {
  it('POST: 201 with answer, Location and a strong quoted ETag', async () => {
    const { status, headers, body } = await new Rig().ask({});
    expect(status).toBe(201);
    expect(headers['Content-Type']).toBe('application/sdp');
    expect(headers.Location).toMatch(/^\/whep\/cam\/[\w-]{24}$/);
    expect(headers.ETag).toMatch(/^"[\w-]+"$/);
    expect(headers['Access-Control-Expose-Headers']).toBe('Location, ETag, Link');
    expect(body).toBe('v=0\r\n');
  });

  it('session ids do not repeat', async () => {
    const rig = new Rig();
    const places = new Set<string | undefined>();
    for (let i = 0; i < 100; i += 1) places.add((await rig.ask({})).headers.Location);
    expect(places.size).toBe(100);
  });

  it('POST: escapes the stream name in Location, takes the variant', async () => {
    const rig = new Rig();
    const { headers } = await rig.ask({ stream: 'höhle/1', variant: 'source' });
    expect(headers.Location).toContain('/whep/h%C3%B6hle%2F1/');
    expect((await rig.ask({ stream: 'höhle/1' })).status).toBe(404);
    expect((await rig.ask({ variant: 'other' })).status).toBe(404);
  });

  it.each(['application/sdp; charset=utf-8', 'Application/SDP'])('POST: takes %s', async (type) => {
    expect((await new Rig().ask({ headers: { 'content-type': type } })).status).toBe(201);
  });

  it.each([{}, { 'content-type': 'application/json' }, { 'content-type': 'application/sdpx' }])(
    'POST: 415 for %o',
    async (headers) => {
      expect((await new Rig().ask({ headers })).status).toBe(415);
    },
  );

  it('POST: 413 over 128 KiB, told or found', async () => {
    const rig = new Rig();
    const type = { 'content-type': 'application/sdp' };
    expect((await rig.ask({ body: 'ä'.repeat(MAX_OFFER_BYTES / 2 + 1) })).status).toBe(413);
    expect((await rig.ask({ headers: { ...type, 'content-length': `${MAX_OFFER_BYTES + 1}` } })).status).toBe(413);
    expect((await rig.ask({ body: 'a'.repeat(MAX_OFFER_BYTES) })).status).toBe(201);
  });

  it.each([
    ['webrtc.bad-offer', 400, undefined],
    ['webrtc.unacceptable', 422, undefined],
    ['webrtc.no-source', 409, '2'],
    ['webrtc.overloaded', 503, '5'],
    ['engine.failed', 500, undefined],
  ] as const)('POST: %s is %i', async (code, status, retry) => {
    const rig = new Rig();
    rig.fails = code;
    const answer = await rig.ask({});
    expect(answer.status).toBe(status);
    expect(answer.headers['Retry-After']).toBe(retry);
    expect(answer.body).toBe(status === 500 ? 'internal error\n' : 'because\n');
    expect(rig.endpoint.sessions).toBe(0);
  });

  it('DELETE: 200, again 404, 404 under another stream', async () => {
    const rig = new Rig();
    const { headers } = await rig.ask({});
    const sessionId = headers.Location?.split('/').at(-1);
    expect((await rig.ask({ method: 'DELETE', stream: 'other', sessionId })).status).toBe(404);
    expect((await rig.ask({ method: 'DELETE', sessionId })).status).toBe(200);
    expect(rig.viewers[0]?.closed).toBe(1);
    expect((await rig.ask({ method: 'DELETE', sessionId })).status).toBe(404);
  });

  it('forgets a session that ended by itself', async () => {
    const rig = new Rig();
    await rig.ask({});
    expect(rig.endpoint.sessions).toBe(1);
    await rig.viewers[0]?.close();
    await rig.viewers[0]?.ended;
    expect(rig.endpoint.sessions).toBe(0);
  });

  it('OPTIONS: 204 with Accept-Post and CORS, without ICE servers', async () => {
    const { status, headers } = await new Rig().ask({ method: 'OPTIONS', headers: { origin: 'https://page' } });
    expect(status).toBe(204);
    expect(headers['Accept-Post']).toBe('application/sdp');
    expect(headers['Access-Control-Allow-Origin']).toBe('*');
    expect(headers['Access-Control-Allow-Headers']).toBe('Authorization, Content-Type, If-Match');
    expect(headers['Access-Control-Allow-Credentials']).toBeUndefined();
    expect(headers.Link).toBeUndefined();
  });

  it('names only allowed origins when they are listed', async () => {
    const rig = new Rig(['https://good']);
    const good = await rig.ask({ method: 'OPTIONS', headers: { origin: 'https://good' } });
    expect(good.headers['Access-Control-Allow-Origin']).toBe('https://good');
    const evil = await rig.ask({ method: 'OPTIONS', headers: { origin: 'https://evil' } });
    expect(evil.headers['Access-Control-Allow-Origin']).toBeUndefined();
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH'])('%s: 405 with Allow', async (method) => {
    const rig = new Rig();
    expect(await rig.ask({ method })).toMatchObject({ status: 405, headers: { Allow: 'POST, OPTIONS' } });
    expect(await rig.ask({ method, sessionId: 'x' })).toMatchObject({
      status: 405,
      headers: { Allow: 'DELETE, OPTIONS' },
    });
  });

  it('closes all sessions at the end', async () => {
    const rig = new Rig();
    await rig.ask({});
    await rig.ask({});
    await rig.endpoint[Symbol.asyncDispose]();
    expect(rig.viewers.map((viewer) => viewer.closed)).toEqual([1, 1]);
  });
});
