/** Frames in, packets of a file out. An adapter of node-av's encoder. */
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_LOG_FATAL,
  Encoder,
  FF_ENCODER_FFV1,
  FF_ENCODER_LIBX264,
  Log,
  type Packet,
  Rational,
  type Stream,
} from 'node-av';
import { FrameliftError } from '../../errors.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import type { Micros } from '../../time.ts';
import type { FileCodec } from './codecs.ts';
import { Pictures } from './pictures.ts';

/** Options of {@link FileEncoder.open}. */
export interface FileEncoderOptions {
  readonly codec: FileCodec;
  /** Quality of h264, 0 (lossless) … 51. */
  readonly crf: number;
  /** Nominal output rate as a fraction, for the container's header. */
  readonly fps: { readonly num: number; readonly den: number };
  /** Encoder threads; 0 = as many as the encoder likes. */
  readonly threads?: number;
  /** The container keeps the codec's headers; else they stand in the stream. Default false. */
  readonly globalHeader?: boolean;
}

const MICROSECONDS = 1_000_000;

/** Seconds of a tick of its packets' times. */
export const ENCODER_TIME_BASE = { num: 1, den: MICROSECONDS };

/**
 * An encoder for frames of one size. Packets come in the order of the frames, one for each, so that unfinished files can be gone
 * on from: nothing here may reorder frames.
 */
export class FileEncoder {
  readonly #native: Encoder;
  readonly #options: FileEncoderOptions;
  #pictures: Pictures | undefined;

  private constructor(native: Encoder, options: FileEncoderOptions) {
    this.#native = native;
    this.#options = options;
  }

  /** @throws FFmpegError when FFmpeg refuses the options. */
  static async open(options: FileEncoderOptions): Promise<FileEncoder> {
    Log.setLevel(AV_LOG_FATAL);
    const { codec, crf, fps, threads = 0, globalHeader = false } = options;
    const settings = {
      threadCount: threads,
      maxBFrames: 0,
      context: { timeBase: new Rational(1, MICROSECONDS), framerate: new Rational(fps.num, fps.den) },
    };
    const native =
      codec === 'h264'
        ? await Encoder.create(FF_ENCODER_LIBX264, { ...settings, options: { preset: 'veryfast', crf } })
        : await Encoder.create(FF_ENCODER_FFV1, settings);
    if (globalHeader) native.setCodecFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    return new FileEncoder(native, options);
  }

  /** Takes one frame, to be shown at `at`; the first one's `traits` tag all. `frame` stays the caller's. */
  async encode(frame: Frame, at: Micros, traits: PictureTraits | undefined): Promise<void> {
    const { codec, fps } = this.#options;
    this.#pictures ??= new Pictures(frame, traits, codec);
    using picture = this.#pictures.of(frame);
    picture.timeBase = new Rational(1, MICROSECONDS);
    picture.pts = BigInt(at);
    // Without it the last frame of the file would last for no time.
    picture.duration = BigInt(Math.round((MICROSECONDS * fps.den) / fps.num));
    await this.#native.encode(picture);
  }

  /** Says what its packets are, once it has a frame. */
  describe(stream: Stream): void {
    const context = this.#native.getCodecContext();
    if (!context) throw new FrameliftError('encode.failed', 'the encoder has no frame yet');
    stream.codecpar.fromContext(context);
    stream.avgFrameRate = context.framerate;
    stream.sampleAspectRatio = context.sampleAspectRatio;
  }

  /** Packets that are ready, each the caller's to free; after `flush` all that are left. */
  async *packets(flush: boolean): AsyncGenerator<Packet> {
    if (flush) await this.#native.flush();
    for (;;) {
      const packet = await this.#native.receive();
      if (isPacket(packet)) yield packet;
      else if (packet !== null || !flush) return;
    }
  }

  close(): void {
    this.#native.close();
  }
}

function isPacket(value: unknown): value is Packet {
  return typeof value === 'object' && value !== null && 'free' in value;
}
