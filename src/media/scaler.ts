/** Bringing pictures from one of FFmpeg's pixel formats to another. An adapter of node-av's converter. */
import {
  AV_OPT_TYPE_INT,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  type AVColorRange,
  type AVColorSpace,
  Frame as AvFrame,
  avGetPixFmtFromName,
  FFmpegError,
  SoftwareScaleContext,
  SWS_ACCURATE_RND,
  SWS_BICUBIC,
  SWS_FULL_CHR_H_INP,
  SWS_FULL_CHR_H_INT,
} from 'node-av';
import type { Colour } from './colour.ts';

/** What the samples of one side of a conversion mean. */
export interface ScalerColour {
  /** H.273's code. */
  readonly matrix: number;
  readonly range: Colour['range'];
}

/** Chroma is resampled with care, and nothing is rounded early. */
const FLAGS = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;

/** An empty picture; the caller frees it. @throws FFmpegError. */
export function emptyPicture(format: string, width: number, height: number): AvFrame {
  const picture = new AvFrame();
  try {
    picture.alloc();
    picture.format = avGetPixFmtFromName(format);
    picture.width = width;
    picture.height = height;
    FFmpegError.throwIfError(picture.getBuffer(64), 'no memory for a picture');
    return picture;
  } catch (error) {
    picture.free();
    throw error;
  }
}

/**
 * Converts pictures of one size. Both sides say what their samples mean, so that nothing is guessed: where both say the
 * same, packed and planar, big-endian and little-endian forms of the same samples come out without loss.
 */
export class Scaler {
  readonly #context = new SoftwareScaleContext();

  constructor() {
    this.#context.allocContext();
    this.#context.setOption('sws_flags', FLAGS, AV_OPT_TYPE_INT);
  }

  /** The picture in another format, which is the caller's to free. @throws FFmpegError. */
  convert(source: AvFrame, from: ScalerColour, format: string, to: ScalerColour): AvFrame {
    const { colorSpace, colorRange } = source;
    const target = targetOf(source, from, format, to);
    try {
      FFmpegError.throwIfError(this.#context.scaleFrameSync(target, source), `conversion to ${format}`);
      return target;
    } catch (error) {
      target.free();
      throw error;
    } finally {
      // Whoever gave the picture may want to know what it said.
      source.colorSpace = colorSpace;
      source.colorRange = colorRange;
    }
  }

  /** As {@link convert}, beside the event loop. `source` is left saying what `from` does. */
  async convertAside(source: AvFrame, from: ScalerColour, format: string, to: ScalerColour): Promise<AvFrame> {
    const target = targetOf(source, from, format, to);
    try {
      FFmpegError.throwIfError(await this.#context.scaleFrame(target, source), `conversion to ${format}`);
      return target;
    } catch (error) {
      target.free();
      throw error;
    }
  }

  close(): void {
    this.#context.freeContext();
  }
}

/** Both sides say what their samples mean. */
function targetOf(source: AvFrame, from: ScalerColour, format: string, to: ScalerColour): AvFrame {
  const target = emptyPicture(format, source.width, source.height);
  say(source, from);
  say(target, to);
  // Neither primaries nor transfer are ever converted.
  target.colorPrimaries = source.colorPrimaries;
  target.colorTrc = source.colorTrc;
  target.chromaLocation = source.chromaLocation;
  return target;
}

function say(picture: AvFrame, { matrix, range }: ScalerColour): void {
  picture.colorSpace = matrix as AVColorSpace; // FFmpeg's numbers are H.273's
  picture.colorRange = rangeOf(range);
}

/** FFmpeg's name of a range. */
function rangeOf(range: Colour['range']): AVColorRange {
  return range === 'full' ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
}
