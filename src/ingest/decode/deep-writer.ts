/** Decoded frames in their own form, into the arena. An adapter of node-av's frames. */
import type { Frame as AvFrame } from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { IDENTITY_MATRIX, UNTOLD } from '../../media/colour.ts';
import { deepWords } from '../../media/deep-layout.ts';
import { type DeepPicture, detachPlanes } from '../../media/frame.ts';
import { planarFormat } from '../../media/pixel-format.ts';
import { Scaler } from '../../media/scaler.ts';
import { formatName } from './stored.ts';

/**
 * Packed pixels on the way to planes: there FFmpeg looks palettes up, and stretches what has fewer than 8 bits; straight
 * to planes it would find no palette, and make white of 31 a grey of 248.
 */
const BY_WAY_OF: readonly (readonly [format: RegExp, packed: string])[] = [
  [/^pal8$/, 'rgba'],
  [/^(rgb|bgr)(8|4|4_byte|444|555|565)(le|be)?$/, 'rgb24'],
];

/** Writes decoded frames into the deep form of frames of the arena, sample by sample as they are. */
export class DeepWriter {
  #scaler: Scaler | undefined;

  /**
   * Before others who read the planes and give them back: `decoded` is left as it was.
   * @throws FFmpegError, FrameliftError `decode.failed` where FFmpeg gives no samples.
   */
  write(picture: DeepPicture, decoded: AvFrame): void {
    const { form } = picture.layout;
    const planar = planarFormat(form);
    if (formatName(decoded).replace('yuvj', 'yuv') === planar) copyPlanes(picture, decoded);
    else if (form.model === 'grey' && form.alpha && formatName(decoded) === 'ya16be')
      copyPlanes(picture, decoded, true);
    else {
      using brought = this.#bring(decoded, planar, form.model === 'rgb');
      copyPlanes(picture, brought);
      detachPlanes(brought.data ?? []);
    }
  }

  /** Frees the converter. */
  close(): void {
    this.#scaler?.close();
    this.#scaler = undefined;
  }

  /** The same samples in planes. */
  #bring(decoded: AvFrame, planar: string, rgb: boolean): AvFrame {
    this.#scaler ??= new Scaler();
    const same = { matrix: rgb ? IDENTITY_MATRIX : UNTOLD, range: 'full' } as const;
    const by = BY_WAY_OF.find(([format]) => format.test(formatName(decoded)))?.[1];
    if (by === undefined) return this.#scaler.convert(decoded, same, planar, same);
    using packed = this.#scaler.convert(decoded, same, by, same);
    return this.#scaler.convert(packed, same, planar, same);
  }
}

/** @param swapped true where words come with their high byte first. */
function copyPlanes(picture: DeepPicture, source: AvFrame, swapped = false): void {
  const { data, linesize } = source;
  if (!data) throw new FrameliftError('decode.failed', 'the decoder gave a frame without samples');
  const { form, planes } = picture.layout;
  const paired = form.model === 'grey' && form.alpha;
  planes.forEach((plane, index) => {
    const from = data[paired ? 0 : index];
    const stride = linesize[paired ? 0 : index] ?? 0;
    const sample = form.bits === 8 ? 1 : 2;
    const step = paired ? 2 : 1;
    if (!from || from.length < stride * (plane.height - 1) + plane.width * step * sample) {
      throw new FrameliftError('decode.failed', 'a decoded plane is smaller than the frame', { recoverable: true });
    }
    const words = deepWords(picture, plane);
    for (let row = 0; row < plane.height; row += 1) {
      const line = from.subarray(row * stride, row * stride + plane.width * step * sample);
      const to = words.subarray(row * (plane.stride / 2), row * (plane.stride / 2) + plane.width);
      if (paired) takePairs(to, line, index, sample, swapped);
      else if (sample === 1) to.set(line);
      else new Uint8Array(to.buffer, to.byteOffset, to.byteLength).set(line);
    }
  });
}

/** One of two samples that alternate: grey (0) or alpha (1). */
function takePairs(to: Uint16Array, line: Buffer, which: number, sample: number, swapped: boolean): void {
  for (let x = 0; x < to.length; x += 1) {
    const at = (2 * x + which) * sample;
    to[x] = sample === 1 ? (line[at] ?? 0) : swapped ? line.readUInt16BE(at) : line.readUInt16LE(at);
  }
}
