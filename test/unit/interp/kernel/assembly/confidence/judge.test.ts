import { describe, expect, it } from 'vitest';
import { gridSize, judgeScratchBytes, loadKernel } from '../../../../../../src/interp/kernel/kernel.ts';
import { Arena, type Block } from '../../../../../../src/media/arena.ts';
import { planeLayout } from '../../../../../../src/media/frame.ts';
import { random } from '../../../../../support/kernel-scalar.ts';
import { type Grid, scalarJudge, scalarMeasure, wayAt } from '../../../../../support/kernel-scalar-confidence.ts';

const arena = new Arena(16);
const kernel = loadKernel(arena.memory);
const SIZES: [number, number][] = [
  [2, 2],
  [9, 9],
  [8, 40],
  [33, 17],
  [64, 36],
  [131, 87],
];
const WEIGHTS = [0.6, 0.5, 0.4, 0.2, -5] as const;

/** A block of floats between guards, all of them `filled`. */
class Floats {
  readonly #block: Block;
  readonly offset: number;
  readonly data: Float32Array;
  constructor(count: number, filled = Number.NaN) {
    this.#block = arena.allocate(4 * count + 128);
    arena.u8.fill(0xa5, this.#block.offset, this.#block.offset + this.#block.bytes);
    this.offset = this.#block.offset + 64;
    this.data = new Float32Array(arena.memory.buffer, this.offset, count).fill(filled);
  }
  /** Frees it. @returns whether the guards are as they were. */
  done(): boolean {
    const { offset, bytes } = this.#block;
    const end = this.offset + this.data.byteLength;
    const guards = [...arena.u8.subarray(offset, this.offset), ...arena.u8.subarray(end, offset + bytes)];
    arena.free(this.#block);
    return guards.every((v) => v === 0xa5);
  }
}

/** Two frames of waves and noise, the second moved by (5, −3). */
function frames(width: number, height: number, noise: number): { block: Block; a: Uint8Array; b: Uint8Array } {
  const { bytes, strideY } = planeLayout(width, height);
  const block = arena.allocate(2 * bytes);
  const next = random(width * 1000 + height);
  const [a, b] = [0, bytes].map((at) => arena.u8.subarray(block.offset + at, block.offset + at + bytes)) as [
    Uint8Array,
    Uint8Array,
  ]; // two of two
  for (const [frame, dx, dy] of [
    [a, 0, 0],
    [b, 5, -3],
  ] as const) {
    frame.fill(255);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [u, v] = [x - dx, y - dy];
        frame[y * strideY + x] = 128 + 50 * Math.sin(u / 4 + v / 9) + 40 * Math.cos(v / 3) + noise * (next() - 0.5);
      }
    }
  }
  return { block, a, b };
}

/** Measures and judges; `flow` of a cell by channel and column. */
function judged(width: number, height: number, noise: number, gate: number, flow: (c: number, i: number) => number) {
  const grid = gridSize(width, height, 32);
  const cells = grid.width * grid.height;
  const { block, a, b } = frames(width, height, noise);
  const [field, measured, way, result] = [6 * cells, 4 * cells, cells, 3 + 256].map((n) => new Floats(n)) as [
    Floats,
    Floats,
    Floats,
    Floats,
  ]; // four of four
  const scratch = new Floats(judgeScratchBytes(grid.width) / 4);
  field.data.forEach((_, n) => {
    const c = Math.floor(n / cells);
    field.data[n] = c === 5 ? (n % 7) / 60 : flow(c, n % grid.width);
  });
  const rows = Math.ceil(height / 8);
  const columns = Math.ceil(width / 8);
  const at = [block.offset, block.offset + a.length, width, height, field.offset, grid.width, grid.height] as const;
  kernel.measureCells(...at, measured.offset, 1, 0, 1);
  kernel.measureCells(...at, measured.offset, 1, 1, rows);
  const coarse = new Floats(4 * cells);
  for (let row = 0; row < rows; row += 2) kernel.measureCells(...at, coarse.offset, 2, row, Math.min(row + 2, rows));
  const plain = scalarMeasure(a, b, width, height, { ...grid, data: field.data });
  const errors = plain.planes[0]?.map(
    (_, n) => field.data[5 * cells + Math.floor(n / columns) * grid.width + (n % columns)] ?? 0,
  );
  const told = field.offset + 20 * cells;
  const shape = [columns, rows, grid.width, grid.height] as const;
  const odds = new Floats(7);
  const known = kernel.judgeNoise(measured.offset + 4 * cells, columns, rows, grid.width, scratch.offset);
  odds.data.set([...WEIGHTS, gate, known]);
  result.data.fill(0);
  way.data.fill(0);
  const places = [odds.offset, scratch.offset, way.offset, result.offset] as const;
  for (let row = 0; row < rows; row += 3) {
    kernel.judgeCells(measured.offset, told, ...shape, ...places, row, Math.min(row + 3, rows));
  }
  const inFrame = (data: Float32Array, plane = 0): number[] =>
    Array.from({ length: columns * rows }, (_, n) => {
      const cell = Math.floor(n / columns) * grid.width + (n % columns);
      return data[plane * cells + cell] ?? Number.NaN;
    });
  const found = {
    columns,
    planes: [0, 1, 2, 3].map((plane) => inFrame(measured.data, plane)),
    coarse: [0, 1, 2, 3].map((plane) => inFrame(coarse.data, plane)),
    way: inFrame(way.data),
    around: way.data.reduce((sum, value) => sum + value, 0) - inFrame(way.data).reduce((sum, value) => sum + value, 0),
    counts: Array.from(new Int32Array(arena.memory.buffer, result.offset, 3 + 256)),
    plain,
    judged: scalarJudge(plain, errors ?? [], WEIGHTS, gate),
  };
  arena.free(block);
  expect([field, measured, coarse, way, result, scratch, odds].map((part) => part.done())).toEqual(Array(7).fill(true));
  return found;
}

/** Right in the left half, wrong in the right one. */
const mixed = (c: number, i: number): number => (i % 9 > 4 ? 30 : 1) * ([-2.5, 1.5, 2.5, -1.5][c] ?? 0.5);

describe('measureCells and judgeCells', () => {
  it.each(SIZES)('give four cells the figures of one where motion is known by fours, at %d × %d', (width, height) => {
    const { columns, planes, coarse } = judged(width, height, 30, 0, mixed);
    const ofFour = (n: number): number => {
      const [x, y] = [n % columns, Math.floor(n / columns)];
      return (y - (y % 2)) * columns + x - (x % 2);
    };
    expect(coarse).toEqual(planes.map((plane) => plane.map((_, n) => plane[ofFour(n)])));
  });

  it.each(SIZES)('are what the plain code says at %d × %d', (width, height) => {
    for (const [noise, gate] of [
      [0, 0],
      [30, -1],
      [30, Number.NEGATIVE_INFINITY],
    ] as const) {
      const { planes, way, around, counts, plain, judged: expected } = judged(width, height, noise, gate, mixed);
      planes.forEach((plane, p) => {
        plane.forEach((value, n) => {
          expect(value).toBeCloseTo(plain.planes[p]?.[n] ?? Number.NaN, 3);
        });
      });
      way.forEach((value, n) => {
        expect(value).toBeCloseTo(expected.way[n] ?? Number.NaN, 2);
      });
      expect(around).toBeCloseTo(0, 5);
      const [over = 0, given = 0, some = 0, ...bins] = counts;
      const near = (count: number, of: (value: number) => boolean, values: number[]): void => {
        // A value may fall on the other side of its bound.
        expect(Math.abs(count - values.filter(of).length)).toBeLessThanOrEqual(1);
      };
      near(over, (z) => z > gate, expected.z);
      near(given, (value) => value >= 0.5, expected.way);
      near(some, (value) => value > 0, expected.way);
      expect(bins.reduce((sum, count) => sum + count, 0)).toBe(way.length);
      const middle = bins.reduce((sum, count, bin) => sum + count * ((bin + 0.5) / 16 - 8), 0) / way.length;
      const clamped = expected.z.map((z) => Math.min(Math.max(z, -8), 7.99));
      expect(middle).toBeCloseTo(clamped.reduce((sum, z) => sum + z, 0) / way.length, 1);
    }
  });

  it('tells wrong motion from right by the means of its cells, noise or not', () => {
    const drift = (noise: number, flow: (c: number, i: number) => number): number => {
      const [found = []] = judged(131, 87, noise, 0, flow).planes;
      const inner = found.filter((_, n) => n % 17 > 4 && n % 17 < 9 && n > 34 && n < 150);
      return inner.reduce((sum, value) => sum + value, 0) / inner.length;
    };
    const right = (c: number): number => mixed(c, 0);
    const wrong = (c: number): number => 4 * mixed(c, 0);
    expect(drift(0, right)).toBeLessThan(0.5);
    expect(drift(30, right)).toBeLessThan(2.5);
    expect(drift(0, wrong)).toBeGreaterThan(20);
    expect(drift(30, wrong)).toBeGreaterThan(20);
  });

  it('a motion that is no number is surely wrong, and reads nothing outside', () => {
    const { planes, counts } = judged(64, 36, 0, 0, (c) => (c === 1 ? Number.NaN : 1e9));
    expect(
      planes
        .slice(0, 2)
        .flat()
        .every((value) => value === 255),
    ).toBe(true);
    expect(counts[0]).toBe(planes[0]?.length);
  });
});

describe('giveWay', () => {
  it.each([
    [64, 36, 0, 0],
    [131, 87, 0, 0],
    [66, 44, 1, 1],
    [66, 87, 1, 0],
    [33, 22, 2, 2],
  ] as const)('fades a plane of %d × %d, %d and %d times halved, and leaves the rest', (width, height, sx, sy) => {
    const [across, down] = [width << sx, height << sy];
    const grid = gridSize(across, down, 32);
    const [columns, rows] = [Math.ceil(across / 8), Math.ceil(down / 8)];
    const next = random(width + height);
    const way: Grid = { ...grid, data: new Float32Array(grid.width * grid.height) };
    const weights = new Floats(way.data.length, 0);
    for (let n = 0; n < way.data.length; n++) {
      const inFrame = n % grid.width < columns && Math.floor(n / grid.width) < rows;
      way.data[n] = inFrame && next() < 0.3 ? next() : 0;
      weights.data[n] = way.data[n] ?? 0;
    }
    for (const deep of [0, 1] as const) {
      const stride = 64 * Math.ceil((width << deep) / 64);
      const blocks = [arena.allocate(stride * height), arena.allocate(stride * height)] as const;
      const planes = blocks.map(({ offset }) =>
        deep
          ? new Uint16Array(arena.memory.buffer, offset, (stride * height) / 2)
          : new Uint8Array(arena.memory.buffer, offset, stride * height),
      );
      const [parent, out] = planes as [Uint16Array, Uint16Array]; // two of two; both kinds are read alike
      for (const plane of planes)
        plane.forEach((_, n) => {
          plane[n] = next() * (deep ? 65536 : 256);
        });
      const before = out.slice();
      const scratch = new Floats(grid.width);
      const at = [blocks[0].offset, blocks[1].offset, width, stride, sx, sy, deep, weights.offset] as const;
      const lines = height >> 1;
      kernel.giveWay(...at, grid.width, rows, scratch.offset, 0, lines);
      kernel.giveWay(...at, grid.width, rows, scratch.offset, lines, height);
      const pitch = stride >> deep;
      let [off, touched] = [0, 0];
      before.forEach((from, n) => {
        const [x, y] = [n % pitch, Math.floor(n / pitch)];
        const cell = (v: number, s: number): number => ((v + 0.5) * 2 ** s) / 8 - 0.5;
        const weight = x < width ? wayAt(way, columns, rows, cell(x, sx), cell(y, sy)) : 0;
        off = Math.max(off, Math.abs((out[n] ?? Number.NaN) - (from + ((parent[n] ?? 0) - from) * weight)));
        if (weight === 0 && out[n] !== from) touched += 1;
      });
      expect(touched).toBe(0);
      expect(off).toBeLessThan(0.51);
      expect(out).not.toEqual(before);
      expect(scratch.done()).toBe(true);
      for (const block of blocks) arena.free(block);
    }
    expect(weights.done()).toBe(true);
  });
});
