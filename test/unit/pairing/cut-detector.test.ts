import { describe, expect, it } from 'vitest';
import { CutDetector, type SceneChange } from '../../../src/pairing/cut-detector.ts';
import { seededRandom } from '../../support/random.ts';
import { brighter, mix, noisy, type Scene, scene, shift, thumbnail } from '../../support/scenes.ts';

/** What begins at which picture. */
function changes(pictures: readonly Scene[]): [number, SceneChange][] {
  const detector = new CutDetector();
  const thumbs = pictures.map((picture) => thumbnail(picture));
  return thumbs.flatMap((thumb, i): [number, SceneChange][] => {
    const before = thumbs[i - 1];
    const change = before && detector.judge(before, thumb);
    return change ? [[i, change]] : [];
  });
}

/** The numbers of the pictures that begin a new scene. */
function cuts(pictures: readonly Scene[]): number[] {
  return changes(pictures).flatMap(([i, change]) => (change === 'cut' ? [i] : []));
}

const A = scene(1);
const B = scene(2);
const times = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('CutDetector', () => {
  it('finds cuts between still scenes, each once', () => {
    const pictures = times(12).map((i) => noisy(i < 4 ? A : i < 8 ? B : scene(3), 3, i));
    expect(cuts(pictures)).toEqual([4, 8]);
  });

  it('finds cuts between scenes that move', () => {
    const pictures = times(20).map((i) => (i < 10 ? shift(A, 8 * i) : shift(B, -6 * i, 3 * i)));
    expect(cuts(pictures)).toEqual([10]);
  });

  it('finds a cut from dark to light, and one between scenes of equal brightness', () => {
    expect(cuts([scene(4, 40, 0.4), scene(4, 40, 0.4), scene(5, 200, 0.4), scene(5, 200, 0.4)])).toEqual([2]);
    expect(cuts([scene(6), scene(6), scene(7), scene(7)])).toEqual([2]);
  });

  it('finds cuts every second at 10 pictures, as fast editing has them', () => {
    const pictures = times(60).map((i) => shift(scene(10 + Math.floor(i / 10)), 3 * i));
    expect(cuts(pictures)).toEqual([10, 20, 30, 40, 50]);
  });

  it.each([2, 8, 16, 32])('takes no pan of %i pixels a picture for a cut, starting from rest', (speed) => {
    expect(cuts(times(16).map((i) => shift(A, speed * Math.max(0, i - 4), speed * 0.3 * Math.max(0, i - 4))))).toEqual(
      [],
    );
  });

  it('takes no zoom, no camera shake and no passing object for a cut', () => {
    const zoom = times(12).map((i): Scene => {
      const scale = 1 / (1 + 0.03 * i);
      return (x, y) => A((x - 320) * scale + 320, (y - 180) * scale + 180);
    });
    expect(cuts(zoom)).toEqual([]);
    const random = seededRandom(8);
    expect(cuts(times(16).map(() => shift(A, (random() - 0.5) * 30, (random() - 0.5) * 20)))).toEqual([]);
    const object = times(16).map(
      (i): Scene =>
        (x, y) =>
          Math.hypot(x - 40 * i, y - 180) < 90 ? 235 : A(x, y),
    );
    expect(cuts(object)).toEqual([]);
  });

  it('takes no fade and no dissolve of half a second for a cut', () => {
    expect(cuts(times(24).map((i) => mix(A, () => 16, Math.min(1, i / 15))))).toEqual([]);
    expect(cuts(times(24).map((i) => mix(A, B, Math.min(1, Math.max(0, (i - 4) / 15)))))).toEqual([]);
  });

  it('holds around a flash, clipped or not, and takes neither side for a cut', () => {
    const flash = (by: number): Scene[] => times(12).map((i) => (i === 6 ? brighter(A, by) : A));
    for (const by of [60, 110, 180, 250])
      expect(changes(flash(by))).toEqual([
        [6, 'flash'],
        [7, 'flash'],
      ]);
    expect(changes(times(12).map((i) => (i === 6 || i === 7 ? brighter(A, 250) : A)))).toEqual([
      [6, 'flash'],
      [8, 'flash'],
    ]);
  });

  it('finds a cut behind a flash', () => {
    const pictures = times(12).map((i) => (i < 6 ? A : i === 6 ? brighter(A, 250) : B));
    expect(changes(pictures)).toEqual([
      [6, 'flash'],
      [7, 'cut'],
    ]);
  });

  it('does not mind exposure that pumps, noise of a dim sensor, or a beating contrast', () => {
    expect(cuts(times(30).map((i) => brighter(A, 10 * Math.sin(i / 3))))).toEqual([]);
    expect(cuts(times(20).map((i) => noisy(scene(9, 40, 0.3), 25, i)))).toEqual([]);
    expect(cuts(times(30).map((i) => scene(9, 120, 0.8 + 0.2 * Math.sin(i / 2))))).toEqual([]);
  });

  it('finds cuts between scenes of fine random texture, although some match is always found there', () => {
    const grain = (seed: number): Scene => {
      const random = seededRandom(seed);
      const lattice = Array.from({ length: 120 * 40 }, () => 40 + 127 * random());
      const at = (i: number, j: number): number => lattice[(j % 40) * 120 + (i % 120)] ?? 0;
      return (x, y) => {
        const [u, v] = [x / 12 + 20, y / 12];
        const [i, j, fu, fv] = [Math.floor(u), Math.floor(v), u % 1, v % 1];
        const top = at(i, j) * (1 - fu) + at(i + 1, j) * fu;
        return top * (1 - fv) + (at(i, j + 1) * (1 - fu) + at(i + 1, j + 1) * fu) * fv;
      };
    };
    const [first, second] = [grain(1), grain(2)];
    expect(cuts(times(30).map((i) => shift(i < 15 ? first : second, 2.7 * i)))).toEqual([15]);
  });

  it('takes a fast scene behind a calm one for a cut, and its action for none', () => {
    const found = cuts(times(30).map((i) => (i < 10 ? A : shift(B, 170 * i))));
    expect(found[0]).toBe(10);
    expect(found.slice(1).every((i) => i < 14)).toBe(true);
  });

  it('does not mind action too fast to follow, for seconds on end', () => {
    const found = cuts(times(40).map((i) => shift(A, i < 10 ? 0 : 170 * (i - 9))));
    // Its beginning may look like cuts; within a third of a second it has to be known as motion.
    expect(found.every((i) => i < 20)).toBe(true);
  });
});
