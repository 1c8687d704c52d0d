/** Quantiles and trends of measured values. Pure. */

/** Nearest-rank quantile; NaN without values. @param share 0…1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** What is reported of a distribution; null where nothing was measured. */
export interface Spread {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** The usual quantiles of whatever `at` can look them up in, to a hundredth. */
export function spread(at: (share: number) => number): Spread {
  return { p50: rounded(at(0.5)), p95: rounded(at(0.95)), p99: rounded(at(0.99)) };
}

/** To `digits` places; null for what is no number. */
export function rounded(value: number, digits = 2): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}

/** How a quantity went on from the first quarter of its samples to the last. */
export interface Growth {
  /** Medians, in the unit of the samples. */
  readonly first: number;
  readonly last: number;
  readonly percent: number;
}

/** Growth of evenly taken samples; undefined with fewer than four. */
export function growth(samples: readonly number[]): Growth | undefined {
  const quarter = Math.floor(samples.length / 4);
  if (quarter < 1) return undefined;
  const first = quantile(samples.slice(0, quarter), 0.5);
  const last = quantile(samples.slice(-quarter), 0.5);
  return { first, last, percent: 100 * (last / first - 1) };
}

/**
 * The exponent k of cost ∝ pixels^k that fits best (least squares of the logarithms): 1 is linear.
 * @param points pixels and cost, both positive, at least two different pixel counts; else NaN.
 */
export function powerLaw(points: readonly (readonly [pixels: number, cost: number])[]): number {
  const logs = points.map(([pixels, cost]) => [Math.log(pixels), Math.log(cost)] as const);
  const mean = (pick: 0 | 1): number => logs.reduce((sum, point) => sum + point[pick], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const variance = logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  return covariance / variance;
}
