import { expect, it } from 'vitest';
import { readOffer, writeAnswer } from '../../../src/egress/offer.ts';
import { WhepEndpoint } from '../../../src/egress/whep.ts';
import { WhipEndpoint } from '../../../src/ingest/whip/endpoint.ts';
import { readPublication, writePublicationAnswer } from '../../../src/ingest/whip/offer.ts';
import type { PeerSession, SessionEndpoint } from '../../../src/webrtc/endpoint.ts';
import { LARGE_OFFERS } from '../../support/large-sdp.ts';
import { RecordedLog } from '../../support/recorded-log.ts';
import { shortestMs } from '../../support/shortest.ts';

/** From a request's body to its answer, the log's words included. */
const BOUND_MS = 20;

const LOCAL = {
  ...{ iceUfrag: 'abcd', icePwd: 'abcdefghijklmnopqrstuv', iceLite: true, setup: 'active' },
  fingerprint: `sha-256 ${Array(32).fill('AB').join(':')}`,
  candidates: ['1 1 udp 2113937151 127.0.0.1 5000 typ host'],
};

const session = (iceUfrag: string, answer: string): PeerSession => ({
  ...{ answer, iceUfrag, ended: new Promise<string>(() => {}) },
  addCandidate: () => {},
  close: async () => {},
});
const join = async (offer: string) => {
  const video = readOffer(offer);
  const answer = writeAnswer(video, { ...LOCAL, ssrc: 1, rtxSsrc: 2, cname: 'x' });
  return { ...session(video.remote.ufrag, answer), stats: { rtt: undefined, loss: 0, depth: 0 } };
};
const publish = async (offer: string) => {
  const video = readPublication(offer);
  return session(video.remote.ufrag, writePublicationAnswer(video, LOCAL, 1));
};

function endpoints(): Record<string, SessionEndpoint> {
  // All of it is written: offer, verdicts on its codecs, answer.
  const log = new RecordedLog('debug');
  return {
    WHEP: new WhepEndpoint({ log, find: () => ({ join }) }),
    WHIP: new WhipEndpoint({ log, find: () => ({ publish }) }),
  };
}

for (const [protocol, endpoint] of Object.entries(endpoints())) {
  it.each(Object.entries(LARGE_OFFERS))(
    `${protocol} answers an offer of 128 KiB, %s, within ${BOUND_MS} ms`,
    async (_, body) => {
      const headers = { 'content-type': 'application/sdp' };
      const statuses = new Set<number>();
      const ms = await shortestMs(async () => {
        statuses.add((await endpoint.handle({ method: 'POST', stream: 'cam', headers, body })).status);
      });
      expect(ms).toBeLessThan(BOUND_MS);
      expect([201, 400, 422]).toEqual(expect.arrayContaining([...statuses]));
    },
  );
}

it.each([
  ['candidates', 'a=candidate:1 1 udp 2113937151 10.0.0.1 5000 typ host'],
  ['long lines', `a=candidate:${'1 '.repeat(400)}`],
  ['names', 'a=mid:0'],
  ['nothing', ''],
])(`answers a fragment of 128 KiB of %s within ${BOUND_MS} ms`, async (_, line) => {
  const endpoint = new WhipEndpoint({ find: () => ({ publish: async () => session('abcd', 'v=0') }) });
  const posted = { method: 'POST', stream: 'cam', headers: { 'content-type': 'application/sdp' }, body: 'v=0' };
  const { headers } = await endpoint.handle(posted);
  const ms = await shortestMs(() =>
    endpoint.handle({
      ...{ method: 'PATCH', stream: 'cam', sessionId: headers.Location?.split('/').at(-1) },
      headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' },
      body: `${line}\r\n`.repeat(Math.floor(131_072 / (line.length + 2))),
    }),
  );
  expect(ms).toBeLessThan(BOUND_MS);
});
