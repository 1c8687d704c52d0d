import { expect, it } from 'vitest';
import { readOffer } from '../../../src/egress/offer.ts';
import { FrameliftError } from '../../../src/errors.ts';
import { findVideo } from '../../../src/ingest/rtsp/sdp.ts';
import { readPublication } from '../../../src/ingest/whip/offer.ts';
import { LARGE_OFFERS } from '../../support/large-sdp.ts';

/**
 * A parser that reads anything anew for each format or line needs seconds here; a linear one some 5
 * ms.
 */
const BOUND_MS = 50;

const READERS = { 'a player': readOffer, 'a publisher': readPublication, 'a camera': findVideo };

/** The shortest of five runs: another tenant of the machine may spoil some. */
function shortest(read: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    read();
    return performance.now() - started;
  });
  return Math.min(...times);
}

/** A refusal is an answer as good as any. */
function outcome(read: (text: string) => unknown, text: string): void {
  try {
    read(text);
  } catch (error) {
    if (!(error instanceof FrameliftError)) throw error;
  }
}

for (const [peer, read] of Object.entries(READERS)) {
  it.each(Object.entries(LARGE_OFFERS))(`128 KiB of ${peer}'s SDP, %s, are read within ${BOUND_MS} ms`, (_, text) => {
    expect(text.length).toBeGreaterThan(120_000);
    expect(shortest(() => outcome(read, text))).toBeLessThan(BOUND_MS);
  });
}
