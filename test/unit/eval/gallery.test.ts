import { describe, expect, it } from 'vitest';
import { type Case, drawTiles, errorMap, Gallery, shrink, type Tiles } from '../../../src/eval/gallery.ts';
import type { Plane } from '../../../src/eval/quality.ts';
import { caption } from '../../../src/eval/sheet.ts';

const plane = (width: number, height: number, samples: readonly number[]): Plane => ({
  data: Uint8Array.from(samples),
  width,
  height,
  stride: width,
});
const one = plane(1, 1, [0]);
const tiles: Tiles = { before: one, after: one, truth: one, result: one, error: one };
const entry = (gap: number, psnr: number, t = 0.5): Omit<Case, 'tiles'> => ({
  contender: 'blend',
  item: 'clip',
  gap,
  t,
  score: { psnr, ssim: 0.5, ie: 1 },
});

function filled(extreme: 'worst' | 'best', count: number, entries: readonly Omit<Case, 'tiles'>[]): Gallery {
  const gallery = new Gallery(count, extreme);
  for (const offered of entries) gallery.offer(offered, () => tiles);
  return gallery;
}

describe('a gallery', () => {
  it('keeps the worst from the worst on, or the best from the best on', () => {
    const entries = [entry(0, 30), entry(1, 20), entry(2, 40), entry(3, 25)];
    expect(filled('worst', 2, entries).cases.map((c) => c.gap)).toEqual([1, 3]);
    expect(filled('best', 2, entries).cases.map((c) => c.gap)).toEqual([2, 0]);
  });

  it('shows one new frame of each gap', () => {
    const gallery = filled('worst', 3, [entry(0, 30, 0.25), entry(0, 20, 0.5), entry(0, 25, 0.75), entry(1, 28)]);
    expect(gallery.cases.map((c) => [c.gap, c.t])).toEqual([
      [0, 0.5],
      [1, 0.5],
    ]);
  });

  it('draws only what it keeps', () => {
    let drawn = 0;
    const gallery = new Gallery(1, 'worst');
    for (const psnr of [20, 30, 40, 10]) {
      gallery.offer(entry(psnr, psnr), () => {
        drawn += 1;
        return tiles;
      });
    }
    expect([drawn, gallery.cases[0]?.gap]).toEqual([2, 10]);
  });

  it('takes over what counts of another', () => {
    const gallery = filled('worst', 2, [entry(5, 22)]);
    gallery.merge(filled('worst', 4, [entry(0, 10), entry(1, 20), entry(2, 30)]), (c) => c.gap > 0);
    expect(gallery.cases.map((c) => c.gap)).toEqual([1, 5]);
  });

  it('without room keeps nothing', () => {
    expect(filled('worst', 0, [entry(0, 10)]).cases).toEqual([]);
    expect(filled('worst', 0, []).another(2).cases).toEqual([]);
  });
});

describe('tiles', () => {
  it('are means of squares', () => {
    expect([...shrink(plane(5, 2, [0, 4, 10, 20, 99, 8, 4, 30, 40, 99]), 2).data]).toEqual([4, 25]);
  });

  it('show errors four times as bright', () => {
    expect([...errorMap(plane(3, 1, [10, 0, 255]), plane(3, 1, [7, 5, 0])).data]).toEqual([12, 20, 255]);
  });

  it('are as wide as allowed', () => {
    const wide = plane(
      10,
      4,
      Array.from({ length: 40 }, () => 7),
    );
    const drawn = drawTiles({ before: wide, after: wide, truth: wide, result: wide }, 4);
    expect([drawn.truth.width, drawn.truth.height, drawn.error.data[0]]).toEqual([3, 1, 0]);
  });
});

describe('captions', () => {
  it('name contender, item, time and figures', () => {
    expect(caption({ ...entry(3, 28.123, 0.375), tiles })).toBe(
      'blend: clip, gap 3, t = 0.375: PSNR 28.12 dB, SSIM 0.500, IE 1.00',
    );
  });
});
