/** The kernel's functions for planes of 16-bit words written plainly, one sample at a time. */
import type { DeepLayout, SampleForm } from '../../src/media/deep-layout.ts';
import type { Field } from './kernel-scalar.ts';

const f = Math.fround;
const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);
/** Within low…high; not a number: low. */
const limited = (v: number, low: number, high: number): number => (v > low ? Math.min(v, high) : low);
/** The nearest multiple of 1/`parts`, halves to the even one, as the kernel's table has it. */
function snapped(v: number, parts: number): number {
  const scaled = f(v * parts);
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  return (floor + (up ? 1 : 0)) / parts;
}

/** One plane of a deep picture. */
export interface ScalarPlane {
  readonly samples: Uint16Array;
  readonly width: number;
  readonly height: number;
}

/** Luma samples for each of the plane's, as powers of two. */
interface Shifts {
  readonly x: number;
  readonly y: number;
}

/** The channel at cell `x` (ends replicated) of the row at `position`, in cells. */
function cell(field: Field, position: number, x: number, channel: number): number {
  const base = Math.floor(position);
  const at = (row: number): number =>
    field.data[
      (channel * field.height + clamp(row, 0, field.height - 1)) * field.width + clamp(x, 0, field.width - 1)
    ] as number; // within the plane: both indices are clamped
  const a = at(base);
  return f(a + f(f(at(base + 1) - a) * f(position - base)));
}

/** Bilinear between four samples, positions in 1/256 and borders replicated. */
function sampleAt({ samples, width, height }: ScalarPlane, x: number, y: number, k: number): number {
  const px = snapped(limited(x, -5, width), 256);
  const py = snapped(limited(y, -1, height - 1), 256);
  const [ix, iy] = [Math.floor(px), Math.floor(py)];
  const at = (dx: number, dy: number): number =>
    samples[clamp(iy + dy, 0, height - 1) * width + clamp(ix + k + dx, 0, width - 1)] ?? Number.NaN;
  const across = (dy: number): number => at(0, dy) + (at(1, dy) - at(0, dy)) * (px - ix);
  return across(0) + (across(1) - across(0)) * (py - iy);
}

/** One plane of `warpDeep`, not rounded; with `below` as a second motion over that plane. */
export function scalarWarpDeep(
  a: ScalarPlane,
  b: ScalarPlane,
  shifts: Shifts,
  field: Field,
  below?: Uint16Array,
): Float64Array {
  const { width, height } = a;
  const out = new Float64Array(width * height);
  const inside = (x: number, y: number): boolean => x >= -2 && x <= width - 2 && y >= -0.5 && y <= height - 0.5;
  for (let y = 0; y < height; y++) {
    const position = f(f((y | 1) * 2 ** shifts.y * 0.125) - 0.5);
    for (let x = 0; x < width; x += 4) {
      // Cells under a quad: half of one in luma; else as many as it has luma samples, over eight.
      const span = shifts.x === 0 ? 0 : 2 ** (shifts.x - 1);
      const means = (c: number, quad: number): number => {
        let values = Array.from({ length: span }, (_, i) => cell(field, position, quad * span + i, c));
        while (values.length > 1) {
          values = values.flatMap((v, i) => (i % 2 ? [f(f((values[i - 1] ?? 0) + v) * 0.5)] : []));
        }
        return values[0] ?? Number.NaN;
      };
      const value = (c: number): number => {
        if (span > 0) return means(c, x >> 2);
        const here = cell(field, position, x >> 3, c);
        return f(here + f(f(cell(field, position, (x >> 3) + (x & 4 ? 1 : -1), c) - here) * 0.25));
      };
      const slope = (c: number): number => {
        const [from, to] = x & 4 ? [x >> 3, (x >> 3) + 1] : [(x >> 3) - 1, x >> 3];
        const rise =
          span > 0
            ? // A quad at the border stands for the one beyond it.
              f(means(c, (x >> 2) + 1) - means(c, Math.max((x >> 2) - 1, 0)))
            : f(cell(field, position, to, c) - cell(field, position, from, c));
        return snapped(limited(f(rise * 0.0625), -0.125, 0.125), 32768) * 32768;
      };
      const weight = (c: number): number => snapped(limited(value(c), 0, 1), 32767) * 32767;
      const x0 = f(x + f(value(0) * 2 ** -shifts.x));
      const y0 = f(y + f(value(1) * 2 ** -shifts.y));
      const x1 = f(x + f(value(2) * 2 ** -shifts.x));
      const y1 = f(y + f(value(3) * 2 ** -shifts.y));
      const [in0, in1] = [inside(x0, y0), inside(x1, y1)];
      const [mask, maskSlope] = in0 === in1 ? [weight(4), slope(4)] : [in0 ? 32767 : 0, 0];
      for (let k = 0; k < 4 && x + k < width; k++) {
        const along = (level: number, change: number): number => clamp(level + change * (2 * k - 3), 0, 32767) / 32767;
        const [s0, s1] = [sampleAt(a, x0, y0, k), sampleAt(b, x1, y1, k)];
        const mixed = s1 + (s0 - s1) * along(mask, maskSlope);
        const under = below?.[y * width + x + k];
        out[y * width + x + k] = under === undefined ? mixed : under + (mixed - under) * along(weight(5), slope(5));
      }
    }
  }
  return out;
}

/** Whether a plane of a form is chroma: the only ones that may be smaller than luma. */
export function shiftsOf(form: SampleForm, plane: number): Shifts {
  const chroma = form.model === 'yuv' && (plane === 1 || plane === 2);
  return chroma ? { x: form.shiftX, y: form.shiftY } : { x: 0, y: 0 };
}

/** The planes of a block, rows without gaps. */
export function planesOfBlock(bytes: Uint8Array, layout: DeepLayout): ScalarPlane[] {
  return layout.planes.map(({ offset, width, height, stride }) => {
    const samples = new Uint16Array(width * height);
    for (let y = 0; y < height; y++) {
      const row = new Uint16Array(bytes.buffer, bytes.byteOffset + offset + y * stride, width);
      samples.set(row, y * width);
    }
    return { samples, width, height };
  });
}

/** Fills a block with `value(plane, x, y)`, and the padding with what must never show. */
export function fillBlock(
  bytes: Uint8Array,
  layout: DeepLayout,
  value: (plane: number, x: number, y: number) => number,
): void {
  layout.planes.forEach(({ offset, width, height, stride }, p) => {
    for (let y = 0; y < height; y++) {
      const row = new Uint16Array(bytes.buffer, bytes.byteOffset + offset + y * stride, stride / 2);
      for (let x = 0; x < stride / 2; x++) row[x] = x < width ? value(p, x, y) : 0xffff * (x & 1);
    }
  });
}

/** Kinds of picture that I420 cannot hold, each at some depth. */
export const FORMS: Readonly<Record<string, SampleForm>> = {
  'grey of 16 bits': { model: 'grey', bits: 16, shiftX: 0, shiftY: 0, alpha: false },
  'grey of 12 bits with alpha': { model: 'grey', bits: 12, shiftX: 0, shiftY: 0, alpha: true },
  '4:2:0 of 10 bits': { model: 'yuv', bits: 10, shiftX: 1, shiftY: 1, alpha: false },
  '4:2:2 of 8 bits': { model: 'yuv', bits: 8, shiftX: 1, shiftY: 0, alpha: false },
  '4:4:4 of 12 bits with alpha': { model: 'yuv', bits: 12, shiftX: 0, shiftY: 0, alpha: true },
  '4:4:0 of 10 bits': { model: 'yuv', bits: 10, shiftX: 0, shiftY: 1, alpha: false },
  '4:1:1 of 8 bits': { model: 'yuv', bits: 8, shiftX: 2, shiftY: 0, alpha: false },
  '4:1:0 of 9 bits': { model: 'yuv', bits: 9, shiftX: 2, shiftY: 2, alpha: false },
  'RGB of 16 bits with alpha': { model: 'rgb', bits: 16, shiftX: 0, shiftY: 0, alpha: true },
};
