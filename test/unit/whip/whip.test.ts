import { describe, expect, it } from 'vitest';
import { type ErrorCode, FrameliftError } from '../../../src/errors.ts';
import type { Publisher } from '../../../src/ingest/webrtc.ts';
import { MAX_PUBLISHER_BYTES, WhipEndpoint } from '../../../src/ingest/whip.ts';
import type { SignallingRequest } from '../../../src/webrtc/resource.ts';

class FakePublisher implements Publisher {
  readonly answer = 'v=0\r\n';
  readonly iceUfrag = 'abcd';
  readonly #ended = Promise.withResolvers<string>();
  readonly ended = this.#ended.promise;
  closed = 0;

  close(): Promise<void> {
    this.closed += 1;
    this.#ended.resolve('closed');
    return Promise.resolve();
  }
}

const FRAGMENT = 'application/trickle-ice-sdpfrag';

class Rig {
  readonly publishers: FakePublisher[] = [];
  fails: ErrorCode | undefined;
  readonly endpoint: WhipEndpoint;

  constructor(allowedOrigins?: string[]) {
    this.endpoint = new WhipEndpoint({
      find: (stream) => (stream === 'cam' || stream === 'höhle/1' ? { publish: () => this.#publish() } : undefined),
      ...(allowedOrigins ? { allowedOrigins } : {}),
    });
  }

  #publish(): Promise<Publisher> {
    if (this.fails) return Promise.reject(new FrameliftError(this.fails, 'because', { remedy: 'Do this.' }));
    const publisher = new FakePublisher();
    this.publishers.push(publisher);
    return Promise.resolve(publisher);
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

  /** A session: its id and entity tag. */
  async session(): Promise<{ sessionId: string; tag: string }> {
    const { headers } = await this.ask({});
    return { sessionId: headers.Location?.split('/').at(-1) ?? '', tag: headers.ETag ?? '' };
  }

  async patch(
    headers: Record<string, string>,
    body = 'a=ice-ufrag:abcd\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\n',
  ) {
    const { sessionId, tag } = await this.session();
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace('TAG', tag)]),
    );
    return this.ask({ method: 'PATCH', sessionId, headers: { 'content-type': FRAGMENT, ...filled }, body });
  }
}

const told = (body: string | undefined): unknown => JSON.parse(body ?? 'null');

describe('WHIP POST', () => {
  it('201 with answer, Location, a strong quoted ETag and Accept-Patch', async () => {
    const { status, headers, body } = await new Rig().ask({});
    expect(status).toBe(201);
    expect(headers['Content-Type']).toBe('application/sdp');
    expect(headers.Location).toMatch(/^\/whip\/cam\/[\w-]{24}$/);
    expect(headers.ETag).toMatch(/^"[\w-]+"$/);
    expect(headers['Accept-Patch']).toBe(FRAGMENT);
    expect(body).toBe('v=0\r\n');
  });

  it('session ids do not repeat; stream names are escaped', async () => {
    const rig = new Rig();
    const places = new Set<string | undefined>();
    for (let i = 0; i < 100; i += 1) places.add((await rig.ask({})).headers.Location);
    expect(places.size).toBe(100);
    expect((await rig.ask({ stream: 'höhle/1' })).headers.Location).toContain('/whip/h%C3%B6hle%2F1/');
  });

  it.each(['application/sdp; charset=utf-8', 'Application/SDP'])('takes %s', async (type) => {
    expect((await new Rig().ask({ headers: { 'content-type': type } })).status).toBe(201);
  });

  it('415 for another type, 413 for a long body, 404 for a stream that takes no publishers', async () => {
    const rig = new Rig();
    expect((await rig.ask({ headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await rig.ask({ headers: {} })).status).toBe(415);
    expect((await rig.ask({ body: 'a'.repeat(MAX_PUBLISHER_BYTES + 1) })).status).toBe(413);
    const long = { 'content-type': 'application/sdp', 'content-length': `${MAX_PUBLISHER_BYTES + 1}` };
    expect((await rig.ask({ headers: long })).status).toBe(413);
    expect((await rig.ask({ body: 'a'.repeat(MAX_PUBLISHER_BYTES) })).status).toBe(201);
    const unknown = await rig.ask({ stream: 'nowhere' });
    expect(unknown.status).toBe(404);
    expect(told(unknown.body)).toMatchObject({
      code: 'webrtc.no-stream',
      remedy: expect.stringContaining('nowhere=whip'),
    });
  });

  it.each([
    ['webrtc.bad-offer', 400, undefined],
    ['webrtc.unacceptable', 422, undefined],
    ['webrtc.no-source', 409, '2'],
    ['webrtc.overloaded', 503, '5'],
  ] as const)('%s is %d, as JSON with its remedy', async (code, status, retry) => {
    const rig = new Rig();
    rig.fails = code;
    const response = await rig.ask({});
    expect(response.status).toBe(status);
    expect(response.headers['Retry-After']).toBe(retry);
    expect(response.headers['Content-Type']).toContain('application/json');
    expect(told(response.body)).toEqual({ code, message: 'because', remedy: 'Do this.' });
  });

  it('an error of ours is 500 and tells nothing', async () => {
    const rig = new Rig();
    rig.fails = 'decode.failed';
    const { status, body } = await rig.ask({});
    expect(status).toBe(500);
    expect(body).not.toContain('because');
  });
});

describe('WHIP PATCH', () => {
  it('trickled candidates: 204 without a body', async () => {
    const { status, body } = await new Rig().patch({ 'if-match': 'TAG' });
    expect(status).toBe(204);
    expect(body).toBeUndefined();
  });

  it('428 without If-Match, 412 with a stale one, 415 for another type, 400 for no fragment', async () => {
    const rig = new Rig();
    expect((await rig.patch({})).status).toBe(428);
    expect((await rig.patch({ 'if-match': '"other"' })).status).toBe(412);
    const wrong = await rig.patch({ 'if-match': 'TAG', 'content-type': 'application/sdp' });
    expect(wrong.status).toBe(415);
    expect(wrong.headers['Accept-Patch']).toBe(FRAGMENT);
    expect((await rig.patch({ 'if-match': 'TAG' }, 'nonsense')).status).toBe(400);
    expect((await rig.patch({ 'if-match': 'TAG' }, '')).status).toBe(400);
    expect((await rig.patch({ 'if-match': 'TAG' }, 'a'.repeat(MAX_PUBLISHER_BYTES + 1))).status).toBe(413);
  });

  it('an ICE restart is 422 and leaves the session alive', async () => {
    const rig = new Rig();
    const restart = 'a=ice-ufrag:efgh\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n';
    expect((await rig.patch({ 'if-match': '*' }, restart)).status).toBe(422);
    expect((await rig.patch({ 'if-match': 'TAG' }, restart)).status).toBe(422);
    expect(rig.publishers.map(({ closed }) => closed)).toEqual([0, 0]);
    expect(rig.endpoint.sessions).toBe(2);
  });

  it('404 for a session that is not there, or of another stream', async () => {
    const rig = new Rig();
    const { sessionId, tag } = await rig.session();
    const headers = { 'content-type': FRAGMENT, 'if-match': tag };
    expect((await rig.ask({ method: 'PATCH', sessionId: 'x', headers })).status).toBe(404);
    expect((await rig.ask({ method: 'PATCH', sessionId, stream: 'höhle/1', headers })).status).toBe(404);
  });
});

describe('WHIP sessions', () => {
  it('DELETE: 200, again 404', async () => {
    const rig = new Rig();
    const { sessionId } = await rig.session();
    expect((await rig.ask({ method: 'DELETE', sessionId })).status).toBe(200);
    expect(rig.publishers[0]?.closed).toBe(1);
    expect((await rig.ask({ method: 'DELETE', sessionId })).status).toBe(404);
  });

  it('are forgotten when they end, and ended with the endpoint', async () => {
    const rig = new Rig();
    await rig.session();
    await rig.session();
    await rig.publishers[0]?.close();
    expect(rig.endpoint.sessions).toBe(1);
    await rig.endpoint[Symbol.asyncDispose]();
    expect(rig.publishers[1]?.closed).toBe(1);
  });

  it.each(['GET', 'HEAD', 'PUT'])('%s: 405 with what is possible', async (method) => {
    const rig = new Rig();
    const { sessionId } = await rig.session();
    expect(await rig.ask({ method })).toMatchObject({ status: 405, headers: { Allow: 'POST, OPTIONS' } });
    const resource = await rig.ask({ method, sessionId });
    expect(resource).toMatchObject({ status: 405, headers: { Allow: 'PATCH, DELETE, OPTIONS' } });
  });
});

describe('WHIP OPTIONS', () => {
  it('tells what can be sent, and no ICE server', async () => {
    const rig = new Rig();
    const { status, headers } = await rig.ask({ method: 'OPTIONS' });
    expect(status).toBe(204);
    expect(headers['Accept-Post']).toBe('application/sdp');
    expect(headers.Link).toBeUndefined();
    const resource = await rig.ask({ method: 'OPTIONS', sessionId: 'x' });
    expect(resource.headers['Accept-Patch']).toBe(FRAGMENT);
  });

  it('lets pages of configured origins publish, and of no other', async () => {
    const rig = new Rig(['https://studio.example']);
    const ask = (origin: string) => rig.ask({ method: 'OPTIONS', headers: { origin } });
    const { headers } = await ask('https://studio.example');
    expect(headers['Access-Control-Allow-Origin']).toBe('https://studio.example');
    expect(headers['Access-Control-Allow-Methods']).toContain('PATCH');
    expect(headers['Access-Control-Allow-Headers']).toBe('Authorization, Content-Type, If-Match');
    expect(headers['Access-Control-Expose-Headers']).toBe('Location, ETag, Link');
    expect(headers['Access-Control-Allow-Credentials']).toBeUndefined();
    expect((await ask('https://evil.example')).headers['Access-Control-Allow-Origin']).toBeUndefined();
    const closed = await new Rig().ask({ method: 'OPTIONS', headers: { origin: 'https://studio.example' } });
    expect(closed.headers['Access-Control-Allow-Origin']).toBeUndefined();
  });
});
