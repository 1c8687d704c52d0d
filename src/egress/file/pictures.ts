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
import type { Frame } from '../../media/frame.ts';
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
  readonly #bytes: Buffer;
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
    this.#bytes = Buffer.alloc(this.#width * this.#height + 2 * ((this.#width + 1) >> 1) * ((this.#height + 1) >> 1));
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
    this.#pack(frame);
    const picture = AvFrame.fromVideoBuffer(this.#bytes, {
      width: this.#width,
      height: this.#height,
      format: AV_PIX_FMT_YUV420P,
    });
    if (this.#traits) tag(picture, this.#traits);
    return this.#other === undefined ? picture : converted(picture, this.#other);
  }

  /** The three planes without stride, one after the other. */
  #pack({ layout, bytes }: Frame): void {
    const [width, height, packed] = [this.#width, this.#height, this.#bytes];
    const [chromaWidth, chromaHeight] = [(width + 1) >> 1, (height + 1) >> 1];
    const [luma, chroma] = [width * height, chromaWidth * chromaHeight];
    const [y, u, v] = [
      bytes.subarray(layout.y, layout.u),
      bytes.subarray(layout.u, layout.v),
      bytes.subarray(layout.v),
    ];
    copyPlane(packed, width, y, layout.strideY, width, height);
    copyPlane(packed.subarray(luma), chromaWidth, u, layout.strideC, chromaWidth, chromaHeight);
    copyPlane(packed.subarray(luma + chroma), chromaWidth, v, layout.strideC, chromaWidth, chromaHeight);
  }
}

/** Frees `picture`. */
function converted(picture: AvFrame, format: AVPixelFormat): AvFrame {
  using source = picture;
  using scaler = new SoftwareScaleContext();
  scaler.allocContext();
  const target = new AvFrame();
  target.alloc();
  target.format = format;
  target.width = source.width;
  target.height = source.height;
  FFmpegError.throwIfError(target.getBuffer(0), 'memory');
  FFmpegError.throwIfError(scaler.scaleFrameSync(target, source), 'conversion');
  target.sampleAspectRatio = source.sampleAspectRatio;
  if (format !== AV_PIX_FMT_RGB24) target.colorSpace = source.colorSpace;
  target.colorRange = source.colorRange;
  return target;
}
