/** `extrapolateField` of the kernel written plainly. */
import type { Field } from './kernel-scalar.ts';

const f = Math.fround;
const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);
const sane = (v: number): number => (Number.isNaN(v) ? 0 : clamp(v, -4096, 4096));

type Vectors = readonly { readonly x: number; readonly y: number }[];

/** Squared length of the difference, in float32 as the kernel has it. */
function apart(a: { x: number; y: number }, b: { x: number; y: number }): number {
  const [x, y] = [f(a.x - b.x), f(a.y - b.y)];
  return f(f(x * x) + f(y * y));
}

/** The geometric median of all vectors, in five steps from 0. */
function typicalOf(vectors: Vectors): { x: number; y: number } {
  let typical = { x: 0, y: 0 };
  for (let step = 0; step < 5; step++) {
    let [x, y, weights] = [0, 0, 0];
    for (const v of vectors) {
      const weight = step === 0 ? 1 : f(1 / Math.max(1, f(Math.sqrt(apart(v, typical)))));
      x = f(x + f(v.x * weight));
      y = f(y + f(v.y * weight));
      weights = f(weights + weight);
    }
    typical = { x: f(x / weights), y: f(y / weights) };
  }
  return typical;
}

/** For each cell the one whose motion it has, and whether that one arrives there. */
function ownersOf(vectors: Vectors, w: number, h: number, front: boolean): { cell: number; arrived: boolean }[] {
  const typical = typicalOf(vectors);
  const far = (i: number): number => apart(vectors[i] ?? typical, typical);
  const goal = (i: number) => {
    const { x, y } = vectors[i] ?? typical;
    return { x: f((i % w) + f(x * 0.125)), y: f(Math.floor(i / w) + f(y * 0.125)) };
  };
  const cover = (x: number, y: number, p: { x: number; y: number }): number =>
    f(Math.max(0, f(1 - Math.abs(f(p.x - x)))) * Math.max(0, f(1 - Math.abs(f(p.y - y)))));
  const found: ({ cell: number; arrived: boolean } | undefined)[] = Array.from({ length: w * h });
  for (let i = 0; i < w * h; i++) {
    const p = goal(i);
    for (const [dx, dy] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      const [x, y] = [Math.floor(p.x) + dx, Math.floor(p.y) + dy];
      if (x < 0 || y < 0 || x >= w || y >= h || cover(x, y, p) < 0.25) continue;
      const held = found[y * w + x]?.cell;
      if (held !== undefined) {
        const two = apart(vectors[i] ?? typical, vectors[held] ?? typical) > 4;
        if (two ? far(i) <= far(held) : cover(x, y, p) <= cover(x, y, goal(held))) continue;
      }
      found[y * w + x] = { cell: i, arrived: true };
    }
  }
  for (const step of [-1, 1]) {
    for (let n = 0; n < w * h; n++) {
      const i = step < 0 ? n : w * h - 1 - n;
      if (found[i]?.arrived) continue;
      for (const [dx, dy] of [
        [step, 0],
        [-1, step],
        [0, step],
        [1, step],
      ] as const) {
        const [x, y] = [(i % w) + dx, Math.floor(i / w) + dy];
        if (x < 0 || y < 0 || x >= w || y >= h) continue;
        const lender = found[y * w + x]?.cell;
        const held = found[i]?.cell;
        if (lender === undefined) continue;
        if (held !== undefined && (front ? far(lender) <= far(held) : far(lender) >= far(held))) continue;
        found[i] = { cell: lender, arrived: false };
      }
    }
  }
  return found.map((owner, i) => owner ?? { cell: i, arrived: false });
}

/** `plane` where each cell's content comes from, over those around that move alike. */
function carried(
  plane: readonly number[],
  vectors: Vectors,
  owners: ReturnType<typeof ownersOf>,
  w: number,
  h: number,
) {
  return owners.map(({ cell, arrived }, i) => {
    const own = vectors[cell] ?? { x: 0, y: 0 };
    const [px, py] = arrived
      ? [f((i % w) - f(own.x * 0.125)), f(Math.floor(i / w) - f(own.y * 0.125))]
      : [cell % w, Math.floor(cell / w)];
    let [sum, weights] = [0, 0];
    for (const [dx, dy] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      const [x, y] = [Math.floor(px) + dx, Math.floor(py) + dy];
      const weight = f(Math.max(0, f(1 - Math.abs(f(px - x)))) * Math.max(0, f(1 - Math.abs(f(py - y)))));
      const at = clamp(y, 0, h - 1) * w + clamp(x, 0, w - 1);
      if (apart(vectors[at] ?? own, own) > 4) continue;
      sum = f(sum + f((plane[at] ?? 0) * weight));
      weights = f(weights + weight);
    }
    return weights > 0 ? f(sum / weights) : (plane[cell] ?? 0);
  });
}

/** The field that the kernel makes of one of t = ½. */
export function scalarExtrapolate({ width: w, height: h, data }: Field, t: number, bend: number): Float32Array {
  const cells = w * h;
  const plane = (c: number): number[] => Array.from(data.subarray(c * cells, (c + 1) * cells), sane);
  const [ahead, turn] = [f(f(t) - 1), f(f(f(t) + f(t)) * f(bend))];
  const gone = (c: number): number[] => {
    const [first, second] = [plane(c), plane(c + 2)];
    return first.map((a, i) => {
      const b = second[i] ?? 0;
      return f(ahead * f(f(b - a) + f(turn * f(a + b))));
    });
  };
  const [toX, toY] = [plane(2), plane(3)];
  const toB = toX.map((x, i) => ({ x, y: toY[i] ?? 0 }));
  const atB = ownersOf(toB, w, h, false);
  const [x, y, last] = [gone(0), gone(1), plane(5)].map((p) => carried(p.map(sane), toB, atB, w, h).map(sane));
  const onward = (x ?? []).map((vx, i) => ({ x: vx, y: y?.[i] ?? 0 }));
  const there = ownersOf(onward, w, h, true);
  const out = new Float32Array(6 * cells);
  for (const [i, p] of [x, y, x, y].entries()) {
    out.set(
      carried(p ?? [], onward, there, w, h).map((v) => -v),
      i * cells,
    );
  }
  out.set(carried(last ?? [], onward, there, w, h), 5 * cells);
  return out;
}
