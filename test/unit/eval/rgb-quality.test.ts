import { describe, expect, it } from 'vitest';
import type { RgbPlanes } from '../../../src/eval/rgb.ts';
import { meanRgbScore, rgbScore } from '../../../src/eval/rgb-quality.ts';
import { seededRandom } from '../../support/random.ts';

function picture(width: number, height: number, sample: (colour: number, x: number, y: number) => number): RgbPlanes {
  const plane = (colour: number): Uint8Array =>
    Uint8Array.from({ length: width * height }, (_, i) => sample(colour, i % width, Math.floor(i / width)));
  return { width, height, planes: [plane(0), plane(1), plane(2)] };
}

const clamp = (value: number, most: number): number => Math.min(Math.max(value, 0), most);

/** The window of three dimensions as its definition says: every sample of the padded volume, one by one. */
function slowGaussian(a: RgbPlanes, b: RgbPlanes): number {
  const { width, height } = a;
  const weight = Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / 4.5));
  const total = weight.reduce((s, w) => s + w, 0) ** 3;
  const at = (p: RgbPlanes, c: number, x: number, y: number): number =>
    p.planes[clamp(c, 2)]?.[clamp(y, height - 1) * width + clamp(x, width - 1)] ?? 0;
  let [sum, count] = [0, 0];
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let [ma, mb, aa, bb, ab] = [0, 0, 0, 0, 0];
        for (let i = -5; i <= 5; i++) {
          for (let j = -5; j <= 5; j++) {
            for (let k = -5; k <= 5; k++) {
              const w = ((weight[i + 5] ?? 0) * (weight[j + 5] ?? 0) * (weight[k + 5] ?? 0)) / total;
              const [p, q] = [at(a, c + i, x + k, y + j) / 255, at(b, c + i, x + k, y + j) / 255];
              ma += w * p;
              mb += w * q;
              aa += w * p * p;
              bb += w * q * q;
              ab += w * p * q;
            }
          }
        }
        const above = (2 * ma * mb + 1e-4) * (2 * (ab - ma * mb) + 9e-4);
        sum += above / ((ma * ma + mb * mb + 1e-4) * (aa - ma * ma + bb - mb * mb + 9e-4));
        count += 1;
      }
    }
  }
  return sum / count;
}

/** scikit-image's default: every window of 7×7 within a colour, covariance over 48. */
function slowUniform(a: RgbPlanes, b: RgbPlanes): number {
  const { width, height } = a;
  const values: number[] = [];
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y + 7 <= height; y++) {
      for (let x = 0; x + 7 <= width; x++) {
        const places = Array.from({ length: 49 }, (_, i) => (y + Math.floor(i / 7)) * width + x + (i % 7));
        const [p, q] = [a, b].map((one) => places.map((k) => one.planes[c]?.[k] ?? 0)) as [number[], number[]];
        const mean = (v: number[]): number => v.reduce((s, n) => s + n, 0) / 49;
        const [mp, mq] = [mean(p), mean(q)];
        const products = (u: number[], mu: number, v: number[], mv: number): number =>
          u.reduce((s, n, i) => s + (n - mu) * ((v[i] ?? 0) - mv), 0) / 48;
        const above = (2 * mp * mq + 6.5025) * (2 * products(p, mp, q, mq) + 58.5225);
        values.push(
          above / ((mp * mp + mq * mq + 6.5025) * (products(p, mp, p, mp) + products(q, mq, q, mq) + 58.5225)),
        );
      }
    }
  }
  return values.reduce((s, v) => s + v, 0) / values.length;
}

describe('a picture in colour', () => {
  const noise = seededRandom(7);
  const truth = picture(13, 12, (c, x, y) => (x * 17 + y * 29 + c * 60) % 256);
  const made = picture(13, 12, (c, x, y) =>
    clamp(((x * 17 + y * 29 + c * 60) % 256) + Math.round(noise() * 40 - 20), 255),
  );

  it('has PSNR and mean absolute error over all samples of all colours', () => {
    const differences = made.planes.flatMap((plane, c) => [...plane].map((v, i) => v - (truth.planes[c]?.[i] ?? 0)));
    const mean = (values: number[]): number => values.reduce((s, v) => s + v, 0) / values.length;
    const { psnr, mae } = rgbScore(made, truth, 'uniform');
    expect(mae).toBeCloseTo(mean(differences.map(Math.abs)), 10);
    expect(psnr).toBeCloseTo(10 * Math.log10(255 ** 2 / mean(differences.map((d) => d * d))), 10);
    // The two measures that papers call IE differ.
    expect(mae).not.toBeCloseTo(Math.sqrt(mean(differences.map((d) => d * d))), 1);
  });

  it('has the SSIM of a window of 11×11×3, edges replicated', () => {
    expect(rgbScore(made, truth, 'gaussian').ssim).toBeCloseTo(slowGaussian(made, truth), 9);
  });

  it('has the SSIM of windows of 7×7 in each colour', () => {
    expect(rgbScore(made, truth, 'uniform').ssim).toBeCloseTo(slowUniform(made, truth), 9);
  });

  it.each(['gaussian', 'uniform'] as const)('is equal to itself (%s)', (kind) => {
    expect(rgbScore(truth, truth, kind)).toMatchObject({ ssim: expect.closeTo(1, 9), mae: 0 });
  });
});

describe('the mean', () => {
  it('is of each figure by itself; of nothing there is none', () => {
    const scores = [
      { psnr: 30, ssim: 0.9, mae: 2 },
      { psnr: 40, ssim: 0.7, mae: 4 },
    ];
    expect(meanRgbScore(scores)).toEqual({ psnr: 35, ssim: expect.closeTo(0.8, 9), mae: 3 });
    expect(meanRgbScore([])).toBeUndefined();
  });
});
