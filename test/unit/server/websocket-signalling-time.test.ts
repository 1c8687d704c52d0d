import { expect, it } from 'vitest';
import { readOffer } from '../../../src/egress/offer.ts';
import { WhepEndpoint } from '../../../src/egress/whep.ts';
import { WebSocketSignalling } from '../../../src/server/websocket-signalling.ts';
import { systemClock } from '../../../src/time.ts';
import { LARGE_MESSAGES } from '../../support/large-messages.ts';
import { LARGE_OFFERS } from '../../support/large-sdp.ts';
import { RecordedLog } from '../../support/recorded-log.ts';
import { shortestMs } from '../../support/shortest.ts';

/** From a message to its answer. */
const BOUND_MS = 20;

const join = async (offer: string) => ({
  ...{ answer: 'v=0\r\n', iceUfrag: readOffer(offer).remote.ufrag, ended: new Promise<string>(() => {}) },
  ...{ addCandidate: () => {}, close: async () => {}, stats: { rtt: undefined, loss: 0, depth: 0 } },
});

const offers = Object.entries(LARGE_OFFERS).map(
  ([name, sdp]) => [`an offer of ${name}`, JSON.stringify({ type: 'offer', id: '1', stream: 'cam', sdp })] as const,
);

it.each([...Object.entries(LARGE_MESSAGES), ...offers])(
  `answers a message of 160 KiB, %s, within ${BOUND_MS} ms`,
  async (_, text) => {
    const log = new RecordedLog('debug');
    const gate = new WhepEndpoint({ log, find: () => ({ join }) });
    const said: object[] = [];
    const ms = await shortestMs(() => {
      const signalling = new WebSocketSignalling({
        gate,
        log,
        clock: systemClock,
        send: (message) => said.push(message),
      });
      return signalling.receive(text);
    });
    expect(said).toHaveLength(7);
    expect(ms).toBeLessThan(BOUND_MS);
  },
);
