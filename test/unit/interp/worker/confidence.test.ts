import { describe, expect, it } from 'vitest';
import {
  confidenceFrom,
  NETWORK_ODDS,
  ODDS_BINS,
  oddsGate,
  SEARCH_ODDS,
  worstConfidence,
} from '../../../../src/interp/worker/confidence.ts';

/** So many cells at each z. */
function bins(cells: readonly (readonly [z: number, count: number])[]): Int32Array {
  const counts = new Int32Array(ODDS_BINS);
  for (const [z, count] of cells) {
    const bin = Math.min(Math.max(Math.floor((z + 8) * 16), 0), ODDS_BINS - 1);
    counts[bin] = (counts[bin] ?? 0) + count;
  }
  return counts;
}

describe('worstConfidence', () => {
  const sure = 1 / (1 + Math.exp(-6));

  it('is about the worst 2 % of cells, however sure the others are', () => {
    expect(worstConfidence(bins([[-6, 1000]]))).toBeCloseTo(sure, 2);
    expect(
      worstConfidence(
        bins([
          [-6, 980],
          [6, 20],
        ]),
      ),
    ).toBeCloseTo(1 - sure, 2);
    expect(
      worstConfidence(
        bins([
          [-6, 990],
          [6, 10],
        ]),
      ),
    ).toBeCloseTo(0.5, 2);
    expect(
      worstConfidence(
        bins([
          [-6, 900],
          [0, 80],
          [6, 20],
        ]),
      ),
    ).toBeCloseTo(1 - sure, 2);
  });

  it('counts one cell at least, and is 1 without any', () => {
    expect(
      worstConfidence(
        bins([
          [-6, 9],
          [6, 1],
        ]),
      ),
    ).toBeCloseTo(1 - sure, 2);
    expect(worstConfidence(bins([]))).toBe(1);
  });
});

describe('oddsGate', () => {
  it('is where a cell has that confidence; 0 is below none, 1 below all', () => {
    for (const wanted of [0.1, 0.5, 0.75]) expect(1 / (1 + Math.exp(oddsGate(wanted)))).toBeCloseTo(wanted, 12);
    expect([oddsGate(0), oddsGate(1)]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  });
});

describe('confidenceFrom', () => {
  it('falls with the expected error, and is 0 for one that is no number', () => {
    expect([0, 0.1, -1].map(confidenceFrom)).toEqual([1, Math.exp(-1), 1]);
    expect([Number.NaN, Number.POSITIVE_INFINITY].map(confidenceFrom)).toEqual([0, 0]);
  });
});

describe('the odds that a cell is broken', () => {
  it.each([NETWORK_ODDS, SEARCH_ODDS])('rise with everything that is counted, from next to none', (odds) => {
    const { bias, ...weights } = odds;
    for (const weight of Object.values(weights)) expect(weight).toBeGreaterThan(0);
    expect(1 / (1 + Math.exp(bias))).toBeGreaterThan(0.999);
  });

  it('trust the error that a network expects more than the cost of a match, which smooth places hide', () => {
    expect(NETWORK_ODDS.error).toBeGreaterThan(1.5 * SEARCH_ODDS.error);
  });
});
