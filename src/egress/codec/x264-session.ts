/**
 * libx264 by way of node-av: one frame in, one access unit out. The only adapter of node-av's codec
 * for live output.
 */

import {
  AV_FRAME_DATA_SEI_UNREGISTERED,
  AV_LOG_FATAL,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AVERROR_EAGAIN,
  Frame as AvFrame,
  Codec,
  CodecContext,
  Dictionary,
  FF_ENCODER_LIBX264,
  FFmpegError,
  Log,
  Packet,
  Rational,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { copyPlane } from '../../media/copy-plane.ts';
import { detachPlanes, type Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { markBytes } from '../marks/mark.ts';
import { tag } from './tags.ts';

/**
 * Rate-control buffer in seconds: how far one frame may exceed its share. Small = little delay,
 * large = better keyframes.
 */
const VBV_SECONDS = 0.4;
/** x264 refuses smaller frames. */
const MIN_SIDE = 16;

/** Options of {@link X264Session.open}. */
export interface X264Options {
  /** Nominal rate. */
  readonly fps: number;
  /** Bits per second. */
  readonly bitrate: number;
  readonly traits?: PictureTraits | undefined;
  /** Bytes of a slice at most; undefined = one slice a frame. */
  readonly maxSlice?: number | undefined;
  /** Rate-control buffer in seconds. Default 0.4. */
  readonly buffer?: number | undefined;
}

/**
 * One libx264 instance for one frame size: zero latency, constrained baseline. Not for two calls at
 * a time.
 */
export class X264Session {
  readonly width: number;
  readonly height: number;
  readonly #context = new CodecContext();
  readonly #frame = new AvFrame();
  readonly #packet = new Packet();
  #strides: number[] = [];
  #count = 0n;
  #rate = 0;
  #buffer = VBV_SECONDS;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
  }

  /**
   * Opens the encoder; free it, even when this fails.
   * @throws FrameliftError `encode.failed`, and what FFmpeg throws.
   */
  async open({ fps, bitrate, traits, maxSlice, buffer = VBV_SECONDS }: X264Options): Promise<void> {
    Log.setLevel(AV_LOG_FATAL);
    const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264);
    if (!codec) throw new FrameliftError('encode.failed', 'the FFmpeg that node-av carries has no libx264');
    if (Math.min(this.width, this.height) < MIN_SIDE) {
      throw new FrameliftError('encode.failed', `a frame of ${this.width}x${this.height} is smaller than 16x16`);
    }
    const rate = Math.round(fps * 1000);
    const context = this.#context;
    context.allocContext3(codec);
    // 4:2:0 H.264 codes even sizes: the last row or column of an odd frame is left out.
    context.width = this.width & ~1;
    context.height = this.height & ~1;
    context.pixelFormat = AV_PIX_FMT_YUV420P;
    context.timeBase = new Rational(1000, rate);
    context.framerate = new Rational(rate, 1000);
    context.gopSize = 1 << 30;
    context.maxBFrames = 0;
    context.threadCount = 1;
    if (traits) tag(context, traits);
    this.#buffer = buffer;
    this.setRate(bitrate, bitrate);
    const settings = Dictionary.fromObject({
      // The quickest preset with its loop filter put back: three quarters of the time of
      // `superfast` for 0.2 to 0.5 dB less (docs/measurements.md).
      preset: 'ultrafast',
      'x264-params': 'no-deblock=0:deblock=0,0',
      tune: 'zerolatency',
      profile: 'baseline',
      'forced-idr': '1',
      sc_threshold: '0',
      // User data of a frame goes into its access unit.
      udu_sei: '1',
      ...(maxSlice === undefined ? {} : { 'slice-max-size': `${maxSlice}` }),
    });
    try {
      FFmpegError.throwIfError(await context.open2(codec, settings), 'libx264 did not open');
    } finally {
      settings.free();
    }
    this.#packet.alloc();
    this.#frame.alloc();
    this.#frame.format = AV_PIX_FMT_YUV420P;
    this.#frame.width = this.width & ~1;
    this.#frame.height = this.height & ~1;
    FFmpegError.throwIfError(this.#frame.getBuffer(64), 'no memory for the frame');
    this.#strides = this.#frame.linesize;
  }

  /**
   * x264 counts frames, not time: `perNominalSecond` is the rate at the nominal frame rate,
   * `perSecond` the real one. Cheap when nothing changed.
   */
  setRate(perNominalSecond: number, perSecond: number): void {
    const rate = Math.round(perNominalSecond);
    if (rate === this.#rate) return;
    this.#rate = rate;
    this.#context.bitRate = BigInt(rate);
    this.#context.rcMaxRate = BigInt(rate);
    this.#context.rcBufferSize = Math.round(perSecond * this.#buffer);
  }

  /**
   * Copies the planes in; the strides of arena and FFmpeg mostly agree, then it is one copy per
   * plane. Its provenance goes into the access unit as user data.
   */
  load(frame: Frame): void {
    FFmpegError.throwIfError(this.#frame.makeWritable(), 'no memory for the frame');
    const { layout, bytes } = frame;
    const [y, u, v] = this.#frame.data ?? [];
    const [strideY = 0, strideU = 0, strideV = 0] = this.#strides;
    if (!y || !u || !v) throw new FrameliftError('encode.failed', 'FFmpeg gave a frame without planes');
    const [columns, rows] = [this.width & ~1, this.height & ~1];
    copyPlane(y, strideY, bytes.subarray(layout.y, layout.u), layout.strideY, columns, rows);
    copyPlane(u, strideU, bytes.subarray(layout.u, layout.v), layout.strideC, columns >> 1, rows >> 1);
    copyPlane(v, strideV, bytes.subarray(layout.v), layout.strideC, columns >> 1, rows >> 1);
    detachPlanes([y, u, v]);
    const mark = markBytes(frame);
    this.#frame.removeSideData(AV_FRAME_DATA_SEI_UNREGISTERED);
    this.#frame.newSideData(AV_FRAME_DATA_SEI_UNREGISTERED, mark.length).set(mark);
  }

  /** Encodes what was loaded. @param keyframe makes it an IDR. @throws what FFmpeg throws. */
  async encode(keyframe: boolean): Promise<{ data: Buffer; keyframe: boolean } | undefined> {
    this.#frame.pts = this.#count++;
    this.#frame.pictType = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    FFmpegError.throwIfError(await this.#context.sendFrame(this.#frame), 'libx264 refused a frame');
    // The frame is coded within sendFrame; this only fetches the access unit.
    const code = this.#context.receivePacketSync(this.#packet);
    if (code === AVERROR_EAGAIN) return undefined;
    FFmpegError.throwIfError(code, 'libx264 gave no packet');
    const { data, isKeyframe } = this.#packet;
    const copy = data ? Buffer.from(data) : undefined;
    this.#packet.unref();
    return copy && { data: copy, keyframe: isKeyframe };
  }

  /** Frees everything; the session cannot be used any more. */
  free(): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }
}
