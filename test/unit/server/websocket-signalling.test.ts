import { beforeEach, describe, expect, it } from 'vitest';
import { FrameliftError } from '../../../src/errors.ts';
import { SILENT_LOG } from '../../../src/log.ts';
import { type PlayerGate, WebSocketSignalling } from '../../../src/server/websocket-signalling.ts';
import { fromMs, ManualClock } from '../../../src/time.ts';
import type { PeerSession } from '../../../src/webrtc/endpoint.ts';
import type { CandidateSink } from '../../../src/webrtc/transport.ts';

const ANSWER = [
  'v=0',
  'm=audio 0 UDP/TLS/RTP/SAVPF 111',
  'a=mid:0',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=mid:v',
  '',
].join('\r\n');
const CANDIDATE = '1 1 udp 2113937151 10.0.0.1 5000 typ host';

class FakePeer implements PeerSession {
  readonly answer = ANSWER;
  readonly iceUfrag = 'abcd';
  readonly #ended = Promise.withResolvers<string>();
  readonly ended = this.#ended.promise;
  readonly candidates: string[] = [];
  readonly trickle: CandidateSink;
  open = true;

  constructor(trickle: CandidateSink) {
    this.trickle = trickle;
  }

  addCandidate(candidate: string): void {
    this.candidates.push(candidate);
  }

  end(reason: string): Promise<string> {
    this.open = false;
    this.#ended.resolve(reason);
    return this.ended;
  }

  async close(): Promise<void> {
    await this.end('closed by the player');
  }
}

/** A gate to the stream `cam`. */
class FakeGate implements PlayerGate {
  readonly peers: FakePeer[] = [];
  readonly asked: (string | undefined)[][] = [];
  /** Found while the answer is made. */
  early: string[] = [];
  held: Promise<void> = Promise.resolve();

  async join(stream: string, variant: string | undefined, offer: string, trickle: CandidateSink): Promise<PeerSession> {
    this.asked.push([stream, variant, offer]);
    if (stream !== 'cam') throw new FrameliftError('webrtc.no-source', 'no picture yet', { remedy: 'Wait.' });
    for (const candidate of this.early) trickle(candidate);
    await this.held;
    const peer = new FakePeer(trickle);
    this.peers.push(peer);
    return peer;
  }

  iceServers() {
    return [{ urls: ['turn:t'], username: 'u', credential: 'c' }];
  }
}

let clock: ManualClock;
let gate: FakeGate;
let said: Record<string, unknown>[];
let signalling: WebSocketSignalling;

beforeEach(() => {
  clock = new ManualClock();
  gate = new FakeGate();
  said = [];
  const send = (message: object): void => void said.push({ ...message });
  signalling = new WebSocketSignalling({ gate, clock, log: SILENT_LOG, address: '192.0.2.7', send });
});

const say = (message: object): Promise<void> => signalling.receive(JSON.stringify(message));

/** Offers; the session that the answer names, and its peer. */
async function play(): Promise<{ session: string; peer: FakePeer }> {
  await say({ type: 'offer', id: '1', stream: 'cam', sdp: 'v=0' });
  const peer = gate.peers.at(-1);
  const session = said.findLast(({ type }) => type === 'answer')?.session;
  if (!peer || typeof session !== 'string') throw new Error(`no answer in ${JSON.stringify(said)}`);
  return { session, peer };
}

describe('an offer', () => {
  it('is answered with a session, and our candidates follow as they are found', async () => {
    gate.early = [CANDIDATE];
    await say({ type: 'offer', id: 'mine', stream: 'cam', variant: 'source', sdp: 'v=0' });
    expect(gate.asked).toEqual([['cam', 'source', 'v=0']]);
    const session = said[0]?.session;
    expect(session).toMatch(/^[\w-]{24}$/);
    gate.peers[0]?.trickle('2 1 udp 1 10.0.0.2 6000 typ srflx');
    gate.peers[0]?.trickle(undefined);
    const target = { type: 'candidate', session, sdpMid: 'v', sdpMLineIndex: 1 };
    expect(said).toEqual([
      { type: 'answer', id: 'mine', session, sdp: ANSWER },
      { ...target, candidate: `candidate:${CANDIDATE}` },
      { ...target, candidate: 'candidate:2 1 udp 1 10.0.0.2 6000 typ srflx' },
      { type: 'end-of-candidates', session },
    ]);
  });

  it('that is refused is told why, with what HTTP would say', async () => {
    await say({ type: 'offer', id: '7', stream: 'other', sdp: 'v=0' });
    const error = { type: 'error', id: '7', code: 'webrtc.no-source', message: 'no picture yet', remedy: 'Wait.' };
    expect(said[0]).toMatchObject({ ...error, retryAfter: expect.any(Number) });
  });

  it('is one of eight at most; a place that becomes free is given', async () => {
    for (let taken = 0; taken < 8; taken += 1) await play();
    await say({ type: 'offer', id: '9', stream: 'cam', sdp: 'v=0' });
    expect(said.at(-1)).toMatchObject({ type: 'error', id: '9', code: 'webrtc.overloaded' });
    await gate.peers[3]?.end('gone');
    await play();
    expect(signalling.sessions).toBe(8);
  });
});

describe('a session', () => {
  it("is given the player's candidates, those that can be used", async () => {
    const { session, peer } = await play();
    for (const candidate of [`candidate:${CANDIDATE}`, 'candidate:1 1 udp 1 abc.local 5 typ host', '']) {
      await say({ type: 'candidate', session, candidate, sdpMid: 'v', sdpMLineIndex: 0, usernameFragment: 'x' });
    }
    await say({ type: 'end-of-candidates', session });
    expect(peer.candidates).toEqual([CANDIDATE]);
    expect(said.map(({ type }) => type)).toEqual(['answer']);
  });

  it('ends when it is closed, and when it ends by itself: told either way', async () => {
    const [one, two] = [await play(), await play()];
    await say({ type: 'close', session: one.session });
    expect(said.at(-1)).toEqual({ type: 'close', session: one.session, reason: 'closed by the player' });
    await two.peer.end('stream stopped');
    expect(said.at(-1)).toEqual({ type: 'close', session: two.session, reason: 'stream stopped' });
    await say({ type: 'close', session: two.session });
    expect(said.at(-1)).toMatchObject({ type: 'error', session: two.session, code: 'webrtc.no-session' });
  });

  it('ends with its socket when that says goodbye', async () => {
    const { peer } = await play();
    signalling.close(true);
    expect(peer.open).toBe(false);
  });

  it('outlives a socket that broke by ten seconds', async () => {
    const { peer } = await play();
    signalling.close(false);
    clock.advance(fromMs(9999));
    expect(peer.open).toBe(true);
    clock.advance(fromMs(1));
    expect(peer.open).toBe(false);
  });

  it('that comes about when its socket is gone ends at once', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate.held = promise;
    const offered = say({ type: 'offer', id: '1', stream: 'cam', sdp: 'v=0' });
    signalling.close(true);
    resolve();
    await offered;
    expect(gate.peers.map(({ open }) => open)).toEqual([false]);
    expect(signalling.sessions).toBe(0);
  });
});

it('tells the ICE servers', async () => {
  await say({ type: 'ice-servers', id: '1' });
  expect(said).toEqual([{ type: 'ice-servers', id: '1', iceServers: gate.iceServers() }]);
});

it.each([
  'nonsense',
  '',
  '[]',
  'null',
  '"offer"',
  '{}',
  '{"type":"dance","id":"5"}',
  '{"type":"offer","id":5,"stream":"cam","sdp":"v=0"}',
  '{"type":"offer","id":"5","stream":"cam"}',
  `{"type":"offer","id":"5","stream":"${'c'.repeat(65)}","sdp":"v=0"}`,
  '{"type":"candidate","session":"5"}',
  `{"type":"offer","id":"5","stream":"cam","sdp":"${'x'.repeat(131_073)}"}`,
])('of %j it is told what is wrong', async (text) => {
  await signalling.receive(text);
  const error = { type: 'error', code: 'webrtc.bad-message', message: expect.any(String), remedy: expect.any(String) };
  expect(said).toEqual([expect.objectContaining(error)]);
  expect(gate.asked).toEqual([]);
});

it('repeats the id of a message that is wrong', async () => {
  await say({ type: 'offer', id: '5', stream: '', sdp: '' });
  expect(said[0]).toMatchObject({ type: 'error', id: '5' });
});
