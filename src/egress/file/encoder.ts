/** Frames in, packets of a file out. An adapter of node-av's encoder. */
import { Encoder, FF_ENCODER_FFV1, FF_ENCODER_LIBX264, type Packet, Rational } from 'node-av';
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
}

const MICROSECONDS = 1_000_000;

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
      context: { timeBase: new Rational(1, MICROSECONDS), framerate: new Rational(fps.num, fps.den) },
    };
    const native =
      codec === 'h264'
        ? await Encoder.create(FF_ENCODER_LIBX264, { ...settings, options: { preset: 'veryfast', crf } })
        : await Encoder.create(FF_ENCODER_FFV1, settings);
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

  close(): void {
    this.native.close();
  }
}

function isPacket(value: unknown): value is Packet {
  return typeof value === 'object' && value !== null && 'free' in value;
}
