/** Some columns of decoded pictures, for looking at their lines. With `decoder.ts` an adapter of node-av. */
import { type AVPixelFormat, Frame as AvFrame, avGetPixFmtName, FFmpegError } from 'node-av';
import { detachPlanes } from '../../media/frame.ts';
import type { Columns } from './field-evidence.ts';

/** Columns read, at most about. */
const MAX_COLUMNS = 120;

/** Columns of the first plane: luma, or whatever its bytes are. */
export function columnsOf(frame: AvFrame): Columns {
  // Views that are given back cannot be had again from the same frame.
  const picture = cloned(frame);
  try {
    return read(picture);
  } finally {
    picture.free();
  }
}

/** Another reference to the same samples, the caller's to free. @throws FFmpegError without memory. */
export function cloned(frame: AvFrame): AvFrame {
  const copy = new AvFrame();
  copy.alloc();
  FFmpegError.throwIfError(copy.ref(frame), 'no memory for the frame');
  return copy;
}

/** A copy of samples without padding, the caller's to free. */
export function pictureOf(
  samples: Buffer,
  { width, height, format }: { readonly width: number; readonly height: number; readonly format: number },
): AvFrame {
  // A picture's format; the type also covers audio.
  return AvFrame.fromVideoBuffer(samples, { width, height, format: format as AVPixelFormat });
}

function read(picture: AvFrame): Columns {
  const { data, linesize, width, height } = picture;
  const [plane] = data ?? [];
  const columns = Math.min(MAX_COLUMNS, width);
  const samples = new Uint8Array(columns * height);
  const stride = linesize[0] ?? 0;
  const { bytes, shift } = sampleSize(picture);
  try {
    if (!plane) return { samples, width: columns, rows: height };
    for (let row = 0, k = 0; row < height; row++) {
      for (let column = 0; column < columns; column++) {
        const at = row * stride + Math.floor(((column + 0.5) * width) / columns) * bytes;
        const low = plane[at] ?? 0;
        samples[k++] = bytes === 1 ? low : (low | ((plane[at + 1] ?? 0) << 8)) >> shift;
      }
    }
    return { samples, width: columns, rows: height };
  } finally {
    detachPlanes(data ?? []);
  }
}

/** Bytes of a sample of the first plane, and how far its 8 highest bits are shifted. */
function sampleSize({ format }: AvFrame): { readonly bytes: number; readonly shift: number } {
  // A picture's format; the type also covers audio.
  const name = avGetPixFmtName(format as AVPixelFormat) ?? '';
  const bits = Number(/(?:p|gray|gbrap|gbrp)(9|10|12|14|16)le$/.exec(name)?.[1] ?? 8);
  return bits === 8 ? { bytes: 1, shift: 0 } : { bytes: 2, shift: /^p0/.test(name) ? 8 : bits - 8 };
}
