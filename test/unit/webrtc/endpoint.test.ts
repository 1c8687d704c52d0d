import { describe, expect, it } from 'vitest';
import { type ErrorCode, FrameliftError } from '../../../src/errors.ts';
import { type PeerSession, SessionEndpoint } from '../../../src/webrtc/endpoint.ts';
import type { SignallingRequest } from '../../../src/webrtc/resource.ts';
import { RecordedLog } from '../../support/recorded-log.ts';

/**
 * What WHIP and WHEP answer, line by line: test/integration/whip-whep-checklist.test.ts. Here is
 * what only scripted sessions can show.
 */
class FakePeer implements PeerSession {
  readonly answer = 'v=0\r\na=ice-pwd:ours\r\n';
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

  readonly log: RecordedLog;

  constructor(allowedOrigins: string[] = [], log = new RecordedLog()) {
    this.log = log;
    this.endpoint = new SessionEndpoint({
      ...{ protocol: 'WHIP', basePath: '/whip/', allowedOrigins, log },
      open: () => this.#open(),
      codecsOf: () => ['96 VP8: chosen'],
    });
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
    ['webrtc.no-codec', 422, undefined],
    ['webrtc.no-source', 409, expect.stringMatching(/^[12]$/)],
    ['webrtc.overloaded', 503, '5'],
    ['webrtc.busy', 503, expect.stringMatching(/^[123]$/)],
  ] as const)('%s is %d, as JSON with its remedy', async (code, status, retry) => {
    const rig = new Rig();
    rig.fails = code;
    const response = await rig.ask({});
    expect(response).toMatchObject({ status, headers: { 'Content-Type': expect.stringContaining('json') } });
    expect(response.headers['Retry-After']).toEqual(retry);
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

  it('logs an offer and its answer without passwords, the codecs with the reasons, and the end', async () => {
    const rig = new Rig();
    await rig.ask({ variant: 'source', body: 'v=0\r\na=ice-pwd:theirs\r\n' });
    await rig.peers[0]?.close();
    await rig.peers[0]?.ended;
    const session = { level: 'debug', protocol: 'WHIP', stream: 'cam', variant: 'source' };
    expect(rig.log.lines).toEqual([
      { ...session, message: 'SDP offer', sdp: 'v=0\r\na=ice-pwd:***\r\n' },
      { ...session, message: 'codec chosen', peer: 'abcd', codecs: ['96 VP8: chosen'] },
      { ...session, message: 'SDP answer', peer: 'abcd', sdp: 'v=0\r\na=ice-pwd:***\r\n' },
      { ...session, message: 'session ended', peer: 'abcd', reason: 'closed' },
    ]);
  });

  it('logs nothing of a session that goes well where debug is off', async () => {
    const rig = new Rig([], new RecordedLog('info'));
    await rig.ask({});
    expect(rig.log.lines).toEqual([]);
  });

  it.each([
    ['webrtc.unacceptable', 'warn'],
    ['webrtc.overloaded', 'warn'],
    ['decode.failed', 'warn'],
    ['webrtc.no-stream', 'info'],
    // A player asks again every other second until there is a frame.
    ['webrtc.no-source', 'debug'],
  ] as const)('logs the refusal %s with its reason at %s', async (code, level) => {
    const rig = new Rig();
    rig.fails = code;
    await rig.ask({});
    expect(rig.log.of('request refused')).toEqual([
      expect.objectContaining({ level, code, stream: 'cam', method: 'POST', reason: 'because', remedy: 'Do this.' }),
    ]);
  });

  it('logs a request that never came to an offer', async () => {
    const rig = new Rig();
    await rig.ask({ headers: { 'content-type': 'text/plain' } });
    expect(rig.log.lines).toEqual([
      expect.objectContaining({ level: 'warn', message: 'request refused', code: 'webrtc.unsupported-media-type' }),
    ]);
  });
});
