import { describe, expect, it } from 'vitest';
import { mean, meanSquaredError, median, type Plane, psnr, score, ssim } from '../../../src/eval/quality.ts';

/** A plane whose rows are padded with samples that must not count. */
function plane(width: number, height: number, sample: (x: number, y: number) => number, padding = 5): Plane {
  const stride = width + padding;
  const data = new Uint8Array(stride * height).fill(255);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[y * stride + x] = sample(x, y);
  return { data, width, height, stride };
}

/** SSIM as its definition says, window by window. */
function slowSsim(a: Plane, b: Plane): number {
  const values: number[] = [];
  for (let y = 0; y + 8 <= a.height; y++) {
    for (let x = 0; x + 8 <= a.width; x++) {
      const [p, q]: [number[], number[]] = [[], []];
      for (let v = 0; v < 8; v++) {
        for (let u = 0; u < 8; u++) {
          p.push(a.data[(y + v) * a.stride + x + u] ?? 0);
          q.push(b.data[(y + v) * b.stride + x + u] ?? 0);
        }
      }
      const [mp, mq] = [mean(p), mean(q)];
      const vp = mean(p.map((s) => (s - mp) ** 2));
      const vq = mean(q.map((s) => (s - mq) ** 2));
      const cov = mean(p.map((s, i) => (s - mp) * ((q[i] ?? 0) - mq)));
      const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
      values.push(((2 * mp * mq + c1) * (2 * cov + c2)) / ((mp ** 2 + mq ** 2 + c1) * (vp + vq + c2)));
    }
  }
  return mean(values);
}

describe('mean squared error', () => {
  it('counts the samples of the picture, not the padding of its rows', () => {
    const a = plane(4, 2, () => 10, 3);
    const b = plane(4, 2, (x) => (x === 0 ? 14 : 10), 0);
    // 4² in one column of four.
    expect(meanSquaredError(a, b)).toBe(4);
  });
});

describe('PSNR', () => {
  it.each([
    [1, 48.1308],
    [100, 28.1308],
    [65025, 0],
  ])('of mean squared error %d is %d dB', (mse, db) => {
    expect(psnr(mse)).toBeCloseTo(db, 4);
  });

  it('of two pictures that are the same is finite', () => {
    expect(psnr(0)).toBeCloseTo(78.1308, 4);
  });
});

describe('SSIM', () => {
  it('of a picture with itself is 1', () => {
    const a = plane(20, 12, (x, y) => (x * 37 + y * 91) % 256);
    expect(ssim(a, a)).toBe(1);
  });

  it('of flat pictures depends on their levels alone', () => {
    const [a, b] = [plane(9, 9, () => 100), plane(9, 9, () => 110)];
    expect(ssim(a, b)).toBeCloseTo((2 * 100 * 110 + 6.5025) / (100 ** 2 + 110 ** 2 + 6.5025), 12);
  });

  it('is the mean over every 8×8 window', () => {
    const a = plane(23, 17, (x, y) => (x * x * 7 + y * 31) % 251);
    const b = plane(23, 17, (x, y) => (x * x * 7 + y * 31 + ((x * y) % 19)) % 251, 9);
    expect(ssim(a, b)).toBeCloseTo(slowSsim(a, b), 10);
  });
});

describe('score', () => {
  it('gives IE as the root of the mean squared difference', () => {
    const [a, b] = [plane(16, 16, () => 100), plane(16, 16, () => 103)];
    expect(score(a, b)).toMatchObject({ ie: 3, psnr: psnr(9), ssim: ssim(a, b) });
  });
});

describe('mean and median', () => {
  it('of few values', () => {
    expect(mean([1, 2, 6])).toBe(3);
    expect(median([6, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(3);
  });
});
