/** `motionPlanes`, `smoothMotion` and `accelerateField` of the kernel written plainly (models/training/SEARCH.md, "Acceleration"). */

/** Planes of floats on a grid of cells. */
export interface Planes {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** The pair beside: its seed, [3][height][width], and its interval over this pair's. */
export interface Beside {
  readonly seed: Planes;
  readonly ratio: number;
}

/** Length below which a motion stands still; how much more than the shorter one a motion may change. */
const [STILL, SLACK] = [1, 8];

const clamp = (value: number, most: number): number => Math.min(Math.max(value, 0), most);

/** A value of a plane, coordinates clamped. */
function at({ width, height, data }: Planes, plane: number, x: number, y: number): number {
  return data[(plane * height + clamp(y, height - 1)) * width + clamp(x, width - 1)] ?? Number.NaN;
}

/** Bilinear between the cells, places clamped to the grid. */
function bilinear(planes: Planes, plane: number, x: number, y: number): number {
  const [px, py] = [clamp(x, planes.width - 1), clamp(y, planes.height - 1)];
  const [ix, iy] = [Math.floor(px), Math.floor(py)];
  const row = (j: number): number =>
    at(planes, plane, ix, j) + (at(planes, plane, ix + 1, j) - at(planes, plane, ix, j)) * (px - ix);
  return row(iy) + (row(iy + 1) - row(iy)) * (py - iy);
}

/** What one neighbour says at a cell. */
function readBeside(seed: Planes, { seed: other, ratio }: Beside, after: boolean, x: number, y: number) {
  const side = after ? 1 : -1;
  const [vx, vy] = [at(seed, 0, x, y), at(seed, 1, x, y)];
  const way = (side * (1 + ratio)) / 16;
  const [px, py] = [x + way * vx, y + way * vy];
  const motion = [bilinear(other, 0, px, py) / ratio, bilinear(other, 1, px, py) / ratio] as const;
  const shorter = Math.min(Math.hypot(vx, vy), Math.hypot(...motion));
  const change = Math.hypot(vx - motion[0], vy - motion[1]);
  const weight = shorter >= STILL && change <= shorter + SLACK ? 2 / (1 + ratio) / 8 : 0;
  const q = [side * weight * (motion[0] - vx), side * weight * (motion[1] - vy)] as const;
  return { motion, q, cost: bilinear(other, 2, px, py) };
}

/** All eight planes of `motion`. */
export function scalarMotion(seed: Planes, before?: Beside, after?: Beside): Float32Array {
  const { width, height } = seed;
  const cells = width * height;
  const out = new Float32Array(8 * cells);
  const sides = [
    { beside: before, after: false },
    { beside: after, after: true },
  ];
  for (let i = 0; i < cells; i++) {
    const found = sides.flatMap((side) =>
      side.beside ? [readBeside(seed, side.beside, side.after, i % width, Math.floor(i / width))] : [],
    );
    const [first] = found;
    if (!first) continue;
    const mean = (c: 0 | 1): number => found.reduce((sum, { q }) => sum + q[c], 0) / found.length;
    out.set([first.motion[0]], i);
    out.set([first.motion[1]], cells + i);
    out.set([mean(0)], 2 * cells + i);
    out.set([mean(1)], 3 * cells + i);
    out.set([first.cost], 6 * cells + i);
    out.set([found.length / 2], 7 * cells + i);
  }
  const made = { width, height, data: out };
  for (let i = 0; i < 2 * cells; i++) {
    const [c, x, y] = [Math.floor(i / cells), i % width, Math.floor((i % cells) / width)];
    let sum = 0;
    for (let dy = -2; dy <= 2; dy++) for (let dx = -2; dx <= 2; dx++) sum += at(made, 2 + c, x + dx, y + dy);
    out[4 * cells + i] = sum / 25;
  }
  return out;
}
