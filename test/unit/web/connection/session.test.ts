/// <reference lib="dom" />
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  noPathOf,
  parseIceServers,
  refusalState,
  retryAfterMs,
  Session,
} from '../../../../src/web/connection/session.js';

it('reads the ICE servers of a Link header, quoted commas and escapes included', () => {
  const header = [
    '<stun:stun.example:3478>; rel="ice-server"',
    '<turn:turn.example?transport=udp>; rel="ice-server"; username="a,\\"b"; credential="c;d"; credential-type="password"',
    '<https://example.org/>; rel="help"',
  ].join(', ');
  expect(parseIceServers(header)).toEqual([
    { urls: 'stun:stun.example:3478' },
    { urls: 'turn:turn.example?transport=udp', username: 'a,"b', credential: 'c;d' },
  ]);
  expect(parseIceServers('')).toEqual([]);
});

it('tells refusals that end a session from those after which it tries again', () => {
  const states = [401, 404, 409, 429, 503, 400, 403, 415, 408, 425, 500, 502].map(refusalState);
  expect(states).toEqual([
    ...['locked', 'unknown', 'no-source', 'busy', 'busy'],
    ...['refused', 'refused', 'refused', 'lost', 'lost', 'lost', 'lost'],
  ]);
});

it('reads Retry-After as seconds or as a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const headers = [
    '7',
    ' 0 ',
    'Thu, 01 Jan 2026 00:00:05 GMT',
    'Wed, 31 Dec 2025 00:00:00 GMT',
    'soon',
    '-3',
    '',
    null,
  ];
  expect(headers.map((header) => retryAfterMs(header, now))).toEqual([7000, 0, 5000, 0, 0, 0, 0, 0]);
});

/** Sessions against a server that answers every offer alike, on a clock of its own. */
function against(answer: () => Response): {
  told: string[];
  offers: () => number;
  peers: FakePeer[];
  session: Session;
} {
  vi.useFakeTimers();
  const peers: FakePeer[] = [];
  let offers = 0;
  vi.stubGlobal('RTCPeerConnection', function make(): FakePeer {
    const peer = new FakePeer();
    peers.push(peer);
    return peer;
  });
  vi.stubGlobal('fetch', async (_url: string, { method }: RequestInit) => {
    if (method !== 'POST') return new Response(null, { status: 204 });
    offers += 1;
    return answer();
  });
  const told: string[] = [];
  const session = new Session({
    url: 'http://127.0.0.1/whep/cam',
    headers: () => ({}),
    prepare: () => {},
    onState: (state, detail) => told.push(`${state}: ${detail}`),
  });
  onTestFinished(() => {
    session.stop();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  session.start();
  return { told, offers: () => offers, peers, session };
}

/** A peer without a network. */
class FakePeer {
  readonly iceGatheringState = 'complete';
  readonly localDescription = { sdp: 'offer' };
  connectionState = 'new';
  onconnectionstatechange = (): void => {};
  async setLocalDescription(): Promise<void> {}
  async setRemoteDescription(): Promise<void> {}
  close(): void {}
  turn(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange();
  }
}

const taken = (): Response => {
  const response = new Response('answer', { status: 201, headers: { Location: '/whep/cam/1' } });
  Object.defineProperty(response, 'url', { value: 'http://127.0.0.1/whep/cam' });
  return response;
};

describe('a session', () => {
  it.each([
    ['no UDP port is free', '7', 7000, 8000],
    ['8 players are connecting to cam', '1', 1000, 1500],
  ])(
    'that is refused with 503 says why and comes back when the server wishes: %s',
    async (message, after, least, most) => {
      const { told, offers } = against(() =>
        Response.json(
          { code: 'webrtc.overloaded', message, remedy: 'Try again.' },
          { status: 503, headers: { 'Retry-After': after } },
        ),
      );
      await vi.advanceTimersByTimeAsync(0);
      expect(told.at(-1)).toMatch(new RegExp(`^busy: ${message}\\. Try again\\. Trying again in \\d+ s\\.$`));
      await vi.advanceTimersByTimeAsync(least - 1);
      expect(offers()).toBe(1);
      await vi.advanceTimersByTimeAsync(most - least + 1);
      expect(offers()).toBe(2);
    },
  );

  it('that is answered and never connects says that no packet gets through, and tries again', async () => {
    const { told, offers } = against(taken);
    await vi.advanceTimersByTimeAsync(14_999);
    expect([told.at(-1), offers()]).toEqual(['connecting: ', 1]);
    await vi.advanceTimersByTimeAsync(1);
    expect(told.at(-1)).toMatch(/^no-path: .*UDP/);
    await vi.advanceTimersByTimeAsync(1000);
    expect(offers()).toBe(2);
  });

  it.each([
    ['loopback alone', ['127.0.0.1', '::1'], /Firefox does not connect.*webrtc\.advertisedHosts/],
    ['another one, too', ['127.0.0.1', '192.0.2.1'], /may block UDP/],
    ['told later', [], /may block UDP/],
  ])('that never connects says what may be wrong where the addresses are %s', (_, addresses, said) => {
    const lines = addresses.map((address) => `a=candidate:own0u 1 udp 2130706431 ${address} 5000 typ host`);
    expect(noPathOf(['v=0', ...lines, ''].join('\r\n'))).toMatch(said);
  });

  it('that fails before it connected says the same, and afterwards that it was lost', async () => {
    const { told, peers } = against(taken);
    await vi.advanceTimersByTimeAsync(100);
    peers[0]?.turn('failed');
    expect(told.at(-1)).toMatch(/^no-path: /);
    await vi.advanceTimersByTimeAsync(1000);
    peers[1]?.turn('connected');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told.at(-1)).toBe('connected: ');
    peers[1]?.turn('failed');
    expect(told.at(-1)).toBe('lost: ');
  });

  it('that was stopped does nothing more, in whatever it was', async () => {
    const { told, offers, session } = against(taken);
    await vi.advanceTimersByTimeAsync(5000);
    session.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect([told, offers()]).toEqual([['connecting: '], 1]);
  });
});
