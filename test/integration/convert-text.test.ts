/** Text over a camera that pans, through `convert`: what stands still stays readable, and no digit is invented. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConvertOptions, convert } from '../../src/commands/convert/convert.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';
import { dots, drawText, type Luma, readDigit, scene, windowOf } from '../support/overlay.ts';

const [WIDTH, HEIGHT, KEPT, STEP, SCALE] = [320, 128, 5, 12, 2];
const FRAME = (WIDTH * HEIGHT * 3) / 2;
const LEFT = 16;
/** A clock that stands, a counter that changes with every frame, one that changes once: their tops, and what each shows. */
const LINES: readonly (readonly [top: number, shown: (nth: number) => string])[] = [
  [12, () => '30-11-2026 09:41:27'],
  [52, (nth) => `F 0118${nth}`],
  [92, (nth) => (nth < 3 ? 'DAP 00692' : 'DAP 00729')],
];

let folder: { path: string; remove: () => Promise<void> };
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  const wide = scene(WIDTH + STEP * KEPT + 8, HEIGHT + 6);
  await shoot('in', (nth) => {
    const picture = windowOf(wide, STEP * nth, WIDTH, HEIGHT);
    for (const [top, shown] of LINES) drawText(picture, shown(nth), LEFT, top, SCALE);
    return picture;
  });
});
afterAll(() => folder.remove());

/** Writes a clip of so many frames as are kept. */
async function shoot(name: string, picture: (nth: number) => Luma): Promise<void> {
  const clip = Buffer.alloc(KEPT * FRAME, 128);
  for (let nth = 0; nth < KEPT; nth++) clip.set(picture(nth).samples, nth * FRAME);
  writeFileSync(at(`${name}.yuv`), clip);
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-r', '25'];
  await ffmpeg(...raw, '-i', at(`${name}.yuv`), '-c:v', 'ffv1', at(`${name}.mkv`));
}

/** The luma that convert put between the frames. */
function made(output: string): Luma[] {
  const bytes = execFileSync('ffmpeg', ['-v', 'error', '-i', output, '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-']);
  expect(bytes).toHaveLength((2 * KEPT - 1) * FRAME);
  return Array.from({ length: KEPT - 1 }, (_, pair) => {
    return { width: WIDTH, height: HEIGHT, samples: bytes.subarray((2 * pair + 1) * FRAME, (2 * pair + 2) * FRAME) };
  });
}

/** The digits of a line in a frame; other characters as they were drawn. */
function read(picture: Luma, top: number, text: string): string {
  return [...text].map((c, i) => (/\d/.test(c) ? readDigit(picture, LEFT + 6 * SCALE * i, top, SCALE) : c)).join('');
}

describe.each(['search', 'flow-s', 'dvf'])('%s, text over a pan', (model) => {
  it('shows in every frame it makes what one of the frames beside shows', async () => {
    const output = at(`${model}.mkv`);
    await convert({ input: at('in.mkv'), output, model, factor: 2, codec: 'ffv1', threads: 1, lookahead: 'off' });
    for (const [pair, picture] of made(output).entries()) {
      for (const [top, shown] of LINES) {
        expect([shown(pair), shown(pair + 1)]).toContain(read(picture, top, shown(pair)));
      }
    }
  });
});

describe('a network that gives pixels, text on a box over a pan', () => {
  const TEXT = '30-11-2026 09:41:27';
  const [TOP, BOX] = [52, 24];

  beforeAll(async () => {
    const wide = scene(WIDTH + STEP * KEPT + 8, HEIGHT + 6);
    await shoot('boxed', (nth) => {
      const picture = windowOf(wide, STEP * nth, WIDTH, HEIGHT);
      for (let y = TOP - 4; y < TOP + 7 * SCALE + 4; y++) {
        picture.samples.fill(BOX, y * WIDTH + LEFT - 4, y * WIDTH + LEFT + 6 * SCALE * TEXT.length + 2);
      }
      drawText(picture, TEXT, LEFT, TOP, SCALE);
      return picture;
    });
  });

  const options = (name: string): ConvertOptions => ({
    ...{ input: at('boxed.mkv'), output: at(name), model: 'dvf', factor: 2, codec: 'ffv1', threads: 1 },
  });

  /** Mean difference from the text's level at its dots. */
  const error = ({ samples }: Luma): number => {
    const all = [...dots(TEXT, SCALE)].map(([x, y]) => (TOP + y) * WIDTH + LEFT + x);
    return all.reduce((sum, i) => sum + Math.abs((samples[i] ?? 0) - 235), 0) / all.length;
  };

  it('keeps it, as the frames beside show it, too', async () => {
    const { acceleration } = await convert(options('boxed-whole.mkv'));
    for (const picture of made(at('boxed-whole.mkv'))) expect(error(picture)).toBeLessThan(1);
    expect(acceleration).toBe('none');
  });
});
