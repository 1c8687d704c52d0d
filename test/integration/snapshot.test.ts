/** JPEG of frames, read back by ffmpeg. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jpegOf } from '../../src/egress/codec/jpeg.ts';
import { Arena } from '../../src/media/arena.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { micros } from '../../src/time.ts';
import { HEIGHT, PATCHES, toYuv, WIDTH } from '../support/colour-patches.ts';
import { ffmpeg, temporaryFolder } from '../support/media.ts';

const arena = new Arena(16);
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder.remove();
  expect(arena.liveFrames).toBe(0);
});

const zero = micros(0);
const INFO = { pts: zero, arrival: zero, capture: zero, discontinuity: false, provenance: SOURCE };

async function pixels(jpeg: Buffer, name: string): Promise<Buffer> {
  const path = join(folder.path, name);
  await writeFile(`${path}.jpg`, jpeg);
  await ffmpeg('-i', `${path}.jpg`, '-f', 'rawvideo', '-pix_fmt', 'rgb24', `${path}.rgb`);
  return readFile(`${path}.rgb`);
}

const COLOURS = (['bt601', 'bt709'] as const).flatMap((matrix) =>
  (['limited', 'full'] as const).map((range) => ({ matrix, range })),
);

it.concurrent.each(COLOURS)('has the colours of %j', async (colour) => {
  const frame = Frame.allocate(arena, WIDTH, HEIGHT, INFO);
  const { y, u, v, strideY, strideC } = frame.layout;
  PATCHES.forEach((patch, at) => {
    const [luma, cb, cr] = toYuv(patch, colour).map((level) => Math.min(255, Math.round(level))) as [
      number,
      number,
      number,
    ]; // of three
    for (let row = 0; row < HEIGHT; row += 1)
      frame.bytes.fill(luma, y + row * strideY + at * 16, y + row * strideY + at * 16 + 16);
    for (let row = 0; row < HEIGHT / 2; row += 1) {
      frame.bytes.fill(cb, u + row * strideC + at * 8, u + row * strideC + at * 8 + 8);
      frame.bytes.fill(cr, v + row * strideC + at * 8, v + row * strideC + at * 8 + 8);
    }
  });
  const rgb = await pixels(await jpegOf(frame, { colour }), `${colour.matrix}-${colour.range}`);
  const middle = (HEIGHT / 2) * WIDTH * 3;
  PATCHES.forEach((patch, at) => {
    const found = rgb.subarray(middle + (at * 16 + 8) * 3, middle + (at * 16 + 8) * 3 + 3);
    for (const [channel, level] of patch.entries()) {
      expect(Math.abs((found[channel] ?? 0) - level), `${patch} became ${[...found]}`).toBeLessThanOrEqual(8);
    }
  });
});

it('has all of an odd size', async () => {
  const frame = Frame.allocate(arena, 35, 21, INFO);
  frame.bytes.fill(128);
  expect((await pixels(await jpegOf(frame, undefined), 'odd')).length).toBe(35 * 21 * 3);
});
