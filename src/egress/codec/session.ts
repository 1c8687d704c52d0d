/**
 * An encoder by way of node-av: one frame in, one access unit out. The only adapter of node-av's codecs
 * for live output.
 */

import {
  AV_FRAME_DATA_SEI_UNREGISTERED,
  AV_LOG_FATAL,
  AV_LOG_WARNING,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_YUV420P,
  AVERROR_EAGAIN,
  type AVHWDeviceType,
  Frame as AvFrame,
  Codec,
  CodecContext,
  Dictionary,
  FFmpegError,
  type FFVideoEncoder,
  Log,
  Packet,
  Rational,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import { copyPlane } from '../../media/copy-plane.ts';
import { detachPlanes, type Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { type Micros, minus } from '../../time.ts';
import { markBytes } from '../marks/mark.ts';
import { userDataNal, withNal } from '../marks/user-data.ts';
import { DeviceMemory } from './device-memory.ts';
import { tag } from './tags.ts';

/**
 * Rate-control buffer in seconds: how far one frame may exceed its share. Small = little delay,
 * large = better keyframes.
 */
const VBV_SECONDS = 0.4;
/** An encoder that cannot change its rate is opened anew, with a keyframe, when it should fall or rise by these shares. */
const [FALL, RISE] = [0.1, 0.25];
/** What it counts frames by that are told their times, units a second. */
const TIME_BASE = 1_000_000;

/** How one of FFmpeg's encoders is used. */
export interface Library {
  /** FFmpeg's name of it. */
  readonly encoder: FFVideoEncoder;
  /** Samples of the shorter side at least: it refuses smaller frames. */
  readonly minSide: number;
  /** Its own settings. */
  readonly settings: (options: SessionOptions) => Readonly<Record<string, string>>;
  /** Marks of frames: it writes them itself, or they are put into what it gives. Default: there are none. */
  readonly userData?: 'taken' | 'inserted';
  /** Settings that all encoders have. Default: none beside those that are the same for all. */
  readonly prepare?: (context: CodecContext) => void;
  /** How it takes chroma: in two planes, or in one, in turns. */
  readonly pixels: 'yuv420p' | 'nv12';
  /** It takes frames from the memory of such a device alone. Default: from this one. */
  readonly device?: AVHWDeviceType;
  /**
   * How it knows how fast frames come: it counts them, and is told what rate that means, or it is told the time of
   * each.
   */
  readonly counts: 'frames' | 'time';
  /** It keeps the rate that it was opened with. Default: it follows. */
  readonly fixedRate?: boolean;
}

/** Options of {@link CodecSession.open}. */
export interface SessionOptions {
  /** Nominal rate. */
  readonly fps: number;
  /** Bits per second. */
  readonly bitrate: number;
  readonly traits?: PictureTraits | undefined;
  /** Bytes of a slice at most; undefined = one slice a frame. */
  readonly maxSlice?: number | undefined;
  /** Rate-control buffer in seconds. Default 0.4. */
  readonly buffer?: number | undefined;
  /** FFmpeg says on standard error what is wrong. Default false. */
  readonly loud?: boolean | undefined;
}

/** One instance of an encoder for one frame size: zero latency. Not for two calls at a time. */
export class CodecSession {
  readonly width: number;
  readonly height: number;
  readonly #context = new CodecContext();
  readonly #frame = new AvFrame();
  readonly #packet = new Packet();
  #strides: number[] = [];
  readonly #library: Library;
  #device: DeviceMemory | undefined;
  #mark: Buffer = Buffer.alloc(0);
  #count = 0n;
  #first: Micros | undefined;
  #rate = 0;
  #buffer = VBV_SECONDS;

  constructor(library: Library, width: number, height: number) {
    this.#library = library;
    this.width = width;
    this.height = height;
  }

  /**
   * Opens the encoder; free it, even when this fails.
   * @throws FrameliftError `encode.failed`, and what FFmpeg throws.
   */
  async open(options: SessionOptions): Promise<void> {
    const { fps, bitrate, traits, buffer = VBV_SECONDS, loud = false } = options;
    Log.setLevel(loud ? AV_LOG_WARNING : AV_LOG_FATAL);
    const { encoder, minSide, pixels, counts, prepare } = this.#library;
    const codec = Codec.findEncoderByName(encoder);
    if (!codec) throw new FrameliftError('encode.failed', `the FFmpeg that node-av carries has no ${encoder}`);
    if (Math.min(this.width, this.height) < minSide) {
      const size = `${this.width}x${this.height}`;
      throw new FrameliftError('encode.failed', `a frame of ${size} is smaller than ${minSide}x${minSide}`);
    }
    const rate = Math.round(fps * 1000);
    const context = this.#context;
    context.allocContext3(codec);
    // 4:2:0 H.264 codes even sizes: the last row or column of an odd frame is left out.
    context.width = this.width & ~1;
    context.height = this.height & ~1;
    const format = pixels === 'nv12' ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
    context.pixelFormat = format;
    context.timeBase = counts === 'time' ? new Rational(1, TIME_BASE) : new Rational(1000, rate);
    context.framerate = new Rational(rate, 1000);
    context.gopSize = 1 << 30;
    context.maxBFrames = 0;
    context.threadCount = 1;
    if (traits) tag(context, traits);
    this.#buffer = buffer;
    this.#apply(Math.round(bitrate), bitrate);
    prepare?.(context);
    this.#device = DeviceMemory.open(this.#library, context);
    const settings = Dictionary.fromObject({ ...this.#library.settings(options) });
    try {
      FFmpegError.throwIfError(await context.open2(codec, settings), `${encoder} did not open`);
    } finally {
      settings.free();
    }
    this.#packet.alloc();
    this.#frame.alloc();
    this.#frame.format = format;
    this.#frame.width = this.width & ~1;
    this.#frame.height = this.height & ~1;
    FFmpegError.throwIfError(this.#frame.getBuffer(64), 'no memory for the frame');
    this.#strides = this.#frame.linesize;
  }

  /**
   * `perNominalSecond` is the rate at the nominal frame rate, which counts where frames are counted;
   * `perSecond` the real one. Cheap when nothing changed.
   * @returns false where the encoder cannot change its rate so far: another one has to be opened.
   */
  setRate(perNominalSecond: number, perSecond: number): boolean {
    const { counts, fixedRate } = this.#library;
    const rate = Math.round(counts === 'time' ? perSecond : perNominalSecond);
    if (fixedRate) return rate >= this.#rate * (1 - FALL) && rate <= this.#rate * (1 + RISE);
    if (rate !== this.#rate) this.#apply(rate, perSecond);
    return true;
  }

  #apply(rate: number, perSecond: number): void {
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
    if (this.#library.userData) this.#mark = markBytes(frame);
    const { layout, bytes } = frame;
    const [y, u, v] = this.#frame.data ?? [];
    const [strideY = 0, strideU = 0, strideV = 0] = this.#strides;
    const [columns, rows] = [this.width & ~1, this.height & ~1];
    if (this.#library.pixels === 'nv12' && y && u) {
      copyPlane(y, strideY, bytes.subarray(layout.y, layout.u), layout.strideY, columns, rows);
      interleave(u, strideU, frame, columns >> 1, rows >> 1);
      detachPlanes([y, u]);
      return;
    }
    if (!y || !u || !v) throw new FrameliftError('encode.failed', 'FFmpeg gave a frame without planes');
    copyPlane(y, strideY, bytes.subarray(layout.y, layout.u), layout.strideY, columns, rows);
    copyPlane(u, strideU, bytes.subarray(layout.u, layout.v), layout.strideC, columns >> 1, rows >> 1);
    copyPlane(v, strideV, bytes.subarray(layout.v), layout.strideC, columns >> 1, rows >> 1);
    detachPlanes([y, u, v]);
    if (this.#library.userData !== 'taken') return;
    const mark = this.#mark;
    this.#frame.removeSideData(AV_FRAME_DATA_SEI_UNREGISTERED);
    this.#frame.newSideData(AV_FRAME_DATA_SEI_UNREGISTERED, mark.length).set(mark);
  }

  /** Encodes what was loaded. @param due when it is shown; rising. @param keyframe decodable by itself. @throws what FFmpeg throws. */
  async encode(due: Micros, keyframe: boolean): Promise<{ data: Buffer; keyframe: boolean } | undefined> {
    const { encoder, counts } = this.#library;
    this.#first ??= due;
    this.#frame.pts = counts === 'time' ? BigInt(minus(due, this.#first)) : this.#count++;
    this.#frame.pictType = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    const frame = (await this.#device?.take(this.#frame)) ?? this.#frame;
    FFmpegError.throwIfError(await this.#context.sendFrame(frame), `${encoder} refused a frame`);
    // libx264 and libvpx code it within sendFrame; of hardware the worker thread waits for it.
    const code = this.#context.receivePacketSync(this.#packet);
    if (code === AVERROR_EAGAIN) return undefined;
    FFmpegError.throwIfError(code, `${encoder} gave no packet`);
    const { data: packet, isKeyframe } = this.#packet;
    const copy = packet ? Buffer.from(packet) : undefined;
    this.#packet.unref();
    if (!copy) return undefined;
    const data = this.#library.userData === 'inserted' ? withNal(copy, userDataNal(this.#mark, 'h264'), 'h264') : copy;
    return { data, keyframe: isKeyframe };
  }

  /** Frees everything; the session cannot be used any more. */
  free(): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
    this.#device?.free();
    this.#device = undefined;
  }
}

/** Both planes of chroma into one, in turns. */
function interleave(to: Uint8Array, stride: number, { bytes, layout }: Frame, columns: number, rows: number): void {
  for (let row = 0; row < rows; row += 1) {
    const [u, v, out] = [layout.u + row * layout.strideC, layout.v + row * layout.strideC, row * stride];
    for (let x = 0; x < columns; x += 1) {
      to[out + 2 * x] = bytes[u + x]!;
      to[out + 2 * x + 1] = bytes[v + x]!;
    }
  }
}
