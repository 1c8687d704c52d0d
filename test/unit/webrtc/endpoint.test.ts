import { describe, expect, it } from 'vitest';
import { type ErrorCode, FrameliftError } from '../../../src/errors.ts';
import { type PeerSession, SessionEndpoint } from '../../../src/webrtc/endpoint.ts';
import { readFragment } from '../../../src/webrtc/fragment.ts';
import type { SignallingRequest } from '../../../src/webrtc/resource.ts';

/** What WHIP and WHEP answer, line by line: test/integration/whip-whep-checklist.test.ts. Here is what only scripted sessions can show. */
class FakePeer implements PeerSession {
  readonly answer = 'v=0\r\n';
  readonly iceUfrag = 'abcd';
  readonly #ended = Promise.withResolvers<string>();
  readonly ended = this.#ended.promise;
  readonly candidates: string[] = [];
  closed = 0;

  addCandidate(candidate: string): void {
    this.candidates.push(candidate);
  }

  close(): Promise<void> {
    this.closed += 1;
    this.#ended.resolve('closed');
    return Promise.resolve();
  }
}

class Rig {
  readonly peers: FakePeer[] = [];
  fails: ErrorCode | undefined;
  readonly endpoint: SessionEndpoint;

  constructor(allowedOrigins: string[] = []) {
    this.endpoint = new SessionEndpoint({ basePath: '/whip/', allowedOrigins, open: () => this.#open() });
  }

  async #open(): Promise<PeerSession> {
    if (this.fails) throw new FrameliftError(this.fails, 'because', { remedy: 'Do this.' });
    const peer = new FakePeer();
    this.peers.push(peer);
    return peer;
  }

  ask(request: Partial<SignallingRequest>) {
    const headers = { 'content-type': 'application/sdp' };
    return this.endpoint.handle({ method: 'POST', stream: 'cam', headers, body: 'v=0\r\n', ...request });
  }
}

const CANDIDATES = [
  'a=candidate:1 1 udp 1 10.0.0.1 5 typ host',
  'a=candidate:2 1 tcp 1 10.0.0.1 9 typ host tcptype active',
  'a=candidate:3 1 udp 1 4d8f.local 7 typ host',
  'a=candidate:4 1 UDP 1 203.0.113.9 8 typ srflx raddr 0.0.0.0 rport 0',
];

describe('SessionEndpoint', () => {
  it('names sessions after their stream, escaped; one of another stream is not found', async () => {
    const rig = new Rig();
    const { headers } = await rig.ask({ stream: 'höhle/1' });
    expect(headers.Location).toMatch(/^\/whip\/h%C3%B6hle%2F1\/[\w-]{24}$/);
    const sessionId = headers.Location?.split('/').at(-1);
    expect((await rig.ask({ method: 'DELETE', sessionId })).status).toBe(404);
    expect((await rig.ask({ method: 'DELETE', stream: 'höhle/1', sessionId })).status).toBe(200);
  });

  it('refuses a body that is announced too long', async () => {
    const headers = { 'content-type': 'application/sdp', 'content-length': '131073' };
    expect((await new Rig().ask({ headers })).status).toBe(413);
  });

  it.each([
    ['webrtc.bad-offer', 400, undefined],
    ['webrtc.no-stream', 404, undefined],
    ['webrtc.unacceptable', 422, undefined],
    ['webrtc.no-source', 409, '2'],
    ['webrtc.overloaded', 503, '5'],
  ] as const)('%s is %d, as JSON with its remedy', async (code, status, retry) => {
    const rig = new Rig();
    rig.fails = code;
    const response = await rig.ask({});
    expect(response).toMatchObject({ status, headers: { 'Content-Type': expect.stringContaining('json') } });
    expect(response.headers['Retry-After']).toBe(retry);
    expect(JSON.parse(response.body ?? '')).toEqual({ code, message: 'because', remedy: 'Do this.' });
    expect(rig.endpoint.sessions).toBe(0);
  });

  it('an error of ours is 500 and tells nothing', async () => {
    const rig = new Rig();
    rig.fails = 'decode.failed';
    const { status, body } = await rig.ask({});
    expect(status).toBe(500);
    expect(body).not.toContain('because');
  });

  it('gives trickled candidates that can be used to the peer, whatever the entity tag stands beside', async () => {
    const rig = new Rig();
    const { headers } = await rig.ask({});
    const sessionId = headers.Location?.split('/').at(-1);
    for (const match of [`"stale", ${headers.ETag}`, '*']) {
      const type = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': match };
      const body = ['a=ice-ufrag:abcd', ...CANDIDATES].join('\r\n');
      expect((await rig.ask({ method: 'PATCH', sessionId, headers: type, body })).status).toBe(204);
    }
    const usable = ['1 1 udp 1 10.0.0.1 5 typ host', '4 1 UDP 1 203.0.113.9 8 typ srflx raddr 0.0.0.0 rport 0'];
    expect(rig.peers[0]?.candidates).toEqual([...usable, ...usable]);
  });

  it('forgets sessions that end by themselves, and ends the others with itself', async () => {
    const rig = new Rig();
    await rig.ask({});
    await rig.ask({});
    await rig.peers[0]?.close();
    await rig.peers[0]?.ended;
    expect(rig.endpoint.sessions).toBe(1);
    await rig.endpoint[Symbol.asyncDispose]();
    expect(rig.peers[1]?.closed).toBe(1);
  });

  it('names only allowed origins when they are listed', async () => {
    const rig = new Rig(['https://good']);
    const ask = (origin: string) => rig.ask({ method: 'OPTIONS', headers: { origin } });
    expect((await ask('https://good')).headers).toMatchObject({
      'Access-Control-Allow-Origin': 'https://good',
      Vary: 'Origin',
    });
    expect((await ask('https://evil')).headers['Access-Control-Allow-Origin']).toBeUndefined();
  });
});

describe('readFragment', () => {
  it.each(['', 'nonsense', 'a=x\r\n\u0000', `a=${'x'.repeat(2000)}`, 'a=x\n'.repeat(501)])('refuses %j', (body) => {
    expect(() => readFragment(body)).toThrow(expect.objectContaining({ code: 'webrtc.bad-offer' }));
  });

  it('takes one without candidates, and bare line feeds', () => {
    expect(readFragment('a=mid:0\na=end-of-candidates\n')).toEqual({ ufrag: undefined, candidates: [] });
  });
});
