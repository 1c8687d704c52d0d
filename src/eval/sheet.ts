/** Contact sheets: for each case the inputs, the truth, the result and the error, with labels. Loads its library when it is first needed. */
import { existsSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { writeWhole } from '../egress/file/whole-file.ts';
import { FrameliftError } from '../errors.ts';
import { type Case, ERROR_GAIN } from './gallery.ts';
import { loadJimp } from './png.ts';
import type { Plane } from './quality.ts';

/** Space around tiles, and the height of a line of text, in pixels. */
const GAP = 8;
const LINE = 22;
const JPEG_QUALITY = 85;
const PAPER = 0xffffffff;
const COLUMNS = ['before', 'after', 'truth', 'result', `error x${ERROR_GAIN}`];
const MIME = { '.png': 'image/png', '.jpg': 'image/jpeg' } as const;

/** The format that a sheet's file name asks for. @throws FrameliftError `config.invalid` for another ending or a folder that is not there. */
export function sheetFormat(path: string): (typeof MIME)[keyof typeof MIME] {
  const ending = extname(path).toLowerCase();
  if (ending !== '.png' && ending !== '.jpg') {
    throw new FrameliftError('config.invalid', `the sheet "${path}" ends in "${ending}"`, {
      remedy: 'Give a name that ends in .png or .jpg.',
    });
  }
  if (!existsSync(dirname(path))) {
    throw new FrameliftError('config.invalid', `the sheet "${path}": the folder ${dirname(path)} does not exist`);
  }
  return MIME[ending];
}

/** What stands above the tiles of a case. */
export function caption({ contender, item, gap, t, score }: Case): string {
  const figures = `PSNR ${score.psnr.toFixed(2)} dB, SSIM ${score.ssim.toFixed(3)}, IE ${score.ie.toFixed(2)}`;
  // The font holds Latin characters only.
  const name = item.replace(/[^\x20-\x7e]/g, '?');
  return `${contender}: ${name}, gap ${gap}, t = ${String(Math.round(t * 1000) / 1000)}: ${figures}`;
}

/** Draws the cases one below the other and writes the picture. @throws FrameliftError `config.invalid`, `mux.failed`. */
export async function writeSheet(path: string, cases: readonly Case[]): Promise<void> {
  const mime = sheetFormat(path);
  if (cases.length === 0) throw new FrameliftError('config.invalid', 'there are no cases to put on a sheet');
  const { Jimp, loadFont } = await loadJimp();
  const { SANS_16_BLACK } = await import('jimp/fonts');
  const font = await loadFont(SANS_16_BLACK);
  const heightOf = (one: Case): number => 2 * LINE + one.tiles.truth.height + GAP;
  const widthOf = (one: Case): number => COLUMNS.length * (one.tiles.truth.width + GAP) + GAP;
  const sheet = new Jimp({
    width: Math.max(...cases.map(widthOf)),
    height: GAP + cases.reduce((sum, one) => sum + heightOf(one), 0),
    color: PAPER,
  });
  let top = GAP;
  for (const one of cases) {
    sheet.print({ font, x: GAP, y: top, text: caption(one) });
    const { before, after, truth, result, error } = one.tiles;
    for (const [i, tile] of [before, after, truth, result, error].entries()) {
      const left = GAP + i * (tile.width + GAP);
      sheet.print({ font, x: left, y: top + LINE, text: COLUMNS[i] ?? '' });
      put(sheet.bitmap, tile, left, top + 2 * LINE);
    }
    top += heightOf(one);
  }
  const bytes =
    mime === 'image/png' ? await sheet.getBuffer(mime) : await sheet.getBuffer(mime, { quality: JPEG_QUALITY });
  writeWhole(path, bytes);
}

function put(
  to: { readonly data: Uint8Array; readonly width: number },
  { data, width, height, stride }: Plane,
  left: number,
  top: number,
): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * ((top + y) * to.width + left + x);
      to.data.fill(data[y * stride + x] ?? 0, at, at + 3);
    }
  }
}
