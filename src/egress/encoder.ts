/** Encoding: frames in, H.264 access units out, nothing held back. The only adapter of node-av's encoder. */

import {
  AV_LOG_FATAL,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_SMPTE170M,
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
import { BoundedQueue } from '../bounded-queue.ts';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import type { Colour } from '../media/colour.ts';
import { detachPlanes, type Frame, type FrameInfo } from '../media/frame.ts';
import type { DropReason } from '../metrics/events.ts';
import { type Clock, fromMs, type Micros, micros, minus, plus } from '../time.ts';
import { RateMeter } from './bitrate.ts';
import type { EncodedUnit } from './viewer.ts';

/** Why a frame became no access unit. */
export type EncodeDrop = Extract<DropReason, 'queue-full' | 'encode-failed' | 'stopped'>;

/** Options of {@link VideoEncoder}. */
export interface VideoEncoderOptions {
  readonly clock: Clock;
  /** Nominal rate; the real one is measured. */
  readonly fps: number;
  /** Bits per second. */
  readonly bitrate: number;
  readonly colour?: Colour;
  /** Access units, in order; `span` is from {@link VideoEncoder.encode} to now. */
  readonly onAccessUnit: (unit: EncodedUnit, span: Micros) => void;
  /** A frame was given up, released already: the encoder is behind, has failed, or was closed. */
  readonly onDrop: (reason: EncodeDrop) => void;
  /** Encoding failed; the encoder opens anew with a later frame. */
  readonly onError: (error: FrameliftError) => void;
}

interface Job {
  readonly frame: Frame;
  readonly due: Micros;
  readonly queued: Micros;
}

/** Frames that may wait while one is encoded. */
const QUEUE_CAPACITY = 3;
/** An IDR at least this often, for players that never ask. */
const SAFETY_GOP = fromMs(2000);
/** Rate-control buffer in seconds: how far one picture may exceed its share. Small = little delay, large = better keyframes. */
const VBV_SECONDS = 0.4;
/** After a failure no attempt is made for this long. */
const FAILURE_PAUSE = fromMs(1000);
/** Two frames are shown at least this far apart, whatever they were due. */
const MIN_STEP = micros(1000);
/** x264 refuses smaller pictures. */
const MIN_SIDE = 16;

/** Zero-latency H.264, constrained baseline: no B-frames, no lookahead, one slice, one thread. One frame in gives one access unit out. */
export class VideoEncoder {
  readonly #options: VideoEncoderOptions;
  readonly #queue: BoundedQueue<Job>;
  readonly #rate: RateMeter;
  #bitrate: number;
  #session: Session | undefined;
  #keyframeWanted = true;
  #keyframeDue: Micros | undefined;
  #lastDue: Micros | undefined;
  #pausedUntil: Micros | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: VideoEncoderOptions) {
    this.#options = options;
    this.#bitrate = options.bitrate;
    this.#rate = new RateMeter(options.fps);
    this.#queue = new BoundedQueue(QUEUE_CAPACITY, 'drop-oldest', (job) => {
      job.frame.release();
      options.onDrop(this.#closed ? 'stopped' : 'queue-full');
    });
  }

  /** Encodes `frame`, shown at `due`; takes ownership. Never blocks: when the encoder is behind, the oldest waiting frame is dropped. */
  encode(frame: Frame, due: Micros): void {
    if (this.#closed) {
      frame.release();
      return;
    }
    this.#queue.push({ frame, due, queued: this.#options.clock.now() });
    this.#running ??= this.#run();
  }

  /** Makes the next frame an IDR. */
  requestKeyframe(): void {
    this.#keyframeWanted = true;
  }

  /** Changes the bitrate from the next frame on, bits per second. */
  setBitrate(bitsPerSecond: number): void {
    this.#bitrate = bitsPerSecond;
  }

  get bitrate(): number {
    return this.#bitrate;
  }

  /** Frames waiting, and how many may. */
  get depth(): number {
    return this.#queue.length;
  }

  get capacity(): number {
    return QUEUE_CAPACITY;
  }

  /** Drops what waits, waits for the frame at work, frees everything. Closing twice is harmless. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.clear();
    await this.#running;
    this.#session?.free();
    this.#session = undefined;
  }

  async #run(): Promise<void> {
    try {
      for (let job = this.#queue.shift(); job; job = this.#queue.shift()) await this.#encodeOne(job);
    } finally {
      this.#running = undefined;
    }
  }

  async #encodeOne({ frame, due, queued }: Job): Promise<void> {
    const { clock, onAccessUnit, onError, onDrop } = this.#options;
    if (this.#pausedUntil !== undefined && clock.now() < this.#pausedUntil) {
      frame.release();
      onDrop('encode-failed');
      return;
    }
    const { pts, arrival, capture, provenance } = frame;
    const earliest = this.#lastDue === undefined ? due : plus(this.#lastDue, MIN_STEP);
    const shown = due < earliest ? earliest : due;
    this.#lastDue = shown;
    let unit: EncodedUnit | undefined;
    try {
      unit = await this.#encodeOwned(frame, shown, { pts, arrival, capture, provenance });
    } catch (thrown) {
      this.#session?.free();
      this.#session = undefined;
      this.#pausedUntil = plus(clock.now(), FAILURE_PAUSE);
      onError(asFrameliftError(thrown, 'encode.failed'));
      onDrop('encode-failed');
    }
    if (unit && !this.#closed) onAccessUnit(unit, minus(unit.encoded, queued));
  }

  async #encodeOwned(
    frame: Frame,
    due: Micros,
    info: Omit<FrameInfo, 'discontinuity'>,
  ): Promise<EncodedUnit | undefined> {
    let keyframe = false;
    try {
      const session = await this.#sessionFor(frame.width, frame.height);
      const overdue = this.#keyframeDue !== undefined && minus(due, this.#keyframeDue) >= SAFETY_GOP;
      keyframe = this.#keyframeWanted || overdue;
      session.load(frame);
    } finally {
      frame.release();
    }
    const session = this.#session;
    if (!session) return undefined;
    this.#keyframeWanted = false;
    session.setRate(this.#bitrate * (this.#options.fps / this.#rate.observe(due)), this.#bitrate);
    const packet = await session.encode(keyframe);
    if (!packet) return undefined;
    if (packet.keyframe) this.#keyframeDue = due;
    return { ...packet, ...info, due, encoded: this.#options.clock.now() };
  }

  async #sessionFor(width: number, height: number): Promise<Session> {
    if (this.#session?.width === width && this.#session.height === height) return this.#session;
    this.#session?.free();
    this.#session = undefined;
    const session = new Session(width, height);
    try {
      await session.open(this.#options, this.#bitrate);
    } catch (error) {
      session.free();
      throw error;
    }
    this.#session = session;
    this.#keyframeWanted = true;
    return session;
  }
}

/** One libx264 instance for one picture size. */
class Session {
  readonly width: number;
  readonly height: number;
  readonly #context = new CodecContext();
  readonly #picture = new AvFrame();
  readonly #packet = new Packet();
  #strides: number[] = [];
  #count = 0n;
  #rate = 0;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
  }

  async open(options: VideoEncoderOptions, bitrate: number): Promise<void> {
    Log.setLevel(AV_LOG_FATAL);
    const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264);
    if (!codec) throw new FrameliftError('encode.failed', 'the FFmpeg that node-av carries has no libx264');
    if (Math.min(this.width, this.height) < MIN_SIDE) {
      throw new FrameliftError('encode.failed', `picture ${this.width}x${this.height} is smaller than 16x16`);
    }
    const rate = Math.round(options.fps * 1000);
    const context = this.#context;
    context.allocContext3(codec);
    // 4:2:0 H.264 codes even sizes: the last row or column of an odd picture is left out.
    context.width = this.width & ~1;
    context.height = this.height & ~1;
    context.pixelFormat = AV_PIX_FMT_YUV420P;
    context.timeBase = new Rational(1000, rate);
    context.framerate = new Rational(rate, 1000);
    context.gopSize = 1 << 30;
    context.maxBFrames = 0;
    context.threadCount = 1;
    if (options.colour) {
      context.colorSpace = options.colour.matrix === 'bt709' ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
      context.colorRange = options.colour.range === 'full' ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    }
    this.setRate(bitrate, bitrate);
    const settings = Dictionary.fromObject({
      // The quickest preset with its loop filter put back: three quarters of the time of `superfast` for 0.2 to 0.5 dB less (docs/measurements.md).
      preset: 'ultrafast',
      'x264-params': 'no-deblock=0:deblock=0,0',
      tune: 'zerolatency',
      profile: 'baseline',
      'forced-idr': '1',
      sc_threshold: '0',
    });
    try {
      FFmpegError.throwIfError(await context.open2(codec, settings), 'libx264 did not open');
    } finally {
      settings.free();
    }
    this.#packet.alloc();
    this.#picture.alloc();
    this.#picture.format = AV_PIX_FMT_YUV420P;
    this.#picture.width = this.width & ~1;
    this.#picture.height = this.height & ~1;
    FFmpegError.throwIfError(this.#picture.getBuffer(64), 'no memory for the picture');
    this.#strides = this.#picture.linesize;
  }

  /** x264 counts frames, not time: `perNominalSecond` is the rate at the nominal frame rate, `perSecond` the real one. Cheap when nothing changed. */
  setRate(perNominalSecond: number, perSecond: number): void {
    const rate = Math.round(perNominalSecond);
    if (rate === this.#rate) return;
    this.#rate = rate;
    this.#context.bitRate = BigInt(rate);
    this.#context.rcMaxRate = BigInt(rate);
    this.#context.rcBufferSize = Math.round(perSecond * VBV_SECONDS);
  }

  /** Copies the planes in; the strides of arena and FFmpeg mostly agree, then it is one copy per plane. */
  load(frame: Frame): void {
    FFmpegError.throwIfError(this.#picture.makeWritable(), 'no memory for the picture');
    const planes = this.#picture.data;
    const { layout, bytes } = frame;
    const [y, u, v] = planes ?? [];
    if (!y || !u || !v) throw new FrameliftError('encode.failed', 'FFmpeg gave a picture without planes');
    const rows = this.height & ~1;
    const columns = this.width & ~1;
    fill(y, this.#strides[0] ?? 0, bytes, layout.y, layout.strideY, columns, rows);
    fill(u, this.#strides[1] ?? 0, bytes, layout.u, layout.strideC, columns >> 1, rows >> 1);
    fill(v, this.#strides[2] ?? 0, bytes, layout.v, layout.strideC, columns >> 1, rows >> 1);
    detachPlanes([y, u, v]);
  }

  async encode(keyframe: boolean): Promise<{ data: Buffer; keyframe: boolean } | undefined> {
    this.#picture.pts = this.#count++;
    this.#picture.pictType = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    FFmpegError.throwIfError(await this.#context.sendFrame(this.#picture), 'libx264 refused a frame');
    // The picture is coded within sendFrame; this only fetches it.
    const code = this.#context.receivePacketSync(this.#packet);
    if (code === AVERROR_EAGAIN) return undefined;
    FFmpegError.throwIfError(code, 'libx264 gave no packet');
    const { data, isKeyframe } = this.#packet;
    const copy = data ? Buffer.from(data) : undefined;
    this.#packet.unref();
    return copy && { data: copy, keyframe: isKeyframe };
  }

  free(): void {
    this.#packet.free();
    this.#picture.free();
    this.#context.freeContext();
  }
}

function fill(
  to: Buffer,
  toStride: number,
  from: Uint8Array,
  at: number,
  fromStride: number,
  width: number,
  rows: number,
): void {
  if (toStride === fromStride) {
    to.set(from.subarray(at, at + (rows - 1) * fromStride + width), 0);
    return;
  }
  for (let row = 0; row < rows; row += 1) {
    const start = at + row * fromStride;
    to.set(from.subarray(start, start + width), row * toStride);
  }
}
