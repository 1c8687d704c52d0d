/** Writing frames to a file: encode, mux. The adapter of node-av's muxer. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { AV_LOG_FATAL, Log, Muxer } from 'node-av';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { type Micros, minus } from '../../time.ts';
import { requireContainer } from './codecs.ts';
import { FileEncoder, type FileEncoderOptions } from './encoder.ts';

/** Options of {@link FileWriter.open}. */
export interface FileWriterOptions extends FileEncoderOptions {
  readonly path: string;
}

/** A video file being written. All frames must have the size of the first. */
export class FileWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #muxer: Muxer;
  readonly #encoder: FileEncoder;
  readonly #track: number;
  #start: Micros | undefined;
  #last: Micros | undefined;
  #closed = false;

  private constructor(path: string, muxer: Muxer, encoder: FileEncoder, track: number) {
    this.#path = path;
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
    const { path, codec } = options;
    requireContainer(path, codec);
    if (!existsSync(dirname(path) || '.')) {
      throw new FrameliftError('config.invalid', `"${path}": the folder ${dirname(path)} does not exist`);
    }
    let muxer: Muxer | undefined;
    try {
      const encoder = await FileEncoder.open(options);
      muxer = await Muxer.open(path, {
        configure: ({ streams: [stream] }) => stream && encoder.describeStream(stream.codecpar),
      });
      return new FileWriter(path, muxer, encoder, muxer.addStream(encoder.native));
    } catch (error) {
      await muxer?.close();
      throw asFrameliftError(error, 'mux.failed', false);
    }
  }

  /**
   * Writes one frame and releases it; the first one's `traits` tag the file. Times must increase.
   * @throws FrameliftError `encode.failed`, `mux.failed`.
   */
  async write(frame: Frame, traits?: PictureTraits): Promise<void> {
    const path = this.#path;
    try {
      if (this.#closed) throw new FrameliftError('encode.failed', `${path} is closed`);
      if (this.#last !== undefined && frame.pts <= this.#last) {
        throw new FrameliftError(
          'encode.failed',
          `${path}: the time ${frame.pts} µs does not come after ${this.#last} µs`,
        );
      }
      this.#start ??= frame.pts;
      this.#last = frame.pts;
      await this.#encoder.encode(frame, minus(frame.pts, this.#start), traits);
      await this.#drain(false);
    } catch (error) {
      throw asFrameliftError(error, 'encode.failed', false);
    } finally {
      frame.release();
    }
  }

  /** What the file does not hold of its source, a sentence each; complete once it is finished. */
  get lost(): readonly string[] {
    return this.#encoder.lost;
  }

  /** Finishes the file: what waits in the encoder, then the trailer. */
  async finish(): Promise<void> {
    if (this.#start !== undefined) await this.#drain(true);
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
    for await (const packet of this.#encoder.packets(toTheEnd)) {
      await this.#muxer.writePacket(packet, this.#track);
      packet.free();
    }
  }
}
