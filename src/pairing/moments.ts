/** Mean and variance of any rectangle of a thumbnail, in constant time. Pure. */
import type { Cells } from './active-cells.ts';
import { THUMB_HEIGHT, THUMB_WIDTH } from './thumbnail.ts';

const STRIDE = THUMB_WIDTH + 1;

/** Summed-area tables of the cells and their squares. */
export class Moments {
  readonly #sums = new Float64Array(STRIDE * (THUMB_HEIGHT + 1));
  readonly #squares = new Float64Array(STRIDE * (THUMB_HEIGHT + 1));
  /** Of the rectangle measured last. */
  mean = 0;
  variance = 0;

  /** Takes the cells of a thumbnail. */
  read(cells: Float32Array): void {
    for (let y = 0; y < THUMB_HEIGHT; y++) {
      let [sum, squares] = [0, 0];
      for (let x = 0; x < THUMB_WIDTH; x++) {
        const value = cells[y * THUMB_WIDTH + x] ?? 0;
        sum += value;
        squares += value * value;
        const at = (y + 1) * STRIDE + x + 1;
        this.#sums[at] = (this.#sums[at - STRIDE] ?? 0) + sum;
        this.#squares[at] = (this.#squares[at - STRIDE] ?? 0) + squares;
      }
    }
  }

  /** Measures a rectangle that holds a cell at least. */
  measure({ left, top, right, bottom }: Cells): void {
    this.measureAt(left, top, right - left, bottom - top);
  }

  /** As {@link measure}, by place and size. */
  measureAt(left: number, top: number, width: number, height: number): void {
    const a = top * STRIDE + left;
    const b = a + width;
    const c = a + height * STRIDE;
    const d = c + width;
    const sums = this.#sums;
    const squares = this.#squares;
    const n = width * height;
    const mean = ((sums[d] ?? 0) - (sums[c] ?? 0) - (sums[b] ?? 0) + (sums[a] ?? 0)) / n;
    const square = ((squares[d] ?? 0) - (squares[c] ?? 0) - (squares[b] ?? 0) + (squares[a] ?? 0)) / n;
    this.mean = mean;
    this.variance = Math.max(0, square - mean * mean);
  }
}
