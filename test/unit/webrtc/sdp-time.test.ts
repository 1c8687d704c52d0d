import { expect, it } from 'vitest';
import { readOffer } from '../../../src/egress/offer.ts';
import { FrameliftError } from '../../../src/errors.ts';
import { findVideo } from '../../../src/ingest/rtsp/sdp.ts';
import { readPublication } from '../../../src/ingest/whip/offer.ts';
import { LARGE_OFFERS, RANDOM_OFFERS } from '../../support/large-sdp.ts';
import { shortestMs } from '../../support/shortest.ts';

/**
 * A parser that reads anything anew for each format or line needs seconds here; a linear one some 5
 * ms.
 */
const BOUND_MS = 20;

const READERS = { 'a player': readOffer, 'a publisher': readPublication, 'a camera': findVideo };

/** A refusal is an answer as good as any. */
function outcome(read: (text: string) => unknown, text: string): void {
  try {
    read(text);
  } catch (error) {
    if (!(error instanceof FrameliftError)) throw error;
  }
}

for (const [peer, read] of Object.entries(READERS)) {
  it.each(Object.entries(LARGE_OFFERS))(
    `128 KiB of ${peer}'s SDP, %s, are read within ${BOUND_MS} ms`,
    async (_, text) => {
      expect(text.length).toBeGreaterThan(120_000);
      expect(await shortestMs(() => outcome(read, text))).toBeLessThan(BOUND_MS);
    },
  );
}

for (const [peer, read] of Object.entries(READERS)) {
  it(`${RANDOM_OFFERS.length} offers of 128 KiB of lines by chance, as ${peer}'s SDP, are read within ${BOUND_MS} ms`, async () => {
    const slow: string[] = [];
    for (const text of RANDOM_OFFERS) {
      if ((await shortestMs(() => outcome(read, text))) >= BOUND_MS) slow.push(text.slice(0, 2000));
    }
    expect(slow).toEqual([]);
  });
}
