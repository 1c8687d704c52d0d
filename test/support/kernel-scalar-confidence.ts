/** The kernel's judgement of cells written plainly (models/training/common/confidence.py): what the SIMD code is compared with. */
import { planeLayout } from '../../src/media/frame.ts';

const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);

/** A grid of cells; `data` in planes of width × height. */
export interface Grid {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** `measureCells`: four planes of columns × rows. */
export function scalarMeasure(
  a: Uint8Array,
  b: Uint8Array,
  width: number,
  height: number,
  field: Grid,
): { columns: number; rows: number; planes: number[][] } {
  const { strideY } = planeLayout(width, height);
  const [columns, rows] = [Math.ceil(width / 8), Math.ceil(height / 8)];
  const planes: number[][] = [[], [], [], []];
  const sample = (bytes: Uint8Array, qx: number, qy: number): number => {
    const at = (dx: number, dy: number): number => bytes[((qy >> 4) + dy) * strideY + (qx >> 4) + dx] ?? Number.NaN;
    const [fx, fy] = [qx & 15, qy & 15];
    const across = (dy: number): number => at(0, dy) * (16 - fx) + at(1, dy) * fx;
    return (across(0) * (16 - fy) + across(1) * fy + 8) >> 4;
  };
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      if (width < 9 || height < 9) {
        for (const plane of planes) plane.push(0);
        continue;
      }
      const [x, y] = [Math.min(8 * i, width - 9), Math.min(8 * j, height - 9)];
      const flow = [0, 1, 2, 3].map((c) => field.data[(c * field.height + j) * field.width + i] ?? Number.NaN);
      const known = flow.every((v) => Math.abs(v) < 16384);
      const place = (v: number, c: number): number =>
        clamp(16 * (c & 1 ? y : x) + Math.floor(v * 16 + 0.5), 0, 16 * ((c & 1 ? height : width) - 9));
      const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = known ? flow.map(place) : [];
      let [drift, apart, standing, sum, squares] = [0, 0, 0, 0, 0];
      for (let k = 0; k < 8; k += 2) {
        for (let c = 0; c < 8; c++) {
          const here = (y + k) * strideY + x + c;
          standing += Math.abs((a[here] ?? 0) - (b[here] ?? 0)) / 32;
          const s0 = sample(a, x0 + 16 * c, y0 + 16 * k);
          const s1 = sample(b, x1 + 16 * c, y1 + 16 * k);
          drift += (s0 - s1) / 512;
          apart += Math.abs(s0 - s1) / 512;
          sum += (s0 + s1) / 32;
          squares += (s0 + s1) ** 2 / 32;
        }
      }
      const deviation = Math.sqrt(Math.max(squares - sum * sum, 0)) / 32;
      const found = known ? [Math.abs(drift), apart, standing, deviation] : [255, 255, standing, 0];
      for (const [p, plane] of planes.entries()) plane.push(found[p] ?? 0);
    }
  }
  return { columns, rows, planes };
}

/** Mean over 5 × 5 cells, edges replicated. */
function box5(values: readonly number[], columns: number, rows: number): number[] {
  return values.map((_, n) => {
    let sum = 0;
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) {
        const y = clamp(Math.floor(n / columns) + dy, 0, rows - 1);
        sum += values[y * columns + clamp((n % columns) + dx, 0, columns - 1)] ?? Number.NaN;
      }
    }
    return sum / 25;
  });
}

/** `judgeCells`: z of every cell and how much it gives way. `error`: 0…1. */
export function scalarJudge(
  { columns, rows, planes }: ReturnType<typeof scalarMeasure>,
  error: readonly number[],
  weights: readonly [drift: number, standing: number, error: number, contrast: number, bias: number],
  gate: number,
): { z: number[]; way: number[] } {
  const [drift = [], apart = [], standing = [], deviation = []] = planes;
  const quarter = apart.map((v) => Math.min(Math.floor(v * 4), 63)).toSorted((p, q) => p - q);
  const noise = (quarter[Math.ceil(quarter.length / 4) - 1] ?? 0) / 4;
  const boxed = (values: readonly number[], less: number): number[] =>
    box5(
      values.map((v) => Math.max(v - less, 0)),
      columns,
      rows,
    );
  const [drifts, moves, stands] = [boxed(drift, 0), boxed(apart, noise), boxed(standing, noise)];
  const z = drifts.map((value, n) => {
    const told = Number.isNaN(error[n]) ? 255 : clamp(255 * (error[n] ?? 0), 0, 255);
    const seen = Math.sqrt(Math.max((deviation[n] ?? 0) ** 2 - noise ** 2, 0));
    const roots = [value, stands[n] ?? 0, told, seen].map(Math.sqrt);
    return roots.reduce((sum, root, c) => sum + root * (weights[c] ?? 0), weights[4]);
  });
  const way = z.map((odds, n) => {
    const gain = ((moves[n] ?? 0) - (stands[n] ?? 0)) / Math.max(moves[n] ?? 0, 1e-6);
    return clamp((odds - gate) / 0.5, 0, 1) * clamp(gain / 0.2, 0, 1);
  });
  return { z, way };
}

/** The weight of a sample of a plane between the centres of cells, of which rows × columns lie in the frame. */
export function wayAt(way: Grid, columns: number, rows: number, x: number, y: number): number {
  const at = (i: number, j: number): number =>
    way.data[clamp(j, 0, rows - 1) * way.width + clamp(i, 0, columns - 1)] ?? Number.NaN;
  const [i, j] = [Math.floor(x), Math.floor(y)];
  const across = (row: number): number => at(i, row) + (at(i + 1, row) - at(i, row)) * (x - i);
  return across(j) + (across(j + 1) - across(j)) * (y - j);
}
