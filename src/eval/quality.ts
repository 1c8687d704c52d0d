/** Quality figures of an interpolated picture against the removed one, on luma. Pure. */

/** One plane of samples, 0…255. */
export interface Plane {
  readonly data: Uint8Array;
  /** Samples per row, rows. */
  readonly width: number;
  readonly height: number;
  /** Bytes between rows. */
  readonly stride: number;
}

/** How near a picture is to the truth. */
export interface Score {
  /** Peak signal-to-noise ratio in dB, peak 255; 78.1 (mean squared error 0.001) at most. */
  readonly psnr: number;
  /** Mean structural similarity over all 8×8 windows, 1 = the same. */
  readonly ssim: number;
  /** Interpolation error (IE): the root of the mean squared difference, in grey levels. Not the mean absolute one (`RgbScore.mae`). */
  readonly ie: number;
}

/** Which windows {@link ssim} takes. */
export interface SsimOptions {
  /** Side of the windows in samples. Default 8. */
  readonly window?: number;
  /** Variances as of a sample (over n − 1) instead of the window's own (over n). */
  readonly sample?: boolean;
}

/** (0.01 · 255)² and (0.03 · 255)²: the constants of Wang et al. 2004. */
const C1 = 6.5025;
const C2 = 58.5225;
/** Two pictures that are the same would be infinitely good. */
const MIN_ERROR = 1e-3;

/** Mean of the squared differences of two planes of one size. */
export function meanSquaredError(a: Plane, b: Plane): number {
  let sum = 0;
  for (let y = 0; y < a.height; y++) {
    const [rowA, rowB] = [y * a.stride, y * b.stride];
    let row = 0;
    for (let x = 0; x < a.width; x++) {
      const d = (a.data[rowA + x] ?? 0) - (b.data[rowB + x] ?? 0);
      row += d * d;
    }
    sum += row;
  }
  return sum / (a.width * a.height);
}

/** Peak signal-to-noise ratio in dB of a mean squared error. */
export function psnr(meanSquared: number): number {
  return 10 * Math.log10(65025 / Math.max(meanSquared, MIN_ERROR));
}

/**
 * Mean SSIM (Wang et al. 2004) over every window, unweighted: by default 8×8 with the window's own (biased) variances, the
 * definition of the trainer's evaluation. Both planes have one size, of at least a window.
 */
export function ssim(a: Plane, b: Plane, { window = 8, sample = false }: SsimOptions = {}): number {
  const { width, height } = a;
  const n = window * window;
  const spread = sample ? n / (n - 1) : 1;
  // Sums over the last rows of each column; integers, so that nothing drifts.
  const [sa, sb] = [new Int32Array(width), new Int32Array(width)];
  const [saa, sbb, sab] = [new Int32Array(width), new Int32Array(width), new Int32Array(width)];
  const add = (y: number, sign: 1 | -1): void => {
    const [rowA, rowB] = [y * a.stride, y * b.stride];
    for (let x = 0; x < width; x++) {
      const [p, q] = [a.data[rowA + x] ?? 0, b.data[rowB + x] ?? 0];
      sa[x] = (sa[x] ?? 0) + sign * p;
      sb[x] = (sb[x] ?? 0) + sign * q;
      saa[x] = (saa[x] ?? 0) + sign * p * p;
      sbb[x] = (sbb[x] ?? 0) + sign * q * q;
      sab[x] = (sab[x] ?? 0) + sign * p * q;
    }
  };
  let total = 0;
  for (let y = 0; y < height; y++) {
    add(y, 1);
    if (y >= window) add(y - window, -1);
    if (y < window - 1) continue;
    let [wa, wb, waa, wbb, wab, row] = [0, 0, 0, 0, 0, 0];
    for (let x = 0; x < width; x++) {
      wa += sa[x] ?? 0;
      wb += sb[x] ?? 0;
      waa += saa[x] ?? 0;
      wbb += sbb[x] ?? 0;
      wab += sab[x] ?? 0;
      if (x >= window) {
        const out = x - window;
        wa -= sa[out] ?? 0;
        wb -= sb[out] ?? 0;
        waa -= saa[out] ?? 0;
        wbb -= sbb[out] ?? 0;
        wab -= sab[out] ?? 0;
      }
      if (x < window - 1) continue;
      const [ma, mb] = [wa / n, wb / n];
      const [va, vb] = [spread * (waa / n - ma * ma), spread * (wbb / n - mb * mb)];
      const cab = spread * (wab / n - ma * mb);
      row += ((2 * ma * mb + C1) * (2 * cab + C2)) / ((ma * ma + mb * mb + C1) * (va + vb + C2));
    }
    total += row;
  }
  return total / ((width - window + 1) * (height - window + 1));
}

/** All figures of a picture against the truth. */
export function score(made: Plane, truth: Plane): Score {
  const mse = meanSquaredError(made, truth);
  return { psnr: psnr(mse), ssim: ssim(made, truth), ie: Math.sqrt(mse) };
}

/** Arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Middle value, the higher one of two; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
