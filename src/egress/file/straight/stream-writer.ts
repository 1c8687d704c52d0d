/** Writing frames where nothing can be changed later: the standard output. */
import type { Writable } from 'node:stream';
import { asFrameliftError, FrameliftError, messageOf } from '../../../errors.ts';
import type { Frame } from '../../../media/frame.ts';
import type { PictureTraits } from '../../../media/picture-traits.ts';
import { type Micros, minus } from '../../../time.ts';
import type { FileCodec } from '../codecs.ts';
import { FileEncoder, type FileEncoderOptions } from '../encoder.ts';
import type { OutputPlan } from '../formats.ts';
import type { Unfinished, VideoOutput } from '../writer.ts';
import { Muxer } from './muxer.ts';

/** A stream of bytes with video in it. All frames must have the size of the first. */
export class StreamWriter implements VideoOutput {
  readonly kept = 0;
  readonly #codec: FileCodec;
  readonly #encoder: FileEncoder;
  readonly #muxer: Muxer;
  readonly #pipe: BytePipe;
  #start: Micros | undefined;
  #frames = 0;
  #closed = false;

  private constructor(plan: OutputPlan, fps: FileEncoderOptions['fps'], pipe: BytePipe) {
    const { codec, format, quality } = plan;
    this.#codec = codec;
    const pictures = { constantRate: format.constantRate, holds: format.holds?.[codec] };
    this.#encoder = new FileEncoder({ codec, ...quality, fps, ...pictures });
    this.#muxer = new Muxer(format, pipe);
    this.#pipe = pipe;
  }

  /** To a stream that somebody else ends. It waits for whoever reads it. */
  static toStream(plan: OutputPlan, fps: FileEncoderOptions['fps'], stream: Writable): StreamWriter {
    return new StreamWriter(plan, fps, new BytePipe(stream, 'the standard output'));
  }

  /** Writes one frame and releases it. @throws FrameliftError `encode.failed`, `mux.failed`. */
  async write(frame: Frame, traits?: PictureTraits): Promise<void> {
    try {
      if (this.#closed) throw new FrameliftError('encode.failed', 'the stream is closed');
      this.#start ??= frame.pts;
      await this.#encoder.encode(frame, minus(frame.pts, this.#start), traits);
      await this.#drain(false);
      this.#frames += 1;
    } catch (error) {
      throw asFrameliftError(error, 'encode.failed', false);
    } finally {
      frame.release();
    }
  }

  /** What the output does not hold of its source. */
  notes(): string[] {
    return [...this.#encoder.lost];
  }

  get frames(): number {
    return this.#frames;
  }

  async endStep(): Promise<undefined> {}

  /** A reader has what was made until now. */
  async stop(): Promise<Unfinished | undefined> {
    const complete = await this.finish().then(
      () => true,
      () => false,
    );
    await this.#close();
    return complete && this.#frames > 0 ? { path: '-', frames: this.#frames, resumesAt: 0 } : undefined;
  }

  /** Writes what waits, and the end. */
  async finish(): Promise<void> {
    if (this.#closed) return;
    await this.#drain(true);
    await this.#muxer.finish();
    await this.#close();
  }

  /** Closes without finishing. Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#muxer.close();
    this.#encoder.close();
    this.#pipe.detach();
  }

  async #drain(toTheEnd: boolean): Promise<void> {
    for await (const packet of this.#encoder.packets(toTheEnd)) {
      try {
        await this.#muxer.write(packet, this.#encoder, this.#codec);
      } finally {
        packet.free();
      }
    }
  }
}

/** What people are told of an error of the system; `{}` is what is written to. */
const REASONS: Readonly<Record<string, string>> = {
  EPIPE: 'nobody reads {} any more',
  ERR_STREAM_DESTROYED: 'nobody reads {} any more',
  ENOSPC: 'no space left on the disk for {}',
};

/** Bytes to a stream of Node's, one write at a time, each failure seen. */
class BytePipe {
  readonly #stream: Writable;
  readonly #name: string;
  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
  };
  #failure: Error | undefined;

  constructor(stream: Writable, name: string) {
    this.#stream = stream;
    this.#name = name;
    stream.on('error', this.#onError);
  }

  write(bytes: Buffer): Promise<void> {
    return this.#call((done) => this.#stream.write(bytes, done));
  }

  /** Leaves the stream to its owner. */
  detach(): void {
    this.#stream.off('error', this.#onError);
  }

  async #call(action: (done: (error?: Error | null) => void) => void): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.#failure) reject(this.#failure);
        else action((error) => (error ? reject(error) : resolve()));
      });
    } catch (error) {
      throw this.#fault(error);
    }
  }

  #fault(cause: unknown): FrameliftError {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const reason = REASONS[String(code)] ?? `{} cannot be written: ${messageOf(cause)}`;
    return new FrameliftError('mux.failed', reason.replace('{}', this.#name), { cause });
  }
}
