/// <reference lib="dom" />
import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../../src/web/player/provenance.js';

describe('the ledger', () => {
  it('joins frames and records in either order', () => {
    const ledger = new Ledger();
    ledger.take({ rtp: 1, pts: 0, kind: 'source' });
    ledger.take({ rtp: 2, pts: 0.5, kind: 'interpolated', confidence: 0.5, model: 'flow-s' });
    const seen = [1, 3, 2, undefined].map((rtp) => ledger.present(rtp)?.kind);
    expect(seen).toEqual(['source', undefined, 'interpolated', undefined]);
    expect(ledger.counts()).toEqual({ source: 1, interpolated: 1, extrapolated: 0, repeated: 0, unknown: 2 });
    ledger.take({ rtp: 3, pts: 1, kind: 'repeated', reason: 'deadline' });
    expect(ledger.counts()).toEqual({ source: 1, interpolated: 1, extrapolated: 0, repeated: 1, unknown: 1 });
    expect(ledger.ring.cells[2]).toEqual({ origin: 'interpolated', confidence: 0.5 });
    expect(ledger.received).toBe(3);
  });

  it('knows frames that were carried on beyond the newest one', () => {
    const ledger = new Ledger();
    ledger.take({ rtp: 1, pts: 0.5, kind: 'extrapolated', t: 1.5, confidence: 0.5, model: 'flow-s' });
    ledger.present(1);
    expect(ledger.counts()).toMatchObject({ extrapolated: 1, unknown: 0 });
    expect(ledger.ring.cells[0]).toEqual({ origin: 'extrapolated', confidence: 0.5 });
  });

  it('calls a kind unknown that only a later server has', () => {
    const ledger = new Ledger();
    // Parsed, as it comes over the wire, since no record of this version has such a kind.
    ledger.take(JSON.parse('{ "rtp": 9, "pts": 2, "kind": "a later kind" }'));
    ledger.present(9);
    expect(ledger.counts()).toEqual({ source: 0, interpolated: 0, extrapolated: 0, repeated: 0, unknown: 1 });
  });

  it('forgets the oldest records, frames without a record, and cells', () => {
    const ledger = new Ledger();
    for (let rtp = 100; rtp < 1100; rtp += 1) ledger.take({ rtp, pts: rtp, kind: 'source' });
    expect([ledger.present(100), ledger.present(1099)?.kind]).toEqual([undefined, 'source']);
    for (let rtp = 2000; rtp < 3000; rtp += 1) ledger.present(rtp);
    expect(ledger.ring.cells).toHaveLength(240);
    expect(ledger.counts().unknown).toBe(240);
    // The frame is long off the strip.
    ledger.take({ rtp: 2000, pts: 0, kind: 'source' });
    expect(ledger.counts().source).toBe(0);
  });
});
