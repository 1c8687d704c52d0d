/**
 * Writing frames to a file: encode, mux. The only adapter of node-av's encoder and muxer for files.
 */

import { existsSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import {
  AV_LOG_FATAL,
  AV_PIX_FMT_YUV420P,
  Frame as AvFrame,
  Encoder,
  FF_ENCODER_FFV1,
  FF_ENCODER_LIBX264,
  Log,
  Muxer,
  type Packet,
  Rational,
} from 'node-av';
import { asFrameliftError, FrameliftError } from '../errors.ts';
import { copyPlane } from '../media/copy-plane.ts';
import type { Frame } from '../media/frame.ts';
import type { PictureTraits } from '../media/picture-traits.ts';
import { type Micros, minus } from '../time.ts';
import { tag } from './codec/tags.ts';

/** Encoders of files: `h264` by quality, `ffv1` without loss. */
export type FileCodec = 'h264' | 'ffv1';

/** Options of {@link FileWriter.open}. */
export interface FileWriterOptions {
  readonly path: string;
  readonly codec: FileCodec;
  /** Quality of h264, 0 (lossless) … 51. */
  readonly crf: number;
  /** Nominal output rate as a fraction, for the container's header. */
  readonly fps: { readonly num: number; readonly den: number };
  /** Encoder threads; 0 = as many as the encoder likes. */
  readonly threads?: number;
}

/** Containers that each codec may be put in. */
const CONTAINERS: Readonly<Record<FileCodec, readonly string[]>> = {
  h264: ['.mp4', '.mkv', '.mov', '.ts', '.avi', '.flv'],
  ffv1: ['.mkv', '.avi', '.mov', '.nut'],
};
const MICROSECONDS = 1_000_000;

/** A video file being written. All frames must have the size of the first. */
export class FileWriter implements AsyncDisposable {
  readonly #options: FileWriterOptions;
  readonly #muxer: Muxer;
  readonly #encoder: Encoder;
  readonly #track: number;
  #start: Micros | undefined;
  #last: Micros | undefined;
  #first: Packed | undefined;
  #closed = false;

  private constructor(options: FileWriterOptions, muxer: Muxer, encoder: Encoder, track: number) {
    this.#options = options;
    this.#muxer = muxer;
    this.#encoder = encoder;
    this.#track = track;
  }

  /**
   * Creates the file.
   * @throws FrameliftError `config.invalid` for a codec or container that do not fit, `mux.failed`.
   */
  static async open(options: FileWriterOptions): Promise<FileWriter> {
    Log.setLevel(AV_LOG_FATAL);
    const { path, codec, crf, fps } = options;
    const ending = extname(path).toLowerCase();
    const containers = CONTAINERS[codec];
    if (!containers.includes(ending)) {
      throw new FrameliftError('config.invalid', `"${path}": ${codec} cannot be written to a "${ending}" file`, {
        remedy: `Give an output ending in ${containers.join(', ')}.`,
      });
    }
    if (!existsSync(dirname(path) || '.')) {
      throw new FrameliftError('config.invalid', `"${path}": the folder ${dirname(path)} does not exist`);
    }
    let muxer: Muxer | undefined;
    try {
      muxer = await Muxer.open(path);
      const settings = {
        threadCount: options.threads ?? 0,
        maxBFrames: 0,
        context: { timeBase: new Rational(1, MICROSECONDS), framerate: new Rational(fps.num, fps.den) },
      };
      const encoder =
        codec === 'h264'
          ? await Encoder.create(FF_ENCODER_LIBX264, { ...settings, options: { preset: 'veryfast', crf } })
          : await Encoder.create(FF_ENCODER_FFV1, settings);
      return new FileWriter(options, muxer, encoder, muxer.addStream(encoder));
    } catch (error) {
      await muxer?.close();
      throw asFrameliftError(error, 'mux.failed', false);
    }
  }

  /**
   * Writes one frame and releases it; the first one's `traits` tag the file. h264 in 4:2:0 has
   * even sizes only: an odd last row or column is left out. Times must increase.
   * @throws FrameliftError `encode.failed`, `mux.failed`.
   */
  async write(frame: Frame, traits?: PictureTraits): Promise<void> {
    const { path, fps } = this.#options;
    try {
      if (this.#closed) throw new FrameliftError('encode.failed', `${path} is closed`);
      if (this.#last !== undefined && frame.pts <= this.#last) {
        throw new FrameliftError(
          'encode.failed',
          `${path}: the time ${frame.pts} µs does not come after ${this.#last} µs`,
        );
      }
      const packed = this.#pack(frame);
      this.#start ??= frame.pts;
      this.#last = frame.pts;
      const pts = BigInt(minus(frame.pts, this.#start));
      using coded = AvFrame.fromVideoBuffer(packed.bytes, {
        width: packed.width,
        height: packed.height,
        format: AV_PIX_FMT_YUV420P,
        timeBase: { num: 1, den: MICROSECONDS },
        pts,
      });
      // Without it the last frame of the file would last for no time.
      coded.duration = BigInt(Math.round((MICROSECONDS * fps.den) / fps.num));
      if (traits) tag(coded, traits);
      await this.#encoder.encode(coded);
      await this.#drain(false);
    } catch (error) {
      throw asFrameliftError(error, 'encode.failed', false);
    } finally {
      frame.release();
    }
  }

  /** Finishes the file: what waits in the encoder, then the trailer. */
  async finish(): Promise<void> {
    if (this.#start !== undefined) {
      await this.#encoder.flush();
      await this.#drain(true);
    }
    await this[Symbol.asyncDispose]();
  }

  /** Closes without finishing. Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#muxer.close();
    this.#encoder.close();
  }

  async #drain(toTheEnd: boolean): Promise<void> {
    for (;;) {
      const packet = await this.#encoder.receive();
      if (!isPacket(packet)) {
        if (packet === null && toTheEnd) continue;
        return;
      }
      await this.#muxer.writePacket(packet, this.#track);
      packet.free();
    }
  }

  /** The three planes without stride, one after the other. */
  #pack(frame: Frame): Packed {
    const { layout, bytes } = frame;
    const first = this.#first;
    if (first && (first.sourceWidth !== frame.width || first.sourceHeight !== frame.height)) {
      throw new FrameliftError(
        'encode.failed',
        `${this.#options.path}: the video changes its size from ${first.sourceWidth}x${first.sourceHeight} to ${frame.width}x${frame.height}`,
        { remedy: 'Convert the parts one by one, or scale the input to one size first.' },
      );
    }
    this.#first ??= packedFor(frame, this.#options.codec);
    const packed = this.#first;
    const { width, height } = packed;
    const [chromaWidth, chromaHeight] = [(width + 1) >> 1, (height + 1) >> 1];
    const [luma, chroma] = [width * height, chromaWidth * chromaHeight];
    const [y, u, v] = [
      bytes.subarray(layout.y, layout.u),
      bytes.subarray(layout.u, layout.v),
      bytes.subarray(layout.v),
    ];
    copyPlane(packed.bytes, width, y, layout.strideY, width, height);
    copyPlane(packed.bytes.subarray(luma), chromaWidth, u, layout.strideC, chromaWidth, chromaHeight);
    copyPlane(packed.bytes.subarray(luma + chroma), chromaWidth, v, layout.strideC, chromaWidth, chromaHeight);
    return packed;
  }
}

/** Memory for one packed frame, and the sizes before and after. */
interface Packed {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly width: number;
  readonly height: number;
  readonly bytes: Buffer;
}

function packedFor(frame: Frame, codec: FileCodec): Packed {
  const even = codec === 'h264' ? ~1 : ~0;
  const width = frame.width & even;
  const height = frame.height & even;
  const bytes = Buffer.alloc(width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1));
  return { sourceWidth: frame.width, sourceHeight: frame.height, width, height, bytes };
}

function isPacket(value: unknown): value is Packet {
  return typeof value === 'object' && value !== null && 'free' in value;
}
