/** The grain of the kernel written plainly (models/training/FLUORO.md, "Noise"): what the SIMD code is compared with. */
import { planeLayout } from '../../src/media/frame.ts';
import type { Field } from './kernel-scalar.ts';

const f = Math.fround;
const CELL = 8;
const BINS = 16;

/** What is known of a pair's noise. */
export interface PairNoise {
  /** Correlation of neighbouring samples' noise. */
  readonly rho: number;
  /** Deviation by grey value >> 4, in 1/16. */
  readonly levels: readonly number[];
}

/** The white noise: deviation 2048, 256 × 256. */
function whiteNoise(): Int16Array {
  const out = new Int16Array(65_536);
  let s = 1;
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let k = 0; k < 2; k++) {
      s ^= s << 13;
      s ^= s >>> 17;
      s ^= s << 5;
      sum += (s & 255) + ((s >>> 8) & 255) + ((s >>> 16) & 255) + (s >>> 24);
    }
    out[i] = ((sum - 1020) * 627) >> 6;
  }
  return out;
}

const WHITE = whiteNoise();
const sat16 = (v: number): number => Math.min(Math.max(v, -32_768), 32_767);
const q15 = (a: number, b: number): number => (a * b + 0x4000) >> 15;

/** The tile of deviation 32 whose neighbours correlate by `rho`, 256 × 256. */
export function scalarTile(rho: number): Int8Array {
  const a = rho < 0.02 ? 0 : Math.min((1 - Math.sqrt(1 - 2 * rho * rho)) / (2 * rho), 0.45);
  const norm = 32_768 / Math.sqrt(1 + 2 * a * a);
  const centre = Math.min(Math.floor(norm + 0.5), 32_767);
  const side = Math.floor(a * norm + 0.5);
  const filter = (x: Int16Array, dx: number, dy: number): Int16Array =>
    x.map((v, i) => {
      const at = (k: number): number => x[((((i >> 8) + k * dy) & 255) << 8) | ((i + k * dx) & 255)] ?? 0;
      return sat16(q15(v, centre) + q15(sat16(at(-1) + at(1)), side));
    });
  return Int8Array.from(filter(filter(WHITE, 0, 1), 1, 0), (v) => Math.min(Math.max(sat16(v + 32) >> 6, -127), 127));
}

/** `grainMeasure` of the kernel. */
export function scalarMeasure(a: Uint8Array, b: Uint8Array, width: number, height: number, field: Field): PairNoise {
  const { strideY: stride } = planeLayout(width, height);
  const [columns, rows] = [width >> 3, height >> 3];
  const flow = (c: number, i: number, j: number): number =>
    field.data[(c * field.height + j) * field.width + i] ?? Number.NaN;
  const cells: [number, number][] = [];
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) if (columns * rows <= 8192 || (i + j) % 2 === 0) cells.push([i, j]);
  }
  const square = (read: (x: number, y: number) => number): number[] =>
    Array.from({ length: 64 }, (_, k) => read(k & 7, k >> 3));
  const total = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0);

  /** Corners (x0 y0 x1 y1) and fractions of a cell's windows, moved by its flow and `more` sixteenths. */
  const place = (i: number, j: number, more: number) => {
    const flows = [0, 1, 2, 3].map((c) => flow(c, i, j));
    if (!flows.every((v) => Math.abs(v) < 16_384)) return undefined;
    const q = flows.map((v) => Math.floor(f(f(v * 16) + 0.5)) + more);
    const at = q.map((v, k) => CELL * (k & 1 ? j : i) + (v >> 4));
    if (at.some((v, k) => v < 0 || v > (k & 1 ? height : width) - 9)) return undefined;
    return { at, part: q.map((v) => v & 15) };
  };
  const median = (values: number[]): number => values.sort((x, y) => x - y)[(values.length - 1) >> 1] ?? 0;

  const buckets: number[] = [];
  for (const [i, j] of cells) {
    const placed = place(i, j, 4);
    if (!placed || Math.max(...placed.part) > 8) continue;
    const window = (p: Uint8Array, k: number) =>
      square((x, y) => p[(placed.at[k + 1]! + y) * stride + placed.at[k]! + x] ?? 0);
    const one = window(a, 0);
    if (total(one) <= 20 * 64) continue;
    const other = window(b, 2);
    const raw = one.map((v, k) => v - (other[k] ?? 0));
    const mean = (total(raw) + 8) >> 4;
    const d = raw.map((v) => 4 * v - mean);
    const power = total(d.map((v) => v * v));
    const near = total(d.map((v, k) => v * (((k & 7) < 7 ? (d[k + 1] ?? 0) : 0) + (d[k + 8] ?? 0))));
    if (power > 0) buckets.push(Math.min(Math.max(Math.floor(((near * 64) / (power * 112)) * 64 + 64), 0), 127));
  }
  const rho =
    buckets.length < (cells.length >> 4) + 1
      ? f(0.3)
      : f(Math.min(Math.max((median(buckets) + 0.5) / 64 - 1 + 0.02, 0), 0.7));

  const unkept = (1 - rho) / 128;
  const left = (part: number): number => 1 - part * (16 - part) * unkept;
  const counts = Array.from({ length: BINS }, () => [] as number[]);
  for (const [i, j] of cells) {
    const placed = place(i, j, 0);
    if (!placed) continue;
    const { at, part } = placed;
    const warped = (p: Uint8Array, k: number): number[] =>
      square((x, y) => {
        const from = (at[k + 1]! + y) * stride + at[k]! + x;
        const [px, py] = [part[k] ?? 0, part[k + 1] ?? 0];
        const across = (o: number): number => (p[o] ?? 0) * (16 - px) + (p[o + 1] ?? 0) * px;
        return (across(from) * (16 - py) + across(from + stride) * py + 8) >> 4;
      });
    const [w0, w1] = [warped(a, 0), warped(b, 2)];
    const d = w0.map((v, k) => v - (w1[k] ?? 0));
    const share = left(part[0]!) * left(part[1]!) + left(part[2]!) * left(part[3]!);
    const energy = 64 * total(d.map((v) => v * v)) - total(d) ** 2;
    const variance = energy / (share * 1_032_192) - 1 / 6;
    counts[(total(w0) + total(w1)) >> 15]?.push(Math.min(Math.floor(Math.sqrt(Math.max(variance, 0)) * 16 + 0.5), 255));
  }
  const known = counts.flatMap((found, bin) => {
    return found.length >= 24 ? [{ bin, level: median(found) }] : [];
  });
  const levels = Array.from({ length: BINS }, (_, k) => {
    const before = known.findLast(({ bin }) => bin <= k);
    const after = known.find(({ bin }) => bin >= k);
    if (!before || !after || before === after) return (before ?? after)?.level ?? 0;
    const steps = after.bin - before.bin;
    const sum = before.level * (after.bin - k) + after.level * (k - before.bin);
    return Math.floor((2 * sum + steps) / (2 * steps));
  });
  return { rho, levels };
}

/** C of every cell, 0…255. */
function scalarShares(
  width: number,
  height: number,
  field: Field,
  motions: number,
  strength: number,
  rho: number,
): Uint8Array {
  const unlike = f(1 - rho);
  const twice = f(f(1 - rho) * 2);
  const unit = (v: number): number => (v > 0 ? Math.min(v, 1) : 0);
  const left = (v: number): number => {
    const part = f(v - Math.floor(v));
    return f(1 - f(f(part * f(1 - part)) * twice));
  };
  const alike = (p: number, q: number): number => {
    const value = f(1 - f(Math.abs(f(p - q)) * unlike));
    return Number.isNaN(value) ? value : Math.max(0, value);
  };
  return Uint8Array.from({ length: field.width * field.height }, (_, cell) => {
    const [i, j] = [cell % field.width, Math.floor(cell / field.width)];
    const at = (c: number): number => field.data[c * field.width * field.height + cell] ?? Number.NaN;
    const [x, y] = [8 * i + 3.5, 8 * j + 3.5];
    const motion = (c: number) => {
      const [x0, y0, x1, y1] = [at(c), at(c + 1), at(c + 2), at(c + 3)];
      const inside = (dx: number, dy: number): boolean => {
        const [px, py] = [f(x + dx), f(y + dy)];
        return px >= -0.5 && px <= width - 0.5 && py >= -0.5 && py <= height - 0.5;
      };
      const [in0, in1] = [inside(x0, y0), inside(x1, y1)];
      const m = in0 === in1 ? unit(at(c + 4)) : in0 ? 1 : 0;
      const n = f(1 - m);
      const b0 = f(left(x0) * left(y0));
      const b1 = f(left(x1) * left(y1));
      return { x0, y0, x1, y1, m, n, b0, b1, kept: f(f(f(m * m) * b0) + f(f(n * n) * b1)) };
    };
    const one = motion(0);
    let kept = one.kept;
    if (motions === 2) {
      const two = motion(6);
      const w = unit(at(11));
      const r = f(1 - w);
      const both0 = f(f(alike(one.x0, two.x0) * alike(one.y0, two.y0)) * f(one.b0 + two.b0));
      const both1 = f(f(alike(one.x1, two.x1) * alike(one.y1, two.y1)) * f(one.b1 + two.b1));
      const both = f(f(f(one.m * two.m) * both0) + f(f(one.n * two.n) * both1));
      kept = f(f(f(f(r * r) * kept) + f(f(w * w) * two.kept)) + f(f(r * w) * both));
    }
    return Math.trunc(f(f(f(Math.sqrt(unit(f(strength - kept)))) * 255) + 0.5));
  });
}

/** `grainAdd` of the kernel: luma rows of `made` with grain, the rest as it was. */
export function scalarGrain(
  made: Uint8Array,
  width: number,
  height: number,
  field: Field,
  motions: number,
  strength: number,
  seed: number,
  { rho, levels }: PairNoise,
): Uint8Array {
  const { strideY: stride } = planeLayout(width, height);
  const shares = scalarShares(width, height, field, motions, f(strength), rho);
  const tile = scalarTile(rho);
  let h = seed;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h ^= h >>> 16;
  const [left, top] = [h & 255, (h >>> 8) & 255];
  const out = made.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const z = made[y * stride + x] ?? 0;
      const amount = ((levels[z >> 4] ?? 0) * (shares[(y >> 3) * field.width + (x >> 3)] ?? 0) + 128) >> 8;
      const noise = tile[(((y + top) & 255) << 8) | ((x + left) & 255)] ?? 0;
      out[y * stride + x] = Math.min(Math.max(z + ((amount * noise + 256) >> 9), 0), 255);
    }
  }
  return out;
}
