/**
 * What moved between two frames, place by place, so that neither grain nor coding noise hides a
 * repeated picture, nor a large still picture a small movement. Pure but for reading pixels.
 */
import type { Frame } from '../media/frame.ts';

/** Samples across a frame, at most about: of larger ones every second, third … is read. */
const MAX_ACROSS = 640;
/** Samples across and down a block. */
const BLOCK = 8;
/** Luma levels below which a difference is the rounding of a codec. */
const ROUNDING = 0.5;

/** Mean absolute difference of each block of a frame to the frame before, in luma levels. */
export type ChangeMap = Float32Array;

/** Compares each frame with the one before. Keeps samples, never frames: 0.5 ms at 1080p. */
export class ChangeMeter {
  #before: { samples: Uint8Array<ArrayBuffer>; width: number; height: number } | undefined;
  #spare = new Uint8Array();

  /**
   * The change to the frame before; undefined for the first one, after another size, and where
   * `frame` says that nothing belongs together.
   */
  next(frame: Frame): ChangeMap | undefined {
    const { width, height } = frame;
    const step = Math.max(1, Math.round(width / MAX_ACROSS));
    const across = Math.ceil(width / step / BLOCK);
    const down = Math.ceil(height / step / BLOCK);
    const samples = this.#read(frame, step, across * BLOCK, down * BLOCK);
    const before = this.#before;
    this.#before = { samples, width, height };
    this.#spare = before?.samples ?? new Uint8Array();
    if (frame.discontinuity || before?.width !== width || before.height !== height) return undefined;
    return compare(before.samples, samples, across, down);
  }

  /** The last row and column stand in for what a block lacks. */
  #read({ bytes, layout }: Frame, step: number, columns: number, rows: number): Uint8Array<ArrayBuffer> {
    const samples = this.#spare.length === columns * rows ? this.#spare : new Uint8Array(columns * rows);
    const inside = Math.min(columns, Math.ceil(layout.width / step));
    for (let row = 0, k = 0; row < rows; row++, k += columns) {
      let at = layout.y + Math.min(row * step, layout.height - 1) * layout.strideY;
      for (let column = 0; column < inside; column++, at += step) samples[k + column] = bytes[at] ?? 0;
      samples.fill(samples[k + inside - 1] ?? 0, k + inside, k + columns);
    }
    return samples;
  }
}

function compare(a: Uint8Array, b: Uint8Array, across: number, down: number): ChangeMap {
  const map = new Float32Array(across * down);
  const columns = across * BLOCK;
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      let sum = 0;
      for (let y = 0; y < BLOCK; y++) {
        const from = (row * BLOCK + y) * columns + column * BLOCK;
        for (let k = from; k < from + BLOCK; k++) sum += Math.abs((a[k] ?? 0) - (b[k] ?? 0));
      }
      map[row * across + column] = sum / (BLOCK * BLOCK);
    }
  }
  return map;
}

/**
 * How many times more than in still places and at still times a frame changed where it changed
 * most. A repeated picture has 1 to 2, however much grain lies over it; a moving mouth has 4, a
 * moving scene 10 to 300.
 * @param around maps of frames near it, itself included: in one of them each place stood still, or
 * the answer is less.
 */
export function changeBeyondNoise(map: ChangeMap, around: readonly ChangeMap[]): number {
  const still = map.slice();
  for (const other of around) {
    if (other.length !== still.length) continue;
    for (let block = 0; block < still.length; block++) {
      const value = other[block] ?? 0;
      if (value < (still[block] ?? 0)) still[block] = value;
    }
  }
  // A place that a codec skips now and then has less than the noise.
  const noise = still.toSorted()[still.length >> 1] ?? 0;
  let most = 0;
  let second = 0;
  for (let block = 0; block < map.length; block++) {
    const ratio = ((map[block] ?? 0) + ROUNDING) / (Math.max(still[block] ?? 0, noise) + ROUNDING);
    if (ratio > most) {
      second = most;
      most = ratio;
    } else if (ratio > second) second = ratio;
  }
  // One block alone may be an accident of the noise.
  return second;
}
