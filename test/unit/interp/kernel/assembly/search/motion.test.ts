import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadKernel } from '../../../../../../src/interp/kernel/kernel.ts';
import { SHARES } from '../../../../../../src/interp/networks/flow-motion.ts';
import { Arena } from '../../../../../../src/media/arena.ts';
import { type Beside, type Planes, scalarMotion } from '../../../../../support/kernel-scalar-motion.ts';
import { seededRandom } from '../../../../../support/random.ts';

const arena = new Arena(16);
const kernel = loadKernel(arena.memory);

/** Floats in the arena between guards that are no numbers. */
function guarded(data: Float32Array) {
  const { offset } = arena.allocate(4 * data.length + 128);
  const all = new Float32Array(arena.memory.buffer, offset, data.length + 32).fill(Number.NaN);
  const view = all.subarray(16, 16 + data.length);
  view.set(data);
  const intact = (): boolean =>
    [...all.subarray(0, 16), ...all.subarray(16 + data.length)].every((value) => Number.isNaN(value));
  return { offset: offset + 64, view, intact };
}

type Guarded = ReturnType<typeof guarded>;

/** Vectors that are alike in all seeds but for some samples each way, and for some near zero; and costs. */
function seedOf(width: number, height: number, from: number): Planes & Guarded {
  const next = seededRandom(from);
  const cells = width * height;
  const data = Float32Array.from({ length: 3 * cells }, (_, i) => {
    if (i >= 2 * cells) return next();
    return next() < 0.2 ? next() - 0.5 : 25 * Math.sin(i / 7) + (next() - 0.5) * 14;
  });
  return { width, height, data, ...guarded(data) };
}

/** All planes of `motion`, in bands of so many rows, last to first. */
function motionOf(seed: Planes & Guarded, before?: Beside & { seed: Guarded }, after?: Beside & { seed: Guarded }) {
  const { width, height } = seed;
  const motion = guarded(new Float32Array(8 * width * height).fill(7));
  const scratch = guarded(new Float32Array(width + 12));
  const sides = [before?.seed.offset ?? 0, before?.ratio ?? 1, after?.seed.offset ?? 0, after?.ratio ?? 1] as const;
  const bands = Array.from({ length: Math.ceil(height / 3) }, (_, i) => [3 * i, Math.min(3 * i + 3, height)] as const);
  for (const [begin, end] of bands.toReversed()) {
    kernel.motionPlanes(seed.offset, ...sides, motion.offset, width, height, begin, end);
  }
  for (const [begin, end] of bands.toReversed()) {
    kernel.smoothMotion(motion.offset, width, height, scratch.offset, begin, end);
  }
  expect(motion.intact()).toBe(true);
  expect(scratch.intact()).toBe(true);
  return motion;
}

const GRIDS: [number, number][] = [
  [1, 1],
  [1, 5],
  [2, 3],
  [5, 1],
  [7, 4],
  [20, 11],
  [33, 8],
];

/** The largest difference. */
function worst(got: Float32Array, expected: Float32Array): number {
  return Math.max(...expected.map((value, i) => Math.abs(value - (got[i] ?? Number.NaN))));
}

const numbers = z.array(z.number());
const beside = z.object({ seed: numbers, ratio: z.number() }).optional();
const fixture = z
  .object({
    cases: z.array(
      z.object({
        ...{ name: z.string(), width: z.number(), height: z.number(), seed: numbers, before: beside, after: beside },
        ...{ motion: numbers, field: numbers, accelerated: numbers, quarter: numbers, threeQuarters: numbers },
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('../../../../../fixtures/acceleration.json', import.meta.url), 'utf8')));

describe('the training code’s example', () => {
  it.each(fixture.cases)('is met by motion, field and its other times: $name', (c) => {
    const { width, height } = c;
    const planes = (values: readonly number[]): Planes & Guarded => {
      const data = Float32Array.from(values);
      return { width, height, data, ...guarded(data) };
    };
    const at = (side: z.infer<typeof beside>) => side && { seed: planes(side.seed), ratio: side.ratio };
    const motion = motionOf(planes(c.seed), at(c.before), at(c.after));
    expect(worst(motion.view, Float32Array.from(c.motion))).toBeLessThan(1e-4);
    const field = guarded(Float32Array.from(c.field));
    const share = c.before && c.after ? SHARES.both : SHARES.one;
    kernel.accelerateField(field.offset, motion.offset, width * height, 1, share);
    expect(worst(field.view, Float32Array.from(c.accelerated))).toBeLessThan(1e-4);
    for (const [t, expected] of [
      [0.25, c.quarter],
      [0.75, c.threeQuarters],
    ] as const) {
      const out = guarded(new Float32Array(expected.length));
      kernel.retimeField(field.offset, out.offset, width, height, t);
      expect(worst(out.view, Float32Array.from(expected))).toBeLessThan(1e-3);
    }
  });
});

describe('motionPlanes and smoothMotion', () => {
  it.each(GRIDS)('equal the scalar form on %d × %d cells, with a pair before, after, and both', (width, height) => {
    const seed = seedOf(width, height, 1);
    const before = { seed: seedOf(width, height, 2), ratio: 0.75 };
    const after = { seed: seedOf(width, height, 3), ratio: 2 };
    for (const sides of [[before], [undefined, after], [before, after]] as const) {
      const got = motionOf(seed, ...sides);
      const expected = scalarMotion(seed, ...sides);
      expect(worst(got.view, expected)).toBeLessThan(1e-3);
      const q = expected.subarray(2 * width * height, 3 * width * height);
      if (q.length > 50) expect(new Set(q.map(Math.sign))).toEqual(new Set([-1, 0, 1]));
    }
  });

  it('are all zero without a pair beside', () => {
    const seed = seedOf(9, 6, 1);
    expect(motionOf(seed).view.every((value) => value === 0)).toBe(true);
  });

  it('find the acceleration of a motion that grows evenly, whatever the intervals', () => {
    // Half the change of the motion per interval²: x = (p/2)·t + g·t²/2 for intervals 1.5, 1, 0.5.
    const [g, speed] = [4, 20];
    const over = (from: number, to: number): number => speed * (to - from) + (g / 2) * (to * to - from * from);
    const still = (vx: number): Planes & Guarded => {
      const data = new Float32Array(3 * 64).fill(vx, 0, 64);
      return { width: 8, height: 8, data, ...guarded(data) };
    };
    const seed = still(over(0, 1));
    const before = { seed: still(over(-1.5, 0)), ratio: 1.5 };
    const after = { seed: still(over(1, 1.5)), ratio: 0.5 };
    for (const sides of [[before], [undefined, after], [before, after]] as const) {
      const { view } = motionOf(seed, ...sides);
      for (const plane of [2, 4]) for (let i = 0; i < 64; i++) expect(view[64 * plane + i]).toBeCloseTo(g / 8, 4);
    }
  });

  it('find none where one of the two stands still, or it changes by much more than itself', () => {
    const level = (vx: number): Planes & Guarded => {
      const data = new Float32Array(3 * 12).fill(vx, 0, 12);
      return { width: 4, height: 3, data, ...guarded(data) };
    };
    for (const [own, other] of [
      [0.2, 12],
      [12, 0.2],
      [0.2, 0.9],
      [3, 15],
      [8, -9],
    ] as const) {
      const { view } = motionOf(level(own), { seed: level(other), ratio: 1 });
      expect([...view.subarray(24, 72)].every((value) => value === 0)).toBe(true);
      expect(view[0]).toBeCloseTo(other, 4);
    }
    expect(motionOf(level(3), { seed: level(13), ratio: 1 }).view[24]).toBeCloseTo(-10 / 8, 4);
  });

  it('stay inside for vectors that are no numbers or enormous', () => {
    const wild = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e38, -1e38, 3];
    const make = (step: number): Planes & Guarded => {
      const data = Float32Array.from({ length: 3 * 13 * 7 }, (_, i) => wild[(i * step) % wild.length] ?? 0);
      return { width: 13, height: 7, data, ...guarded(data) };
    };
    motionOf(make(1), { seed: make(5), ratio: 1 }, { seed: make(7), ratio: 1 });
  });
});

describe('accelerateField', () => {
  it.each([1, 5, 24, 91])('moves both flows of both motions and nothing else, of %d cells', (cells) => {
    const next = seededRandom(4);
    const numbers = (planes: number) => Float32Array.from({ length: planes * cells }, () => next() * 20 - 10);
    const [given, motion] = [numbers(12), guarded(numbers(8))];
    const field = guarded(given);
    kernel.accelerateField(field.offset, motion.offset, cells, 2, 0.5);
    const expected = given.map((value, i) => {
      const [channel, cell] = [Math.floor(i / cells) % 6, i % cells];
      return value + (channel < 4 ? 0.5 * (motion.view[(4 + (channel % 2)) * cells + cell] ?? Number.NaN) : 0);
    });
    expect(worst(field.view, expected)).toBeLessThan(1e-5);
    expect(field.intact()).toBe(true);
  });
});
