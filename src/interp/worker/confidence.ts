/** From what is known of a frame without the truth to the confidence that it carries. */

/** Expected luma error (0…1) of a whole frame at which confidence has fallen to 1/e. */
const ERROR_SCALE = 0.1;

/** exp(−error / 0.1) of a frame's mean expected luma error (0…1); 0 when that is not a number. */
export function confidenceFrom(error: number): number {
  const confidence = Math.exp(-Math.max(0, error) / ERROR_SCALE);
  return Number.isFinite(confidence) ? confidence : 0;
}

/**
 * How z, the logarithm of the odds that a cell is visibly broken, comes from the roots of its
 * features (models/training/common/confidence.py). Fitted to training clips by
 * models/training/flow_s/confidence.py, which prints these lines.
 */
export interface OddsWeights {
  readonly drift: number;
  readonly standing: number;
  readonly error: number;
  readonly contrast: number;
  readonly bias: number;
}

/** Where a network tells the expected error. */
export const NETWORK_ODDS: OddsWeights = {
  drift: 0.5645,
  standing: 0.5308,
  error: 0.6194,
  contrast: 0.102,
  bias: -9.3985,
};

/** Where the search does: the cost of its match. */
export const SEARCH_ODDS: OddsWeights = {
  drift: 0.6135,
  standing: 0.6073,
  error: 0.2984,
  contrast: 0.1053,
  bias: -9.2343,
};

/** Bins of cells by z, 1/16 wide, from −8; as the kernel counts them. */
export const ODDS_BINS = 256;
/** Share of a picture's cells, the worst, that its confidence is about. */
const WORST_SHARE = 0.02;

/** Of the middle of each bin: the confidence in its cells. */
const CONFIDENCE_OF = Float64Array.from({ length: ODDS_BINS }, (_, bin) => 1 / (1 + Math.exp((bin + 0.5) / 16 - 8)));

/** The z over which the confidence in a cell, 1 / (1 + exp z), is below `minConfidence`. */
export function oddsGate(minConfidence: number): number {
  return Math.log((1 - minConfidence) / minConfidence);
}

/** Mean confidence in the worst 2 % of the cells, one at least, that are counted by z. @returns 1 for none. */
export function worstConfidence(bins: Int32Array): number {
  const cells = bins.reduce((sum, count) => sum + count, 0);
  const wanted = Math.max(1, Math.round(WORST_SHARE * cells));
  let [left, sum] = [wanted, 0];
  for (let bin = ODDS_BINS - 1; bin >= 0 && left > 0; bin--) {
    const taken = Math.min(left, bins[bin] ?? 0);
    sum += taken * (CONFIDENCE_OF[bin] ?? 0);
    left -= taken;
  }
  return cells === 0 ? 1 : sum / wanted;
}
