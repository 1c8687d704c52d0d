/**
 * Grain for interpolated frames: the noise that blending took from them (models/training/FLUORO.md,
 * "Noise"). Luma only.
 */

import { strideOf } from '../i420';
import { LEVELS, RHO, SHARES, TILE, TILE_STRIDE } from './measure';

// @inline
function splat(value: f32): v128 {
  return f32x4.splat(value);
}

/** A number within 0…1; not a number: 0. */
// @inline
function unit(value: v128): v128 {
  return f32x4.pmin(splat(1), f32x4.pmax(splat(0), value));
}

/** Share of the noise that reading at the fraction of `flow` leaves along one axis. */
// @inline
function left(flow: v128, twice: v128): v128 {
  const part = f32x4.sub(flow, f32x4.floor(flow));
  return f32x4.sub(splat(1), f32x4.mul(f32x4.mul(part, f32x4.sub(splat(1), part)), twice));
}

/** How alike the noise is that two motions read, along one axis. */
// @inline
function alike(one: v128, other: v128, unlike: v128): v128 {
  return f32x4.max(splat(0), f32x4.sub(splat(1), f32x4.mul(f32x4.abs(f32x4.sub(one, other)), unlike)));
}

/** −1 where x, y (a cell's middle, moved) lies in the plane or at most half a sample outside. */
// @inline
function inside(x: v128, y: v128, farX: v128, farY: v128): v128 {
  const low = splat(-0.5);
  return v128.and(v128.and(f32x4.ge(x, low), f32x4.le(x, farX)), v128.and(f32x4.ge(y, low), f32x4.le(y, farY)));
}

/** m as the warp uses it: a position inside the frame beats one outside. */
// @inline
function weight(m: v128, in0: v128, in1: v128): v128 {
  const ruled = v128.bitselect(splat(1), m, v128.andnot(in0, in1));
  return v128.andnot(ruled, v128.andnot(in1, in0));
}

/** C of every cell: the root of what is missing, 0…255. */
// @inline
function shares(
  width: i32,
  height: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  two: bool,
  strength: f32,
  rho: f32,
  out: usize,
): void {
  const plane = <usize>((gridWidth * gridHeight) << 2);
  const unlike = splat(<f32>1 - rho);
  const twice = splat((<f32>1 - rho) * 2);
  const wanted = splat(strength);
  const one = splat(1);
  const farX = splat(<f32>width - 0.5);
  const farY = splat(<f32>height - 0.5);
  for (let j = 0; j < gridHeight; j++) {
    const y = splat(<f32>(j << 3) + 3.5);
    for (let i = 0; i < gridWidth; i += 4) {
      const x = f32x4.add(splat(<f32>(i << 3) + 3.5), f32x4(0, 8, 16, 24));
      const at = field + ((j * gridWidth + i) << 2);
      const x0 = v128.load(at);
      const y0 = v128.load(at + plane);
      const x1 = v128.load(at + 2 * plane);
      const y1 = v128.load(at + 3 * plane);
      const b0 = f32x4.mul(left(x0, twice), left(y0, twice));
      const b1 = f32x4.mul(left(x1, twice), left(y1, twice));
      const in0 = inside(f32x4.add(x, x0), f32x4.add(y, y0), farX, farY);
      const in1 = inside(f32x4.add(x, x1), f32x4.add(y, y1), farX, farY);
      const m = weight(unit(v128.load(at + 4 * plane)), in0, in1);
      const n = f32x4.sub(one, m);
      let kept = f32x4.add(f32x4.mul(f32x4.mul(m, m), b0), f32x4.mul(f32x4.mul(n, n), b1));
      if (two) {
        const second = at + 6 * plane;
        const u0 = v128.load(second);
        const v0 = v128.load(second + plane);
        const u1 = v128.load(second + 2 * plane);
        const v1 = v128.load(second + 3 * plane);
        const c0 = f32x4.mul(left(u0, twice), left(v0, twice));
        const c1 = f32x4.mul(left(u1, twice), left(v1, twice));
        const out0 = inside(f32x4.add(x, u0), f32x4.add(y, v0), farX, farY);
        const out1 = inside(f32x4.add(x, u1), f32x4.add(y, v1), farX, farY);
        const p = weight(unit(v128.load(second + 4 * plane)), out0, out1);
        const q = f32x4.sub(one, p);
        const w = unit(v128.load(second + 5 * plane));
        const r = f32x4.sub(one, w);
        const other = f32x4.add(f32x4.mul(f32x4.mul(p, p), c0), f32x4.mul(f32x4.mul(q, q), c1));
        // Where both motions read the same samples of a frame, their noise is the same and adds up.
        const both0 = f32x4.mul(f32x4.mul(alike(x0, u0, unlike), alike(y0, v0, unlike)), f32x4.add(b0, c0));
        const both1 = f32x4.mul(f32x4.mul(alike(x1, u1, unlike), alike(y1, v1, unlike)), f32x4.add(b1, c1));
        const both = f32x4.add(f32x4.mul(f32x4.mul(m, p), both0), f32x4.mul(f32x4.mul(n, q), both1));
        kept = f32x4.add(
          f32x4.add(f32x4.mul(f32x4.mul(r, r), kept), f32x4.mul(f32x4.mul(w, w), other)),
          f32x4.mul(f32x4.mul(r, w), both),
        );
      }
      const root = f32x4.sqrt(unit(f32x4.sub(wanted, kept)));
      const whole = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(root, splat(255)), splat(0.5)));
      const halves = i16x8.narrow_i32x4_s(whole, whole);
      v128.store32_lane(out + (j * gridWidth + i), i8x16.narrow_i16x8_u(halves, halves), 0);
    }
  }
}

/** Fills the shares of the grain's scratch. */
function makeShares(
  width: i32,
  height: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  motions: i32,
  strength: f32,
  grain: usize,
): void {
  const rho = load<f32>(grain + RHO);
  if (motions === 2) shares(width, height, field, gridWidth, gridHeight, true, strength, rho, grain + SHARES);
  else shares(width, height, field, gridWidth, gridHeight, false, strength, rho, grain + SHARES);
}

/** Where in the tile a frame's grain begins: the column in the low byte, the row in the next one. */
// @inline
function placeOf(grainSeed: u32): i32 {
  // The end of MurmurHash3: neighbouring grain seeds must not give neighbouring places.
  let h = grainSeed;
  h = (h ^ (h >> 16)) * 0x85ebca6b;
  h = (h ^ (h >> 13)) * 0xc2b2ae35;
  h ^= h >> 16;
  return h & 0xffff;
}

const SPREAD_BYTES = memory.data<u8>([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], 16);

/** Eight lanes of z + ((amount·N + 256) >> 9). */
// @inline
function grainy(z: v128, product: v128, noise: v128): v128 {
  const amount = i16x8.shr_u(i16x8.add(product, i16x8.splat(128)), 8);
  return i16x8.add(z, i16x8.shr_s(i16x8.add(i16x8.mul(amount, noise), i16x8.splat(256)), 9));
}

/**
 * Adds to the luma of the interpolated frame `out` what it lacks of the noise that grainMeasure()
 * found, up to `strength` (0…1) of a real frame's. `field`: float32 [6 or
 * 12][gridHeight][gridWidth] of the frame's own time, `motions` 1 or 2. `grainSeed`: which piece of
 * the tile. Rows are written in whole registers: up to 15 bytes of their padding change.
 */
export function grainAdd(
  out: usize,
  width: i32,
  height: i32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  motions: i32,
  strength: f32,
  grainSeed: u32,
  grain: usize,
): void {
  const table = v128.load(grain + LEVELS);
  if (!v128.any_true(table)) return;
  makeShares(width, height, field, gridWidth, gridHeight, motions, strength, grain);
  const place = placeOf(grainSeed);
  const left = place & 255;
  const top = place >> 8;
  const spread = v128.load(SPREAD_BYTES);
  const stride = strideOf(width);
  for (let y = 0; y < height; y++) {
    const row = out + y * stride;
    const noise = grain + TILE + ((y + top) & 255) * TILE_STRIDE;
    const share = grain + SHARES + (y >> 3) * gridWidth;
    for (let x = 0; x < width; x += 16) {
      const z = v128.load(row + x);
      const s = i8x16.swizzle(table, i8x16.shr_u(z, 4));
      const c = i8x16.swizzle(v128.load16_splat(share + (x >> 3)), spread);
      const n = v128.load(noise + ((x + left) & 255));
      const low = grainy(i16x8.extend_low_i8x16_u(z), i16x8.extmul_low_i8x16_u(s, c), i16x8.extend_low_i8x16_s(n));
      const high = grainy(i16x8.extend_high_i8x16_u(z), i16x8.extmul_high_i8x16_u(s, c), i16x8.extend_high_i8x16_s(n));
      v128.store(row + x, i8x16.narrow_i16x8_u(low, high));
    }
  }
}

/** Four words with their grain: z + amount·noise in 1/2¹⁷ · unit, from 0 to `most`. */
// @inline
function grainyWords(at: usize, products: v128, unit: v128, most: v128): v128 {
  const z = f32x4.convert_i32x4_s(v128.load_ext<u16>(at));
  const sum = f32x4.add(z, f32x4.mul(f32x4.convert_i32x4_s(products), unit));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.min(f32x4.max(sum, splat(0)), most), splat(0.5)));
}

/**
 * The same for a plane of 16-bit words as large as luma: `gain` of its levels (at most `most`) are one
 * grey level of `luma`, the frame's own in 8 bits before its grain, which tells how noisy each sample
 * is. `stride` in bytes; the rest as for grainAdd(). Up to 7 words of a row's padding change.
 */
export function grainAddDeep(
  luma: usize,
  out: usize,
  width: i32,
  height: i32,
  stride: i32,
  gain: f32,
  most: f32,
  field: usize,
  gridWidth: i32,
  gridHeight: i32,
  motions: i32,
  strength: f32,
  grainSeed: u32,
  grain: usize,
): void {
  const table = v128.load(grain + LEVELS);
  if (!v128.any_true(table)) return;
  makeShares(width, height, field, gridWidth, gridHeight, motions, strength, grain);
  const place = placeOf(grainSeed);
  const unit = splat(gain * (<f32>1 / 131072));
  const limit = splat(most);
  const strideY = strideOf(width);
  for (let y = 0; y < height; y++) {
    const noise = grain + TILE + ((y + (place >> 8)) & 255) * TILE_STRIDE;
    const share = grain + SHARES + (y >> 3) * gridWidth;
    for (let x = 0; x < width; x += 8) {
      const z = v128.load64_zero(luma + y * strideY + x);
      const s = i8x16.swizzle(table, i8x16.shr_u(z, 4));
      const amount = i16x8.extmul_low_i8x16_u(s, i8x16.splat(load<u8>(share + (x >> 3))));
      const n = v128.load_ext<i8>(noise + ((x + (place & 255)) & 255));
      // An amount does not fit 16 bits with a sign.
      const low = i32x4.mul(i32x4.extend_low_i16x8_u(amount), i32x4.extend_low_i16x8_s(n));
      const high = i32x4.mul(i32x4.extend_high_i16x8_u(amount), i32x4.extend_high_i16x8_s(n));
      const at = out + y * stride + (x << 1);
      v128.store(at, i16x8.narrow_i32x4_u(grainyWords(at, low, unit, limit), grainyWords(at + 8, high, unit, limit)));
    }
  }
}
