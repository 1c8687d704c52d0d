/** Writing frames to a file: encode, interleave with copied streams, mux. */
import type { Packet, Stream } from 'node-av';
import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Frame } from '../../media/frame.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { type Micros, minus } from '../../time.ts';
import type { CopiedStream } from './container.ts';
import type { FileEncoderOptions } from './encoder.ts';
import { type FileFormat, requireFormat } from './formats.ts';
import { Kept } from './kept.ts';
import { Muxing } from './muxing.ts';
import { OutputFile } from './output-file.ts';
import type { Counts, Identity } from './resume-state.ts';
import { Segments } from './segments.ts';
import { TickClock } from './tick.ts';

/** What was made of an output that is not complete. */
export interface Unfinished {
  /** The file that holds it. */
  readonly path: string;
  /** Frames in it, all playable. */
  readonly frames: number;
  /** Frames that a later run does not do again; 0 where it starts at the beginning. */
  readonly resumesAt: number;
}

/** Where a conversion's frames go. */
export interface FrameOutput {
  /** Frames written so far, the ones that were kept included. */
  readonly frames: number;
  /** The first frames that a run before has made: their pixels are not looked at. 0: none. */
  readonly kept: number;
  /** Writes one frame and releases it. Times must increase. */
  write(frame: Frame, traits?: PictureTraits): Promise<void>;
  /**
   * Called between the frames of one source frame and the next, where a run may be gone on from. @param counts of what was done
   * until here. @returns what the run before counted until here, where its frames end.
   */
  endStep(counts: Counts): Promise<Counts | undefined>;
  /** All frames are written: the output is complete. */
  finish(): Promise<void>;
  /** There will be no more frames, and the output is not complete: brings what there is to the disk. Never throws. */
  stop(): Promise<Unfinished | undefined>;
  /** What is worth knowing about what was written, a sentence each. @param sourceFrames that were read. */
  notes?(sourceFrames: number): string[];
}

/** A {@link FrameOutput} that is closed at the end. */
export interface VideoOutput extends FrameOutput, AsyncDisposable {}

/** Options of {@link FileWriter.open}. */
export interface FileWriterOptions extends FileEncoderOptions {
  /** Its ending chooses the container. */
  readonly path: string;
  /** The output, if it was claimed before. Default: it is claimed here, and refused where it exists. */
  readonly output?: OutputFile;
  /** What must be the same for a later run to go on from this one. */
  readonly identity?: Identity;
  /** Tags of the whole file. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Tells the muxer what else is known of the pictures. */
  readonly describe?: (video: Stream) => void;
  /** Called when the file at `path` is written, before it takes its name. @param first time of the first frame. */
  readonly complete?: (path: string, first: Micros) => void;
  /** Time on the input's timeline that becomes zero. Default: the first frame's. */
  readonly start?: Micros;
}

/**
 * A video file being written. All frames must have the size of the first. Nothing is on the disk before the first frame; until
 * {@link finish} all goes to a name beside the output (see {@link OutputFile}).
 */
export class FileWriter implements AsyncDisposable, FrameOutput {
  readonly #clock: TickClock;
  /** The container's own name of the codec, where it is not FFmpeg's. */
  readonly #tag: string | undefined;
  readonly #describe: FileWriterOptions['describe'];
  readonly #complete: FileWriterOptions['complete'];
  readonly #output: OutputFile;
  readonly #owned: boolean;
  readonly #kept: Kept | undefined;
  readonly #muxing: Muxing;
  readonly #segments: Segments;
  #size: { readonly width: number; readonly height: number } | undefined;
  #start: Micros | undefined;
  #first: Micros | undefined;
  #last: Micros | undefined;
  #frames = 0;
  #closed = false;

  private constructor(options: FileWriterOptions, output: OutputFile, format: FileFormat, kept: Kept | undefined) {
    this.#output = output;
    this.#owned = options.output === undefined;
    this.#kept = kept;
    const constantRate = format.constantRate ?? false;
    this.#tag = format.tags?.[options.codec];
    this.#clock = new TickClock(options.fps, constantRate);
    this.#muxing = new Muxing(output, this.#clock, options.identity ?? {}, options.metadata ?? {});
    const holds = format.holds?.[options.codec];
    this.#segments = new Segments({ ...options, constantRate, holds }, this.#muxing);
    this.#start = options.start;
    this.#describe = options.describe;
    this.#complete = options.complete;
  }

  /**
   * Claims the output.
   * @throws FrameliftError `config.invalid` for a codec or container that do not fit, for an output that may not be written, and
   * for unfinished work of something else; `mux.failed`.
   */
  static async open(options: FileWriterOptions): Promise<FileWriter> {
    const format = requireFormat(options.path, options.codec);
    const output = options.output ?? (await OutputFile.open(options.path));
    try {
      output.requireSame(options.identity ?? {});
      return new FileWriter(options, output, format, await Kept.find(output));
    } catch (error) {
      if (!options.output) await output[Symbol.asyncDispose]();
      throw asFrameliftError(error, 'mux.failed', false);
    }
  }

  get frames(): number {
    return this.#frames;
  }

  get kept(): number {
    return this.#kept?.frames ?? 0;
  }

  /** Adds a stream whose packets are copied; before the first frame. @returns its track, for {@link copy}. */
  add(stream: CopiedStream): number {
    return this.#muxing.add(stream);
  }

  /**
   * Copies a packet, whose times are on the input's timeline in its stream's time base. Packets of all streams lie by their
   * decoding times in the file, whatever order they come in. It stays the caller's. @throws FrameliftError `mux.failed`.
   */
  async copy(packet: Packet, track: number): Promise<void> {
    await this.#muxing.copy(packet, track);
  }

  /** As {@link FrameOutput.write}; the first frame's `traits` tag the file. @throws FrameliftError `encode.failed`, `mux.failed`. */
  async write(frame: Frame, traits?: PictureTraits): Promise<void> {
    try {
      this.#check(frame);
      this.#start ??= frame.pts;
      this.#first ??= frame.pts;
      this.#last = frame.pts;
      const at = minus(frame.pts, this.#start);
      if (!this.#muxing.started) await this.#begin(frame, at, traits);
      if (this.#frames < this.kept) await this.#takeOver(at);
      else await this.#segments.write(frame, at);
      this.#frames += 1;
    } catch (error) {
      throw asFrameliftError(error, 'encode.failed', false);
    } finally {
      frame.release();
    }
  }

  /** What the file does not hold of its source; complete once it is finished. */
  notes(): string[] {
    return [...this.#segments.lost];
  }

  async endStep(counts: Counts): Promise<Counts | undefined> {
    const kept = this.#kept;
    if (kept && this.#frames <= kept.frames) {
      if (this.#frames < kept.frames) return undefined;
      this.#segments.startAt(this.#frames);
      return kept.counts;
    }
    if (!(await this.#segments.end(this.#frames))) return undefined;
    this.#output.note({ frames: this.#frames, counts });
    // What was kept is on the disk a second time: the muxer holds a second back at most.
    if (kept) await kept.drop(this.#output);
    return undefined;
  }

  /** Finishes the file, which takes its name. @throws FrameliftError `encode.failed`, `mux.failed`. */
  async finish(): Promise<void> {
    if (this.#closed) return;
    if (this.#frames < this.kept) throw doesNotFit(this.#output.working, this.#frames);
    if (this.#muxing.started) {
      await this.#segments.flush();
      await this.#muxing.finish();
      if (this.#first !== undefined) this.#complete?.(this.#output.working, this.#first);
      this.#output.complete();
    }
    await this[Symbol.asyncDispose]();
  }

  async stop(): Promise<Unfinished | undefined> {
    if (this.#closed || !this.#muxing.started) {
      await this[Symbol.asyncDispose]();
      return undefined;
    }
    const whole = await this.#rescue();
    const path = this.#output.working;
    const frames = whole ? this.#muxing.frames : await Kept.countOf(path);
    await this[Symbol.asyncDispose]();
    if (frames === 0 && !this.#kept) this.#output.discard();
    const resumesAt = this.#output.isFile ? Math.max(this.#segments.first, this.kept) : 0;
    return frames > 0 ? { path, frames, resumesAt } : undefined;
  }

  /** Closes; what is not finished stays as it is. Closing twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#segments.close();
    this.#muxing.close();
    await this.#kept?.close();
    if (this.#owned) await this.#output[Symbol.asyncDispose]();
  }

  /** Everything that was made, to the disk. @returns whether that worked. */
  async #rescue(): Promise<boolean> {
    try {
      // What the encoder fails with must not keep the file from its end.
      await this.#segments.flush().catch(() => {});
      await this.#muxing.finish();
      return true;
    } catch {
      return false;
    }
  }

  async #begin(frame: Frame, at: Micros, traits: PictureTraits | undefined): Promise<void> {
    const start = this.#start ?? frame.pts;
    await this.#segments.begin(frame, at, traits, async (describe) => {
      const describeAll = (video: Stream): void => {
        describe(video, this.#tag);
        this.#describe?.(video);
      };
      await this.#muxing.start(describeAll, start, this.#kept);
    });
  }

  /** Takes the next packet over. */
  async #takeOver(at: Micros): Promise<void> {
    if (!(await this.#kept?.takeOver(at, this.#clock, this.#muxing))) {
      throw doesNotFit(this.#output.working, this.#frames);
    }
  }

  #check(frame: Frame): void {
    const { path } = this.#output;
    if (this.#closed) throw new FrameliftError('encode.failed', `${path} is closed`);
    if (this.#last !== undefined && frame.pts <= this.#last) {
      throw new FrameliftError(
        'encode.failed',
        `${path}: the time ${frame.pts} µs does not come after ${this.#last} µs`,
      );
    }
    this.#size ??= { width: frame.width, height: frame.height };
    const { width, height } = this.#size;
    if (width === frame.width && height === frame.height) return;
    throw new FrameliftError(
      'encode.failed',
      `the video changes its size from ${width}x${height} to ${frame.width}x${frame.height}`,
      { remedy: 'Convert the parts one by one, or scale the input to one size first.' },
    );
  }
}

function doesNotFit(path: string, frames: number): FrameliftError {
  return new FrameliftError('mux.failed', `"${path}" does not fit this input at frame ${frames + 1}`, {
    remedy: 'Start again with --overwrite.',
  });
}
