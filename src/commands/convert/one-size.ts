/** Frames of one size from a file that changes its size midway: what comes later is scaled to the first. */
import { FrameliftError } from '../../errors.ts';
import { PictureFilter } from '../../eval/filter.ts';
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import { toSeconds } from '../../time.ts';

/** Options of {@link oneSize}. */
export interface OneSizeOptions {
  readonly arena: Arena;
  /** Told once for each change: a sentence. */
  readonly note: (text: string) => void;
}

/**
 * The frames of `input`, which it owns, all as large as the first. @throws FrameliftError `encode.failed` for frames of
 * another size that are deeper than 8 bits or not 4:2:0.
 */
export async function* oneSize(
  input: AsyncIterable<Frame>,
  { arena, note }: OneSizeOptions,
): AsyncGenerator<Frame, void, void> {
  let first: Pick<Frame, 'width' | 'height' | 'pts'> | undefined;
  let scaler: { readonly filter: PictureFilter; readonly width: number; readonly height: number } | undefined;
  try {
    for await (const frame of input) {
      const { width, height, pts } = frame;
      first ??= { width, height, pts };
      if (width === first.width && height === first.height) {
        yield frame;
        continue;
      }
      try {
        if (scaler?.width !== width || scaler.height !== height) {
          const sizes = `from ${first.width}x${first.height} to ${width}x${height}`;
          if (frame.deep) throw resized(sizes);
          const at = toSeconds(pts) - toSeconds(first.pts);
          note(`the input changes its size ${sizes} at ${at.toFixed(2)} s, and is scaled to the first from there`);
          scaler?.filter[Symbol.dispose]();
          const args = `${first.width}:${first.height}:flags=bicubic`;
          scaler = { filter: await PictureFilter.open({ arena, width, height, filter: 'scale', args }), width, height };
        }
        yield await scaled(scaler.filter, frame);
      } finally {
        frame.release();
      }
    }
  } finally {
    scaler?.filter[Symbol.dispose]();
  }
}

async function scaled(filter: PictureFilter, frame: Frame): Promise<Frame> {
  const [out] = await filter.push(frame, 0);
  if (!out) throw new FrameliftError('ffmpeg.failed', 'a frame was not scaled');
  const { pts, arrival, capture, discontinuity } = frame;
  const shared = out.frame.share({ pts, arrival, capture, discontinuity });
  out.frame.release();
  return shared;
}

function resized(sizes: string): FrameliftError {
  return new FrameliftError('encode.failed', `the video changes its size ${sizes}`, {
    remedy: 'Convert the parts one by one, or scale the input to one size first.',
  });
}
