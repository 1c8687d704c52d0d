import { describe, expect, it } from 'vitest';
import { loadKernel, warpScratchBytes } from '../../../../../../src/interp/kernel/kernel.ts';
import { Arena } from '../../../../../../src/media/arena.ts';
import { planeLayout } from '../../../../../../src/media/frame.ts';
import { random } from '../../../../../support/kernel-scalar.ts';
import { scalarExtrapolate } from '../../../../../support/kernel-scalar-extrapolate.ts';

const arena = new Arena(64);
const kernel = loadKernel(arena.memory);
const [WIDTH, HEIGHT] = [24, 16];
const CELLS = WIDTH * HEIGHT;
/** Bytes on either side of what the kernel may write. */
const GUARD = 64;

type Value = (channel: number, x: number, y: number) => number;

/** The field of t = ½ with these values, carried on to `t`; what lies around output and scratch is checked. */
function extrapolate(value: Value, t = 1.5, bend = 1) {
  const data = new Float32Array(6 * CELLS).map((_, i) =>
    value(Math.floor(i / CELLS), i % WIDTH, Math.floor((i % CELLS) / WIDTH)),
  );
  const blocks = [data.byteLength, data.byteLength, 16 * CELLS].map((bytes) => {
    const block = arena.allocate(bytes + 2 * GUARD);
    arena.u8.fill(0xa5, block.offset, block.offset + bytes + 2 * GUARD);
    return { block, bytes, at: block.offset + GUARD };
  });
  const [field, out, scratch] = blocks.map(({ at }) => at) as [number, number, number]; // three were made
  new Float32Array(arena.memory.buffer, field, data.length).set(data);
  kernel.extrapolateField(field, out, WIDTH, HEIGHT, t, bend, scratch);
  const made = new Float32Array(arena.memory.buffer, out, data.length).slice();
  for (const { block, bytes, at } of blocks) {
    const around = [arena.u8.subarray(block.offset, at), arena.u8.subarray(at + bytes, at + bytes + GUARD)];
    expect(around.every((guard) => guard.every((byte) => byte === 0xa5))).toBe(true);
    arena.free(block);
  }
  return { made, data, at: (channel: number, x: number, y: number) => made[channel * CELLS + y * WIDTH + x] };
}

/** Motion of (vx, vy) samples between the two frames, wherever `moves` says so; nothing moves elsewhere. */
const moving =
  (vx: number, vy: number, moves: (x: number, y: number) => boolean): Value =>
  (c, x, y) =>
    c > 3 || !moves(x, y) ? 0 : ([-vx / 2, -vy / 2, vx / 2, vy / 2][c] ?? 0);

describe('extrapolateField', () => {
  it.each([1, 2, 3, 4])('equals the scalar form, number %d', (seed) => {
    const next = random(seed);
    // Regions that move as one, with a little noise, and cells that move as they like.
    const regions = Array.from({ length: 6 }, () => [
      next() * 40 - 20,
      next() * 40 - 20,
      next() * 4 - 2,
      next() * 4 - 2,
    ]);
    const wild = seed > 2 ? 30 : 0.5;
    const value: Value = (c, x, y) => {
      if (c > 3) return next();
      const [vx = 0, vy = 0, sx = 0, sy = 0] = regions[(x >> 3) + 3 * (y >> 3)] ?? [];
      return ([sx - vx / 2, sy - vy / 2, sx + vx / 2, sy + vy / 2][c] ?? 0) + wild * (next() - 0.5);
    };
    const t = [1.5, 1.25, 1.1, 1.5][seed - 1] ?? 1.5;
    const { made, data } = extrapolate(value, t, 0.5);
    const expected = scalarExtrapolate({ width: WIDTH, height: HEIGHT, data }, t, 0.5);
    expect(Math.max(...made.map((v, i) => Math.abs(v - (expected[i] ?? 0))))).toBe(0);
  });

  it('is that of a still picture where nothing moves, and carries the last channel along', () => {
    const { made, data } = extrapolate((c, x, y) => (c === 5 ? x + y : 0));
    expect(made.subarray(0, 5 * CELLS).every((v) => v === 0)).toBe(true);
    expect(made.subarray(5 * CELLS)).toEqual(data.subarray(5 * CELLS));
  });

  it('reads b alone, half of the motion back at t = 1.5', () => {
    const { at, made } = extrapolate(moving(12, -6, () => true));
    for (const [x, y] of [
      [0, 0],
      [11, 7],
      [WIDTH - 1, HEIGHT - 1],
    ] as const) {
      for (const [c, v] of [-6, 3, -6, 3, 0].entries()) expect(at(c, x, y)).toBeCloseTo(v, 4);
    }
    expect(made.every(Number.isFinite)).toBe(true);
  });

  it('goes on with the acceleration: at t = 1.5 by three times the part that both sides share', () => {
    // x(t) = 8 (t − ½) + 4 · 1 · (t − ½)²: at ½ it is 0, at 0 −3, at 1 5, at 1.5 12.
    const curved: Value = (c) => [-3, 0, 5, 0][c] ?? 0;
    expect(extrapolate(curved).at(0, 12, 8)).toBeCloseTo(-7, 4);
    expect(extrapolate(curved, 1.5, 0).at(0, 12, 8)).toBeCloseTo(-4, 4);
    expect(extrapolate(curved, 1.25).at(0, 12, 8)).toBeCloseTo(-(8.25 - 5), 4);
  });

  it('lets what moves pass in front of what it meets, and leaves nothing of it behind', () => {
    // A square at cells 8…12 (at t = ½) that moves 4 cells to the right in an interval: at t = 1.5
    // its cells are 12…16.
    const { at } = extrapolate(moving(32, 0, (x, y) => x >= 8 && x <= 12 && y >= 5 && y <= 10));
    // Without the sign of zero.
    const row = Array.from({ length: WIDTH }, (_, x) => (at(0, x, 7) ?? 0) + 0);
    expect(row.slice(12, 17)).toEqual([-16, -16, -16, -16, -16]);
    expect(row.slice(17)).toEqual(Array.from({ length: WIDTH - 17 }, () => 0));
    expect(row.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 0));
    // Behind it, where b still has the square (10…14), nothing may read those cells again.
    for (const x of [10, 11]) {
      const from = x + (row[x] ?? 0) / 8;
      expect(from < 10 || from > 14).toBe(true);
    }
  });

  it('takes any field: no number, without end, enormous', () => {
    const values = [Number.NaN, Infinity, -Infinity, 1e38, -1e38, 0, 5];
    const { made } = extrapolate((c, x, y) => values[(x * 31 + y * 17 + c * 7) % values.length] ?? 0);
    expect(made.every(Number.isFinite)).toBe(true);
    expect(extrapolate(() => Number.NaN).made.every((v) => v === 0)).toBe(true);
  });

  it('shows b, moved, whatever a is: rendered with b in both places', () => {
    const { made } = extrapolate(moving(16, 0, () => true));
    const [width, height] = [WIDTH * 8, HEIGHT * 8];
    const { bytes, strideY } = planeLayout(width, height);
    const [b, out, field] = [arena.allocate(bytes), arena.allocate(bytes), arena.allocate(made.byteLength)];
    const scratch = arena.allocate(warpScratchBytes(width));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) arena.u8[b.offset + y * strideY + x] = (x * 7 + y * 3) & 127;
    }
    new Float32Array(arena.memory.buffer, field.offset, made.length).set(made);
    kernel.warpBlend(
      b.offset,
      b.offset,
      out.offset,
      width,
      height,
      field.offset,
      WIDTH,
      HEIGHT,
      scratch.offset,
      0,
      height,
      0,
    );
    const luma = (at: number, x: number, y: number) => arena.u8[at + y * strideY + x];
    for (const [x, y] of [
      [40, 9],
      [100, 60],
      [190, 127],
    ] as const) {
      expect(luma(out.offset, x, y)).toBe(luma(b.offset, x - 8, y));
    }
    // At the border that is uncovered b's own edge is stretched.
    expect(luma(out.offset, 2, 60)).toBe(luma(b.offset, 0, 60));
    for (const block of [b, out, field, scratch]) arena.free(block);
  });
});
