/**
 * The samples of decoded frames: into the arena as I420, and what they mean. With `decoder.ts` the
 * only adapter of node-av's decoder.
 *
 * One rule: 8-bit 4:2:0 is copied bit by bit. Every other form of luma and chroma is brought to it
 * with its matrix and its range as they are, so that the tags stay true; FFmpeg's own conversions
 * would press what is full into the limited range for some formats and not for others. Red, green
 * and blue have no range or matrix to keep, and become {@link RGB_COLOUR}.
 */
import {
  AV_FRAME_FLAG_INTERLACED,
  AV_PIX_FMT_GRAY8,
  AV_PIX_FMT_NONE,
  AV_PIX_FMT_PAL8,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUV411P,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUV422P,
  AV_PIX_FMT_YUV440P,
  AV_PIX_FMT_YUV444P,
  AV_PIX_FMT_YUVJ411P,
  AV_PIX_FMT_YUVJ420P,
  AV_PIX_FMT_YUVJ422P,
  AV_PIX_FMT_YUVJ440P,
  AV_PIX_FMT_YUVJ444P,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT470BG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_BT2020_CL,
  AVCOL_SPC_BT2020_NCL,
  AVCOL_SPC_FCC,
  AVCOL_SPC_SMPTE170M,
  AVCOL_SPC_SMPTE240M,
  type AVPixelFormat,
  Frame as AvFrame,
  avGetPixFmtFromName,
  avGetPixFmtName,
  FFmpegError,
  SoftwareScaleContext,
  SWS_BICUBIC,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { type Colour, type ColourTags, colourFrom, RGB_COLOUR } from '../../media/colour.ts';
import { copyPlane } from '../../media/copy-plane.ts';
import { detachPlanes, type Frame } from '../../media/frame.ts';
import { type PictureTraits, sampleAspect } from '../../media/picture-traits.ts';

/** A picture in any of FFmpeg's formats. */
export interface Picture {
  readonly format: number;
  readonly width: number;
  readonly height: number;
  /** Planes; they may be larger than the picture, never smaller. */
  readonly data: Buffer[];
  /** Bytes between rows, a plane each. */
  readonly linesize: number[];
}

/** FFmpeg's formats that mean the full range, and the same without a meaning. */
const FULL: ReadonlyMap<number, AVPixelFormat> = new Map([
  [AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P],
  [AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P],
  [AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P],
  [AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P],
  [AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P],
]);

/** SMPTE 240M and FCC differ from their neighbours by less than two levels. */
const MATRICES: ReadonlyMap<number, Colour['matrix']> = new Map([
  [AVCOL_SPC_BT709, 'bt709'],
  [AVCOL_SPC_SMPTE240M, 'bt709'],
  [AVCOL_SPC_SMPTE170M, 'bt601'],
  [AVCOL_SPC_BT470BG, 'bt601'],
  [AVCOL_SPC_FCC, 'bt601'],
  [AVCOL_SPC_BT2020_NCL, 'bt2020'],
  [AVCOL_SPC_BT2020_CL, 'bt2020'],
]);

/** Chroma that is none. */
const NEUTRAL = 128;

/** The format of a name such as `yuv420p`; undefined when FFmpeg has none. */
export function pixelFormat(name: string): AVPixelFormat | undefined {
  const format = avGetPixFmtFromName(name);
  return format === AV_PIX_FMT_NONE ? undefined : format;
}

/** What samples of a format mean once they are I420. */
export function colourOfFormat(format: number, tags: ColourTags, height: number): Colour {
  if (kindOf(format) === 'rgb') return RGB_COLOUR;
  return colourFrom(FULL.has(format) ? { ...tags, range: 'full' } : tags, height);
}

/** What the samples of a decoded frame mean once they are I420. */
export function colourOf(decoded: Pick<AvFrame, 'format' | 'colorRange' | 'colorSpace' | 'height'>): Colour {
  const { format, colorRange, colorSpace, height } = decoded;
  const range = colorRange === AVCOL_RANGE_JPEG ? 'full' : colorRange === AVCOL_RANGE_MPEG ? 'limited' : undefined;
  return colourOfFormat(format, { matrix: MATRICES.get(colorSpace), range }, height);
}

/** What is to be told of a decoded frame. */
export function traitsOf(decoded: AvFrame): PictureTraits {
  const { num, den } = decoded.sampleAspectRatio;
  const aspect = sampleAspect(num, den);
  const interlaced = decoded.hasFlags(AV_FRAME_FLAG_INTERLACED);
  return { colour: colourOf(decoded), ...(aspect && { sampleAspect: aspect }), ...(interlaced && { interlaced }) };
}

/** By FFmpeg's names. */
function kindOf(format: number): 'grey' | 'rgb' | 'yuv' {
  // A picture's format; the type also covers audio.
  const name = avGetPixFmtName(format as AVPixelFormat) ?? '';
  if (/^(gray|ya)\d*/.test(name)) return 'grey';
  return /^(x?rgb|x?bgr|0rgb|0bgr|argb|abgr|gbr|pal8|mono|bayer|xyz)/.test(name) ? 'rgb' : 'yuv';
}

/** Writes pictures into frames of the arena. */
export class I420Writer {
  #scaler: { context: SoftwareScaleContext; width: number; height: number; format: number } | undefined;

  /**
   * Fills `frame`, which has the size of `decoded`.
   * @throws FFmpegError, FrameliftError `decode.failed`.
   */
  writeDecoded(frame: Frame, decoded: AvFrame): void {
    if (decoded.format === AV_PIX_FMT_PAL8) {
      // node-av hides the palette, and the converter would read it through a null pointer.
      using coloured = this.#withoutPalette(decoded);
      this.#writeAndDetach(frame, coloured);
    } else this.#writeAndDetach(frame, decoded);
  }

  #writeAndDetach(frame: Frame, { data, format, width, height, linesize }: AvFrame): void {
    if (!data) throw new FrameliftError('decode.failed', 'the decoder gave a frame without samples');
    try {
      this.write(frame, { format, width, height, linesize, data });
    } finally {
      detachPlanes(data);
    }
  }

  #withoutPalette(decoded: AvFrame): AvFrame {
    const coloured = new AvFrame();
    const context = new SoftwareScaleContext();
    try {
      coloured.alloc();
      coloured.format = AV_PIX_FMT_RGB24;
      coloured.width = decoded.width;
      coloured.height = decoded.height;
      FFmpegError.throwIfError(coloured.getBuffer(0), 'no memory for the frame');
      context.allocContext();
      FFmpegError.throwIfError(context.scaleFrameSync(coloured, decoded), 'applying the palette');
      return coloured;
    } catch (error) {
      coloured.free();
      throw error;
    } finally {
      context.freeContext();
    }
  }

  /**
   * Fills `frame`, which has the size of `picture`.
   * @throws FFmpegError, FrameliftError `decode.failed`.
   */
  write(frame: Frame, picture: Picture): void {
    const { data: planes, linesize: strides } = picture;
    const { layout, bytes } = frame;
    const { strideY, strideC } = layout;
    const y = bytes.subarray(layout.y, layout.u);
    const u = bytes.subarray(layout.u, layout.v);
    const v = bytes.subarray(layout.v);
    const format = FULL.get(picture.format) ?? picture.format;
    const source = { ...picture, format };
    if (format === AV_PIX_FMT_YUV420P) {
      copyPlane(y, strideY, planes[0], strides[0], layout.width, layout.height);
      copyPlane(u, strideC, planes[1], strides[1], layout.chromaWidth, layout.chromaHeight);
      copyPlane(v, strideC, planes[2], strides[2], layout.chromaWidth, layout.chromaHeight);
    } else if (kindOf(format) === 'grey') {
      // Grey stays grey: between two of its formats FFmpeg leaves the range alone.
      if (format === AV_PIX_FMT_GRAY8) copyPlane(y, strideY, planes[0], strides[0], layout.width, layout.height);
      else this.#scale(source, AV_PIX_FMT_GRAY8, [y], [strideY]);
      u.fill(NEUTRAL);
      v.subarray(0, strideC * layout.chromaHeight).fill(NEUTRAL);
    } else {
      this.#scale(source, AV_PIX_FMT_YUV420P, [y, u, v], [strideY, strideC, strideC]);
    }
  }

  /** Frees the converter. */
  close(): void {
    this.#scaler?.context.freeContext();
    this.#scaler = undefined;
  }

  #scale(source: Picture, to: AVPixelFormat, targets: readonly Uint8Array[], strides: number[]): void {
    const context = this.#scalerFor(source, to);
    const planes = targets.map((plane) => Buffer.from(plane.buffer, plane.byteOffset, plane.byteLength));
    const rows = context.scaleSync(source.data, source.linesize, 0, source.height, planes, strides);
    FFmpegError.throwIfError(rows, 'conversion to I420');
  }

  #scalerFor({ width, height, format }: Picture, to: AVPixelFormat): SoftwareScaleContext {
    const old = this.#scaler;
    if (old && old.width === width && old.height === height && old.format === format) return old.context;
    old?.context.freeContext();
    const context = new SoftwareScaleContext();
    // A picture's format; the type also covers audio.
    context.getContext(width, height, format as AVPixelFormat, width, height, to, SWS_BICUBIC);
    this.#scaler = { context, width, height, format };
    return context;
  }
}
