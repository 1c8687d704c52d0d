import { describe, expect, it } from 'vitest';
import { planeLayout } from '../../../src/media/frame.ts';
import { thumbnail } from '../../support/scenes.ts';

describe('Thumbnail', () => {
  it.each([
    [2, 2],
    [63, 35],
    [65, 641],
    [1921, 1081],
  ])('reads a %i × %i picture within its bounds', (width, height) => {
    const layout = planeLayout(width, height);
    const thumb = thumbnail(() => 77, layout);
    expect(thumb.cells.every((cell) => cell === 77)).toBe(true);
  });

  it('keeps left left and top top', () => {
    const thumb = thumbnail((x, y) => (x < 320 ? 0 : 100) + (y < 180 ? 0 : 50));
    expect([thumb.cells[0], thumb.cells[63], thumb.cells[64 * 35], thumb.cells[64 * 36 - 1]]).toEqual([
      0, 100, 50, 150,
    ]);
  });
});
