/** Frames in, packets of a file out. An adapter of node-av's encoders. */
import {
  AV_CODEC_FLAG_FRAME_DURATION,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_FRAME_DATA_SEI_UNREGISTERED,
  AV_LOG_FATAL,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  type Frame as AvFrame,
  Codec,
  CodecContext,
  Dictionary,
  FF_ENCODER_FFV1,
  FF_ENCODER_LIBSVTAV1,
  FF_ENCODER_LIBVPX_VP9,
  FF_ENCODER_LIBX264,
  FF_ENCODER_LIBX265,
  FF_ENCODER_PNG,
  FF_ENCODER_PRORES_KS,
  FF_ENCODER_RAWVIDEO,
  type FFEncoderCodec,
  FFmpegError,
  Log,
  Packet,
  Rational,
  type Stream,
} from 'node-av';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import type { Micros } from '../../time.ts';
import { vectorSettings } from '../codec/vector-width.ts';
import { markBytes } from '../marks/mark.ts';
import { userDataNal, withNal } from '../marks/user-data.ts';
import { encoderOptions, type FileCodec, type Quality } from './codecs.ts';
import type { HeldPictures } from './formats.ts';
import { Pictures, pictureTarget } from './pictures.ts';
import { TickClock } from './tick.ts';

/** Options of {@link FileEncoder}. */
export interface FileEncoderOptions extends Quality {
  readonly codec: FileCodec;
  /** Nominal output rate as a fraction, for headers, and for the ticks of time. */
  readonly fps: { readonly num: number; readonly den: number };
  /** True: a tick is a frame, for formats that count frames. Default false: times are kept. */
  readonly constantRate?: boolean | undefined;
  /** The container keeps the codec's headers; else they stand in the stream. Default true. */
  readonly globalHeader?: boolean | undefined;
  /** Encoder threads. Default {@link ENCODER_THREADS}. */
  readonly threads?: number;
  /** What the container holds of pictures. Default: what the codec does. */
  readonly holds?: HeldPictures | undefined;
}

const ENCODERS: Readonly<Record<FileCodec, FFEncoderCodec>> = {
  h264: FF_ENCODER_LIBX264,
  h265: FF_ENCODER_LIBX265,
  av1: FF_ENCODER_LIBSVTAV1,
  vp9: FF_ENCODER_LIBVPX_VP9,
  prores: FF_ENCODER_PRORES_KS,
  ffv1: FF_ENCODER_FFV1,
  raw: FF_ENCODER_RAWVIDEO,
  png: FF_ENCODER_PNG,
};

/** Pixel formats of ProRes' profiles of 4:2:2, and of those of 4:4:4. */
const PRORES_422 = ['yuv422p10le'];
const PRORES_444 = ['yuv444p10le', 'yuva444p10le'];

/**
 * The pictures of a file, by its first frame and what is told of it; the caller closes them.
 * @throws FrameliftError `config.invalid` for transparent pictures where the codec or the container holds no alpha.
 */
export function picturesFor(options: FileEncoderOptions, first: Frame, traits: PictureTraits | undefined): Pictures {
  const { codec, holds, preset } = options;
  const target = pictureTarget(codec, ENCODERS[codec]);
  const formats = holds?.formats ?? (codec === 'raw' ? [] : target.formats);
  const profile = codec === 'prores' && preset !== undefined && (preset.startsWith('4444') ? PRORES_444 : PRORES_422);
  return new Pictures(first, traits, { ...target, formats: profile || formats, alpha: holds?.alpha ?? true });
}

/**
 * Not as many as there are cores: what x264, libvpx and ProRes give depends on it, and a conversion
 * that is resumed elsewhere must go on with the same packets.
 */
const ENCODER_THREADS = 4;

/**
 * An encoder for frames of one size.
 *
 * - The same frames, times and options give the same packets, every time and on any number of
 *   cores.
 * - Each encoder begins with a keyframe and needs nothing of those before it: a file may be made by
 *   one after the other. Their headers ({@link describe}) are the same for the same options.
 * - Its packets are to be taken after every frame: some encoders hold one frame a thread, no more.
 * - Times are those given, from no start of its own: those of the next encoder go on.
 * - Packets come in the order of their times, which are their decoding times too (no B-frames). So
 *   packets of two encoders never overlap, and a container needs no room before its start.
 */
export class FileEncoder {
  readonly #options: FileEncoderOptions;
  readonly #ticks: TickClock;
  readonly #context = new CodecContext();
  readonly #shared: Pictures | undefined;
  #pictures: Pictures | undefined;
  /** Of frames that are in the encoder, where it does not take them itself: SEI by their times. */
  readonly #marks = new Map<bigint, Buffer>();
  #last: bigint | undefined;
  #closed = false;

  /** @param shared pictures of the whole file, where several encoders write it; they stay the caller's. Default: its own. */
  constructor(options: FileEncoderOptions, shared?: Pictures) {
    this.#options = options;
    this.#shared = shared;
    this.#pictures = shared;
    this.#ticks = new TickClock(options.fps, options.constantRate ?? false);
  }

  /** Seconds of one tick of the packets' times. */
  get timeBase(): { readonly num: number; readonly den: number } {
    return this.#ticks.base;
  }

  /** What the output does not hold of the source, a sentence each; complete once all frames are in. */
  get lost(): readonly string[] {
    return this.#pictures?.lost ?? [];
  }

  /**
   * Takes one frame, to be shown at `at`; the first one's `traits` tag all. Calls run one at a time. `frame` stays the
   * caller's. @throws FrameliftError `encode.failed`, also for a time that is no later than the last.
   */
  async encode(frame: Frame, at: Micros, traits?: PictureTraits): Promise<void> {
    this.#pictures ??= picturesFor(this.#options, frame, traits);
    using picture = this.#pictures.of(frame);
    picture.timeBase = rational(this.#ticks.base);
    const tick = this.#ticks.of(at);
    if (this.#last !== undefined && tick <= this.#last) throw tooClose(at, this.#options);
    this.#last = tick;
    picture.pts = tick;
    // Without it the last frame of the file would last for no time.
    picture.duration = BigInt(this.#ticks.interval);
    this.#mark(picture, tick, frame);
    if (!this.#context.isOpen) await this.#open(this.#pictures);
    check(await this.#context.sendFrame(picture), 'the encoder refuses a frame');
  }

  /** Packets that are ready, each the caller's to free; after `flush` all that are left, and no frame may follow. */
  async *packets(flush: boolean): AsyncGenerator<Packet> {
    if (!this.#context.isOpen) return;
    if (flush) check(await this.#context.sendFrame(null), 'the encoder cannot be flushed');
    for (;;) {
      const packet = new Packet();
      packet.alloc();
      const code = await this.#context.receivePacket(packet);
      if (code < 0) {
        packet.free();
        if (code !== AVERROR_EAGAIN && code !== AVERROR_EOF) check(code, 'the encoder fails');
        return;
      }
      // SVT-AV1 forgets it.
      if (packet.duration === 0n) packet.duration = BigInt(this.#ticks.interval);
      this.#insertMark(packet);
      yield packet;
    }
  }

  /** Gives a frame its mark where its codec holds one. */
  #mark(picture: AvFrame, tick: bigint, frame: Frame): void {
    const { codec } = this.#options;
    if (codec === 'h265') this.#marks.set(tick, userDataNal(markBytes(frame), codec));
    else if (codec === 'h264') {
      const bytes = markBytes(frame);
      picture.removeSideData(AV_FRAME_DATA_SEI_UNREGISTERED);
      picture.newSideData(AV_FRAME_DATA_SEI_UNREGISTERED, bytes.length).set(bytes);
    }
  }

  /** Ours to do for H.265: of user data that grows from frame to frame, x265 writes beyond its memory. */
  #insertMark(packet: Packet): void {
    const nal = this.#marks.get(packet.pts);
    if (!nal || !packet.data) return;
    this.#marks.delete(packet.pts);
    const { pts, dts, duration, flags, timeBase } = packet;
    // Takes everything else away.
    packet.data = withNal(packet.data, nal, 'h265');
    Object.assign(packet, { pts, dts, duration, flags, timeBase });
  }

  /**
   * Tells a container's stream what the packets are; before its header is written. @param tag the container's own name of
   * the codec, where it is not FFmpeg's. @throws FrameliftError `encode.failed` before the first frame.
   */
  describe(stream: Stream, tag?: string): void {
    if (!this.#context.isOpen) throw new FrameliftError('encode.failed', 'the encoder has seen no frame');
    const parameters = stream.codecpar;
    check(parameters.fromContext(this.#context), 'the encoder does not describe itself');
    if (tag !== undefined) parameters.codecTag = tag;
    this.#pictures?.describeStream(parameters);
    stream.timeBase = rational(this.#ticks.base);
    stream.avgFrameRate = rational(this.#ticks.fps);
    stream.rFrameRate = rational(this.#ticks.fps);
    stream.sampleAspectRatio = parameters.sampleAspectRatio;
  }

  /** Frees everything native. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.freeContext();
    if (!this.#shared) this.#pictures?.close();
  }

  async #open(pictures: Pictures): Promise<void> {
    const { codec: name, threads = ENCODER_THREADS, globalHeader = true } = this.#options;
    Log.setLevel(AV_LOG_FATAL);
    // SVT-AV1 writes to the standard error by itself: errors alone.
    if (name === 'av1') process.env.SVT_LOG ??= '1';
    const codec = Codec.findEncoderByName(ENCODERS[name]);
    if (!codec) throw new FrameliftError('encode.failed', `this FFmpeg has no encoder of ${name}`);
    const context = this.#context;
    context.allocContext3(codec);
    pictures.describeTo(context);
    context.timeBase = rational(this.#ticks.base);
    context.framerate = rational(this.#ticks.fps);
    context.threadCount = threads;
    context.maxBFrames = 0;
    context.setFlags(AV_CODEC_FLAG_FRAME_DURATION);
    if (globalHeader) context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    const options = withSettings(name, encoderOptions(name, this.#options), pictures);
    try {
      FFmpegError.throwIfError(await context.open2(codec, options), `${name} cannot be encoded`);
    } catch (error) {
      throw asFrameliftError(error, 'encode.failed', false);
    } finally {
      options.free();
    }
  }
}

/** The encoder's options with its own settings: HDR's metadata, and what it must not compute with. */
function withSettings(codec: FileCodec, options: Record<string, string>, { hdr, format }: Pictures): Dictionary {
  // libvpx cannot do the one beside transparency.
  const all: Record<string, string> = { ...options, ...(format.startsWith('yuva420p') ? { 'auto-alt-ref': '0' } : {}) };
  for (const more of [hdr, vectorSettings(ENCODERS[codec])]) {
    if (!more) continue;
    const before = all[more.name];
    all[more.name] = before === undefined ? more.value : `${before}:${more.value}`;
  }
  return Dictionary.fromObject(all);
}

function tooClose(at: Micros, { fps }: FileEncoderOptions): FrameliftError {
  const rate = fps.num / fps.den;
  return new FrameliftError('encode.failed', `a frame at ${at} µs does not come after the one before`, {
    remedy: `Where frames are counted, not timed, each has to stand for its own 1/${rate} s.`,
  });
}

function rational({ num, den }: { readonly num: number; readonly den: number }): Rational {
  return new Rational(num, den);
}

/** @throws FrameliftError `encode.failed` for a code of FFmpeg that is an error. */
function check(code: number, doing: string): void {
  if (code < 0) throw new FrameliftError('encode.failed', `${doing}: ${FFmpegError.strerror(code)}`);
}
