import { describe, expect, it } from 'vitest';
import { type EvalReport, evalTable, type GapResult, itemFigures, meanFigures } from '../../../src/eval/report.ts';

const gap = (index: number, psnr: number, ms: number): GapResult => ({
  gap: index,
  scores: [
    { psnr, ssim: 0.8, ie: 2 },
    { psnr: psnr + 2, ssim: 0.6, ie: 4 },
  ],
  ms,
});
const protocol = {
  lookahead: 'off' as const,
  factor: 2,
  frames: 41,
  height: 480,
  samples: 'luma',
  edges: '',
};

describe('figures', () => {
  it('of an item are means over its new frames; time is the median of its gaps', () => {
    const figures = itemFigures([gap(0, 30, 5), gap(1, 40, 100), gap(2, 50, 6)]);
    expect(figures).toEqual({ psnr: 41, ssim: expect.closeTo(0.7, 9), ie: 3, msPerNewFrame: 6 });
  });

  it('of a long clip leave the first and the last gap out', () => {
    const gaps = [99, 30, 30, 30, 30, 30, 99].map((psnr, i) => gap(i, psnr, 1));
    expect(itemFigures(gaps).psnr).toBe(31);
  });

  it('have the noise only where it was measured', () => {
    const noisy = itemFigures([
      { ...gap(0, 30, 1), noise: 0.5 },
      { ...gap(1, 30, 1), noise: 0.7 },
    ]);
    expect(noisy.errorOverNoise).toBeCloseTo(0.6, 9);
    expect(meanFigures([noisy])?.errorOverNoise).toBeCloseTo(0.6, 9);
  });

  it('of all items are the mean over items, not over frames; of none there is none', () => {
    const [short, long] = [itemFigures([gap(0, 20, 1)]), itemFigures([gap(0, 40, 3), gap(1, 40, 3)])];
    expect(meanFigures([short, long])).toMatchObject({ psnr: 31, msPerNewFrame: 2 });
    expect(meanFigures([])).toBeNull();
  });
});

describe('the table', () => {
  const figures = { psnr: 30.123, ssim: 0.91234, ie: 7.5, msPerNewFrame: 3.21 };
  const item = { kind: 'clip', width: 64, height: 64, gaps: 1, newFramesPerGap: 1 } as const;
  const report = (items: number): EvalReport => ({
    protocol,
    contenders: [
      { id: 'a-model-with-a-long-name-for-its-columns', kind: 'model', sha256: null, mean: figures },
      { id: 'blend', kind: 'baseline', sha256: null, mean: null },
    ],
    items: Array.from({ length: items }, (_, i) => ({
      ...item,
      name: `clip${i}.mp4`,
      results: { 'a-model-with-a-long-name-for-its-columns': figures },
    })),
    notes: ['not measured in clips, being no videos: readme.txt'],
    interrupted: false,
  });

  it('has a row for each item and the mean', () => {
    const lines = evalTable(report(2)).split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[5]).toBe('note: not measured in clips, being no videos: readme.txt');
    expect(lines[1]).toMatch(/^item\s+PSNR\s+SSIM\s+IE\s+ms\s+PSNR/);
    expect(lines[2]).toMatch(/^clip0\.mp4\s+30\.12\s+0\.9123\s+7\.50\s+3\.2\s+n\/a/);
    expect(lines[4]).toMatch(/^mean of 2\s+30\.12/);
    const column = lines[0]?.indexOf('blend') ?? -1;
    expect(lines[1]?.slice(column).startsWith('PSNR')).toBe(true);
  });

  it('shows the mean alone when there are too many items to read', () => {
    expect(evalTable(report(41)).split('\n')).toHaveLength(5);
  });
});
