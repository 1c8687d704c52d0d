import { describe, expect, it } from 'vitest';
import {
  colourNote,
  type EvalReport,
  evalTable,
  type GapResult,
  itemFigures,
  meanFigures,
} from '../../../src/eval/report.ts';

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

describe('of a published set', () => {
  const rgb = { psnr: 34.567, ssim: 0.95678, mae: 1.96 };
  const figures = { psnr: 30, ssim: 0.9, ie: 7.5, msPerNewFrame: 3, rgb };
  const item = { kind: 'frames', width: 64, height: 64, gaps: 1, newFramesPerGap: 1 } as const;
  const set = { title: 'SNU-FILM', factor: 2, pictures: 'whole', samples: '', published: '' } as const;

  it('figures in colour are means, too, and nobody takes the mean absolute error for IE', () => {
    const scores = [{ psnr: 30, ssim: 0.8, ie: 2 }];
    const one = itemFigures([{ gap: 0, scores, ms: 1, rgb: [rgb] }]);
    expect(one.rgb).toEqual(rgb);
    expect(meanFigures([one, { ...one, rgb: { ...rgb, mae: 3.96 } }])?.rgb?.mae).toBeCloseTo(2.96, 9);
    expect(one.ie).toBe(2);
  });

  it('the table has columns in colour and a mean for each part', () => {
    const report: EvalReport = {
      protocol: { ...set, set: 'snu-film', splits: ['easy', 'hard'] },
      contenders: [{ id: 'a', kind: 'model', sha256: null, mean: figures, splits: { easy: figures, hard: null } }],
      items: [{ ...item, name: 'x', split: 'easy', results: { a: figures } }],
      notes: [],
      interrupted: false,
    };
    const lines = evalTable(report).split('\n');
    expect(lines[1]).toMatch(/^item +PSNR-RGB +SSIM-RGB +MAE-RGB +IE +ms$/);
    expect(lines[2]).toMatch(/^x +34\.57 +0\.9568 +1\.96 +7\.50 +3\.0$/);
    expect(lines[3]).toMatch(/^mean of easy +34\.57/);
    expect(lines[4]).toMatch(/^mean of hard +n\/a/);
  });

  it('says what colour at half the resolution costs the truth itself, where somebody had it', () => {
    const items = [rgb, { ...rgb, psnr: 36.567 }].map((halvedColour, i) => ({
      ...item,
      name: `${i}`,
      halvedColour,
      results: {},
    }));
    expect(colourNote(items, ['ifrnet'])).toMatch(
      /^frames of ifrnet have colour at half .* PSNR-RGB 35\.57, SSIM-RGB 0\.9568, MAE-RGB 1\.96$/,
    );
    expect(colourNote([{ ...item, name: 'x', results: {} }], [])).toBeUndefined();
  });
});
