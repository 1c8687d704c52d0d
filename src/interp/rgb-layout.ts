/** Where the pieces of the `rgb` path lie in a worker's scratch: pure arithmetic, shared by the engine (allocates) and the workers (use). */
import { planeLayout } from '../media/frame.ts';
import type { NetworkFacts, RgbFacts } from './engine/protocol.ts';

/** Byte offsets from the start of the scratch. */
export interface RgbLayout {
  /** [planes][paddedHeight][paddedWidth] of the inputs' type. */
  readonly input: number;
  /** [3][paddedHeight][paddedWidth] of the output's type, or less where the file crops. */
  readonly output: number;
  /** Frame blocks of the middles of three halvings; none for a network that knows any time. */
  readonly middles: readonly number[];
  readonly bytes: number;
}

/** Halvings until an eighth. */
const HALVINGS = 3;

/** The scratch of one worker for frames of one size, padded to another. */
export function rgbLayout(
  frame: { readonly width: number; readonly height: number },
  padded: { readonly width: number; readonly height: number },
  { planes, inputBytes, outputBytes }: RgbFacts,
  times: NetworkFacts['times'],
): RgbLayout {
  let end = 0;
  const take = (bytes: number): number => {
    const start = end;
    end = Math.ceil((start + bytes) / 64) * 64;
    return start;
  };
  const samples = padded.width * padded.height;
  const input = take(planes * samples * inputBytes);
  const output = take(3 * samples * outputBytes);
  const block = planeLayout(frame.width, frame.height).bytes;
  const middles = Array.from({ length: times === 'half' ? HALVINGS : 0 }, () => take(block));
  return { input, output, middles, bytes: end };
}

/** Bytes of scratch that a frame of this size needs at most: a network that fixes its size may pad less. */
export function rgbScratchBytes(width: number, height: number, rgb: RgbFacts, times: NetworkFacts['times']): number {
  const up = (size: number): number => Math.ceil(size / rgb.multiple) * rgb.multiple;
  return rgbLayout({ width, height }, { width: up(width), height: up(height) }, rgb, times).bytes;
}
