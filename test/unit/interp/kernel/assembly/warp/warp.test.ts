import { describe, expect, it } from 'vitest';
import { gridSize, loadKernel, warpScratchBytes } from '../../../../../../src/interp/kernel/kernel.ts';
import { Arena, type Block } from '../../../../../../src/media/arena.ts';
import { planeLayout } from '../../../../../../src/media/frame.ts';
import {
  type Field,
  idealLuma,
  planesOf,
  random,
  scalarDifference,
  scalarRetime,
  scalarWarp,
} from '../../../../../support/kernel-scalar.ts';

const arena = new Arena(64);
const kernel = loadKernel(arena.memory);
const SIZES: [number, number][] = [
  [2, 2],
  [3, 5],
  [7, 64],
  [16, 16],
  [33, 17],
  [64, 36],
  [65, 67],
  [130, 34],
  [200, 9],
];

/** A block with 64 guard bytes on either side. */
class Guarded {
  readonly #block: Block;
  readonly offset: number;
  readonly bytes: Uint8Array;
  constructor(size: number) {
    this.#block = arena.allocate(size + 128);
    this.offset = this.#block.offset + 64;
    arena.u8.fill(0xa5, this.#block.offset, this.#block.offset + this.#block.bytes);
    this.bytes = arena.u8.subarray(this.offset, this.offset + size);
  }
  intact(): boolean {
    const { offset, bytes } = this.#block;
    const end = this.offset + this.bytes.length;
    return [...arena.u8.subarray(offset, this.offset), ...arena.u8.subarray(end, offset + bytes)].every(
      (v) => v === 0xa5,
    );
  }
  free(): void {
    arena.free(this.#block);
  }
}

function noise(width: number, height: number, seed: number): Guarded {
  const next = random(seed);
  const guarded = new Guarded(planeLayout(width, height).bytes);
  for (const p of planesOf(width, height)) {
    for (let y = 0; y < p.height; y++) {
      for (let x = 0; x < p.stride; x++) {
        // Padding is poison: it must never show.
        guarded.bytes[p.offset + y * p.stride + x] = x < p.width ? Math.floor(next() * 256) : 255 * (x & 1);
      }
    }
  }
  return guarded;
}

function makeField(
  width: number,
  height: number,
  value: (c: number, i: number) => number,
): Field & { guarded: Guarded } {
  const grid = gridSize(width, height, 32);
  const guarded = new Guarded(4 * 6 * grid.width * grid.height);
  const data = new Float32Array(arena.memory.buffer, guarded.offset, 6 * grid.width * grid.height);
  data.forEach((_, i) => {
    data[i] = value(Math.floor(i / (grid.width * grid.height)), i);
  });
  return { ...grid, data, guarded };
}

function warp(
  a: Guarded,
  b: Guarded,
  width: number,
  height: number,
  field: Field & { guarded: Guarded },
  rows?: number,
  below?: Guarded,
): Uint8Array {
  const out = new Guarded(a.bytes.length);
  if (below) out.bytes.set(below.bytes);
  const scratch = new Guarded(warpScratchBytes(width));
  const step = rows ?? height;
  for (let y = 0; y < height; y += step) {
    kernel.warpBlend(
      a.offset,
      b.offset,
      out.offset,
      width,
      height,
      field.guarded.offset,
      field.width,
      field.height,
      scratch.offset,
      y,
      Math.min(y + step, height),
      below ? 1 : 0,
    );
  }
  expect([out.intact(), scratch.intact()]).toEqual([true, true]);
  const copy = out.bytes.slice();
  out.free();
  scratch.free();
  return copy;
}

/** Largest absolute difference over the visible samples of all planes. */
function worst(x: Uint8Array, y: Uint8Array, width: number, height: number): number {
  let most = 0;
  for (const p of planesOf(width, height)) {
    for (let r = 0; r < p.height; r++) {
      for (let c = 0; c < p.width; c++) {
        const i = p.offset + r * p.stride + c;
        most = Math.max(most, Math.abs((x[i] ?? 0) - (y[i] ?? 0)));
      }
    }
  }
  return most;
}

const FIELDS: Record<string, (next: () => number) => (c: number, i: number) => number> = {
  'small random flow': (next) => (c) => (c < 4 ? next() * 10 - 5 : next()),
  'random flow far beyond the frame': (next) => (c) => (c < 4 ? (next() - 0.5) * 1000 : next()),
  'enormous flow': (next) => (c) => (c < 4 ? (next() - 0.5) * 1e30 : next()),
  'whole samples': (next) => (c) => (c < 4 ? Math.round(next() * 6 - 3) : Math.round(next())),
  'flow and mask that are no numbers': (next) => () =>
    [Number.NaN, Infinity, -Infinity, 0.5][Math.floor(next() * 4)] ?? 0,
  'mask out of range': (next) => (c) => (c < 4 ? next() : next() * 20 - 10),
};

describe('warpBlend', () => {
  describe.each(Object.keys(FIELDS))('%s', (name) => {
    it.each(SIZES)('equals the scalar form at %d × %d', (width, height) => {
      const [a, b] = [noise(width, height, 1), noise(width, height, 2)];
      const field = makeField(width, height, (FIELDS[name] as (typeof FIELDS)[string])(random(width * 1000 + height)));
      const result = warp(a, b, width, height, field);
      expect(worst(result, scalarWarp(a.bytes, b.bytes, width, height, field), width, height)).toBe(0);
      for (const g of [a, b, field.guarded]) g.free();
    });
  });

  describe.each(Object.keys(FIELDS))('a second motion, %s', (name) => {
    it.each(SIZES)('equals the scalar form at %d × %d', (width, height) => {
      const [a, b, below] = [noise(width, height, 1), noise(width, height, 2), noise(width, height, 3)];
      const field = makeField(width, height, (FIELDS[name] as (typeof FIELDS)[string])(random(width * 1000 + height)));
      const result = warp(a, b, width, height, field, undefined, below);
      expect(worst(result, scalarWarp(a.bytes, b.bytes, width, height, field, below.bytes), width, height)).toBe(0);
      for (const g of [a, b, below, field.guarded]) g.free();
    });
  });

  it.each([
    [0, 0],
    [0.0018, 0],
    [1, 255],
  ])('a second motion of share %d leaves, or replaces, what was there', (share, most) => {
    const [a, b] = [noise(65, 67, 5), noise(65, 67, 6)];
    a.bytes.fill(255);
    b.bytes.fill(255);
    const below = noise(65, 67, 7);
    below.bytes.fill(0);
    const field = makeField(65, 67, (c) => (c === 5 ? share : 0));
    expect(worst(warp(a, b, 65, 67, field, undefined, below), below.bytes, 65, 67)).toBe(most);
    for (const g of [a, b, below, field.guarded]) g.free();
  });

  it.each([
    [200, 37],
    [65, 67],
  ])('a second motion in any one cell alone equals the scalar form at %d × %d', (width, height) => {
    const [a, b, below] = [noise(width, height, 1), noise(width, height, 2), noise(width, height, 3)];
    const next = random(4);
    const field = makeField(width, height, (c) => (c < 4 ? next() * 10 - 5 : next()));
    const shares = field.data.subarray(5 * field.width * field.height);
    for (let cell = 0; cell < shares.length; cell += 3) {
      shares.fill(0);
      shares[cell] = 0.9;
      const result = warp(a, b, width, height, field, undefined, below);
      expect(worst(result, scalarWarp(a.bytes, b.bytes, width, height, field, below.bytes), width, height)).toBe(0);
    }
    for (const g of [a, b, below, field.guarded]) g.free();
  });

  it.each(SIZES)('gives the first frame back for zero flow and mask 1 at %d × %d', (width, height) => {
    const [a, b] = [noise(width, height, 3), noise(width, height, 4)];
    const field = makeField(width, height, (c) => (c === 4 ? 1 : 0));
    expect(worst(warp(a, b, width, height, field), a.bytes, width, height)).toBe(0);
    for (const g of [a, b, field.guarded]) g.free();
  });

  it('gives the same picture in bands of rows', () => {
    const [a, b] = [noise(65, 67, 5), noise(65, 67, 6)];
    const next = random(7);
    const field = makeField(65, 67, (c) => (c < 4 ? next() * 20 - 10 : next()));
    const whole = warp(a, b, 65, 67, field);
    for (const rows of [2, 6, 16, 34]) expect(worst(warp(a, b, 65, 67, field, rows), whole, 65, 67)).toBe(0);
    for (const g of [a, b, field.guarded]) g.free();
  });

  it('stays within half a grey level on average of flow interpolated at every sample', () => {
    const [width, height] = [256, 128];
    const [a, b] = [noise(width, height, 8), noise(width, height, 9)];
    const { strideY } = planeLayout(width, height);
    for (const [g, phase] of [
      [a, 0],
      [b, 1],
    ] as const) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          g.bytes[y * strideY + x] = 128 + 60 * Math.sin(x / 5 + phase) + 60 * Math.cos(y / 6 - phase);
        }
      }
    }
    const grid = gridSize(width, height, 32);
    const field = makeField(width, height, (c, i) => {
      const x = i % grid.width;
      return c === 4 ? 0.5 + 0.4 * Math.sin(x) : 3 * Math.sin(x / 4 + c) + 2;
    });
    const result = warp(a, b, width, height, field);
    const ideal = idealLuma(a.bytes, b.bytes, width, height, field);
    let sum = 0;
    for (let y = 8; y < height - 8; y++) {
      for (let x = 8; x < width - 8; x++) sum += Math.abs((ideal[y * width + x] ?? 0) - (result[y * strideY + x] ?? 0));
    }
    expect(sum / ((width - 16) * (height - 16))).toBeLessThan(1);
    for (const g of [a, b, field.guarded]) g.free();
  });
});

describe('retimeField', () => {
  it.each([0.1, 0.25, 0.5, 0.75])('equals the scalar form at t = %d', (t) => {
    const next = random(11);
    const field = makeField(200, 100, (c) => (c < 4 ? next() * 60 - 30 : next()));
    const out = new Guarded(field.data.byteLength);
    kernel.retimeField(field.guarded.offset, out.offset, field.width, field.height, t);
    const result = new Float32Array(arena.memory.buffer, out.offset, field.data.length);
    const expected = scalarRetime(field, t);
    expect(Math.max(...result.map((v, i) => Math.abs(v - (expected[i] ?? 0))))).toBeLessThan(1e-3);
    expect(out.intact()).toBe(true);
    for (const g of [out, field.guarded]) g.free();
  });

  it('does not leave the field for flow that is no number or enormous', () => {
    const values = [Number.NaN, Infinity, -Infinity, 1e38, -1e38];
    const field = makeField(64, 64, (_, i) => values[i % 5] ?? 0);
    const out = new Guarded(field.data.byteLength);
    kernel.retimeField(field.guarded.offset, out.offset, field.width, field.height, 0.3);
    expect(out.intact()).toBe(true);
    for (const g of [out, field.guarded]) g.free();
  });
});

describe('frameDifference', () => {
  it.each(SIZES)('equals the scalar form at %d × %d', (width, height) => {
    const [a, b] = [noise(width, height, 12), noise(width, height, 13)];
    const result = arena.allocate(12);
    kernel.frameDifference(a.offset, b.offset, width, height, 85, result.offset);
    const got = new Float32Array(arena.memory.buffer, result.offset, 3);
    scalarDifference(a.bytes, b.bytes, width, height, 85).forEach((v, i) => {
      expect(got[i]).toBeCloseTo(v, 3);
    });
    kernel.frameDifference(a.offset, a.offset, width, height, 0, result.offset);
    expect([...got]).toEqual([0, 0, 0]);
    arena.free(result);
    for (const g of [a, b]) g.free();
  });
});

describe('blendFrames', () => {
  it.each(SIZES)('is the weighted mean of both frames at %d × %d, whole and in bands', (width, height) => {
    const [a, b] = [noise(width, height, 14), noise(width, height, 15)];
    for (const t of [0.25, 0.5, 0.9]) {
      const mean = a.bytes.map((v, i) => Math.round(v + ((b.bytes[i] ?? 0) - v) * t));
      const out = new Guarded(a.bytes.length);
      const weight = Math.round(t * 32768);
      kernel.blendFrames(a.offset, b.offset, out.offset, width, height, weight, 0, height);
      expect(worst(out.bytes, mean, width, height)).toBeLessThanOrEqual(1);
      const whole = out.bytes.slice();
      out.bytes.fill(0);
      for (let y = 0; y < height; y += 2) {
        kernel.blendFrames(a.offset, b.offset, out.offset, width, height, weight, y, Math.min(y + 2, height));
      }
      expect(worst(out.bytes, whole, width, height)).toBe(0);
      expect(out.intact()).toBe(true);
      out.free();
    }
    for (const g of [a, b]) g.free();
  });
});
