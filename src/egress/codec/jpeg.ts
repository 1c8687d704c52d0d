/** One frame as JPEG. An adapter of node-av's encoder. */
import {
  AV_CODEC_FLAG_QSCALE,
  AV_LOG_FATAL,
  AV_PIX_FMT_YUVJ420P,
  AVCOL_RANGE_JPEG,
  type Frame as AvFrame,
  Codec,
  CodecContext,
  FF_ENCODER_MJPEG,
  FF_QP2LAMBDA,
  FFmpegError,
  Log,
  Packet,
  Rational,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { colourFrom, matrixCode } from '../../media/colour.ts';
import { copyPlane } from '../../media/copy-plane.ts';
import { detachPlanes, type Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { emptyPicture, Scaler } from '../../media/scaler.ts';
import { tagAspect } from './tags.ts';

/** Of 2 (best) to 31. */
const QUANTIZER = 3;
/** What JFIF says that samples are. */
const JFIF = { matrix: matrixCode('bt601'), range: 'full' } as const;

/**
 * A frame as JFIF at its own size: whatever its matrix and range, in those of JFIF. Conversion and encoding run beside the
 * event loop. Takes ownership; the frame is released as soon as its samples are copied.
 * @param traits absent = what players guess.
 * @throws FrameliftError `encode.failed`, and what FFmpeg throws.
 */
export async function jpegOf(frame: Frame, traits: PictureTraits | undefined): Promise<Buffer> {
  const scaler = new Scaler();
  let own: AvFrame | undefined;
  let full: AvFrame | undefined;
  try {
    const { height } = frame;
    own = copyOf(frame);
    const { matrix, range } = traits?.colour ?? colourFrom({ matrix: undefined, range: undefined }, height);
    full = await scaler.convertAside(own, { matrix: matrixCode(matrix), range }, 'yuvj420p', JFIF);
    return await encoded(full, traits);
  } finally {
    own?.free();
    full?.free();
    scaler.close();
  }
}

/** Releases the frame. */
function copyOf(frame: Frame): AvFrame {
  try {
    const { layout, bytes, width, height } = frame;
    const picture = emptyPicture('yuv420p', width, height);
    const [y, u, v] = picture.data ?? [];
    const [strideY = 0, strideU = 0, strideV = 0] = picture.linesize;
    if (!y || !u || !v) throw new FrameliftError('encode.failed', 'FFmpeg gave a frame without planes');
    copyPlane(y, strideY, bytes.subarray(layout.y, layout.u), layout.strideY, width, height);
    copyPlane(u, strideU, bytes.subarray(layout.u, layout.v), layout.strideC, layout.chromaWidth, layout.chromaHeight);
    copyPlane(v, strideV, bytes.subarray(layout.v), layout.strideC, layout.chromaWidth, layout.chromaHeight);
    detachPlanes([y, u, v]);
    return picture;
  } finally {
    frame.release();
  }
}

async function encoded(picture: AvFrame, traits: PictureTraits | undefined): Promise<Buffer> {
  Log.setLevel(AV_LOG_FATAL);
  const codec = Codec.findEncoderByName(FF_ENCODER_MJPEG);
  if (!codec) throw new FrameliftError('encode.failed', 'the FFmpeg that node-av carries has no encoder of JPEG');
  const context = new CodecContext();
  const packet = new Packet();
  try {
    context.allocContext3(codec);
    context.width = picture.width;
    context.height = picture.height;
    context.pixelFormat = AV_PIX_FMT_YUVJ420P;
    context.colorRange = AVCOL_RANGE_JPEG;
    context.timeBase = new Rational(1, 25);
    context.threadCount = 1;
    context.setFlags(AV_CODEC_FLAG_QSCALE);
    context.globalQuality = QUANTIZER * FF_QP2LAMBDA;
    tagAspect(context, traits?.sampleAspect);
    FFmpegError.throwIfError(await context.open2(codec), 'the encoder of JPEG did not open');
    packet.alloc();
    picture.pts = 0n;
    picture.quality = QUANTIZER * FF_QP2LAMBDA;
    FFmpegError.throwIfError(await context.sendFrame(picture), 'the encoder of JPEG refused a frame');
    FFmpegError.throwIfError(await context.sendFrame(null), 'the encoder of JPEG did not end');
    FFmpegError.throwIfError(await context.receivePacket(packet), 'the encoder of JPEG gave nothing');
    return Buffer.from(packet.data ?? []);
  } finally {
    packet.free();
    context.freeContext();
  }
}
