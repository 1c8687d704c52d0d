/** What a conversion writes to. */
import type { Writable } from 'node:stream';
import { FrameliftError } from '../../errors.ts';
import type { Frame } from '../../media/frame.ts';
import { ImagePattern } from '../../media/image-pattern.ts';
import type { PictureTraits } from '../../media/picture-traits.ts';
import { EvenRate } from './even-rate.ts';
import { type OutputPlan, STDOUT } from './formats.ts';
import { ImageSequence } from './image-sequence.ts';
import { StreamWriter } from './stream-writer.ts';
import { FileWriter } from './writer.ts';

/** Takes the frames of one video. All must have the size of the first. */
export interface VideoOutput extends AsyncDisposable {
  /**
   * Writes one frame and releases it; the first one's `traits` tag the output. Times must increase.
   * @throws FrameliftError `encode.failed`, `mux.failed`.
   */
  write(frame: Frame, traits?: PictureTraits): Promise<void>;
  /** Writes what still waits, and closes. @throws FrameliftError `encode.failed`, `mux.failed`. */
  finish(): Promise<void>;
  /** What is worth knowing about what was written, a sentence each. @param sourceFrames that were read. */
  notes?(sourceFrames: number): string[];
}

/** Options of {@link openOutput}. */
export interface OpenOutputOptions {
  readonly plan: OutputPlan;
  /** Nominal output rate. */
  readonly fps: { readonly num: number; readonly den: number };
  /** Whether images that exist may be replaced. Default false. */
  readonly overwrite?: boolean | undefined;
  /** What `-` stands for. */
  readonly stdout?: (Writable & { readonly isTTY?: boolean }) | undefined;
}

/**
 * Opens the output of a plan: a file, a sequence of images, or the standard output.
 * @throws FrameliftError `config.invalid` where it cannot be written to, `mux.failed`.
 */
export async function openOutput(options: OpenOutputOptions): Promise<VideoOutput> {
  const output = await open(options);
  return options.plan.format.constantRate ? new EvenRate(output, options.fps) : output;
}

async function open({ plan, fps, overwrite, stdout }: OpenOutputOptions): Promise<VideoOutput> {
  const { path, codec, quality, format } = plan;
  if (path === STDOUT) return StreamWriter.toStream(plan, fps, pipe(stdout));
  if (format.ending === '.png') return ImageSequence.open({ pattern: numbered(path), fps, overwrite });
  if (format.ending === '.y4m') return StreamWriter.toFile(plan, fps);
  return FileWriter.open({ path, codec, ...quality, fps });
}

/** @throws FrameliftError `config.invalid` for a terminal, which would show the bytes. */
function pipe(stdout: OpenOutputOptions['stdout']): Writable {
  if (stdout && stdout.isTTY !== true) return stdout;
  throw new FrameliftError('config.invalid', 'the standard output is a terminal, which cannot show video', {
    remedy: 'Pipe it into a program, such as framelift convert in.mp4 - | ffplay -',
  });
}

/** @throws FrameliftError `config.invalid` for the name of a single image. */
function numbered(path: string): ImagePattern {
  const pattern = ImagePattern.parse(path);
  if (pattern) return pattern;
  throw new FrameliftError('config.invalid', `"${path}" is one image, and a video has many`, {
    remedy: 'Give a name with a number, such as frames/%06d.png.',
  });
}
