/** Decoding: access units in, I420 frames in the arena out. RTSP, WHIP and files share it. */
import {
  AV_CODEC_FLAG_OUTPUT_CORRUPT,
  AV_FRAME_FLAG_CORRUPT,
  AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL,
  AVERROR_EAGAIN,
  AVERROR_ENOMEM,
  AVERROR_EOF,
  Frame as AvFrame,
  avGetCodecName,
  type CodecContext,
  FFmpegError,
  Packet,
} from 'node-av';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { AccessUnit, CodedPicture } from '../../media/access-unit.ts';
import { fitsI420 } from '../../media/deep-layout.ts';
import { Frame, type FrameInfo, SOURCE } from '../../media/frame.ts';
import { type PictureTraits, sameTraits } from '../../media/picture-traits.ts';
import { type DropReason, noEvents } from '../../metrics/events.ts';
import { type Micros, micros, minus, ZERO } from '../../time.ts';
import { sizeExcess } from '../limits.ts';
import { openCodecContext } from './codec-context.ts';
import type { VideoDecoderOptions } from './decoder-options.ts';
import { DeepWriter } from './deep-writer.ts';
import { Deinterlacer, type FrameStamp } from './deinterlacer.ts';
import { I420Writer, traitsOf } from './i420-writer.ts';
import { InFlight } from './in-flight.ts';
import { Reordering } from './reordering.ts';
import { formOf, storedTraits } from './stored.ts';
import { UnitCounter } from './unit-counter.ts';

/** Units that a decoder may take before its first frame: 16 held back to put them in order. */
const MAX_SILENT = 17;
/** Errors in a row after which nothing more is expected of a decoder that conceals. */
const MAX_ERRORS = 64;
const NO_BYTES = new Uint8Array(0);

/**
 * One video decoder. Calls run one at a time: await each before the next. Bad data never throws: it
 * is dropped and counted, and so is everything up to the next keyframe; the frame after that says
 * `discontinuity`.
 */
export class VideoDecoder {
  readonly #context: CodecContext;
  readonly #options: VideoDecoderOptions;
  readonly #packet = new Packet();
  /** The frame that comes out of FFmpeg. */
  readonly #decoded = new AvFrame();
  readonly #inFlight = new InFlight();
  readonly #writer = new I420Writer();
  readonly #deepWriter = new DeepWriter();
  #awaitingKeyframe = true;
  #gap = false;
  /** When the unit came that is being decoded: what it sets free could not be known before. */
  #now: Micros = ZERO;
  readonly #reordering = new Reordering();
  #lastPts: Micros | undefined;
  #size = { width: 0, height: 0 };
  #traits: PictureTraits | undefined;
  #delivered = 0;
  #refused = 0;
  /** FFmpeg's code. */
  #lastRefusal: number | undefined;
  /** Units since the first keyframe that gave no frame, before the first one came. */
  #silent = 0;
  #busy: Promise<unknown> | undefined;
  #closed = false;
  readonly #fields: Deinterlacer | undefined;
  readonly #units = new UnitCounter();
  /** The unit being decoded, while its bytes are wanted. */
  #coded: { readonly id: bigint; readonly picture: CodedPicture } | undefined;

  private constructor(context: CodecContext, options: VideoDecoderOptions) {
    this.#context = context;
    this.#options = options;
    const { deinterlace = 'off', lowDelay = true } = options;
    if (deinterlace !== 'off') this.#fields = new Deinterlacer({ choice: deinterlace, hold: !lowDelay });
    this.#packet.alloc();
    this.#decoded.alloc();
  }

  /**
   * Opens a decoder.
   * @throws FrameliftError `source.unsupported-codec` when FFmpeg has none, `decode.failed` when it
   * refuses the parameters.
   */
  static async open(options: VideoDecoderOptions): Promise<VideoDecoder> {
    const context = await openCodecContext(options);
    const { log, threads = 1, lowDelay = true, extradata } = options;
    const codec = options.codec ?? avGetCodecName(context.codecId);
    log?.debug({ codec, threads, lowDelay, parameterSetBytes: extradata?.length ?? 0 }, 'decoder opened');
    return new VideoDecoder(context, options);
  }

  /**
   * True until a keyframe was taken: at the start and after damage. A WebRTC source asks its peer
   * for one.
   */
  get awaitingKeyframe(): boolean {
    return this.#awaitingKeyframe;
  }

  /** Size of the last frame, 0 × 0 before the first. */
  get size(): { readonly width: number; readonly height: number } {
    return this.#size;
  }

  /**
   * What the last frame is beside its size, undefined before the first. The same object as long as
   * it does not change.
   */
  get traits(): PictureTraits | undefined {
    return this.#traits;
  }

  /** Frames that the stream has in another order than it is shown in, so that each waits for so many. */
  get reordered(): number {
    return this.#reordering.frames;
  }

  /** Frames delivered, and access units that FFmpeg refused, since opening. */
  get counts(): { readonly decoded: number; readonly refused: number } {
    return { decoded: this.#delivered, refused: this.#refused };
  }

  /**
   * Decodes one access unit. The frames that came out belong to the caller: none while the stream
   * reorders, usually one. @throws FrameliftError `decode.failed` when the decoder itself is broken
   * (no memory), not for bad data; `source.too-large`.
   */
  decode(unit: AccessUnit): Promise<Frame[]> {
    return this.#exclusively(() => this.#decode(unit));
  }

  /** Takes out the frames that wait for reordering; the decoder then starts anew at a keyframe. */
  flush(): Promise<Frame[]> {
    return this.#exclusively(async () => {
      await this.#context.sendPacket(null);
      const frames = this.#receive();
      this.#fields?.end((picture, stamp) => this.#finish(picture, stamp, frames));
      this.#reset();
      return frames;
    });
  }

  /**
   * Forgets reference frames and what waits inside: the next frame follows a keyframe and says
   * `discontinuity`.
   */
  async reset(): Promise<void> {
    await this.#exclusively(async () => this.#reset());
  }

  /** Frees everything native, after the call at work. Closing twice is harmless. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#busy?.catch(() => {});
    this.#writer.close();
    this.#fields?.reset();
    this.#deepWriter.close();
    this.#packet.free();
    this.#decoded.free();
    this.#context.freeContext();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #conceals(): boolean {
    return this.#options.damage === 'conceal';
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
    const conceals = this.#conceals;
    const serial = this.#units.next(unit);
    if (unit.damaged && !conceals) return this.#refuse('corrupt');
    if (unit.afterLoss) this.#loseReferences();
    if (unit.keyframe) this.#awaitingKeyframe = false;
    if (this.#awaitingKeyframe && !conceals) return this.#refuse('awaiting-keyframe');
    if (conceals) this.#expectFrame();
    this.#now = unit.arrival;
    const { id, forgotten } = this.#inFlight.enter(unit);
    if (forgotten?.discontinuity) this.#gap = true;
    this.#coded = this.#options.keepCoded ? { id, picture: this.#codedPicture(unit, serial) } : undefined;
    const packet = this.#packet;
    packet.data = Buffer.from(unit.data.buffer, unit.data.byteOffset, unit.data.byteLength);
    packet.pts = id;
    packet.dts = id;
    packet.isKeyframe = unit.keyframe;
    if (unit.alpha) packet.addSideData(AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL, Buffer.from(unit.alpha));
    const sent = await this.#context.sendPacket(packet);
    packet.unref();
    if (sent < 0 && sent !== AVERROR_EAGAIN) {
      this.#inFlight.leave(id);
      this.#check(sent);
      this.#checkSize(this.#context);
      this.#countRefused(sent);
      const frames = this.#receive();
      // What a recording has before its first keyframe is no damage.
      if (!conceals) this.#refuse('corrupt');
      else if (!this.#awaitingKeyframe) this.#options.onDamage?.('unit', unit.pts);
      return frames;
    }
    return this.#receive();
  }

  /** Each new reason is told in the log. */
  #countRefused(code: number): void {
    this.#refused += 1;
    if (code === this.#lastRefusal) return;
    this.#lastRefusal = code;
    this.#options.log?.debug({ reason: FFmpegError.strerror(code) }, 'FFmpeg refuses an access unit');
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
    this.#inFlight.clear();
    this.#fields?.reset();
    this.#awaitingKeyframe = true;
    this.#gap = true;
  }

  /** Every frame that is ready. Cheap: FFmpeg decoded in sendPacket. */
  #receive(): Frame[] {
    const frames: Frame[] = [];
    let errors = 0;
    for (;;) {
      const code = this.#context.receiveFrameSync(this.#decoded);
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) {
        if (frames.length > 0) this.#reordering.observe(this.#inFlight.depth);
        return frames;
      }
      if (code < 0) {
        this.#check(code);
        this.#countRefused(code);
        if (this.#conceals && ++errors < MAX_ERRORS) continue;
        this.#drop('corrupt');
        this.#loseReferences();
        return frames;
      }
      try {
        this.#take(frames);
      } finally {
        this.#decoded.unref();
      }
    }
  }

  /** Brings the decoded frame into the arena, as one picture or two, unless it is dropped. */
  #take(frames: Frame[]): void {
    const decoded = this.#decoded;
    const unit = this.#inFlight.leave(decoded.pts);
    if (!unit) return;
    const damaged = decoded.decodeErrorFlags !== 0 || decoded.hasFlags(AV_FRAME_FLAG_CORRUPT);
    // A damaged keyframe is shown: where intra refresh stands in for keyframes, nothing better will
    // come.
    if (damaged && !unit.keyframe && !this.#conceals) {
      this.#drop('corrupt');
      this.#loseReferences();
      return;
    }
    if (this.#conceals) this.#noteConcealed(damaged, unit.pts);
    this.#checkSize(decoded);
    const coded = this.#coded?.id === decoded.pts && !damaged ? this.#coded.picture : undefined;
    if (!this.#fields) this.#finish(decoded, unit, frames, coded);
    else {
      this.#fields.push(decoded, unit, (picture, stamp) =>
        this.#finish(picture, stamp, frames, stamp === unit ? coded : undefined),
      );
    }
  }

  #codedPicture({ data }: AccessUnit, serial: number): CodedPicture {
    return { data, serial, parameterSets: this.#options.extradata ?? NO_BYTES };
  }

  /** Adds a picture to `frames`, unless it is dropped. */
  #finish(decoded: AvFrame, unit: FrameStamp, frames: Frame[], coded?: CodedPicture): void {
    const { width, height } = decoded;
    const { pts, capture } = unit;
    // It leaves when a later unit made it the next to be shown: not before that one had come.
    const arrival = micros(Math.max(unit.arrival, this.#now));
    const resized = width !== this.#size.width || height !== this.#size.height;
    const discontinuity = unit.discontinuity || this.#gap || resized;
    const { dropLate = true } = this.#options;
    if (dropLate && !discontinuity && this.#lastPts !== undefined && pts <= this.#lastPts) {
      this.#gap = true;
      this.#drop('late');
      return;
    }
    const frame = this.#copy(decoded, { pts, arrival, capture, discontinuity, provenance: SOURCE, coded });
    if (!frame) return;
    frames.push(frame);
    this.#gap = false;
    this.#lastPts = pts;
    this.#size = { width, height };
    this.#noteTraits(decoded);
    if (resized) this.#options.log?.debug({ width, height, ...this.#traits }, 'frames have this size');
    this.#delivered += 1;
    const { events, stream, clock } = this.#options;
    events?.emit({ type: 'stage', stream, stage: 'decode', span: minus(clock.now(), arrival) });
  }

  /**
   * FFmpeg keeps frames back whose references it misses, without a word. So it should before the first
   * whole frame, where a recording begins in the middle of a scene; behind it none may be missing.
   */
  #noteConcealed(damaged: boolean, pts: Micros): void {
    if (damaged) this.#options.onDamage?.('frame', pts);
    if (this.#delivered === 0) this.#context.setFlags(AV_CODEC_FLAG_OUTPUT_CORRUPT);
  }

  /** Where the first keyframe is broken, no whole frame will come: what there is, is shown. */
  #expectFrame(): void {
    if (this.#awaitingKeyframe || this.#delivered > 0) return;
    this.#silent += 1;
    if (this.#silent === MAX_SILENT) this.#context.setFlags(AV_CODEC_FLAG_OUTPUT_CORRUPT);
  }

  #copy(decoded: AvFrame, info: FrameInfo): Frame | undefined {
    const frame = this.#allocate(decoded, info);
    try {
      if (frame?.deep) this.#deepWriter.write(frame.deep, decoded);
      if (frame) this.#writer.writeDecoded(frame, decoded);
      return frame;
    } catch (error) {
      frame?.release();
      throw asFrameliftError(error, 'decode.failed');
    }
  }

  /** The same object as long as it means the same. */
  #noteTraits(decoded: AvFrame): void {
    const deinterlaced = this.#fields?.doing;
    const { keepForm = false, sampleAspect } = this.#options;
    const made = deinterlaced && { deinterlaced };
    const told = { ...traitsOf(decoded), ...(sampleAspect && { sampleAspect }), ...made };
    const traits = keepForm ? { ...told, stored: storedTraits(decoded, this.#traits?.stored) } : told;
    if (!sameTraits(this.#traits, traits)) this.#traits = traits;
  }

  #allocate(decoded: AvFrame, info: FrameInfo): Frame | undefined {
    const { arena, keepForm = false } = this.#options;
    const form = keepForm ? formOf(decoded) : undefined;
    try {
      return Frame.allocate(arena, decoded.width, decoded.height, info, form && !fitsI420(form) ? form : undefined);
    } catch (error) {
      if (!(error instanceof FrameliftError && error.code === 'arena.full')) throw error;
      this.#gap = true;
      this.#drop('arena-full');
      return undefined;
    }
  }

  /**
   * @throws FrameliftError `source.too-large`. Of a frame that FFmpeg refused, the decoder knows
   * the size.
   */
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
