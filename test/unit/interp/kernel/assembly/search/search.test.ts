import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  costScratchBytes,
  gridSize,
  loadKernel,
  pyramidBytes,
  pyramidLevel,
  searchGrid,
  searchScratchBytes,
} from '../../../../../../src/interp/kernel/kernel.ts';
import { perform, searchTasks } from '../../../../../../src/interp/kernel/tasks.ts';
import { Arena } from '../../../../../../src/media/arena.ts';
import { planeLayout } from '../../../../../../src/media/frame.ts';
import { random } from '../../../../../support/kernel-scalar.ts';
import { scalarPyramid, scalarSearch } from '../../../../../support/kernel-scalar-search.ts';

const numbers = z.array(z.number());
const fixture = z
  .object({
    cases: z.array(
      z.object({
        name: z.string(),
        width: z.number(),
        height: z.number(),
        luma0: z.base64(),
        luma1: z.base64(),
        levels: z.array(
          z.object({ level: z.number(), width: z.number(), height: z.number(), vx: numbers, vy: numbers }),
        ),
        seed: z.object({ width: z.number(), height: z.number(), vx: numbers, vy: numbers, cost: numbers }),
        costs: numbers,
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('../../../../../fixtures/search.json', import.meta.url), 'utf8')));

const vectors = z.object({ vx: numbers, vy: numbers });
const fineFixture = z
  .object({
    cases: z.array(
      z.object({
        ...{ name: z.string(), width: z.number(), height: z.number(), luma0: z.base64(), luma1: z.base64() },
        ...{ fine: vectors.extend({ cost: numbers }), p: vectors, costs: numbers },
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('../../../../../fixtures/fine-search.json', import.meta.url), 'utf8')));

const arena = new Arena(64);
const kernel = loadKernel(arena.memory);

/** Puts tight luma into a frame block whose padding is poison. */
function frameOf(luma: Uint8Array, width: number, height: number): number {
  const { bytes, strideY } = planeLayout(width, height);
  const block = arena.allocate(bytes);
  arena.u8.fill(0xee, block.offset, block.offset + bytes);
  for (let y = 0; y < height; y++) arena.u8.set(luma.subarray(y * width, (y + 1) * width), block.offset + y * strideY);
  return block.offset;
}

/** The whole search, rows of each pass from the last to the first: their order must not matter. */
function search(
  [p0, p1]: readonly [number, number],
  [width, height]: readonly [number, number],
  scratch: number,
  seed: number,
  fine: boolean,
): void {
  for (const { task, rows } of searchTasks(p0, p1, width, height, scratch, seed, fine)) {
    const [name, ...numbers] = task;
    for (let row = rows - 1; row >= 0; row--) perform(kernel, name, Int32Array.from(numbers), 0, row, row + 1);
  }
}

/** Runs pyramid and search; everything is copied out. */
function run(luma0: Uint8Array, luma1: Uint8Array, width: number, height: number, multiple = 1, fine = false) {
  const paddedWidth = Math.ceil(width / multiple) * multiple;
  const paddedHeight = Math.ceil(height / multiple) * multiple;
  const pyramids = [luma0, luma1].map((luma) => {
    const pyramid = arena.allocate(pyramidBytes(paddedWidth, paddedHeight)).offset;
    kernel.buildPyramid(frameOf(luma, width, height), width, height, paddedWidth, paddedHeight, pyramid);
    return pyramid;
  });
  const [p0 = 0, p1 = 0] = pyramids;
  const grid = gridSize(paddedWidth, paddedHeight, 8);
  const scratchBytes = searchScratchBytes(paddedWidth, paddedHeight);
  const scratch = arena.allocate(scratchBytes + 64).offset;
  arena.u8.fill(0xa5, scratch + scratchBytes, scratch + scratchBytes + 64);
  const seedBytes = 12 * grid.width * grid.height;
  const seed = arena.allocate(seedBytes + 64).offset;
  arena.u8.fill(0xa5, seed + seedBytes, seed + seedBytes + 64);
  search([p0, p1], [paddedWidth, paddedHeight], scratch, seed, fine);
  for (const end of [scratch + scratchBytes, seed + seedBytes]) {
    expect(arena.u8.subarray(end, end + 64).every((v) => v === 0xa5)).toBe(true);
  }
  let at = scratch;
  const levels = [1, 2, 3, 4, 5].map((level) => {
    const { width: w, height: h } = searchGrid(paddedWidth, paddedHeight, level);
    const packed = new Int32Array(arena.memory.buffer, at, w * h);
    at += 4 * w * h;
    return { level, vx: Array.from(packed, (v) => (v << 16) >> 16), vy: Array.from(packed, (v) => v >> 16) };
  });
  return { pyramids, grid, levels, seed: new Float32Array(arena.memory.buffer, seed, 3 * grid.width * grid.height) };
}

describe('buildPyramid', () => {
  it.each([
    [2, 2],
    [3, 5],
    [33, 47],
    [64, 36],
    [97, 31],
    [130, 70],
  ])('equals the scalar form at %d × %d, borders included', (width, height) => {
    const next = random(width);
    const luma = Uint8Array.from({ length: width * height }, () => Math.floor(next() * 256));
    const { pyramids } = run(luma, luma, width, height);
    scalarPyramid(luma, width, height).forEach((expected, i) => {
      const level = pyramidLevel(width, height, i + 1);
      expect([level.width, level.height]).toEqual([expected.width, expected.height]);
      for (let y = -16; y < level.height + 16; y++) {
        for (let x = -16; x < level.width + 16; x++) {
          const got = arena.u8[(pyramids[0] ?? 0) + level.origin + y * level.stride + x];
          if (got !== expected.at(x, y))
            throw new Error(`level ${i + 1} at ${x},${y}: ${got} for ${expected.at(x, y)}`);
        }
      }
    });
  });
});

describe('search', () => {
  it.each(fixture.cases)('gives the vectors of the training code: $name', (c) => {
    const [luma0, luma1] = [Buffer.from(c.luma0, 'base64'), Buffer.from(c.luma1, 'base64')];
    const result = run(luma0, luma1, c.width, c.height);
    for (const level of c.levels) {
      const got = result.levels.find((l) => l.level === level.level);
      expect([got?.vx, got?.vy]).toEqual([level.vx, level.vy]);
    }
    const cells = c.seed.width * c.seed.height;
    const expected = [...c.seed.vx, ...c.seed.vy, ...c.seed.cost];
    expect(result.seed.length).toBe(3 * cells);
    expect(Math.max(...expected.map((v, i) => Math.abs(v - (result.seed[i] ?? Number.NaN))))).toBeLessThan(1e-6);
  });

  it.each([
    [2, 2],
    [5, 3],
    [17, 90],
    [120, 40],
  ])('equals the scalar form on noise at %d × %d, in windows of both sizes', (width, height) => {
    const next = random(width + height);
    const make = (): Uint8Array => Uint8Array.from({ length: width * height }, () => Math.floor(next() * 256));
    const [luma0, luma1] = [make(), make()];
    for (const fine of [false, true]) {
      const result = run(luma0, luma1, width, height, 1, fine);
      const expected = scalarSearch(luma0, luma1, width, height, fine);
      for (const level of expected.levels) {
        const got = result.levels.find((l) => l.level === level.level);
        expect([got?.vx, got?.vy]).toEqual([level.vx, level.vy]);
      }
      expect(Math.max(...expected.seed.map((v, i) => Math.abs(v - (result.seed[i] ?? Number.NaN))))).toBeLessThan(1e-4);
    }
  });

  it('equals the scalar form where parts of a texture have moved their own way, in windows of both sizes', () => {
    const [width, height] = [200, 150];
    const next = random(8);
    const grain = Uint8Array.from({ length: 300 * 300 }, () => Math.floor(next() * 40));
    const picture = (time: number): Uint8Array =>
      Uint8Array.from({ length: width * height }, (_, n) => {
        const [x, y] = [n % width, Math.floor(n / width)];
        const part = (x > 60 ? 1 : 0) + (y > 70 ? 2 : 0) + (x % 50 > 38 ? 1 : 0);
        const [u, v] = [x + 40 - time * ((part * 7) % 12), y + 40 + time * ((part * 5) % 9)];
        return 110 + 50 * Math.sin(u / 5 + v / 11) + 30 * Math.cos(v / 4 - u / 9) + (grain[v * 300 + u] ?? 0);
      });
    const [luma0, luma1] = [picture(0), picture(1)];
    for (const fine of [false, true]) {
      const result = run(luma0, luma1, width, height, 1, fine);
      const expected = scalarSearch(luma0, luma1, width, height, fine);
      const level1 = expected.levels.find(({ level }) => level === 1);
      expect(result.levels[0]).toMatchObject({ vx: level1?.vx, vy: level1?.vy });
      expect(Math.max(...expected.seed.map((v, i) => Math.abs(v - (result.seed[i] ?? Number.NaN))))).toBeLessThan(1e-4);
    }
  });

  it.each([
    [40, 24],
    [33, 65],
    [63, 31],
  ])('treats a frame of %d × %d like one padded to multiples of 32', (width, height) => {
    const next = random(9);
    const make = (): Uint8Array => Uint8Array.from({ length: width * height }, () => Math.floor(next() * 256));
    const [w, h] = [Math.ceil(width / 32) * 32, Math.ceil(height / 32) * 32];
    const pad = (luma: Uint8Array): Uint8Array =>
      Uint8Array.from(
        { length: w * h },
        (_, i) => luma[Math.min(Math.floor(i / w), height - 1) * width + Math.min(i % w, width - 1)] ?? 0,
      );
    const [luma0, luma1] = [make(), make()];
    const got = run(luma0, luma1, width, height, 32);
    const expected = run(pad(luma0), pad(luma1), w, h);
    expect(got.levels).toEqual(expected.levels);
    expect(got.seed).toEqual(expected.seed);
  });
});

/** `candidateCosts` in pieces of three rows, each with the three rows above and below it; nothing else changes. */
function costsInPieces(
  pyramids: readonly number[],
  [width, height]: readonly [number, number],
  grid: { readonly width: number; readonly height: number },
  [seed, fine, motion, costs]: readonly [number, number, number, number],
  channels: number,
): void {
  const scratch = arena.allocate(costScratchBytes(grid.width, 3) + 64).offset;
  const ends = [costs + 4 * channels * grid.width * grid.height, scratch + costScratchBytes(grid.width, 3)];
  for (const end of ends) arena.u8.fill(0xa5, end, end + 64);
  const pair = [pyramids[0] ?? 0, pyramids[1] ?? 0, width, height] as const;
  for (let row = 0; row < grid.height; row += 3) {
    kernel.candidateCosts(...pair, seed, fine, motion, costs, scratch, row, Math.min(row + 3, grid.height));
  }
  for (const end of ends) expect(arena.u8.subarray(end, end + 64).every((v) => v === 0xa5)).toBe(true);
}

describe('candidateCosts', () => {
  it.each(fixture.cases)('gives the costs of the training code: $name', (c) => {
    const [luma0, luma1] = [Buffer.from(c.luma0, 'base64'), Buffer.from(c.luma1, 'base64')];
    const { pyramids, grid, seed } = run(luma0, luma1, c.width, c.height);
    const cells = grid.width * grid.height;
    const held = arena.allocate(12 * cells).offset;
    new Float32Array(arena.memory.buffer, held, 3 * cells).set(seed);
    const costs = arena.allocate(72 * cells + 64).offset;
    costsInPieces(pyramids, [c.width, c.height], grid, [held, 0, 0, costs], 18);
    const got = Array.from(new Float32Array(arena.memory.buffer, costs, 18 * cells), (v) => Math.round(v * 32 * 255));
    expect(got).toEqual(c.costs);
  });

  it.each(fineFixture.cases)('gives those of the fine search and of the pair before, too: $name', (c) => {
    const [luma0, luma1] = [Buffer.from(c.luma0, 'base64'), Buffer.from(c.luma1, 'base64')];
    const wide = run(luma0, luma1, c.width, c.height);
    const fine = run(luma0, luma1, c.width, c.height, 1, true);
    const { grid, pyramids } = wide;
    const cells = grid.width * grid.height;
    const expected = [...c.fine.vx, ...c.fine.vy, ...c.fine.cost];
    expect(Math.max(...expected.map((v, i) => Math.abs(v - (fine.seed[i] ?? Number.NaN))))).toBeLessThan(1e-6);
    const places = [wide.seed, fine.seed, Float32Array.from([...c.p.vx, ...c.p.vy])].map((values) => {
      const { offset } = arena.allocate(4 * values.length + 64);
      new Float32Array(arena.memory.buffer, offset, values.length).set(values);
      return offset;
    });
    const [seed = 0, fineSeed = 0, motion = 0] = places;
    const costs = arena.allocate(112 * cells + 64).offset;
    costsInPieces(pyramids, [c.width, c.height], grid, [seed, fineSeed, motion, costs], 28);
    const got = Array.from(new Float32Array(arena.memory.buffer, costs, 28 * cells), (v) => Math.round(v * 32 * 255));
    expect(got).toEqual(c.costs);
  });
});

describe('prepareImages', () => {
  it('gives quarter-resolution lumas, and both warped onto each other by a true seed', () => {
    const [width, height] = [96, 64];
    const value = (x: number, y: number): number => 128 + 60 * Math.sin(x / 9) + 50 * Math.cos(y / 7 + x / 30);
    const shifted = (dx: number): Uint8Array =>
      Uint8Array.from({ length: width * height }, (_, i) => Math.round(value((i % width) - dx, Math.floor(i / width))));
    const { pyramids, grid } = run(shifted(-4), shifted(4), width, height, 32);
    const [p0 = 0, p1 = 0] = pyramids;
    const cells = grid.width * grid.height;
    const seed = arena.allocate(12 * cells).offset;
    new Float32Array(arena.memory.buffer, seed, 3 * cells).fill(0).fill(8, 0, cells);
    const images = arena.allocate(64 * cells).offset;
    const scratch = arena.allocate(8 * (grid.width + 2)).offset;
    for (let row = grid.height - 1; row >= 0; row--) {
      kernel.prepareImages(p0, p1, width, height, seed, images, scratch, row, row + 1);
    }
    const [w, h] = [grid.width * 2, grid.height * 2];
    const data = new Float32Array(arena.memory.buffer, images, 4 * w * h);
    const middle = scalarPyramid(shifted(0), width, height)[1];
    const first = scalarPyramid(shifted(-4), width, height)[1];
    for (let y = 0; y < h; y++) {
      for (let x = 2; x < w - 2; x++) {
        expect(data[y * w + x]).toBeCloseTo((first?.at(x, y) ?? Number.NaN) / 255, 5);
        for (const c of [2, 3])
          expect(Math.abs((data[(c * h + y) * w + x] ?? 0) - (middle?.at(x, y) ?? 0) / 255)).toBeLessThan(0.01);
      }
    }
  });
});

describe('seedField', () => {
  it('halves the motion to either side', () => {
    const [seed, field] = [arena.allocate(48).offset, arena.allocate(96).offset];
    new Float32Array(arena.memory.buffer, seed, 12).set([2, 4, 6, 8, -2, -4, -6, -8, 0.1, 0.2, 0.3, 0.4]);
    kernel.seedField(seed, field, 4);
    const expected = [-1, -2, -3, -4, 1, 2, 3, 4, 1, 2, 3, 4, -1, -2, -3, -4, 0.5, 0.5, 0.5, 0.5, 0.1, 0.2, 0.3, 0.4];
    expect([...new Float32Array(arena.memory.buffer, field, 24)]).toEqual(expected.map(Math.fround));
  });
});

describe('halveLuma', () => {
  it.each([
    [16, 8],
    [150, 94],
    [37, 21],
  ])('gives box means, edges repeated, at %d × %d', (width, height) => {
    const next = random(5);
    const luma = Uint8Array.from({ length: width * height }, () => next() * 256);
    const [columns, rows] = [(width + 1) >> 1, (height + 1) >> 1];
    const { bytes, strideY } = planeLayout(columns, rows);
    const out = arena.allocate(bytes).offset;
    kernel.halveLuma(frameOf(luma, width, height), width, height, out);
    const at = (x: number, y: number): number => luma[Math.min(y, height - 1) * width + Math.min(x, width - 1)] ?? 0;
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const sum = at(2 * x, 2 * y) + at(2 * x + 1, 2 * y) + at(2 * x, 2 * y + 1) + at(2 * x + 1, 2 * y + 1);
        expect(arena.u8[out + y * strideY + x]).toBe((sum + 2) >> 2);
      }
    }
  });
});

describe('expandField', () => {
  it.each([
    [3, 2, 7, 5],
    [24, 3, 48, 6],
    [20, 4, 37, 7],
  ])(
    '%d × %d cells as %d × %d: motion doubled, weights kept, linear between centres, the last cells repeated',
    (fromWidth, fromHeight, width, height) => {
      const motions = 2;
      const cells = fromWidth * fromHeight;
      const from = arena.allocate(4 * 12 * cells).offset;
      const field = arena.allocate(4 * 12 * width * height).offset;
      const next = random(3);
      const given = new Float32Array(arena.memory.buffer, from, 12 * cells).map(() => 10 * next());
      new Float32Array(arena.memory.buffer, from, 12 * cells).set(given);
      const sides = [fromWidth, fromHeight, field, width, height] as const;
      for (let row = 0; row < height; row++) kernel.expandField(from, ...sides, motions, row, row + 1);
      const made = new Float32Array(arena.memory.buffer, field, 12 * width * height);
      const clamp = (value: number, size: number): number => Math.min(Math.max(value, 0), size - 1);
      for (let c = 0; c < 12; c++) {
        const at = (x: number, y: number): number =>
          given[c * cells + clamp(y, fromHeight) * fromWidth + clamp(x, fromWidth)] ?? Number.NaN;
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const [i, j, k, l] = [x >> 1, (x >> 1) + (x & 1 ? 1 : -1), y >> 1, (y >> 1) + (y & 1 ? 1 : -1)];
            const inside = 0.5625 * at(i, k) + 0.1875 * (at(j, k) + at(i, l)) + 0.0625 * at(j, l);
            expect(made[(c * height + y) * width + x]).toBeCloseTo((c % 6 < 4 ? 2 : 1) * inside, 3);
          }
        }
      }
    },
  );
});
