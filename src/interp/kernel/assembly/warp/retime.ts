/** Moves the field from t = 1/2 to another time. */
import { cellBytes, lower, readCells, storeLanes, within } from '../cells';

/**
 * Re-projects `field` (float32 [6][gridHeight][gridWidth], at t = ½) to time t: with v = f1 − f0 and
 * s = (f0 + f1)/2, half of what the motion's acceleration leaves at t = ½, the field is read at x +
 * (½ − t)·v; f0 becomes 4t(1−t)·s − t·v, f1 becomes 4t(1−t)·s + (1−t)·v, and m becomes (1−t)m /
 * ((1−t)m + t(1−m)); e is carried along.
 */
export function retimeField(field: usize, out: usize, gridWidth: i32, gridHeight: i32, t: f32): void {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const one = f32x4.splat(1);
  const time = f32x4.splat(t);
  const rest = f32x4.splat(<f32>1 - t);
  // 4t(1−t) of the half of f0 + f1.
  const bow = f32x4.splat(2 * t * (<f32>1 - t));
  const toCells = f32x4.splat((<f32>0.5 - t) * 0.125);
  const lastX = f32x4.splat(<f32>(gridWidth - 1));
  const lastY = f32x4.splat(<f32>(gridHeight - 1));
  const mostX = f32x4.splat(<f32>max(gridWidth - 2, 0));
  const mostY = f32x4.splat(<f32>max(gridHeight - 2, 0));
  const pitch = f32x4.splat(<f32>gridWidth);
  const below: usize = gridHeight > 1 ? gridWidth << 2 : 0;
  const alone = i32x4.splat(gridWidth > 1 ? 0 : -1);
  for (let y = 0; y < gridHeight; y++) {
    const row = f32x4.splat(<f32>y);
    for (let x = 0; x < gridWidth; x += 4) {
      const count = gridWidth - x;
      const cell = <usize>((y * gridWidth + x) << 2);
      const at = field + cell;
      const to = out + cell;
      const column = f32x4.add(f32x4.splat(<f32>x), f32x4(0, 1, 2, 3));
      const ownX = f32x4.sub(v128.load(at + 2 * plane), v128.load(at));
      const ownY = f32x4.sub(v128.load(at + 3 * plane), v128.load(at + plane));
      const placeX = within(f32x4.add(column, f32x4.mul(ownX, toCells)), lastX);
      const placeY = within(f32x4.add(row, f32x4.mul(ownY, toCells)), lastY);
      const cellX = lower(placeX, mostX);
      const cellY = lower(placeY, mostY);
      const cells = cellBytes(cellX, cellY, pitch);
      const along = f32x4.sub(placeX, cellX);
      const down = f32x4.sub(placeY, cellY);
      for (let axis = 0; axis < 2; axis++) {
        const from = field + axis * plane;
        const f0 = readCells(from, cells, along, down, below, alone);
        const f1 = readCells(from + 2 * plane, cells, along, down, below, alone);
        const v = f32x4.sub(f1, f0);
        const middle = f32x4.mul(f32x4.add(f0, f1), bow);
        storeLanes(to + axis * plane, f32x4.sub(middle, f32x4.mul(v, time)), count);
        storeLanes(to + (axis + 2) * plane, f32x4.add(middle, f32x4.mul(v, rest)), count);
      }
      const m = readCells(field + 4 * plane, cells, along, down, below, alone);
      const first = f32x4.mul(rest, m);
      const sum = f32x4.add(first, f32x4.mul(time, f32x4.sub(one, m)));
      const share = f32x4.div(first, sum);
      const known = f32x4.gt(sum, f32x4.splat(0));
      storeLanes(to + 4 * plane, v128.bitselect(share, f32x4.splat(0.5), known), count);
      storeLanes(to + 5 * plane, readCells(field + 5 * plane, cells, along, down, below, alone), count);
    }
  }
}
