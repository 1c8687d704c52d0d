/** The block search of models/training/SEARCH.md written plainly: what the SIMD code is compared with. */

/** One level; `at` clamps its coordinates. */
export interface Level {
  readonly width: number;
  readonly height: number;
  at(x: number, y: number): number;
}

type Vector = readonly [number, number];

function level(data: Uint8Array, width: number, height: number): Level {
  const clamp = (v: number, most: number): number => Math.min(Math.max(v, 0), most - 1);
  return { width, height, at: (x, y) => data[clamp(y, height) * width + clamp(x, width)] as number }; // in range: clamped
}

/** Levels 1 … 5 of tight luma. */
export function scalarPyramid(luma: Uint8Array, width: number, height: number): Level[] {
  const levels: Level[] = [];
  let p = level(luma, width, height);
  for (let l = 1; l <= 5; l++) {
    const [w, h] = [(p.width + 1) >> 1, (p.height + 1) >> 1];
    const data = new Uint8Array(w * h);
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const sum = p.at(2 * x, 2 * y) + p.at(2 * x + 1, 2 * y) + p.at(2 * x, 2 * y + 1) + p.at(2 * x + 1, 2 * y + 1);
        data[y * w + x] = (sum + 2) >> 2;
      }
    }
    p = level(data, w, h);
    levels.push(p);
  }
  return levels;
}

class Grid {
  readonly width: number;
  readonly height: number;
  readonly #vectors: Vector[];
  constructor(width: number, height: number, vectors: Vector[]) {
    this.width = width;
    this.height = height;
    this.#vectors = vectors;
  }
  at(i: number, j: number): Vector {
    const x = Math.min(Math.max(i, 0), this.width - 1);
    return this.#vectors[Math.min(Math.max(j, 0), this.height - 1) * this.width + x] as Vector; // in range: clamped
  }
  map(change: (i: number, j: number, own: Vector) => Vector): Grid {
    const w = this.width;
    return new Grid(
      w,
      this.height,
      this.#vectors.map((v, n) => change(n % w, Math.floor(n / w), v)),
    );
  }
  component(c: 0 | 1): number[] {
    return this.#vectors.map((v) => v[c] + 0);
  }
}

const CROSS: Vector[] = [
  [0, -1],
  [-1, 0],
  [1, 0],
  [0, 1],
];

/** Vectors of every level after the median (5 first), and the seed: vx, vy, cost one after the other. `fine`: in small windows. */
export function scalarSearch(luma0: Uint8Array, luma1: Uint8Array, width: number, height: number, fine = false) {
  const [columns, rows] = fine ? [8, 4] : [16, 8];
  // Costs are sums over a window.
  const [smooth, bonus, keep] = fine ? [6, 12, 16] : [24, 48, 64];
  const [pyramid0, pyramid1] = [scalarPyramid(luma0, width, height), scalarPyramid(luma1, width, height)];
  const levels: { level: number; vx: number[]; vy: number[] }[] = [];
  let parent: Grid | undefined;
  let sad = (_i: number, _j: number, _v: Vector): number => 0;
  for (let l = 5; l >= 1; l--) {
    const [p0, p1] = [pyramid0[l - 1] as Level, pyramid1[l - 1] as Level]; // five levels
    const above = parent;
    const seen = new Map<string, number>();
    sad = (i, j, [vx, vy]) => {
      const key = `${i},${j},${vx},${vy}`;
      const known = seen.get(key);
      if (known !== undefined) return known;
      const [ux, uy] = [vx >> 1, vy >> 1];
      let sum = 0;
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) {
          const [x, y] = [4 * i + 2 - columns / 2 + c, 4 * j + 3 - rows + 2 * r];
          sum += Math.abs(p0.at(x - ux, y - uy) - p1.at(x + vx - ux, y + vy - uy));
        }
      }
      seen.set(key, sum);
      return sum;
    };
    const pred = (i: number, j: number): Vector => {
      const v = above?.at(i >> 1, j >> 1) ?? [0, 0];
      return [2 * v[0], 2 * v[1]];
    };
    const cost = (i: number, j: number, v: Vector): number => {
      const p = pred(i, j);
      const still = v[0] === 0 && v[1] === 0;
      return sad(i, j, v) + smooth * (Math.abs(v[0] - p[0]) + Math.abs(v[1] - p[1])) - (still ? bonus : 0);
    };
    const best = (i: number, j: number, vectors: Vector[]): Vector =>
      vectors.reduce((kept, v) => (cost(i, j, v) < cost(i, j, kept) ? v : kept));
    const around = ([x, y]: Vector, radius: number): Vector[] => {
      const all: Vector[] = [];
      for (let dy = -radius; dy <= radius; dy++) for (let dx = -radius; dx <= radius; dx++) all.push([x + dx, y + dy]);
      return all;
    };
    const [gw, gh] = [Math.ceil(p0.width / 4), Math.ceil(p0.height / 4)];
    const empty = new Grid(
      gw,
      gh,
      Array.from({ length: gw * gh }, (): Vector => [0, 0]),
    );
    const matched = empty.map((i, j) => {
      const twice = ([dx, dy]: Vector): Vector => {
        const v = above?.at((i >> 1) + dx, (j >> 1) + dy) ?? [0, 0];
        return [2 * v[0], 2 * v[1]];
      };
      let v = best(i, j, above ? [pred(i, j), ...CROSS.map(twice), [0, 0]] : [[0, 0], ...around([0, 0], 4)]);
      for (let pass = 0; pass < (l > 1 ? 2 : 1); pass++) v = best(i, j, [v, ...around(v, 1)]);
      return v;
    });
    const spread = matched.map((i, j, own) =>
      best(i, j, [own, ...CROSS.map(([dx, dy]) => matched.at(i + dx, j + dy))]),
    );
    parent = spread.map((i, j, own) => {
      const nine = around([i, j], 1).map(([x, y]) => spread.at(x, y));
      const middle = (c: 0 | 1): number => nine.map((v) => v[c]).sort((a, b) => a - b)[4] ?? 0;
      const median: Vector = [middle(0), middle(1)];
      return sad(i, j, own) + keep < sad(i, j, median) ? own : median;
    });
    levels.push({ level: l, vx: parent.component(0), vy: parent.component(1) });
  }
  const seed: [number[], number[], number[]] = [[], [], []];
  parent?.map((i, j, v) => {
    const s = sad(i, j, v);
    for (const axis of [0, 1] as const) {
      const step: Vector = axis === 0 ? [1, 0] : [0, 1];
      const low = sad(i, j, [v[0] - step[0], v[1] - step[1]]);
      const high = sad(i, j, [v[0] + step[0], v[1] + step[1]]);
      const curve = low + high - 2 * s;
      const d = curve <= 0 ? 0 : Math.min(Math.max((0.5 * (low - high)) / curve, -0.5), 0.5);
      seed[axis].push((v[axis] + d) * 2);
    }
    seed[2].push(s / (columns * rows * 255));
    return v;
  });
  return { levels, seed: seed.flat() };
}
