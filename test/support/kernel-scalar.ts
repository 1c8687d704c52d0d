/** The kernel's functions written plainly, one sample at a time: what the SIMD code is compared with. */
import { planeLayout } from '../../src/media/frame.ts';

const f = Math.fround;
const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);
/** `v` within low…high (not a number: low), times `scale`, rounded to even as float32 addition does. */
const limited = (v: number, low: number, high: number, scale: number): number =>
  f(f((v > low ? Math.min(v, high) : low) * scale) + 12582912) - 12582912;
/** a·b in 1/32768, rounded. */
const q15 = (a: number, b: number): number => (a * b + 0x4000) >> 15;

/** A field of cells of 8 × 8 luma samples: planes of width × height, at least five of them. */
export interface Field {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** Channels 0…4 of the field at row `position` and cell `x` (ends replicated). */
function cell(field: Field, position: number, x: number, channel: number): number {
  const base = Math.floor(position);
  const weight = f(position - base);
  const at = (row: number): number =>
    field.data[
      (channel * field.height + clamp(row, 0, field.height - 1)) * field.width + clamp(x, 0, field.width - 1)
    ] as number; // within the plane: both indices are clamped
  const a = at(base);
  return f(a + f(f(at(base + 1) - a) * weight));
}

interface Plane {
  readonly offset: number;
  readonly width: number;
  readonly height: number;
  readonly stride: number;
}

function sample(bytes: Uint8Array, p: Plane, x: number, y: number, k: number): number {
  const px = limited(x, -5, p.width, 256);
  const py = limited(y, -1, p.height - 1, 256);
  const at = (dx: number, dy: number): number =>
    bytes[p.offset + clamp((py >> 8) + dy, 0, p.height - 1) * p.stride + clamp((px >> 8) + k + dx, 0, p.width - 1)] ??
    Number.NaN;
  const across = (dy: number): number => {
    const left = at(0, dy);
    return (left << 7) + q15((at(1, dy) - left) << 7, (px & 255) << 7);
  };
  const top = across(0);
  return top + q15(across(1) - top, (py & 255) << 7);
}

function inside(x: number, y: number, p: Plane): boolean {
  // The run's centre is at x + 1.5.
  return x >= -2 && x <= p.width - 2 && y >= -0.5 && y <= p.height - 0.5;
}

function warpPlane(
  a: Uint8Array,
  b: Uint8Array,
  out: Uint8Array,
  p: Plane,
  field: Field,
  chroma: boolean,
  shared: boolean,
): void {
  const scale = chroma ? 0.5 : 1;
  for (let y = 0; y < p.height; y++) {
    // Two rows share their flow.
    const position = f(f((y | 1) * (chroma ? 0.25 : 0.125)) - 0.5);
    for (let x = 0; x < p.width; x += 4) {
      const value = (c: number): number => {
        if (chroma) return cell(field, position, x >> 2, c);
        const here = cell(field, position, x >> 3, c);
        return f(here + f(f(cell(field, position, (x >> 3) + (x & 4 ? 1 : -1), c) - here) * 0.25));
      };
      const x0 = f(x + f(value(0) * scale));
      const y0 = f(y + f(value(1) * scale));
      const x1 = f(x + f(value(2) * scale));
      const y1 = f(y + f(value(3) * scale));
      const in0 = inside(x0, y0, p);
      const in1 = inside(x1, y1, p);
      const i = x >> (chroma ? 2 : 3);
      const [from, to] = chroma ? [i - 1, i + 1] : x & 4 ? [i, i + 1] : [i - 1, i];
      const slopeOf = (c: number): number => {
        const rise = f(cell(field, position, to, c) - cell(field, position, from, c));
        return limited(f(rise * 0.0625), -0.125, 0.125, 32768);
      };
      let mask = limited(value(4), 0, 1, 32767);
      let slope = slopeOf(4);
      const share = shared ? limited(value(5), 0, 1, 32767) : 0;
      const shareSlope = shared ? slopeOf(5) : 0;
      if (in0 !== in1) {
        mask = in0 ? 32767 : 0;
        slope = 0;
      }
      for (let k = 0; k < 4 && x + k < p.width; k++) {
        const s0 = sample(a, p, x0, y0, k);
        const s1 = sample(b, p, x1, y1, k);
        const along = (level: number, change: number): number => clamp(level + change * (2 * k - 3), 0, 32767);
        const at = p.offset + y * p.stride + x + k;
        let mixed = s1 + q15(s0 - s1, along(mask, slope));
        if (shared) {
          const below = (out[at] ?? 0) << 7;
          mixed = below + q15(mixed - below, along(share, shareSlope));
        }
        out[at] = clamp((mixed + 64) >> 7, 0, 255);
      }
    }
  }
}

/** The three planes of a frame. */
export function planesOf(width: number, height: number): Plane[] {
  const l = planeLayout(width, height);
  const chroma = { width: l.chromaWidth, height: l.chromaHeight, stride: l.strideC };
  return [
    { offset: l.y, width, height, stride: l.strideY },
    { offset: l.u, ...chroma },
    { offset: l.v, ...chroma },
  ];
}

/** `warpBlend` of the kernel over frame blocks (bytes laid out as planeLayout says); with `below` as a second motion over that frame. */
export function scalarWarp(
  a: Uint8Array,
  b: Uint8Array,
  width: number,
  height: number,
  field: Field,
  below?: Uint8Array,
): Uint8Array {
  const out = below ? below.slice() : new Uint8Array(a.length);
  planesOf(width, height).forEach((p, i) => {
    warpPlane(a, b, out, p, field, i > 0, below !== undefined);
  });
  return out;
}

/** The picture the kernel approximates: flow and mask interpolated at every sample, in floating point, luma only. */
export function idealLuma(a: Uint8Array, b: Uint8Array, width: number, height: number, field: Field): Float64Array {
  const out = new Float64Array(width * height);
  const p = planesOf(width, height)[0] as Plane; // planesOf gives three
  const tap = (bytes: Uint8Array, x: number, y: number): number => {
    const [cx, cy] = [clamp(x, 0, width - 1), clamp(y, 0, height - 1)];
    const [ix, iy] = [Math.floor(cx), Math.floor(cy)];
    const at = (dx: number, dy: number): number =>
      bytes[clamp(iy + dy, 0, height - 1) * p.stride + clamp(ix + dx, 0, width - 1)] ?? Number.NaN;
    const top = at(0, 0) + (at(1, 0) - at(0, 0)) * (cx - ix);
    return top + (at(0, 1) + (at(1, 1) - at(0, 1)) * (cx - ix) - top) * (cy - iy);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const gx = (x + 0.5) / 8 - 0.5;
      const left = Math.floor(gx);
      const at = (c: number): number => {
        const v = cell(field, (y + 0.5) / 8 - 0.5, left, c);
        return v + (cell(field, (y + 0.5) / 8 - 0.5, left + 1, c) - v) * (gx - left);
      };
      out[y * width + x] = at(4) * tap(a, x + at(0), y + at(1)) + (1 - at(4)) * tap(b, x + at(2), y + at(3));
    }
  }
  return out;
}

/** `retimeField` of the kernel. */
export function scalarRetime(field: Field, t: number): Float32Array {
  const { width: w, height: h, data } = field;
  const out = new Float32Array(6 * w * h);
  const at = (c: number, x: number, y: number): number => data[(c * h + y) * w + x] ?? Number.NaN;
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const vx = at(2, x, y) - at(0, x, y);
      const vy = at(3, x, y) - at(1, x, y);
      const px = clamp(x + (Number.isNaN(vx) ? 0 : ((0.5 - t) * vx) / 8), 0, w - 1);
      const py = clamp(y + (Number.isNaN(vy) ? 0 : ((0.5 - t) * vy) / 8), 0, h - 1);
      const [ix, iy] = [Math.floor(px), Math.floor(py)];
      const [jx, jy] = [Math.min(ix + 1, w - 1), Math.min(iy + 1, h - 1)];
      const read = (c: number): number => {
        const top = at(c, ix, iy) + (at(c, jx, iy) - at(c, ix, iy)) * (px - ix);
        const low = at(c, ix, jy) + (at(c, jx, jy) - at(c, ix, jy)) * (px - ix);
        return top + (low - top) * (py - iy);
      };
      const flow = (c: number): number => {
        const [f0, f1] = [read(c % 2), read((c % 2) + 2)];
        return 4 * t * (1 - t) * ((f0 + f1) / 2) + (c < 2 ? -t : 1 - t) * (f1 - f0);
      };
      const m = read(4);
      const made = [flow(0), flow(1), flow(2), flow(3), ((1 - t) * m) / ((1 - t) * m + t * (1 - m)), read(5)];
      for (const [c, value] of made.entries()) out[(c * h + y) * w + x] = value;
    }
  }
  return out;
}

/** `frameDifference` of the kernel: mean, largest 16 × 16 block mean, share of blocks over the threshold; every second row. */
export function scalarDifference(
  a: Uint8Array,
  b: Uint8Array,
  width: number,
  height: number,
  threshold: number,
): number[] {
  const { strideY } = planeLayout(width, height);
  let total = 0;
  let samples = 0;
  let largest = 0;
  let over = 0;
  let blocks = 0;
  for (let y = 0; y < height; y += 16) {
    for (let x = 0; x < width; x += 16) {
      let sum = 0;
      let count = 0;
      for (let j = y; j < Math.min(y + 16, height); j += 2) {
        for (let i = x; i < Math.min(x + 16, width); i++) {
          sum += Math.abs((a[j * strideY + i] ?? 0) - (b[j * strideY + i] ?? 0));
          count += 1;
        }
      }
      total += sum;
      samples += count;
      largest = Math.max(largest, sum / count);
      if (f(sum / count) > threshold) over += 1;
      blocks += 1;
    }
  }
  return [total / samples, largest, over / blocks];
}

/** Repeatable pseudo-random numbers in 0…1 (mulberry32). */
export function random(seed: number): () => number {
  let s = seed;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let z = Math.imul(s ^ (s >>> 15), 1 | s);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}
