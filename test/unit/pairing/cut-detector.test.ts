import { describe, expect, it } from 'vitest';
import { planeLayout } from '../../../src/media/frame.ts';
import { CutDetector, compare, isDuplicate, Thumbnail } from '../../../src/pairing/cut-detector.ts';
import { seededRandom } from '../../support/random.ts';

/**
 * Pictures are described at 640 × 360; the detector reads 256 × 144 points of them, so no more are
 * computed.
 */
const FULL = planeLayout(640, 360);
const POINTS = planeLayout(256, 144);

/** Luma at a place of the 640 × 360 picture. */
type Scene = (x: number, y: number) => number;

/** A smooth scene with structure at all scales, from a seed. */
function scene(seed: number, mean = 120, contrast = 1): Scene {
  const random = seededRandom(seed);
  const waves = Array.from({ length: 5 }, () => ({
    kx: (random() - 0.5) * 0.12,
    ky: (random() - 0.5) * 0.12,
    phase: random() * 6.28,
    size: 6 + random() * 21,
  }));
  return (x, y) => {
    let sum = mean;
    for (const { kx, ky, phase, size } of waves) sum += contrast * size * Math.sin(kx * x + ky * y + phase);
    return sum;
  };
}

function thumbnail(picture: Scene, layout = POINTS): Thumbnail {
  const scale = layout === POINTS ? 2.5 : 1;
  const bytes = new Uint8Array(layout.bytes);
  for (let y = 0; y < layout.height; y++) {
    for (let x = 0; x < layout.width; x++) {
      bytes[y * layout.strideY + x] = Math.max(0, Math.min(255, Math.round(picture(x * scale, y * scale))));
    }
  }
  const thumb = new Thumbnail();
  thumb.read(bytes, layout);
  return thumb;
}

/** The numbers of the pictures that begin a new scene. */
function cuts(pictures: readonly Scene[]): number[] {
  const detector = new CutDetector();
  const thumbs = pictures.map((picture) => thumbnail(picture));
  return thumbs.flatMap((thumb, i) => {
    const before = thumbs[i - 1];
    return before && detector.isCut(compare(before, thumb)) ? [i] : [];
  });
}

const A = scene(1);
const B = scene(2);
const times = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const shift =
  (picture: Scene, dx: number, dy = 0): Scene =>
  (x, y) =>
    picture(x - dx, y - dy);
const mix =
  (a: Scene, b: Scene, t: number): Scene =>
  (x, y) =>
    (1 - t) * a(x, y) + t * b(x, y);
const brighter =
  (picture: Scene, by: number): Scene =>
  (x, y) =>
    picture(x, y) + by;

/** Adds noise of ± `level`, different for each `seed`. */
function noisy(picture: Scene, level: number, seed: number): Scene {
  const random = seededRandom(seed);
  return (x, y) => picture(x, y) + (random() * 2 - 1) * level;
}

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

  it('never lets frames be invented between a flash and its neighbours', () => {
    const flash = times(12).map((i) => (i === 6 ? brighter(A, 110) : A));
    expect(cuts(flash)).toEqual([6, 7]);
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

  it('does not mind action too fast to follow, for seconds on end', () => {
    const found = cuts(times(40).map((i) => shift(A, i < 10 ? 0 : 170 * (i - 9))));
    // Its beginning may look like cuts; within a third of a second it has to be known as motion.
    expect(found.every((i) => i < 20)).toBe(true);
  });
});

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
