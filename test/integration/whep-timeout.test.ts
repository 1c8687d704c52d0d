import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { connectPeer } from '../../src/egress/peer.ts';
import { fromMs, ManualClock } from '../../src/time.ts';

const OFFER = readFileSync(new URL('../fixtures/offers/chromium-whep.sdp', import.meta.url), 'utf8');

it('gives up a player that has not connected after 8 s', async () => {
  const clock = new ManualClock();
  const reasons: string[] = [];
  const viewer = await connectPeer(OFFER, {}, clock, {
    keyframeNeeded: () => {},
    sent: () => {},
    asked: () => {},
    roundTrip: () => {},
    seen: () => {},
    retransmitted: () => {},
    dropped: () => {},
    ended: (reason) => reasons.push(reason),
  });
  clock.advance(fromMs(7999));
  expect(reasons).toEqual([]);
  clock.advance(fromMs(1));
  expect(reasons).toEqual(['not connected in time']);
  await viewer.close('over');
});
