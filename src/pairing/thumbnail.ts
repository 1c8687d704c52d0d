/** What pairing keeps of a frame: a thumbnail of its luma and its colour. Pure. */
import type { PlaneLayout } from '../media/frame.ts';

/** Cells of a thumbnail. */
export const THUMB_WIDTH = 64;
export const THUMB_HEIGHT = 36;
/** Samples per cell and axis. */
export const TAPS = 4;
/** Cells of its colour. */
export const CHROMA_WIDTH = 32;
export const CHROMA_HEIGHT = 18;
/** Chroma samples per cell and axis. */
const CHROMA_TAPS = 2;

/** Where samples are read: offsets of columns within a row, and of rows within a plane. */
interface Grid {
  readonly columns: Int32Array;
  readonly rows: Int32Array;
}

/**
 * A frame's fingerprint: TAPS² luma samples for each cell (kept for the duplicate test), their
 * mean, and the mean of some chroma samples (for the cut test). Costs less than 0.1 ms at any frame
 * size; reused from frame to frame.
 */
export class Thumbnail {
  readonly samples = new Uint8Array(THUMB_WIDTH * THUMB_HEIGHT * TAPS * TAPS);
  readonly cells = new Float32Array(THUMB_WIDTH * THUMB_HEIGHT);
  readonly u = new Float32Array(CHROMA_WIDTH * CHROMA_HEIGHT);
  readonly v = new Float32Array(CHROMA_WIDTH * CHROMA_HEIGHT);
  #layout: PlaneLayout | undefined;
  #luma: Grid = { columns: new Int32Array(0), rows: new Int32Array(0) };
  #chroma = this.#luma;

  /** Reads the planes of `bytes`, which are laid out as `layout` says. */
  read(bytes: Uint8Array, layout: PlaneLayout): void {
    const { width, height, strideY, chromaWidth, chromaHeight, strideC } = layout;
    if (this.#layout?.width !== width || this.#layout.height !== height) {
      this.#luma = gridOf(THUMB_WIDTH * TAPS, THUMB_HEIGHT * TAPS, width, height, strideY);
      const across = CHROMA_WIDTH * CHROMA_TAPS;
      this.#chroma = gridOf(across, CHROMA_HEIGHT * CHROMA_TAPS, chromaWidth, chromaHeight, strideC);
      this.#layout = layout;
    }
    this.#readLuma(bytes, layout.y);
    readChroma(this.u, bytes, layout.u, this.#chroma);
    readChroma(this.v, bytes, layout.v, this.#chroma);
  }

  /** Takes the cells of another thumbnail; not its samples. */
  take({ cells, u, v }: Thumbnail): void {
    this.cells.set(cells);
    this.u.set(u);
    this.v.set(v);
  }

  /**
   * Takes the cells of `a` under the light of `b`: the curve that gives its levels the distribution
   * of `b`'s, which no clipping upsets. Colours are those of `b`.
   */
  takeRelit(a: Thumbnail, b: Thumbnail): void {
    const order = Float32Array.from(b.cells).sort();
    const places = Array.from(a.cells.keys()).sort((i, j) => (a.cells[i] ?? 0) - (a.cells[j] ?? 0));
    for (const [rank, place] of places.entries()) this.cells[place] = order[rank] ?? 0;
    this.u.set(b.u);
    this.v.set(b.v);
  }

  #readLuma(bytes: Uint8Array, plane: number): void {
    const { columns, rows } = this.#luma;
    const { samples, cells } = this;
    let s = 0;
    for (let cy = 0; cy < THUMB_HEIGHT; cy++) {
      for (let cx = 0; cx < THUMB_WIDTH; cx++) {
        let sum = 0;
        for (let j = 0; j < TAPS; j++) {
          const row = plane + (rows[cy * TAPS + j] ?? 0);
          for (let i = 0; i < TAPS; i++) {
            const value = bytes[row + (columns[cx * TAPS + i] ?? 0)] ?? 0;
            samples[s++] = value;
            sum += value;
          }
        }
        cells[cy * THUMB_WIDTH + cx] = sum / (TAPS * TAPS);
      }
    }
  }
}

/** The middles of `across` × `down` equal parts of a plane. */
function gridOf(across: number, down: number, width: number, height: number, stride: number): Grid {
  return {
    columns: Int32Array.from({ length: across }, (_, i) => Math.floor(((i + 0.5) * width) / across)),
    rows: Int32Array.from({ length: down }, (_, i) => Math.floor(((i + 0.5) * height) / down) * stride),
  };
}

function readChroma(cells: Float32Array, bytes: Uint8Array, plane: number, { columns, rows }: Grid): void {
  for (let cy = 0; cy < CHROMA_HEIGHT; cy++) {
    for (let cx = 0; cx < CHROMA_WIDTH; cx++) {
      let sum = 0;
      for (let j = 0; j < CHROMA_TAPS; j++) {
        const row = plane + (rows[cy * CHROMA_TAPS + j] ?? 0);
        for (let i = 0; i < CHROMA_TAPS; i++) sum += bytes[row + (columns[cx * CHROMA_TAPS + i] ?? 0)] ?? 0;
      }
      cells[cy * CHROMA_WIDTH + cx] = sum / (CHROMA_TAPS * CHROMA_TAPS);
    }
  }
}
