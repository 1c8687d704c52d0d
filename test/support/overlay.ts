/** Text drawn on luma, moving scenes under it, and its digits read back. */
import { readFileSync } from 'node:fs';
import { seededRandom } from './random.ts';

/** Glyphs of 5 × 7 dots. */
const GLYPHS: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(new URL('glyphs.json', import.meta.url), 'utf8'),
);
/** Luma of text. */
const INK = 235;

/** A plane of luma, rows without gaps. */
export interface Luma {
  readonly width: number;
  readonly height: number;
  readonly samples: Uint8Array;
}

/** A scene of blobs with a contrast of their own, of which windows are taken. Its samples do not repeat. */
export function scene(width: number, height: number, seed = 1): Luma {
  const next = seededRandom(seed);
  const coarse = Array.from({ length: (width / 4 + 2) * (height / 4 + 2) }, () => 40 + 120 * next());
  const columns = width / 4 + 2;
  const samples = Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [(i % width) / 4, Math.floor(i / width) / 4];
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    const at = (dx: number, dy: number): number => coarse[(y0 + dy) * columns + x0 + dx] ?? 0;
    const across = (dy: number): number => at(0, dy) + (at(1, dy) - at(0, dy)) * (x - x0);
    return across(0) + (across(1) - across(0)) * (y - y0);
  });
  return { width, height, samples };
}

/** The window of a scene that begins at `left`. */
export function windowOf(from: Luma, left: number, width: number, height: number): Luma {
  const samples = Uint8Array.from(
    { length: width * height },
    (_, i) => from.samples[Math.floor(i / width) * from.width + left + (i % width)] ?? 0,
  );
  return { width, height, samples };
}

/** Draws text; where a dot is, luma is {@link INK}. */
export function drawText({ samples, width }: Luma, text: string, left: number, top: number, scale: number): void {
  for (const [x, y] of dots(text, scale)) samples[(top + y) * width + left + x] = INK;
}

/** Where the dots of text are, from its upper left corner. */
export function* dots(text: string, scale: number): Generator<readonly [x: number, y: number]> {
  for (const [i, character] of [...text].entries()) {
    const rows = GLYPHS[character] ?? [];
    for (let y = 0; y < 7 * scale; y++) {
      for (let x = 0; x < 5 * scale; x++) {
        if (rows[Math.floor(y / scale)]?.[Math.floor(x / scale)] === '1') yield [6 * scale * i + x, y];
      }
    }
  }
}

/** The digit that stands at a place: the one whose template correlates most with it. */
export function readDigit({ samples, width }: Luma, left: number, top: number, scale: number): string {
  const [w, h] = [5 * scale, 7 * scale];
  const patch = Array.from(
    { length: w * h },
    (_, i) => samples[(top + Math.floor(i / w)) * width + left + (i % w)] ?? 0,
  );
  const likeness = [...'0123456789'].map((digit) => {
    const template = new Array<number>(w * h).fill(0);
    for (const [x, y] of dots(digit, scale)) template[y * w + x] = 1;
    return { digit, value: correlation(template, patch) };
  });
  return likeness.reduce((best, one) => (one.value > best.value ? one : best)).digit;
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (x: readonly number[]): number => x.reduce((sum, v) => sum + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  const sum = (f: (i: number) => number): number => a.reduce((total, _, i) => total + f(i), 0);
  const dot = sum((i) => ((a[i] ?? 0) - ma) * ((b[i] ?? 0) - mb));
  return dot / Math.sqrt(sum((i) => ((a[i] ?? 0) - ma) ** 2) * sum((i) => ((b[i] ?? 0) - mb) ** 2) + 1e-9);
}
