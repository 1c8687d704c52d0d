/**
 * Carries the motion of a pair on, beyond its later frame b: in two steps, from the middle of the
 * pair to the time of b, and from there to the time wanted. Where two motions arrive at one cell the
 * one that differs more from that of the whole picture passes in front.
 */
import { clampInt } from '../i420';

/** Vectors that differ by more than 2 samples (squared) are two motions. */
const APART: f32 = 4;
/** Least share of a cell that another motion must reach to take it. */
const COVER: f32 = 0.25;
/** Longest motion that is looked at, luma samples. */
const FAR: f32 = 4096;
/** Steps towards the motion of the whole picture (Weiszfeld's geometric median). */
const STEPS: i32 = 5;

/** The motion of the whole picture. */
let typicalX: f32 = 0;
let typicalY: f32 = 0;

/** A motion that is a number and not enormous. */
// @inline
function sane(at: usize): f32 {
  const value = load<f32>(at);
  return F32.isNaN(value) ? <f32>0 : min(max(value, -FAR), FAR);
}

/** Finds the geometric median of the vectors of `dx`, `dy`. */
function findTypical(dx: usize, dy: usize, cells: i32): void {
  typicalX = 0;
  typicalY = 0;
  for (let step = 0; step < STEPS; step++) {
    let x: f32 = 0;
    let y: f32 = 0;
    let weights: f32 = 0;
    for (let i = 0; i < cells; i++) {
      const at = <usize>(i << 2);
      const vx = sane(dx + at);
      const vy = sane(dy + at);
      const ox = vx - typicalX;
      const oy = vy - typicalY;
      // The first step is the mean.
      const weight: f32 = step === 0 ? 1 : <f32>1 / max(<f32>1, sqrt<f32>(ox * ox + oy * oy));
      x += vx * weight;
      y += vy * weight;
      weights += weight;
    }
    typicalX = x / weights;
    typicalY = y / weights;
  }
}

/** How much the vector of a cell differs from that of the whole picture, squared. */
// @inline
function apartFromTypical(vx: f32, vy: f32): f32 {
  const x = vx - typicalX;
  const y = vy - typicalY;
  return x * x + y * y;
}

/** How much of the cell (x, y) the cell at (px, py) covers, 0…1. */
// @inline
function cover(x: i32, y: i32, px: f32, py: f32): f32 {
  return max(<f32>0, <f32>1 - abs(px - <f32>x)) * max(<f32>0, <f32>1 - abs(py - <f32>y));
}

/** Where a cell goes, in cells. */
// @inline
function moved(from: i32, motion: f32): f32 {
  return <f32>from + motion * 0.125;
}

/** Lets `cell`, moved to (px, py), claim the cell (x, y), unless a better one has. */
function claim(
  dx: usize,
  dy: usize,
  winner: usize,
  gridWidth: i32,
  gridHeight: i32,
  cell: i32,
  x: i32,
  y: i32,
  px: f32,
  py: f32,
): void {
  if (x < 0 || y < 0 || x >= gridWidth || y >= gridHeight) return;
  const share = cover(x, y, px, py);
  if (share < COVER) return;
  const place = winner + ((y * gridWidth + x) << 2);
  const held = load<i32>(place);
  if (held >= 0) {
    const at = <usize>(cell << 2);
    const other = <usize>(held << 2);
    const vx = sane(dx + at);
    const vy = sane(dy + at);
    const ux = sane(dx + other);
    const uy = sane(dy + other);
    const offX = vx - ux;
    const offY = vy - uy;
    if (offX * offX + offY * offY > APART) {
      if (apartFromTypical(vx, vy) <= apartFromTypical(ux, uy)) return;
    } else if (share <= cover(x, y, moved(held % gridWidth, ux), moved(held / gridWidth, uy))) return;
  }
  store<i32>(place, cell);
}

/** Tells of each cell which one arrives there by its own vector; −1: none does. */
function findArrivals(dx: usize, dy: usize, winner: usize, gridWidth: i32, gridHeight: i32): void {
  const cells = gridWidth * gridHeight;
  findTypical(dx, dy, cells);
  for (let i = 0; i < cells; i++) store<i32>(winner + <usize>(i << 2), -1);
  for (let i = 0; i < cells; i++) {
    const px = moved(i % gridWidth, sane(dx + <usize>(i << 2)));
    const py = moved(i / gridWidth, sane(dy + <usize>(i << 2)));
    const x = <i32>floor<f32>(px);
    const y = <i32>floor<f32>(py);
    claim(dx, dy, winner, gridWidth, gridHeight, i, x, y, px, py);
    claim(dx, dy, winner, gridWidth, gridHeight, i, x + 1, y, px, py);
    claim(dx, dy, winner, gridWidth, gridHeight, i, x, y + 1, px, py);
    claim(dx, dy, winner, gridWidth, gridHeight, i, x + 1, y + 1, px, py);
  }
}

/**
 * Fills a cell where nothing arrived from one beside it. `front`: from the one that differs most
 * from the whole picture, else least.
 */
// @inline
function borrow(
  dx: usize,
  dy: usize,
  winner: usize,
  gridWidth: i32,
  gridHeight: i32,
  cell: i32,
  x: i32,
  y: i32,
  front: bool,
): void {
  if (x < 0 || y < 0 || x >= gridWidth || y >= gridHeight) return;
  const found = load<i32>(winner + ((y * gridWidth + x) << 2));
  if (found === -1) return;
  // Borrowed cells are told by −2 and less, so that the second sweep may do better.
  const lender = found < 0 ? -2 - found : found;
  const place = winner + <usize>(cell << 2);
  const held = load<i32>(place);
  if (held < -1) {
    const at = <usize>(lender << 2);
    const other = <usize>((-2 - held) << 2);
    const ours = apartFromTypical(sane(dx + at), sane(dy + at));
    const theirs = apartFromTypical(sane(dx + other), sane(dy + other));
    if (front ? ours <= theirs : ours >= theirs) return;
  }
  store<i32>(place, -2 - lender);
}

/** Fills all cells where nothing arrived: a sweep down, and one up. */
function fillHoles(dx: usize, dy: usize, winner: usize, gridWidth: i32, gridHeight: i32, front: bool): void {
  const cells = gridWidth * gridHeight;
  for (let n = 0; n < cells << 1; n++) {
    const up = n >= cells;
    const i = up ? (cells << 1) - 1 - n : n;
    if (load<i32>(winner + <usize>(i << 2)) >= 0) continue;
    const x = i % gridWidth;
    const y = i / gridWidth;
    const step = up ? 1 : -1;
    borrow(dx, dy, winner, gridWidth, gridHeight, i, x + step, y, front);
    borrow(dx, dy, winner, gridWidth, gridHeight, i, x - 1, y + step, front);
    borrow(dx, dy, winner, gridWidth, gridHeight, i, x, y + step, front);
    borrow(dx, dy, winner, gridWidth, gridHeight, i, x + 1, y + step, front);
  }
}

/** The cell whose motion the cell `i` has; itself where nothing arrived anywhere. */
// @inline
function ownerOf(winner: usize, i: i32): i32 {
  const found = load<i32>(winner + <usize>(i << 2));
  return found >= 0 ? found : found === -1 ? i : -2 - found;
}

/**
 * A value of `plane` at (px, py) in cells, bilinear over those of the four cells around that move as
 * `owner` does.
 */
function sampleAlike(
  plane: usize,
  dx: usize,
  dy: usize,
  gridWidth: i32,
  gridHeight: i32,
  owner: i32,
  px: f32,
  py: f32,
): f32 {
  const x = <i32>floor<f32>(px);
  const y = <i32>floor<f32>(py);
  const vx = sane(dx + <usize>(owner << 2));
  const vy = sane(dy + <usize>(owner << 2));
  let sum: f32 = 0;
  let weights: f32 = 0;
  for (let k = 0; k < 4; k++) {
    const cx = x + (k & 1);
    const cy = y + (k >> 1);
    const weight = cover(cx, cy, px, py);
    const at = <usize>((clampInt(cy, 0, gridHeight - 1) * gridWidth + clampInt(cx, 0, gridWidth - 1)) << 2);
    const offX = sane(dx + at) - vx;
    const offY = sane(dy + at) - vy;
    if (offX * offX + offY * offY > APART) continue;
    sum += sane(plane + at) * weight;
    weights += weight;
  }
  return weights > 0 ? sum / weights : sane(plane + <usize>(owner << 2));
}

/**
 * A field of t = ½ (float32 [6][gridHeight][gridWidth]) carried on to 1 < t ≤ 1.5, as a field that
 * reads b alone: f0 = f1 = −(what has been gone since b), m = 0, the last channel carried along.
 * With v = f1 − f0 and s = (f0 + f1)/2 a point has gone (t − 1)·v + 4t(t − 1)·s since b. `scratch`:
 * four planes. Signature and rules: functions/warp.ts.
 */
export function extrapolateField(
  field: usize,
  out: usize,
  gridWidth: i32,
  gridHeight: i32,
  t: f32,
  bend: f32,
  scratch: usize,
): void {
  const cells = gridWidth * gridHeight;
  const plane = <usize>(cells << 2);
  const winner = scratch + 3 * plane;
  const ahead = t - 1;
  const turn = (t + t) * bend;
  const forwardX = field + 2 * plane;
  const forwardY = field + 3 * plane;
  // What has been gone since b, as the pair's middle knows it: in `out` for now.
  for (let i = 0; i < cells; i++) {
    const at = <usize>(i << 2);
    for (let c: usize = 0; c < 2; c++) {
      const first = sane(field + c * plane + at);
      const second = sane(field + (c + 2) * plane + at);
      store<f32>(out + c * plane + at, ahead * (second - first + turn * (first + second)));
    }
  }
  findArrivals(forwardX, forwardY, winner, gridWidth, gridHeight);
  fillHoles(forwardX, forwardY, winner, gridWidth, gridHeight, false);
  for (let i = 0; i < cells; i++) {
    const at = <usize>(i << 2);
    const owner = ownerOf(winner, i);
    let px = <f32>(owner % gridWidth);
    let py = <f32>(owner / gridWidth);
    if (load<i32>(winner + at) >= 0) {
      px = <f32>(i % gridWidth) - sane(forwardX + <usize>(owner << 2)) * 0.125;
      py = <f32>(i / gridWidth) - sane(forwardY + <usize>(owner << 2)) * 0.125;
    }
    for (let c: usize = 0; c < 3; c++) {
      const from = c < 2 ? out + c * plane : field + 5 * plane;
      const value = sampleAlike(from, forwardX, forwardY, gridWidth, gridHeight, owner, px, py);
      store<f32>(scratch + c * plane + at, value);
    }
  }
  const goneX = scratch;
  const goneY = scratch + plane;
  findArrivals(goneX, goneY, winner, gridWidth, gridHeight);
  fillHoles(goneX, goneY, winner, gridWidth, gridHeight, true);
  for (let i = 0; i < cells; i++) {
    const at = <usize>(i << 2);
    const owner = ownerOf(winner, i);
    let px = <f32>(owner % gridWidth);
    let py = <f32>(owner / gridWidth);
    if (load<i32>(winner + at) >= 0) {
      px = <f32>(i % gridWidth) - sane(goneX + <usize>(owner << 2)) * 0.125;
      py = <f32>(i / gridWidth) - sane(goneY + <usize>(owner << 2)) * 0.125;
    }
    const backX = -sampleAlike(goneX, goneX, goneY, gridWidth, gridHeight, owner, px, py);
    const backY = -sampleAlike(goneY, goneX, goneY, gridWidth, gridHeight, owner, px, py);
    const last = sampleAlike(scratch + 2 * plane, goneX, goneY, gridWidth, gridHeight, owner, px, py);
    store<f32>(out + at, backX);
    store<f32>(out + plane + at, backY);
    store<f32>(out + 2 * plane + at, backX);
    store<f32>(out + 3 * plane + at, backY);
    store<f32>(out + 4 * plane + at, 0);
    store<f32>(out + 5 * plane + at, last);
  }
}
