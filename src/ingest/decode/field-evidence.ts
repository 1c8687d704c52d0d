/**
 * Whether frames hold two moments, woven line by line: what FFmpeg's idet measures, on some of the
 * columns. Pure.
 */

/** Samples of some columns of a picture, all its rows. */
export interface Columns {
  readonly samples: Uint8Array;
  /** Samples a row. */
  readonly width: number;
  readonly rows: number;
}

/** What one frame looks like between its neighbours. */
export interface FieldEvidence {
  /** Woven of two moments, the upper (even) or the lower (odd) lines first; one moment; nothing moved. */
  readonly looks: 'top-first' | 'bottom-first' | 'whole' | 'still';
  /** Where something moves, lines differ more from their neighbours than from those of the same parity. */
  readonly combed: boolean;
  /** Lines of one parity are those of the frame before, while the others moved: film in video has such. */
  readonly repeatedField: boolean;
}

/** idet's thresholds. */
const WOVEN = 1.04;
const WHOLE = 1.5;
const REPEATED = 3;
/** Pictures have 0.4 to 0.6, noise 0.9, what is woven of two moments 1.2 and more. */
const COMBED = 1.05;
/** Levels that a sample changes by where something moves: the rest of the picture says nothing. */
const MOVING = 10;
/** Share of the samples that move, at least, before a frame says anything. */
const MIN_MOVING = 0.002;

/** Compares the lines of a frame with those of the frames around it. All have the same size. */
export function fieldEvidence(before: Columns, frame: Columns, after: Columns): FieldEvidence {
  const { width, rows, samples } = frame;
  // By the parity of the lines that would come first.
  const alpha: [number, number] = [0, 0];
  const moved: [number, number] = [0, 0];
  let delta = 0;
  let within = 0;
  let moving = 0;
  for (let row = 2; row < rows - 2; row++) {
    const parity = (row & 1) as 0 | 1; // the lowest bit
    const other = (1 - parity) as 0 | 1; // the other one
    let [past, future, change] = [0, 0, 0];
    for (let x = row * width; x < (row + 1) * width; x++) {
      const here = samples[x] ?? 0;
      const then = before.samples[x] ?? 0;
      const next = after.samples[x] ?? 0;
      const step = Math.abs(here - then);
      if (step > MOVING) change += step;
      else if (Math.abs(here - next) <= MOVING) continue;
      const around = (samples[x - width] ?? 0) + (samples[x + width] ?? 0);
      past += Math.abs(around - 2 * then);
      future += Math.abs(around - 2 * next);
      delta += Math.abs(around - 2 * here);
      within += Math.abs((samples[x - 2 * width] ?? 0) + (samples[x + 2 * width] ?? 0) - 2 * here);
      moving += 1;
    }
    alpha[parity] += past;
    alpha[other] += future;
    moved[parity] += change;
  }
  const enough = MIN_MOVING * width * rows;
  const repeatedField = Math.max(...moved) > REPEATED * Math.min(...moved) && Math.max(...moved) > 2 * MOVING * enough;
  return { looks: moving < enough ? 'still' : looksOf(alpha, delta), combed: delta > COMBED * within, repeatedField };
}

function looksOf([top, bottom]: readonly [number, number], delta: number): FieldEvidence['looks'] {
  if (Math.min(top, bottom) > WHOLE * delta) return 'whole';
  if (top > WOVEN * bottom) return 'top-first';
  if (bottom > WOVEN * top) return 'bottom-first';
  return Math.max(top, bottom) > WHOLE * delta ? 'whole' : 'still';
}
