import { describe, expect, it } from 'vitest';
import { compare, isDuplicate } from '../../../src/pairing/change.ts';
import { seededRandom } from '../../support/random.ts';
import { brighter, FULL, noisy, type Scene, scene, shift, thumbnail } from '../../support/scenes.ts';

const A = scene(1);

describe('isDuplicate', () => {
  const same = (a: Scene, b: Scene): boolean => isDuplicate(compare(thumbnail(a, FULL), thumbnail(b, FULL)));

  it('recognises the same picture, noise of coding included', () => {
    const random = seededRandom(3);
    expect(same(A, A)).toBe(true);
    expect(same(A, (x, y) => Math.round(A(x, y)) + (random() < 0.05 ? 1 : 0))).toBe(true);
  });

  it('does not take small changes for none', () => {
    expect(same(A, shift(A, 1))).toBe(false);
    expect(same(A, brighter(A, 1))).toBe(false);
    expect(same(A, noisy(A, 3, 1))).toBe(false);
    // A thin wire that moves in a still picture.
    const wire =
      (at: number): Scene =>
      (x, y) =>
        Math.abs(x - at - y * 0.4) < 2 ? 40 : 128;
    expect(same(wire(200), wire(203))).toBe(false);
    const dot =
      (at: number): Scene =>
      (x, y) =>
        Math.abs(x - at) < 5 && Math.abs(y - 100) < 5 ? 200 : 128;
    expect(same(dot(200), dot(204))).toBe(false);
  });
});
