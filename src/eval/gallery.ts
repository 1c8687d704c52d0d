/** The best and the worst cases of each contender, kept small for a contact sheet. Pure. */
import type { Plane, Score } from './quality.ts';

/** Pictures of a case, shrunk to fit a tile: luma. */
export interface Tiles {
  readonly before: Plane;
  readonly after: Plane;
  readonly truth: Plane;
  readonly result: Plane;
  /** {@link ERROR_GAIN} times the absolute difference of result and truth. */
  readonly error: Plane;
}

/** One interpolated frame worth showing. */
export interface Case {
  readonly contender: string;
  readonly item: string;
  /** Number of the gap within the item. */
  readonly gap: number;
  readonly t: number;
  readonly score: Score;
  readonly tiles: Tiles;
}

/** How much errors are brightened. */
export const ERROR_GAIN = 4;

/** Which end of the quality scale is kept. */
export type Extreme = 'worst' | 'best';

/** Keeps the `count` worst (or best) cases it is offered, by PSNR, one of each gap. */
export class Gallery {
  readonly #count: number;
  readonly #extreme: Extreme;
  #cases: Case[] = [];

  constructor(count: number, extreme: Extreme) {
    this.#count = count;
    this.#extreme = extreme;
  }

  /** An empty gallery of the same kind with room for `more`; without room when this one has none. */
  another(more: number): Gallery {
    return new Gallery(this.#count === 0 ? 0 : this.#count + more, this.#extreme);
  }

  /** Takes a case if it belongs here; `draw` makes its pictures only then. */
  offer(entry: Omit<Case, 'tiles'>, draw: () => Tiles): void {
    if (this.#count === 0) return;
    const sign = this.#extreme === 'worst' ? 1 : -1;
    const rank = (one: { readonly score: Score }): number => sign * one.score.psnr;
    const same = this.#cases.find((other) => other.item === entry.item && other.gap === entry.gap);
    const last = this.#cases.at(-1);
    if (same && rank(entry) >= rank(same)) return;
    if (!same && last && this.#cases.length >= this.#count && rank(entry) >= rank(last)) return;
    this.#cases = [...this.#cases.filter((other) => other !== same), { ...entry, tiles: draw() }]
      .toSorted((a, b) => rank(a) - rank(b))
      .slice(0, this.#count);
  }

  /** Takes over what another gallery kept, apart from what `keep` refuses. */
  merge(other: Gallery, keep: (entry: Case) => boolean): void {
    for (const entry of other.#cases) if (keep(entry)) this.offer(entry, () => entry.tiles);
  }

  /** From the worst on, or from the best on. */
  get cases(): readonly Case[] {
    return this.#cases;
  }
}

/** The pictures of a case, each at most `widest` samples wide: averaged over squares, without stride. */
export function drawTiles(
  planes: { readonly before: Plane; readonly after: Plane; readonly truth: Plane; readonly result: Plane },
  widest: number,
): Tiles {
  const { before, after, truth, result } = planes;
  const side = Math.ceil(truth.width / widest);
  return {
    before: shrink(before, side),
    after: shrink(after, side),
    truth: shrink(truth, side),
    result: shrink(result, side),
    error: shrink(errorMap(result, truth), side),
  };
}

/** {@link ERROR_GAIN} times the absolute difference, at most 255. */
export function errorMap(a: Plane, b: Plane): Plane {
  const { width, height } = a;
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const d = Math.abs((a.data[y * a.stride + x] ?? 0) - (b.data[y * b.stride + x] ?? 0));
      data[y * width + x] = Math.min(ERROR_GAIN * d, 255);
    }
  }
  return { data, width, height, stride: width };
}

/** Each sample the rounded mean of side×side samples; what does not fill a square at the right and lower edge is left out. */
export function shrink(plane: Plane, side: number): Plane {
  const [width, height] = [Math.floor(plane.width / side), Math.floor(plane.height / side)];
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let v = 0; v < side; v++) {
        const row = (y * side + v) * plane.stride + x * side;
        for (let u = 0; u < side; u++) sum += plane.data[row + u] ?? 0;
      }
      data[y * width + x] = Math.round(sum / (side * side));
    }
  }
  return { data, width, height, stride: width };
}
