import { expect, it } from 'vitest';
import { readOffer, writeAnswer } from '../../../src/egress/offer.ts';
import { WhepEndpoint } from '../../../src/egress/whep.ts';
import { WhipEndpoint } from '../../../src/ingest/whip/endpoint.ts';
import { readPublication, writePublicationAnswer } from '../../../src/ingest/whip/offer.ts';
import type { SessionEndpoint } from '../../../src/webrtc/endpoint.ts';
import { Fuzzer, heldBytes } from '../../support/fuzz.ts';
import { REAL_OFFERS } from '../../support/fuzz-offers.ts';

const OFFER_CASES = 2000;
const FRAGMENT_CASES = 1500;

const LOCAL = {
  iceUfrag: 'abcd',
  icePwd: 'p'.repeat(22),
  iceLite: true,
  fingerprint: `sha-256 ${Array(32).fill('AB').join(':')}`,
  setup: 'passive',
  candidates: ['1 1 udp 2130706431 127.0.0.1 5000 typ host'],
};
const SENDER = { ...LOCAL, ssrc: 1, rtxSsrc: 2, cname: 'framelift' };

/** A session that takes everything. */
function session(answer: string, iceUfrag: string, candidates: string[] = []) {
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const close = async (): Promise<void> => resolve('closed');
  const addCandidate = (candidate: string): void => void candidates.push(candidate);
  return { answer, iceUfrag, ended, close, addCandidate, stats: { rtt: undefined, loss: 0, depth: 0 } };
}

const ENDPOINTS = {
  WHIP: () => {
    const publish = async (offer: string) => {
      const video = readPublication(offer);
      return session(writePublicationAnswer(video, LOCAL, 1), video.remote.ufrag);
    };
    return new WhipEndpoint({ find: () => ({ publish }) });
  },
  WHEP: () => {
    const join = async (offer: string) => {
      const video = readOffer(offer);
      return session(writeAnswer(video, SENDER), video.remote.ufrag);
    };
    return new WhepEndpoint({ find: () => ({ join }) });
  },
} satisfies Record<string, () => SessionEndpoint>;

const SDP = { 'content-type': 'application/sdp' };
const FRAGMENT = { 'content-type': 'application/trickle-ice-sdpfrag' };

it.each(['WHIP', 'WHEP'] as const)(
  `${OFFER_CASES} damaged offers by %s: an answer of clean lines, or a refusal`,
  async (protocol) => {
    await using endpoint = ENDPOINTS[protocol]();
    const before = heldBytes();
    const statuses = new Map<number, number>();
    for (let i = 0; i < OFFER_CASES; i += 1) {
      const fuzz = new Fuzzer(i);
      const offer = fuzz.damageLines(fuzz.pick(REAL_OFFERS).sdp);
      const {
        status,
        headers,
        body = '',
      } = await endpoint.handle({ method: 'POST', stream: 'cam', headers: SDP, body: offer });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect([201, 400, 413, 422], `case ${i}`).toContain(status);
      if (status !== 201) continue;
      // Nothing of the offer may put lines of its own into what browsers parse.
      expect(
        body
          .split('\r\n')
          .slice(0, -1)
          .every((line) => /^[a-z]=[\x20-\x7e]+$/.test(line)),
        `case ${i}: ${body}`,
      ).toBe(true);
      expect(body.match(/^m=/gm)?.length, `case ${i}`).toBe(offer.match(/^m=/gm)?.length);
      const sessionId = headers.Location?.split('/').at(-1);
      expect(
        (await endpoint.handle({ method: 'DELETE', stream: 'cam', sessionId, headers: {}, body: '' })).status,
      ).toBe(200);
    }
    console.log(`${protocol}: ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}`);
    for (const status of [201, 400, 422]) expect(statuses.get(status)).toBeGreaterThan(OFFER_CASES / 100);
    expect(endpoint.sessions).toBe(0);
    expect(heldBytes() - before).toBeLessThan(8e6);
  },
);

const LINES = [
  'a=ice-ufrag:EsAw',
  'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1',
  'm=audio 9 RTP/AVP 0',
  'a=mid:0',
  'a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1',
  'a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ srflx raddr 10.0.0.1 rport 61765',
  'a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active',
  'a=candidate:2154773085 1 udp 2122262783 2001:db8::1 57000 typ host',
  'a=candidate:1 1 udp 1 8f3a.local 5 typ host',
  'a=end-of-candidates',
];

it(`${FRAGMENT_CASES} damaged trickles: only sound candidates come through, and the session stands`, async () => {
  const taken: string[] = [];
  const publish = async () => session('v=0\r\n', 'EsAw', taken);
  await using endpoint = new WhipEndpoint({ find: () => ({ publish }) });
  const ask = (method: string, headers: Record<string, string>, body: string, sessionId?: string) =>
    endpoint.handle({ method, stream: 'cam', sessionId, headers, body });
  const { headers: made } = await ask('POST', SDP, 'v=0\r\n');
  const [sessionId, tag = ''] = [made.Location?.split('/').at(-1), made.ETag];
  const statuses = new Map<number, number>();
  for (let i = 0; i < FRAGMENT_CASES; i += 1) {
    const fuzz = new Fuzzer(i);
    const lines = LINES.filter(() => fuzz.chance(0.7)).join('\r\n');
    const match = {
      'if-match': fuzz.pick([tag, tag, tag, tag, `W/${tag}`, '*', '"other"', `"a", ${tag}`, tag.slice(0, -1)]),
    };
    const headers = fuzz.chance(0.95) ? { ...FRAGMENT, ...(fuzz.chance(0.95) ? match : {}) } : SDP;
    const body = fuzz.chance(0.8) ? fuzz.damageLines(lines) : lines;
    const { status } = await ask('PATCH', headers, body, sessionId);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    expect([204, 400, 412, 413, 415, 422, 428], `case ${i}: ${JSON.stringify(body)}`).toContain(status);
  }
  console.log(`fragments: ${[...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}`);
  for (const status of [204, 400, 412, 415, 422, 428]) expect(statuses.get(status), `${status}`).toBeGreaterThan(5);
  expect(taken.length).toBeGreaterThan(FRAGMENT_CASES / 10);
  const sound =
    /^[A-Za-z0-9+/]{1,32} 1 udp \d{1,10} [0-9a-f.:]+ \d{1,5} typ (host|srflx|prflx|relay)( [\x20-\x7e]*)?$/i;
  expect(taken.filter((candidate) => !sound.test(candidate))).toEqual([]);
  expect((await ask('DELETE', {}, '', sessionId)).status).toBe(200);
});
