/** Moves the field from t = 1/2 to another time. */
import { clampInt } from '../i420';

/**
 * Re-projects `field` (float32 [6][gridHeight][gridWidth], at t = ½) to time t: with v = f1 − f0
 * the field is sampled at x + (½ − t)·v, f0 is scaled by 2t, f1 by 2(1 − t), and m becomes (1−t)m /
 * ((1−t)m + t(1−m)); e is carried along.
 */
export function retimeField(field: usize, out: usize, gridWidth: i32, gridHeight: i32, t: f32): void {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const shift = (<f32>0.5 - t) * 0.125;
  const one: f32 = 1;
  const rest = one - t;
  for (let y = 0; y < gridHeight; y++) {
    for (let x = 0; x < gridWidth; x++) {
      const cell = <usize>((y * gridWidth + x) << 2);
      const at = field + cell;
      const vx = load<f32>(at + 2 * plane) - load<f32>(at);
      const vy = load<f32>(at + 3 * plane) - load<f32>(at + plane);
      // NaN would pass min and max of the clamp below.
      const px = !F32.isNaN(vx) ? min(max(<f32>x + shift * vx, <f32>0), <f32>(gridWidth - 1)) : <f32>x;
      const py = !F32.isNaN(vy) ? min(max(<f32>y + shift * vy, <f32>0), <f32>(gridHeight - 1)) : <f32>y;
      const x0 = <i32>px;
      const y0 = <i32>py;
      const wx = px - <f32>x0;
      const wy = py - <f32>y0;
      const right = (<usize>(clampInt(x0 + 1, 0, gridWidth - 1) - x0)) << 2;
      const below = (<usize>((clampInt(y0 + 1, 0, gridHeight - 1) - y0) * gridWidth)) << 2;
      let from = field + ((y0 * gridWidth + x0) << 2);
      let to = out + cell;
      for (let c = 0; c < 6; c++) {
        const a = load<f32>(from);
        const b = load<f32>(from + right);
        const d = load<f32>(from + below);
        const e = load<f32>(from + below + right);
        const upper = a + (b - a) * wx;
        const lower = d + (e - d) * wx;
        let value = upper + (lower - upper) * wy;
        if (c < 2) value *= t + t;
        else if (c < 4) value *= rest + rest;
        else if (c === 4) {
          const first = rest * value;
          const sum = first + t * (one - value);
          value = sum > 0 ? first / sum : <f32>0.5;
        }
        store<f32>(to, value);
        from += plane;
        to += plane;
      }
    }
  }
}
