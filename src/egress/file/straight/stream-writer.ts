/** Writing frames where nothing can be changed later: the standard output, and y4m files. */
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { asFrameliftError, FrameliftError, messageOf } from '../../../errors.ts';
import type { Frame } from '../../../media/frame.ts';
import type { PictureTraits } from '../../../media/picture-traits.ts';
import { type Micros, minus } from '../../../time.ts';
import type { FileCodec } from '../codecs.ts';
import { FileEncoder, type FileEncoderOptions } from '../encoder.ts';
import type { OutputPlan } from '../formats.ts';
import { Muxer } from './muxer.ts';

/** A stream of bytes with video in it. All frames must have the size of the first. */
export class StreamWriter implements AsyncDisposable {
  readonly #codec: FileCodec;
  readonly #encoder: FileEncoder;
  readonly #muxer: Muxer;
  readonly #end: (complete: boolean) => Promise<void>;
  #start: Micros | undefined;
  #closed = false;

  private constructor(
    plan: OutputPlan,
    fps: FileEncoderOptions['fps'],
    to: BytePipe,
    end: (complete: boolean) => Promise<void>,
  ) {
    const { codec, format, quality } = plan;
    this.#codec = codec;
    this.#encoder = new FileEncoder({
      codec,
      ...quality,
      fps,
      constantRate: format.constantRate,
      holds: format.holds?.[codec],
    });
    this.#muxer = Muxer.toSink(format, to);
    this.#end = end;
  }

  /** To a stream that somebody else ends. It waits for whoever reads it. */
  static toStream(plan: OutputPlan, fps: FileEncoderOptions['fps'], stream: Writable): StreamWriter {
    const pipe = new BytePipe(stream, 'the standard output');
    return new StreamWriter(plan, fps, pipe, async () => pipe.detach());
  }

  /** To a file, under another name until it is complete. @throws FrameliftError `mux.failed`. */
  static async toFile(plan: OutputPlan, fps: FileEncoderOptions['fps']): Promise<StreamWriter> {
    const { path } = plan;
    const partial = `${path}.partial`;
    const pipe = new BytePipe(
      createWriteStream(partial, { flush: true }),
      `"${path}"`,
      `What was made until then is in "${partial}".`,
    );
    await pipe.ready();
    return new StreamWriter(plan, fps, pipe, async (complete) => {
      if (!complete) return pipe.abandon();
      await pipe.end();
      await rename(partial, path);
    });
  }

  /** Writes one frame and releases it. @throws FrameliftError `encode.failed`, `mux.failed`. */
  async write(frame: Frame, traits?: PictureTraits): Promise<void> {
    try {
      if (this.#closed) throw new FrameliftError('encode.failed', 'the stream is closed');
      this.#start ??= frame.pts;
      await this.#encoder.encode(frame, minus(frame.pts, this.#start), traits);
      await this.#drain(false);
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

  /** Writes what waits, and the end. */
  async finish(): Promise<void> {
    if (this.#closed) return;
    await this.#drain(true);
    await this.#muxer.finish();
    await this.#close(true);
  }

  /** Closes without finishing. Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close(false);
  }

  async #close(complete: boolean): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#muxer.close();
    this.#encoder.close();
    await this.#end(complete);
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
  readonly #left: string | undefined;
  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
  };
  #failure: Error | undefined;

  /** @param left what remains of it when it fails. */
  constructor(stream: Writable, name: string, left?: string) {
    this.#stream = stream;
    this.#name = name;
    this.#left = left;
    stream.on('error', this.#onError);
  }

  write(bytes: Buffer): Promise<void> {
    return this.#call((done) => this.#stream.write(bytes, done));
  }

  /** Resolves once it can be written to. */
  ready(): Promise<void> {
    return this.write(Buffer.alloc(0));
  }

  end(): Promise<void> {
    return this.#call((done) => {
      this.#stream.once('close', () => done(this.#failure));
      this.#stream.end();
    });
  }

  /** Closes what has failed or is not complete; resolves when that is done. */
  async abandon(): Promise<void> {
    if (this.#stream.closed) return;
    await new Promise<void>((resolve) => {
      this.#stream.once('close', resolve);
      this.#stream.destroy();
    });
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
    const remedy = this.#left === undefined ? {} : { remedy: this.#left };
    return new FrameliftError('mux.failed', reason.replace('{}', this.#name), { cause, ...remedy });
  }
}
