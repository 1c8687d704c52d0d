/** Frames in, packets of a file out. An adapter of node-av's encoder. */
import {
  type CodecContext,
  type CodecParameters,
  Encoder,
  FF_ENCODER_FFV1,
  FF_ENCODER_LIBX264,
  FFmpegError,
  type FFVideoEncoder,
  type Packet,
  Rational,
} from 'node-av';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import type { Micros } from '../../time.ts';
import type { FileCodec } from './codecs.ts';
import { Pictures, pictureTarget } from './pictures.ts';

/** Options of {@link FileEncoder.open}. */
export interface FileEncoderOptions {
  readonly codec: FileCodec;
  /** Quality of h264, 0 (lossless) … 51. */
  readonly crf: number;
  /** Nominal output rate as a fraction, for the container's header. */
  readonly fps: { readonly num: number; readonly den: number };
  /** Encoder threads; 0 = as many as the encoder likes. */
  readonly threads?: number;
}

const MICROSECONDS = 1_000_000;
/** FFmpeg's encoder of each codec. */
const ENCODERS: Readonly<Record<FileCodec, FFVideoEncoder>> = { h264: FF_ENCODER_LIBX264, ffv1: FF_ENCODER_FFV1 };

/** An encoder for frames of one size. */
export class FileEncoder {
  /** For the muxer, which asks it for its parameters. */
  readonly native: Encoder;
  readonly #options: FileEncoderOptions;
  #pictures: Pictures | undefined;

  private constructor(native: Encoder, options: FileEncoderOptions) {
    this.native = native;
    this.#options = options;
  }

  /** @throws FFmpegError when FFmpeg refuses the options. */
  static async open(options: FileEncoderOptions): Promise<FileEncoder> {
    const { codec, crf, fps, threads = 0 } = options;
    const settings = {
      threadCount: threads,
      maxBFrames: 0,
      configure: (context: CodecContext) => encoder.#configure(context),
      context: { timeBase: new Rational(1, MICROSECONDS), framerate: new Rational(fps.num, fps.den) },
    };
    const native =
      codec === 'h264'
        ? await Encoder.create(ENCODERS.h264, { ...settings, options: { preset: 'veryfast', crf } })
        : await Encoder.create(ENCODERS.ffv1, settings);
    const encoder = new FileEncoder(native, options);
    return encoder;
  }

  /** What the output does not hold of the source, a sentence each; complete once all frames are in. */
  get lost(): readonly string[] {
    return this.#pictures?.lost ?? [];
  }

  /** Takes one frame, to be shown at `at`; the first one's `traits` tag all. `frame` stays the caller's. */
  async encode(frame: Frame, at: Micros, traits: PictureTraits | undefined): Promise<void> {
    const { codec, fps } = this.#options;
    this.#pictures ??= new Pictures(frame, traits, pictureTarget(codec, ENCODERS[codec]));
    using picture = this.#pictures.of(frame);
    picture.timeBase = new Rational(1, MICROSECONDS);
    picture.pts = BigInt(at);
    // Without it the last frame of the file would last for no time.
    picture.duration = BigInt(Math.round((MICROSECONDS * fps.den) / fps.num));
    await this.native.encode(picture);
  }

  /** Packets that are ready, each the caller's to free; after `flush` all that are left. */
  async *packets(flush: boolean): AsyncGenerator<Packet> {
    if (flush) await this.native.flush();
    for (;;) {
      const packet = await this.native.receive();
      if (isPacket(packet)) yield packet;
      else if (packet !== null || !flush) return;
    }
  }

  /** Tells the container's stream, before its header is written, what packets cannot say. */
  describeStream(parameters: CodecParameters): void {
    this.#pictures?.describeStream(parameters);
  }

  close(): void {
    this.native.close();
    this.#pictures?.close();
  }

  /** The encoder has its first frame, and opens. */
  #configure(context: CodecContext): void {
    this.#pictures?.describeTo(context);
    const hdr = this.#pictures?.hdr;
    if (hdr) FFmpegError.throwIfError(context.setOption(hdr.name, hdr.value), hdr.name);
  }
}

function isPacket(value: unknown): value is Packet {
  return typeof value === 'object' && value !== null && 'free' in value;
}
