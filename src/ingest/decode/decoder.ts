/** Decoding: access units in, I420 frames in the arena out. The only adapter of node-av's decoder; RTSP, WHIP and files share it. */
import {
  AV_CODEC_FLAG_LOW_DELAY,
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AV_FRAME_FLAG_CORRUPT,
  AV_LOG_FATAL,
  AV_OPT_TYPE_INT64,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_BT470BG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_SMPTE170M,
  type AVCodecID,
  AVERROR_EAGAIN,
  AVERROR_ENOMEM,
  AVERROR_EOF,
  type AVPixelFormat,
  Frame as AvFrame,
  Codec,
  CodecContext,
  type CodecParameters,
  FF_THREAD_FRAME,
  FF_THREAD_SLICE,
  FFmpegError,
  Log,
  Packet,
  SoftwareScaleContext,
  SWS_BICUBIC,
} from 'node-av';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { AccessUnit, VideoCodec } from '../../media/access-unit.ts';
import type { Arena } from '../../media/arena.ts';
import type { Colour } from '../../media/colour.ts';
import { copyPlane } from '../../media/copy-plane.ts';
import { detachPlanes, Frame, type FrameInfo, SOURCE } from '../../media/frame.ts';
import { type DropReason, type EventSink, noEvents } from '../../metrics/events.ts';
import { type Clock, type Micros, minus } from '../../time.ts';
import { type IngestLimits, maxPixels, sizeExcess } from '../limits.ts';

const CODEC_IDS: Readonly<Record<VideoCodec, AVCodecID>> = {
  h264: AV_CODEC_ID_H264,
  hevc: AV_CODEC_ID_HEVC,
  vp8: AV_CODEC_ID_VP8,
  vp9: AV_CODEC_ID_VP9,
  av1: AV_CODEC_ID_AV1,
};

/** Access units inside the decoder at once: 16 reference pictures and as many being reordered. Older ones never came out. */
const MAX_INSIDE = 64;

/** Options of {@link VideoDecoder.open}. Give `codec` (RTP) or `codecParameters` (a container's stream). */
export interface VideoDecoderOptions {
  readonly codec?: VideoCodec;
  /** Out-of-band parameter sets: Annex B for H.264 and H.265. */
  readonly extradata?: Uint8Array;
  readonly codecParameters?: CodecParameters;
  readonly arena: Arena;
  readonly clock: Clock;
  /** For events. */
  readonly stream: string;
  readonly events?: EventSink;
  /** Decoder threads, default 1. */
  readonly threads?: number;
  /** False lets threads work on several frames at once: faster for files, late by a frame per thread. Default true. */
  readonly lowDelay?: boolean;
  /** Larger pictures are not decoded: an error. Default: any size. */
  readonly limits?: IngestLimits | undefined;
  /** Drop frames that FFmpeg reports as damaged, and all up to the next keyframe. Default true. */
  readonly dropDamaged?: boolean;
}

/**
 * One video decoder. Calls run one at a time: await each before the next. Bad data never throws: it is dropped and
 * counted, and so is everything up to the next keyframe; the frame after that says `discontinuity`.
 */
export class VideoDecoder {
  readonly #context: CodecContext;
  readonly #options: VideoDecoderOptions;
  readonly #packet = new Packet();
  readonly #picture = new AvFrame();
  readonly #inside = new Map<bigint, Omit<AccessUnit, 'data'>>();
  #scaler: { context: SoftwareScaleContext; width: number; height: number; format: AVPixelFormat } | undefined;
  #sequence = 0n;
  #awaitingKeyframe = true;
  #gap = false;
  #lastPts: Micros | undefined;
  #size = { width: 0, height: 0 };
  #colour: Colour | undefined;
  #decoded = 0;
  #refused = 0;
  #busy: Promise<unknown> | undefined;
  #closed = false;

  private constructor(context: CodecContext, options: VideoDecoderOptions) {
    this.#context = context;
    this.#options = options;
    this.#packet.alloc();
    this.#picture.alloc();
  }

  /** Opens a decoder. @throws FrameliftError `source.unsupported-codec` when FFmpeg has none, `decode.failed` when it refuses the parameters. */
  static async open(options: VideoDecoderOptions): Promise<VideoDecoder> {
    Log.setLevel(AV_LOG_FATAL);
    const id = options.codecParameters?.codecId ?? (options.codec && CODEC_IDS[options.codec]);
    const codec = id === undefined ? null : Codec.findDecoder(id);
    if (!codec) {
      throw new FrameliftError('source.unsupported-codec', `no decoder for ${options.codec ?? `codec id ${id}`}`);
    }
    const context = new CodecContext();
    try {
      context.allocContext3(codec);
      if (options.codecParameters) {
        FFmpegError.throwIfError(context.parametersToContext(options.codecParameters), 'codec parameters');
      }
      if (options.extradata && options.extradata.length > 0) context.extraData = Buffer.from(options.extradata);
      context.threadCount = options.threads ?? 1;
      const lowDelay = options.lowDelay ?? true;
      if (lowDelay) context.setFlags(AV_CODEC_FLAG_LOW_DELAY);
      context.threadType = lowDelay ? FF_THREAD_SLICE : FF_THREAD_FRAME;
      if (options.limits) context.setOption('max_pixels', BigInt(maxPixels(options.limits)), AV_OPT_TYPE_INT64);
      FFmpegError.throwIfError(await context.open2(codec, null), 'opening the decoder');
    } catch (error) {
      context.freeContext();
      throw asFrameliftError(error, 'decode.failed');
    }
    return new VideoDecoder(context, options);
  }

  /** True until a keyframe was taken: at the start and after damage. A WebRTC source asks its peer for one. */
  get awaitingKeyframe(): boolean {
    return this.#awaitingKeyframe;
  }

  /** Size of the last frame, 0 × 0 before the first. */
  get size(): { readonly width: number; readonly height: number } {
    return this.#size;
  }

  /** What the last frame's samples mean, undefined before the first. The same object as long as it does not change. */
  get colour(): Colour | undefined {
    return this.#colour;
  }

  /** Frames delivered, and access units that FFmpeg refused, since opening. */
  get counts(): { readonly decoded: number; readonly refused: number } {
    return { decoded: this.#decoded, refused: this.#refused };
  }

  /**
   * Decodes one access unit. The frames that came out belong to the caller: none while the stream reorders, usually
   * one. @throws FrameliftError `decode.failed` when the decoder itself is broken (no memory), not for bad data; `source.too-large`.
   */
  decode(unit: AccessUnit): Promise<Frame[]> {
    return this.#exclusively(() => this.#decode(unit));
  }

  /** Takes out the frames that wait for reordering; the decoder then starts anew at a keyframe. */
  flush(): Promise<Frame[]> {
    return this.#exclusively(async () => {
      await this.#context.sendPacket(null);
      const frames = this.#receive();
      this.#reset();
      return frames;
    });
  }

  /** Forgets reference pictures and what waits inside: the next frame follows a keyframe and says `discontinuity`. */
  async reset(): Promise<void> {
    await this.#exclusively(async () => this.#reset());
  }

  /** Frees everything native, after the call at work. Closing twice is harmless. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#busy?.catch(() => {});
    this.#scaler?.context.freeContext();
    this.#packet.free();
    this.#picture.free();
    this.#context.freeContext();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed || this.#busy) {
      throw new FrameliftError('frame.misuse', `decoder called while ${this.#closed ? 'closed' : 'at work'}`);
    }
    const busy = work();
    this.#busy = busy;
    try {
      return await busy;
    } finally {
      this.#busy = undefined;
    }
  }

  async #decode(unit: AccessUnit): Promise<Frame[]> {
    if (unit.damaged) return this.#refuse('corrupt');
    if (unit.afterLoss) this.#loseReferences();
    if (this.#awaitingKeyframe) {
      if (!unit.keyframe) return this.#refuse('awaiting-keyframe');
      this.#awaitingKeyframe = false;
    }
    this.#enter(unit);
    const packet = this.#packet;
    // A number of our own, not the time: times may repeat or jump.
    packet.data = Buffer.from(unit.data.buffer, unit.data.byteOffset, unit.data.byteLength);
    packet.pts = this.#sequence;
    packet.dts = this.#sequence;
    packet.isKeyframe = unit.keyframe;
    const sent = await this.#context.sendPacket(packet);
    packet.unref();
    if (sent < 0 && sent !== AVERROR_EAGAIN) {
      this.#inside.delete(this.#sequence);
      this.#check(sent);
      this.#checkSize(this.#context);
      this.#refused += 1;
      const frames = this.#receive();
      this.#refuse('corrupt');
      return frames;
    }
    return this.#receive();
  }

  #enter(unit: AccessUnit): void {
    this.#sequence += 1n;
    this.#inside.set(this.#sequence, unit);
    if (this.#inside.size <= MAX_INSIDE) return;
    const [oldest] = this.#inside;
    if (!oldest) return;
    this.#inside.delete(oldest[0]);
    this.#gap ||= oldest[1].discontinuity;
  }

  #refuse(reason: DropReason): Frame[] {
    this.#gap = true;
    this.#drop(reason);
    if (reason === 'corrupt') this.#loseReferences();
    return [];
  }

  #loseReferences(): void {
    if (this.#awaitingKeyframe) return;
    this.#reset();
  }

  #reset(): void {
    this.#context.flushBuffers();
    this.#inside.clear();
    this.#awaitingKeyframe = true;
    this.#gap = true;
  }

  /** Every frame that is ready. Cheap: FFmpeg decoded in sendPacket. */
  #receive(): Frame[] {
    const frames: Frame[] = [];
    for (;;) {
      const code = this.#context.receiveFrameSync(this.#picture);
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return frames;
      if (code < 0) {
        this.#check(code);
        this.#refused += 1;
        this.#drop('corrupt');
        this.#loseReferences();
        return frames;
      }
      try {
        const frame = this.#take();
        if (frame) frames.push(frame);
      } finally {
        this.#picture.unref();
      }
    }
  }

  /** The decoded picture as a frame in the arena, or undefined when it is dropped. */
  #take(): Frame | undefined {
    const picture = this.#picture;
    const unit = this.#inside.get(picture.pts);
    if (!unit) return undefined;
    this.#inside.delete(picture.pts);
    const damaged = picture.decodeErrorFlags !== 0 || picture.hasFlags(AV_FRAME_FLAG_CORRUPT);
    // A damaged keyframe is shown: where intra refresh stands in for keyframes, nothing better will come.
    if (damaged && !unit.keyframe && (this.#options.dropDamaged ?? true)) {
      this.#drop('corrupt');
      this.#loseReferences();
      return undefined;
    }
    this.#checkSize(picture);
    const { width, height } = picture;
    const { pts, arrival, capture } = unit;
    const resized = width !== this.#size.width || height !== this.#size.height;
    const discontinuity = unit.discontinuity || this.#gap || resized;
    if (!discontinuity && this.#lastPts !== undefined && pts <= this.#lastPts) {
      this.#gap = true;
      this.#drop('late');
      return undefined;
    }
    const frame = this.#allocate(width, height, { pts, arrival, capture, discontinuity, provenance: SOURCE });
    if (!frame) return undefined;
    try {
      this.#fill(frame, picture);
    } catch (error) {
      frame.release();
      throw asFrameliftError(error, 'decode.failed');
    }
    this.#gap = false;
    this.#lastPts = pts;
    this.#size = { width, height };
    this.#noteColour(picture);
    this.#decoded += 1;
    const { events, stream, clock } = this.#options;
    events?.emit({ type: 'stage', stream, stage: 'decode', span: minus(clock.now(), arrival) });
    return frame;
  }

  #noteColour(picture: AvFrame): void {
    const full = picture.format === AV_PIX_FMT_YUVJ420P || picture.colorRange === AVCOL_RANGE_JPEG;
    const space = picture.colorSpace;
    // Untagged video is BT.709 in high definition and BT.601 below, as players guess.
    const untagged = space !== AVCOL_SPC_BT709 && space !== AVCOL_SPC_SMPTE170M && space !== AVCOL_SPC_BT470BG;
    const matrix = space === AVCOL_SPC_BT709 || (untagged && picture.height >= 720) ? 'bt709' : 'bt601';
    const range = full ? 'full' : 'limited';
    if (this.#colour?.matrix !== matrix || this.#colour.range !== range) this.#colour = { matrix, range };
  }

  #allocate(width: number, height: number, info: FrameInfo): Frame | undefined {
    try {
      return Frame.allocate(this.#options.arena, width, height, info);
    } catch (error) {
      if (!(error instanceof FrameliftError && error.code === 'arena.full')) throw error;
      this.#gap = true;
      this.#drop('arena-full');
      return undefined;
    }
  }

  #fill(frame: Frame, picture: AvFrame): void {
    const planes = picture.data;
    if (!planes) throw new FrameliftError('decode.failed', 'the decoder gave a frame without pixels');
    const { layout, bytes } = frame;
    const { strideY, strideC } = layout;
    const y = bytes.subarray(layout.y, layout.u);
    const u = bytes.subarray(layout.u, layout.v);
    const v = bytes.subarray(layout.v);
    const strides = picture.linesize;
    if (picture.format === AV_PIX_FMT_YUV420P || picture.format === AV_PIX_FMT_YUVJ420P) {
      copyPlane(y, strideY, planes[0], strides[0], layout.width, layout.height);
      copyPlane(u, strideC, planes[1], strides[1], layout.chromaWidth, layout.chromaHeight);
      copyPlane(v, strideC, planes[2], strides[2], layout.chromaWidth, layout.chromaHeight);
    } else {
      const scaler = this.#scalerFor(picture);
      const targets = [y, u, v].map((plane) => Buffer.from(plane.buffer, plane.byteOffset, plane.byteLength));
      const rows = scaler.scaleSync(planes, strides, 0, picture.height, targets, [strideY, strideC, strideC]);
      FFmpegError.throwIfError(rows, 'conversion to I420');
    }
    detachPlanes(planes);
  }

  #scalerFor(picture: AvFrame): SoftwareScaleContext {
    const { width, height } = picture;
    // A decoded video frame has a pixel format; the type also covers audio.
    const format = picture.format as AVPixelFormat;
    const old = this.#scaler;
    if (old && old.width === width && old.height === height && old.format === format) return old.context;
    old?.context.freeContext();
    const context = new SoftwareScaleContext();
    context.getContext(width, height, format, width, height, AV_PIX_FMT_YUV420P, SWS_BICUBIC);
    this.#scaler = { context, width, height, format };
    return context;
  }

  /** @throws FrameliftError `source.too-large`. Of a picture that FFmpeg refused, the decoder knows the size. */
  #checkSize({ width, height }: { readonly width: number; readonly height: number }): void {
    const excess = this.#options.limits && sizeExcess(this.#options.limits, width, height);
    if (excess) throw excess;
  }

  #check(code: number): void {
    if (code !== AVERROR_ENOMEM) return;
    throw new FrameliftError('decode.failed', 'the decoder ran out of memory', { recoverable: true });
  }

  #drop(reason: DropReason): void {
    (this.#options.events ?? noEvents).emit({ type: 'drop', stream: this.#options.stream, stage: 'decode', reason });
  }
}
