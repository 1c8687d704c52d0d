import { describe, expect, it } from 'vitest';
import { gridSize, loadKernel } from '../../../../../../src/interp/kernel/kernel.ts';
import { Arena } from '../../../../../../src/media/arena.ts';
import { random } from '../../../../../support/kernel-scalar.ts';

const arena = new Arena(16);
const kernel = loadKernel(arena.memory);
const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);

interface Plane {
  readonly width: number;
  readonly height: number;
  readonly pitch: number;
  readonly shiftX: number;
  readonly shiftY: number;
}

/** A sample of the frame, its field taken bilinearly at that very sample. */
function ideal(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  p: Plane,
  field: Float32Array,
  grid: { width: number; height: number },
  motions: number,
  x: number,
  y: number,
): number {
  const u = ((x + 0.5) * 2 ** p.shiftX) / 8 - 0.5;
  const v = ((y + 0.5) * 2 ** p.shiftY) / 8 - 0.5;
  const value = (c: number): number => {
    const at = (i: number, j: number): number =>
      field[(c * grid.height + clamp(j, 0, grid.height - 1)) * grid.width + clamp(i, 0, grid.width - 1)] ?? Number.NaN;
    const [i, j] = [Math.floor(u), Math.floor(v)];
    const across = (row: number): number => at(i, row) + (at(i + 1, row) - at(i, row)) * (u - i);
    return across(j) + (across(j + 1) - across(j)) * (v - j);
  };
  const tap = (frame: ArrayLike<number>, px: number, py: number): number => {
    const [cx, cy] = [clamp(px, 0, p.width - 1), clamp(py, 0, p.height - 1)];
    const [i, j] = [Math.floor(cx), Math.floor(cy)];
    const at = (k: number, l: number): number =>
      frame[Math.min(l, p.height - 1) * p.pitch + Math.min(k, p.width - 1)] ?? Number.NaN;
    const top = at(i, j) + (at(i + 1, j) - at(i, j)) * (cx - i);
    const bottom = at(i, j + 1) + (at(i + 1, j + 1) - at(i, j + 1)) * (cx - i);
    return top + (bottom - top) * (cy - j);
  };
  const inside = (px: number, py: number): boolean =>
    px >= -0.5 && px <= p.width - 0.5 && py >= -0.5 && py <= p.height - 0.5;
  const moved = (first: number): number => {
    const [x0, x1] = [0, 2].map((c) => x + value(first + c) / 2 ** p.shiftX) as [number, number];
    const [y0, y1] = [1, 3].map((c) => y + value(first + c) / 2 ** p.shiftY) as [number, number]; // two of two
    const [in0, in1] = [inside(x0, y0), inside(x1, y1)];
    const m = in0 === in1 ? clamp(value(first + 4), 0, 1) : in0 ? 1 : 0;
    return m * tap(a, x0, y0) + (1 - m) * tap(b, x1, y1);
  };
  if (motions === 1) return moved(0);
  const share = clamp(value(11), 0, 1);
  return (1 - share) * moved(0) + share * moved(6);
}

describe('renderSeams', () => {
  it.each([
    [64, 36, 0, 0, 1],
    [131, 87, 0, 0, 2],
    [66, 44, 1, 1, 2],
    [66, 87, 1, 0, 1],
    [33, 22, 2, 2, 2],
  ] as const)('gives each sample its own vector at %d × %d (%d, %d), %d motions; no other cell changes', (...shape) => {
    const [width, height, shiftX, shiftY, motions] = shape;
    const grid = gridSize(width << shiftX, height << shiftY, 32);
    const cells = grid.width * grid.height;
    const next = random(width * height);
    const field = arena.allocate(4 * 6 * motions * cells + 64);
    const data = new Float32Array(arena.memory.buffer, field.offset, 6 * motions * cells);
    const isFast = (cell: number): boolean => cell % grid.width >= 3 && Math.floor(cell / grid.width) < 3;
    data.forEach((_, n) => {
      const [c, cell] = [Math.floor(n / cells) % 6, n % cells];
      const motion = isFast(cell) && n < 6 * cells ? 23 : 2;
      data[n] = c < 4 ? motion * (next() * 0.1 + (c < 2 ? -0.5 : 0.5)) : next();
    });
    const seam = (x: number, y: number): boolean => {
      const [i, j] = [Math.floor((x << shiftX) / 8), Math.floor((y << shiftY) / 8)];
      const here = isFast(j * grid.width + i);
      return [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
      ].some(([dx = 0, dy = 0]) => {
        const [k, l] = [clamp(i + dx, 0, grid.width - 1), clamp(j + dy, 0, grid.height - 1)];
        return isFast(l * grid.width + k) !== here;
      });
    };
    const detail = arena.allocate(4 * cells + 64);
    new Float32Array(arena.memory.buffer, detail.offset, cells).fill(4);
    const marks = arena.allocate(4 * cells + 64);
    for (const deep of [0, 1] as const) {
      const stride = 64 * Math.ceil((width << deep) / 64);
      const pitch = stride >> deep;
      const blocks = [0, 1, 2].map(() => arena.allocate(stride * height + 64));
      const [a, b, out] = blocks.map(({ offset }) =>
        deep
          ? new Uint16Array(arena.memory.buffer, offset, pitch * height)
          : new Uint8Array(arena.memory.buffer, offset, pitch * height),
      ) as [Uint16Array, Uint16Array, Uint16Array]; // three of three; both kinds are read alike
      for (const plane of [a, b]) for (let n = 0; n < plane.length; n++) plane[n] = next() * (deep ? 65536 : 256);
      out.fill(77);
      const [pa = 0, pb = 0, po = 0] = blocks.map(({ offset }) => offset);
      const at = [pa, pb, po, width, height, stride, shiftX, shiftY, deep] as const;
      const rows = Math.ceil((height << shiftY) / 8);
      const motion = [field.offset, grid.width, grid.height, motions, marks.offset] as const;
      for (const [begin, end] of [
        [0, 1],
        [1, rows],
      ] as const) {
        const known = [Math.ceil((width << shiftX) / 8), motions, detail.offset, marks.offset] as const;
        kernel.findSeams(field.offset, grid.width, grid.height, ...known, begin, end);
        kernel.renderSeams(...at, ...motion, begin, end);
      }
      const plane = { width, height, pitch, shiftX, shiftY };
      let [off, seams, others] = [0, 0, 0];
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < pitch; x++) {
          const value = out[y * pitch + x] ?? Number.NaN;
          if (x >= width || !seam(x, y)) {
            others += value === 77 ? 0 : 1;
            continue;
          }
          seams += 1;
          off = Math.max(off, Math.abs(value - ideal(a, b, plane, data, grid, motions, x, y)));
        }
      }
      expect(others).toBe(0);
      expect(seams).toBeGreaterThan(100);
      expect(off).toBeLessThan(deep ? 2 : 0.52);
      for (const block of blocks) arena.free(block);
    }
    arena.free(detail);
    arena.free(marks);
    arena.free(field);
  });

  it('leaves cells alone in which there is nothing to see', () => {
    const [field, detail, marks] = [2 * 6 * 8 * 8 * 4, 256, 64].map((bytes) => arena.allocate(bytes + 64));
    if (!field || !detail || !marks) throw new Error('three of three');
    const view = (block: { offset: number }, count: number): Float32Array =>
      new Float32Array(arena.memory.buffer, block.offset, count);
    view(field, 6 * 64).forEach((_, n, all) => {
      all[n] = n % 8 < 4 ? 0 : 20;
    });
    view(detail, 64).forEach((_, n, all) => {
      all[n] = n < 32 ? 3.9 : 4.1;
    });
    kernel.findSeams(field.offset, 8, 8, 8, 1, detail.offset, marks.offset, 0, 8);
    const found = [...new Uint8Array(arena.memory.buffer, marks.offset, 64)];
    expect(found).toEqual(found.map((_, n) => (n >= 32 && [3, 4].includes(n % 8) ? 255 : 0)));
    for (const block of [field, detail, marks]) arena.free(block);
  });

  it('a field of no numbers renders nothing, and reads nothing outside', () => {
    const block = arena.allocate(64 * 64 * 3 + 4 * 12 * 64);
    const data = new Float32Array(arena.memory.buffer, block.offset + 64 * 64 * 3, 12 * 64);
    data.forEach((_, n) => {
      data[n] = n % 3 ? Number.NaN : 1e30;
    });
    const planes = [0, 4096, 8192].map((at) => block.offset + at) as [number, number, number]; // three of three
    const field = block.offset + 64 * 64 * 3;
    const marks = arena.allocate(64);
    kernel.findSeams(field, 8, 8, 8, 2, field, marks.offset, 0, 8);
    kernel.renderSeams(...planes, 64, 64, 64, 0, 0, 0, field, 8, 8, 2, marks.offset, 0, 8);
    arena.free(marks);
    arena.free(block);
  });
});
