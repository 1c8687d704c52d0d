/** What of its pictures a set measures. Pure. */
import type { RgbaPicture } from '../png.ts';

/** All of it; its middle, half as large each way; its middle of 512×512; or all of it at half the size. */
export type View = 'whole' | 'centre-half' | 'centre-512' | 'half';

const SIDE = 512;

/** That part of a picture. One smaller than 512×512 is its own middle. */
export function viewOf(picture: RgbaPicture, view: View): RgbaPicture {
  const { width, height } = picture;
  if (view === 'half') return halved(picture);
  if (view === 'centre-half') return centre(picture, width >> 1, height >> 1);
  if (view === 'centre-512') return centre(picture, Math.min(SIDE, width), Math.min(SIDE, height));
  return picture;
}

function centre({ width, height, rgba }: RgbaPicture, columns: number, rows: number): RgbaPicture {
  const [left, top] = [(width >> 1) - (columns >> 1), (height >> 1) - (rows >> 1)];
  const out = new Uint8Array(4 * columns * rows);
  for (let y = 0; y < rows; y++) {
    const from = 4 * ((top + y) * width + left);
    out.set(rgba.subarray(from, from + 4 * columns), 4 * y * columns);
  }
  return { width: columns, height: rows, rgba: out };
}

/** Each pixel the rounded mean of four: OpenCV's INTER_AREA at a half. */
function halved({ width, height, rgba }: RgbaPicture): RgbaPicture {
  const [columns, rows] = [width >> 1, height >> 1];
  const out = new Uint8Array(4 * columns * rows);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = 4 * (2 * y * width + 2 * x);
      for (let c = at; c < at + 4; c++) {
        const sum = (rgba[c] ?? 0) + (rgba[c + 4] ?? 0) + (rgba[c + 4 * width] ?? 0) + (rgba[c + 4 * width + 4] ?? 0);
        out[4 * (y * columns + x) + c - at] = (sum + 2) >> 2;
      }
    }
  }
  return { width: columns, height: rows, rgba: out };
}
