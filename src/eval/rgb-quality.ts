/** How near a picture in colour is to the truth, as published benchmarks measure it. Pure. */
import { mean, meanSquaredError, type Plane, psnr, ssim } from './quality.ts';
import type { RgbPlanes } from './rgb.ts';

/** Figures over red, green and blue at once. */
export interface RgbScore {
  /** Peak signal-to-noise ratio in dB of the mean squared error of all samples of all three colours. */
  readonly psnr: number;
  /** By {@link SsimKind}. */
  readonly ssim: number;
  /**
   * Mean absolute difference of all samples, in grey levels: what newer papers (RIFE, IFRNet, EMA-VFI) list as
   * "IE" of Middlebury-Other. Not the interpolation error of `Score.ie`, which is a root of a mean square.
   */
  readonly mae: number;
}

/**
 * Which SSIM: `gaussian`, a window of 11×11×3 with σ 1.5 also across the colours, edges replicated (MATLAB's as
 * the evaluations of CAIN, RIFE, IFRNet and EMA-VFI have it); `uniform`, windows of 7×7 in each colour with the
 * sample's covariance (scikit-image's default, as softmax splatting measures).
 */
export type SsimKind = 'gaussian' | 'uniform';

const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;
const RADIUS = 5;
const SIGMA = 1.5;
/** The window of one dimension, 11 weights that sum to 1. */
const WEIGHTS = normalised(
  Array.from({ length: 2 * RADIUS + 1 }, (_, i) => Math.exp(-((i - RADIUS) ** 2) / (2 * SIGMA ** 2))),
);
/** Share of each colour in the window around a colour, those beyond the edge being the outer ones again. */
const ACROSS = [0, 1, 2].map((colour) => {
  const shares = [0, 0, 0];
  WEIGHTS.forEach((weight, i) => {
    const from = Math.min(Math.max(colour + i - RADIUS, 0), 2);
    shares[from] = (shares[from] ?? 0) + weight;
  });
  return shares;
});

/** All figures of a picture against the truth, which has its size. */
export function rgbScore(made: RgbPlanes, truth: RgbPlanes, kind: SsimKind): RgbScore {
  const [a, b] = [planesOf(made), planesOf(truth)];
  const squared = a.reduce((sum, plane, i) => sum + meanSquaredError(plane, b[i] ?? plane), 0) / a.length;
  return {
    psnr: psnr(squared),
    ssim: kind === 'gaussian' ? gaussianSsim(made, truth) : uniformSsim(a, b),
    mae: meanAbsolute(made, truth),
  };
}

/** Their mean; undefined of nothing. */
export function meanRgbScore(scores: readonly RgbScore[]): RgbScore | undefined {
  if (scores.length === 0) return undefined;
  const of = (key: keyof RgbScore): number => mean(scores.map((one) => one[key]));
  return { psnr: of('psnr'), ssim: of('ssim'), mae: of('mae') };
}

function meanAbsolute(made: RgbPlanes, truth: RgbPlanes): number {
  let sum = 0;
  for (const [i, a] of made.planes.entries()) {
    const b = truth.planes[i];
    for (let k = 0; k < a.length; k++) sum += Math.abs((a[k] ?? 0) - (b?.[k] ?? 0));
  }
  return sum / (3 * made.width * made.height);
}

function uniformSsim(a: readonly Plane[], b: readonly Plane[]): number {
  const each = a.map((plane, i) => ssim(plane, b[i] ?? plane, { window: 7, sample: true }));
  return each.reduce((sum, value) => sum + value, 0) / each.length;
}

/** Means under the window of five products, then the formula at every sample of every colour. */
function gaussianSsim(a: RgbPlanes, b: RgbPlanes): number {
  const { width, height } = a;
  const size = width * height;
  const product = (p: RgbPlanes, q?: RgbPlanes): Float64Array[] =>
    p.planes.map((plane, i) =>
      blurred(
        Float64Array.from(plane, (v, k) => v * (q ? (q.planes[i]?.[k] ?? 0) : 1)),
        width,
        height,
      ),
    );
  const maps = [product(a), product(b), product(a, a), product(b, b), product(a, b)];
  let total = 0;
  for (const shares of ACROSS) {
    const at = (map: Float64Array[] | undefined, k: number): number =>
      (shares[0] ?? 0) * (map?.[0]?.[k] ?? 0) +
      (shares[1] ?? 0) * (map?.[1]?.[k] ?? 0) +
      (shares[2] ?? 0) * (map?.[2]?.[k] ?? 0);
    for (let k = 0; k < size; k++) {
      const [ma, mb] = [at(maps[0], k), at(maps[1], k)];
      const [va, vb] = [at(maps[2], k) - ma * ma, at(maps[3], k) - mb * mb];
      const covariance = at(maps[4], k) - ma * mb;
      total += ((2 * ma * mb + C1) * (2 * covariance + C2)) / ((ma * ma + mb * mb + C1) * (va + vb + C2));
    }
  }
  return total / (3 * size);
}

/** A plane under the window of two dimensions, edges replicated. */
function blurred(plane: Float64Array, width: number, height: number): Float64Array {
  const across = new Float64Array(plane.length);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let i = 0; i <= 2 * RADIUS; i++) {
        const from = Math.min(Math.max(x + i - RADIUS, 0), width - 1);
        sum += (WEIGHTS[i] ?? 0) * (plane[row + from] ?? 0);
      }
      across[row + x] = sum;
    }
  }
  const out = new Float64Array(plane.length);
  for (let y = 0; y < height; y++) {
    for (let i = 0; i <= 2 * RADIUS; i++) {
      const from = Math.min(Math.max(y + i - RADIUS, 0), height - 1) * width;
      const weight = WEIGHTS[i] ?? 0;
      for (let x = 0; x < width; x++) out[y * width + x] = (out[y * width + x] ?? 0) + weight * (across[from + x] ?? 0);
    }
  }
  return out;
}

function planesOf({ planes, width, height }: RgbPlanes): Plane[] {
  return planes.map((data) => ({ data, width, height, stride: width }));
}

function normalised(weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}
