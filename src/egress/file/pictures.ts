/** Frames as the encoder of a file takes them. An adapter of node-av's frames. */
import {
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUV422P10LE,
  type AVPixelFormat,
  Frame as AvFrame,
  FFmpegError,
  SoftwareScaleContext,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { copyPlane } from '../../media/copy-plane.ts';
import { detachPlanes, type Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { tag } from '../codec/tags.ts';
import type { FileCodec } from './codecs.ts';

/** Codecs of 4:2:0 whose chroma has no half samples. */
const EVEN: readonly FileCodec[] = ['h264', 'h265', 'av1'];
/** What codecs take that take no 4:2:0 of 8 bits. */
const OTHER: Partial<Readonly<Record<FileCodec, AVPixelFormat>>> = {
  prores: AV_PIX_FMT_YUV422P10LE,
  png: AV_PIX_FMT_RGB24,
};

/** Brings frames of one size into the form that an encoder takes. */
export class Pictures {
  readonly #sourceWidth: number;
  readonly #sourceHeight: number;
  readonly #width: number;
  readonly #height: number;
  readonly #traits: PictureTraits | undefined;
  readonly #other: AVPixelFormat | undefined;

  /** @param first of the frames to come. Codecs of 4:2:0 have even sizes only: an odd last row or column is left out. */
  constructor(first: Frame, traits: PictureTraits | undefined, codec: FileCodec) {
    const even = EVEN.includes(codec) ? ~1 : ~0;
    this.#other = OTHER[codec];
    this.#sourceWidth = first.width;
    this.#sourceHeight = first.height;
    this.#width = first.width & even;
    this.#height = first.height & even;
    this.#traits = traits;
  }

  /**
   * The picture without its times; the caller frees it. `frame` stays the caller's.
   * @throws FrameliftError `encode.failed` for a frame of another size.
   */
  of(frame: Frame): AvFrame {
    if (this.#sourceWidth !== frame.width || this.#sourceHeight !== frame.height) {
      throw new FrameliftError(
        'encode.failed',
        `the video changes its size from ${this.#sourceWidth}x${this.#sourceHeight} to ${frame.width}x${frame.height}`,
        { remedy: 'Convert the parts one by one, or scale the input to one size first.' },
      );
    }
    const picture = this.#copied(frame);
    if (this.#traits) tag(picture, this.#traits);
    return this.#other === undefined ? picture : converted(picture, this.#other);
  }

  /**
   * In memory of FFmpeg's own: encoders with threads keep pictures for longer, and node-av's
   * `fromVideoBuffer` lends them ours.
   */
  #copied({ layout, bytes }: Frame): AvFrame {
    const [width, height] = [this.#width, this.#height];
    const [chromaWidth, chromaHeight] = [(width + 1) >> 1, (height + 1) >> 1];
    const picture = emptyPicture(AV_PIX_FMT_YUV420P, width, height);
    const [y, u, v] = picture.data ?? [];
    const [strideY = 0, strideU = 0, strideV = 0] = picture.linesize;
    if (y && u && v) {
      copyPlane(y, strideY, bytes.subarray(layout.y, layout.u), layout.strideY, width, height);
      copyPlane(u, strideU, bytes.subarray(layout.u, layout.v), layout.strideC, chromaWidth, chromaHeight);
      copyPlane(v, strideV, bytes.subarray(layout.v), layout.strideC, chromaWidth, chromaHeight);
      detachPlanes([y, u, v]);
    }
    return picture;
  }
}

function emptyPicture(format: AVPixelFormat, width: number, height: number): AvFrame {
  const picture = new AvFrame();
  picture.alloc();
  picture.format = format;
  picture.width = width;
  picture.height = height;
  FFmpegError.throwIfError(picture.getBuffer(0), 'no memory for a picture');
  return picture;
}

/** Frees `picture`. */
function converted(picture: AvFrame, format: AVPixelFormat): AvFrame {
  using source = picture;
  using scaler = new SoftwareScaleContext();
  scaler.allocContext();
  const target = emptyPicture(format, source.width, source.height);
  FFmpegError.throwIfError(scaler.scaleFrameSync(target, source), 'conversion');
  target.sampleAspectRatio = source.sampleAspectRatio;
  if (format !== AV_PIX_FMT_RGB24) target.colorSpace = source.colorSpace;
  target.colorRange = source.colorRange;
  return target;
}
