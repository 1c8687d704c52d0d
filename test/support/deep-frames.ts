/** Frames that hold a picture in a form that I420 cannot, for tests without a decoder. */
import type { Arena } from '../../src/media/arena.ts';
import type { SampleForm } from '../../src/media/deep-layout.ts';
import { Frame, SOURCE } from '../../src/media/frame.ts';
import { micros } from '../../src/time.ts';
import { fillBlock, planesOfBlock } from './kernel-scalar-deep.ts';

/** A sample of a picture: plane by plane, in the plane's own columns and rows. */
export type Picture = (plane: number, x: number, y: number) => number;

/** A source frame of a picture in a form; its I420 has the luma (or green) and the chroma of it in 8 bits. */
export function deepFrame(
  arena: Arena,
  form: SampleForm,
  [width, height]: readonly [number, number],
  picture: Picture,
  ms = 0,
): Frame {
  const at = micros(ms * 1000);
  const info = { pts: at, arrival: at, capture: at, discontinuity: false, provenance: SOURCE };
  const frame = Frame.allocate(arena, width, height, info, form);
  const { deep, bytes, layout } = frame;
  if (!deep) throw new Error('a frame without its form');
  fillBlock(deep.bytes, deep.layout, picture);
  const to8 = (value: number): number => Math.min(255, Math.round(value / 2 ** (form.bits - 8)));
  const { strideY, strideC, chromaWidth, chromaHeight } = layout;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) bytes[y * strideY + x] = to8(picture(0, x, y));
  }
  for (const [plane, offset] of [layout.u, layout.v].entries()) {
    for (let y = 0; y < chromaHeight; y++) {
      for (let x = 0; x < chromaWidth; x++) {
        const [column, row] = [(2 * x) >> form.shiftX, (2 * y) >> form.shiftY];
        bytes[offset + y * strideC + x] = form.model === 'yuv' ? to8(picture(plane + 1, column, row)) : 128;
      }
    }
  }
  return frame;
}

/** The samples of a frame's form, plane by plane without strides. @throws Error where it has none. */
export function deepSamples(frame: Frame): Uint16Array[] {
  const { deep } = frame;
  if (!deep) throw new Error('a frame without its form');
  return planesOfBlock(deep.bytes, deep.layout).map(({ samples }) => samples);
}

/** Luma of a frame's I420 without strides. */
export function lumaOf({ bytes, layout }: Frame): Uint8Array {
  const { width, height, strideY } = layout;
  return Buffer.concat(Array.from({ length: height }, (_, y) => bytes.slice(y * strideY, y * strideY + width)));
}
