import { describe, expect, it } from 'vitest';
import { gridSize, loadKernel, warpScratchBytes } from '../../../../../../src/interp/kernel/kernel.ts';
import { Arena } from '../../../../../../src/media/arena.ts';
import { deepLayout, type SampleForm } from '../../../../../../src/media/deep-layout.ts';
import { planeLayout } from '../../../../../../src/media/frame.ts';
import { type Field, planesOf, random } from '../../../../../support/kernel-scalar.ts';
import {
  FORMS,
  fillBlock,
  planesOfBlock,
  scalarWarpDeep,
  shiftsOf,
} from '../../../../../support/kernel-scalar-deep.ts';

const arena = new Arena(64);
const kernel = loadKernel(arena.memory);
const SIZES: [number, number][] = [
  [2, 2],
  [3, 5],
  [16, 16],
  [33, 17],
  [65, 67],
  [130, 34],
  [200, 9],
];

const FIELDS: Record<string, (next: () => number) => (channel: number) => number> = {
  'a second motion in few cells': (next) => (c) => {
    if (c < 4) return next() * 10 - 5;
    return c === 5 && next() < 0.9 ? 0 : next();
  },
  'small random flow': (next) => (c) => (c < 4 ? next() * 10 - 5 : next()),
  'random flow far beyond the frame': (next) => (c) => (c < 4 ? (next() - 0.5) * 1000 : next()),
  'flow and mask that are no numbers': (next) => () =>
    [Number.NaN, Infinity, -Infinity, 0.5][Math.floor(next() * 4)] ?? 0,
  'mask out of range': (next) => (c) => (c < 4 ? next() : next() * 20 - 10),
};

/** Memory between two guards of 64 bytes. */
function guarded(bytes: number): { offset: number; bytes: Uint8Array; free(): boolean } {
  const block = arena.allocate(bytes + 128);
  const whole = arena.u8.subarray(block.offset, block.offset + bytes + 128).fill(0xa5);
  return {
    offset: block.offset + 64,
    bytes: whole.subarray(64, 64 + bytes),
    /** Gives it back; whether nobody wrote into the guards. */
    free() {
      arena.free(block);
      return [...whole.subarray(0, 64), ...whole.subarray(64 + bytes)].every((v) => v === 0xa5);
    },
  };
}

function noisy(form: SampleForm, width: number, height: number, seed: number) {
  const next = random(seed);
  const layout = deepLayout(form, width, height);
  const memory = guarded(layout.bytes);
  fillBlock(memory.bytes, layout, () => Math.floor(next() * 2 ** form.bits));
  return memory;
}

function makeField(width: number, height: number, value: (channel: number) => number) {
  const grid = gridSize(width, height, 32);
  const cells = grid.width * grid.height;
  const memory = guarded(24 * cells);
  const data = new Float32Array(arena.memory.buffer, memory.offset, 6 * cells);
  data.forEach((_, i) => {
    data[i] = value(Math.floor(i / cells));
  });
  return { ...grid, data, ...memory };
}

/** All planes warped, in bands of `rows`. */
function warp(
  form: SampleForm,
  size: readonly [number, number],
  a: number,
  b: number,
  field: Field & { offset: number },
  { rows = 32, below }: { rows?: number; below?: Uint8Array } = {},
): Uint8Array {
  const [width, height] = size;
  const layout = deepLayout(form, width, height);
  const out = guarded(layout.bytes);
  if (below) out.bytes.set(below);
  const scratch = guarded(warpScratchBytes(width));
  layout.planes.forEach((plane, p) => {
    const { x, y } = shiftsOf(form, p);
    const places = [a, b, out.offset].map((at) => at + plane.offset) as [number, number, number];
    for (let row = 0; row < plane.height; row += rows) {
      kernel.warpDeep(
        ...places,
        ...([plane.width, plane.height, plane.stride, x, y] as const),
        ...([field.offset, field.width, field.height, scratch.offset] as const),
        ...([row, Math.min(row + rows, plane.height), below ? 1 : 0] as const),
      );
    }
  });
  const copy = out.bytes.slice();
  expect([out.free(), scratch.free()]).toEqual([true, true]);
  return copy;
}

/** The largest distance of any sample from the scalar form. */
function worst(
  form: SampleForm,
  [width, height]: readonly [number, number],
  result: Uint8Array,
  a: Uint8Array,
  b: Uint8Array,
  field: Field,
  below?: Uint8Array,
): number {
  const layout = deepLayout(form, width, height);
  const [as, bs, results, belows] = [a, b, result, below ?? result].map((bytes) => planesOfBlock(bytes, layout));
  let most = 0;
  results?.forEach(({ samples }, p) => {
    const [from, to, under] = [as?.[p], bs?.[p], below && belows?.[p]?.samples];
    if (!from || !to) throw new Error('no such plane');
    const ideal = scalarWarpDeep(from, to, shiftsOf(form, p), field, under);
    samples.forEach((v, i) => {
      most = Math.max(most, Math.abs(v - (ideal[i] ?? Number.NaN)));
    });
  });
  return most;
}

describe('warpDeep', () => {
  describe.each(Object.entries(FORMS))('%s', (_, form) => {
    it.each(Object.keys(FIELDS))('is the scalar form rounded, at all sizes: %s', (name) => {
      for (const size of SIZES) {
        const [width, height] = size;
        const [a, b] = [noisy(form, width, height, 1), noisy(form, width, height, 2)];
        const field = makeField(width, height, (FIELDS[name] as (typeof FIELDS)[string])(random(width * 999 + height)));
        const once = warp(form, size, a.offset, b.offset, field);
        expect(worst(form, size, once, a.bytes, b.bytes, field), `${size}`).toBeLessThan(0.52);
        const twice = warp(form, size, a.offset, b.offset, field, { below: once });
        expect(worst(form, size, twice, a.bytes, b.bytes, field, once), `${size}, second`).toBeLessThan(0.52);
        for (const g of [a, b, field]) expect(g.free()).toBe(true);
      }
    });

    it('leaves a picture that stands still as it is, whatever the mask, bit by bit', () => {
      for (const size of SIZES) {
        const [width, height] = size;
        const a = noisy(form, width, height, 3);
        const next = random(4);
        const field = makeField(width, height, (c) => (c < 4 ? 0 : next()));
        const result = warp(form, size, a.offset, a.offset, field);
        const layout = deepLayout(form, width, height);
        expect(planesOfBlock(result, layout)).toEqual(planesOfBlock(a.bytes, layout));
        for (const g of [a, field]) g.free();
      }
    });

    it.each([0, 1])('gives one frame alone at mask %d, bit by bit', (mask) => {
      for (const size of SIZES) {
        const [width, height] = size;
        const [a, b] = [noisy(form, width, height, 5), noisy(form, width, height, 6)];
        const field = makeField(width, height, (c) => (c === 4 ? mask : 0));
        const layout = deepLayout(form, width, height);
        const result = warp(form, size, a.offset, b.offset, field);
        expect(planesOfBlock(result, layout)).toEqual(planesOfBlock(mask ? a.bytes : b.bytes, layout));
        for (const g of [a, b, field]) g.free();
      }
    });

    it('gives the same picture in bands of rows', () => {
      const [a, b] = [noisy(form, 65, 67, 7), noisy(form, 65, 67, 8)];
      const next = random(9);
      const field = makeField(65, 67, (c) => (c < 4 ? next() * 20 - 10 : next()));
      const layout = deepLayout(form, 65, 67);
      const whole = planesOfBlock(warp(form, [65, 67], a.offset, b.offset, field, { rows: 68 }), layout);
      for (const rows of [2, 6, 16, 34]) {
        expect(planesOfBlock(warp(form, [65, 67], a.offset, b.offset, field, { rows }), layout)).toEqual(whole);
      }
      for (const g of [a, b, field]) g.free();
    });
  });

  it.each(SIZES)('is the 8-bit warp of the same samples within one level, at %d × %d', (width, height) => {
    const form: SampleForm = { model: 'yuv', bits: 8, shiftX: 1, shiftY: 1, alpha: false };
    const [deep, flat] = [deepLayout(form, width, height), planeLayout(width, height)];
    const [a, b] = [noisy(form, width, height, 10), noisy(form, width, height, 11)];
    const next = random(12);
    const field = makeField(width, height, (c) => (c < 4 ? next() * 30 - 15 : next()));
    const bytes = [a, b].map(({ bytes: words }) => {
      const memory = guarded(flat.bytes);
      planesOf(width, height).forEach((plane, p) => {
        const samples = planesOfBlock(words, deep)[p]?.samples ?? [];
        samples.forEach((v, i) => {
          const y = Math.floor(i / plane.width);
          memory.bytes[plane.offset + y * plane.stride + (i % plane.width)] = v;
        });
      });
      return memory;
    });
    const [out, scratch] = [guarded(flat.bytes), guarded(warpScratchBytes(width))];
    const [a8, b8] = bytes.map(({ offset }) => offset);
    kernel.warpBlend(
      ...([a8 ?? 0, b8 ?? 0, out.offset, width, height, field.offset, field.width, field.height] as const),
      ...([scratch.offset, 0, height, 0] as const),
    );
    const result = planesOfBlock(warp(form, [width, height], a.offset, b.offset, field), deep);
    planesOf(width, height).forEach((plane, p) => {
      const far = [...(result[p]?.samples ?? [])].map((v, i) => {
        const y = Math.floor(i / plane.width);
        return Math.abs(v - (out.bytes[plane.offset + y * plane.stride + (i % plane.width)] ?? Number.NaN));
      });
      expect(Math.max(...far), `plane ${p}`).toBeLessThanOrEqual(1);
    });
    for (const g of [...bytes, a, b, field, out, scratch]) expect(g.free()).toBe(true);
  });
});

describe('blendDeep', () => {
  it.each(Object.entries(FORMS))('is the weighted mean of both frames, %s', (_, form) => {
    const layout = deepLayout(form, 33, 17);
    const [a, b, out] = [noisy(form, 33, 17, 14), noisy(form, 33, 17, 15), guarded(layout.bytes)];
    for (const t of [0, 0.25, 0.5, 0.9, 1]) {
      kernel.blendDeep(a.offset, b.offset, out.offset, layout.bytes, t);
      const [from, to, results] = [a, b, out].map(({ bytes }) => planesOfBlock(bytes, layout));
      results?.forEach(({ samples }, p) => {
        const far = [...samples].map((v, i) => {
          const [x = 0, y = 0] = [from?.[p]?.samples[i], to?.[p]?.samples[i]];
          return Math.abs(v - (x + (y - x) * t));
        });
        expect(Math.max(...far)).toBeLessThan(0.52);
      });
    }
    for (const g of [a, b, out]) expect(g.free()).toBe(true);
  });
});
