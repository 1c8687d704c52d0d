/**
 * The samples of decoded frames: into the arena as I420, and what they mean. With `decoder.ts` the
 * only adapter of node-av's decoder.
 */
import {
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_BT470BG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_SMPTE170M,
  type AVPixelFormat,
  type Frame as AvFrame,
  FFmpegError,
  SoftwareScaleContext,
  SWS_BICUBIC,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import type { Colour } from '../../media/colour.ts';
import { copyPlane } from '../../media/copy-plane.ts';
import { detachPlanes, type Frame } from '../../media/frame.ts';

/** What the samples of a decoded frame mean. */
export function colourOf(decoded: Pick<AvFrame, 'format' | 'colorRange' | 'colorSpace' | 'height'>): Colour {
  const full = decoded.format === AV_PIX_FMT_YUVJ420P || decoded.colorRange === AVCOL_RANGE_JPEG;
  const space = decoded.colorSpace;
  // Untagged video is BT.709 in high definition and BT.601 below, as players guess.
  const untagged = space !== AVCOL_SPC_BT709 && space !== AVCOL_SPC_SMPTE170M && space !== AVCOL_SPC_BT470BG;
  const matrix = space === AVCOL_SPC_BT709 || (untagged && decoded.height >= 720) ? 'bt709' : 'bt601';
  return { matrix, range: full ? 'full' : 'limited' };
}

/** Writes decoded frames into frames of the arena; other formats than 8-bit 4:2:0 are converted. */
export class I420Writer {
  #scaler: { context: SoftwareScaleContext; width: number; height: number; format: AVPixelFormat } | undefined;

  /**
   * Fills `frame`, which has the size of `decoded`.
   * @throws FFmpegError, FrameliftError `decode.failed`.
   */
  write(frame: Frame, decoded: AvFrame): void {
    const planes = decoded.data;
    if (!planes) throw new FrameliftError('decode.failed', 'the decoder gave a frame without samples');
    const { layout, bytes } = frame;
    const { strideY, strideC } = layout;
    const y = bytes.subarray(layout.y, layout.u);
    const u = bytes.subarray(layout.u, layout.v);
    const v = bytes.subarray(layout.v);
    const strides = decoded.linesize;
    if (decoded.format === AV_PIX_FMT_YUV420P || decoded.format === AV_PIX_FMT_YUVJ420P) {
      copyPlane(y, strideY, planes[0], strides[0], layout.width, layout.height);
      copyPlane(u, strideC, planes[1], strides[1], layout.chromaWidth, layout.chromaHeight);
      copyPlane(v, strideC, planes[2], strides[2], layout.chromaWidth, layout.chromaHeight);
    } else {
      const scaler = this.#scalerFor(decoded);
      const targets = [y, u, v].map((plane) => Buffer.from(plane.buffer, plane.byteOffset, plane.byteLength));
      const rows = scaler.scaleSync(planes, strides, 0, decoded.height, targets, [strideY, strideC, strideC]);
      FFmpegError.throwIfError(rows, 'conversion to I420');
    }
    detachPlanes(planes);
  }

  /** Frees the converter. */
  close(): void {
    this.#scaler?.context.freeContext();
    this.#scaler = undefined;
  }

  #scalerFor(decoded: AvFrame): SoftwareScaleContext {
    const { width, height } = decoded;
    // A decoded video frame has a pixel format; the type also covers audio.
    const format = decoded.format as AVPixelFormat;
    const old = this.#scaler;
    if (old && old.width === width && old.height === height && old.format === format) return old.context;
    old?.context.freeContext();
    const context = new SoftwareScaleContext();
    context.getContext(width, height, format, width, height, AV_PIX_FMT_YUV420P, SWS_BICUBIC);
    this.#scaler = { context, width, height, format };
    return context;
  }
}
