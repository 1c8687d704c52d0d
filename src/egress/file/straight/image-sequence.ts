/** Writing frames as numbered images. */
import { mkdirSync, readdirSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { asFrameliftError, FrameliftError } from '../../../errors.ts';
import type { Frame } from '../../../media/frame.ts';
import type { ImagePattern } from '../../../media/image-pattern.ts';
import type { PictureTraits } from '../../../media/picture-traits.ts';
import { type Micros, minus } from '../../../time.ts';
import { FileEncoder, type FileEncoderOptions } from '../encoder.ts';
import { writeFault } from '../sink.ts';
import type { Unfinished, VideoOutput } from '../writer.ts';

/** Options of {@link ImageSequence.open}. */
export interface ImageSequenceOptions {
  readonly pattern: ImagePattern;
  readonly fps: FileEncoderOptions['fps'];
  /** Whether images that exist may be replaced. Default false. */
  readonly overwrite?: boolean | undefined;
}

/** PNG images numbered from 1, each complete as soon as it has its name. All frames must have the size of the first. */
export class ImageSequence implements VideoOutput {
  readonly kept = 0;
  readonly #pattern: ImagePattern;
  readonly #encoder: FileEncoder;
  #start: Micros | undefined;
  #written = 0;
  #closed = false;

  private constructor({ pattern, fps }: ImageSequenceOptions) {
    this.#pattern = pattern;
    this.#encoder = new FileEncoder({ codec: 'png', fps, constantRate: true });
  }

  /**
   * Makes the folder where it is missing.
   * @throws FrameliftError `config.invalid` for images that exist, or a folder that cannot be made.
   */
  static open(options: ImageSequenceOptions): ImageSequence {
    const { pattern, overwrite = false } = options;
    try {
      mkdirSync(pattern.folder);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw noFolder(pattern, error);
    }
    const existing = pattern.numbers(readdirSync(pattern.folder));
    const [first] = existing;
    if (first !== undefined && !overwrite) {
      throw new FrameliftError('config.invalid', `"${pattern.path(first)}" exists (${images(existing.length)})`, {
        remedy: 'Give another folder, or --overwrite.',
      });
    }
    return new ImageSequence(options);
  }

  /** What the images do not hold of their source, and which an earlier run left behind the last one of this. */
  notes(): string[] {
    return [...this.#encoder.lost, ...this.#leftNote()];
  }

  #leftNote(): string[] {
    const left = this.#pattern.numbers(readdirSync(this.#pattern.folder)).filter((number) => number > this.#written);
    const [first] = left;
    if (first === undefined) return [];
    return [
      `"${this.#pattern.path(first)}" and beyond (${images(left.length)}) are of an earlier run, not of this video`,
    ];
  }

  /** Writes one frame as an image and releases it. @throws FrameliftError `encode.failed`, `mux.failed`. */
  async write(frame: Frame, traits?: PictureTraits): Promise<void> {
    try {
      if (this.#closed) throw new FrameliftError('encode.failed', `${this.#pattern.text} is closed`);
      this.#start ??= frame.pts;
      await this.#encoder.encode(frame, minus(frame.pts, this.#start), traits);
      await this.#drain(false);
    } catch (error) {
      throw asFrameliftError(error, 'encode.failed', false);
    } finally {
      frame.release();
    }
  }

  /** Images so far. */
  get frames(): number {
    return this.#written;
  }

  async endStep(): Promise<undefined> {}

  async stop(): Promise<Unfinished | undefined> {
    await this.finish().catch(() => {});
    await this[Symbol.asyncDispose]();
    return this.#written > 0 ? { path: this.#pattern.text, frames: this.#written, resumesAt: 0 } : undefined;
  }

  async finish(): Promise<void> {
    if (this.#closed) return;
    await this.#drain(true);
    await this[Symbol.asyncDispose]();
  }

  /** Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#encoder.close();
  }

  async #drain(toTheEnd: boolean): Promise<void> {
    for await (const packet of this.#encoder.packets(toTheEnd)) {
      try {
        await this.#save(this.#pattern.path(this.#written + 1), packet.data ?? Buffer.alloc(0));
        this.#written += 1;
      } finally {
        packet.free();
      }
    }
  }

  /** Under another name first, so that no image is ever half. */
  async #save(path: string, bytes: Uint8Array): Promise<void> {
    const partial = `${path}.partial`;
    try {
      const file = await open(partial, 'w');
      try {
        await file.writeFile(bytes);
      } finally {
        await file.close();
      }
      await rename(partial, path);
    } catch (cause) {
      await rm(partial, { force: true });
      const remedy = `The ${this.#written} images before it are complete.`;
      throw new FrameliftError('mux.failed', writeFault(path, cause).message, { cause, remedy });
    }
  }
}

function images(count: number): string {
  return count === 1 ? 'one image of the sequence' : `${count} images of the sequence`;
}

function noFolder(pattern: ImagePattern, cause: unknown): FrameliftError {
  return new FrameliftError('config.invalid', `"${pattern.text}": the folder ${pattern.folder} cannot be made`, {
    cause,
    remedy: `Make it first: mkdir -p ${pattern.folder}`,
  });
}
