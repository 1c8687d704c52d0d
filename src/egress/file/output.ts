/** What a conversion writes to. */
import type { Writable } from 'node:stream';
import { FrameliftError } from '../../errors.ts';
import { ImagePattern } from '../../media/image-pattern.ts';
import { type OutputPlan, STDOUT } from './formats.ts';
import type { OutputFile } from './output-file.ts';
import type { Identity } from './resume-state.ts';
import { EvenRate } from './straight/even-rate.ts';
import { ImageSequence } from './straight/image-sequence.ts';
import { StreamWriter } from './straight/stream-writer.ts';
import { FileWriter, type FileWriterOptions, type VideoOutput } from './writer.ts';

/** What goes into a file beside its pictures. */
export interface Besides extends Pick<FileWriterOptions, 'metadata' | 'describe' | 'complete' | 'start'> {
  /** Has the writer take the packets of its streams. */
  attach(writer: FileWriter): Promise<void>;
}

/** Options of {@link openOutput}. */
export interface OpenOutputOptions {
  readonly plan: OutputPlan;
  /** Nominal output rate. */
  readonly fps: { readonly num: number; readonly den: number };
  /** Whether images that exist may be replaced. Default false. */
  readonly overwrite?: boolean | undefined;
  /** The file, if the output is one. Default: it is claimed here. */
  readonly file?: OutputFile | undefined;
  /** What must be the same for a later run to go on from this one. */
  readonly identity?: Identity | undefined;
  /** What else goes into a file. */
  readonly beside?: Besides | undefined;
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

/** True for what is written to one file, which has its name when it is complete, and can be gone on with. */
export function isPlainFile({ path, format }: OutputPlan): boolean {
  return path !== STDOUT && format.ending !== '.png';
}

async function open({ plan, fps, overwrite, stdout, file, identity, beside }: OpenOutputOptions): Promise<VideoOutput> {
  const { path, codec, quality, format } = plan;
  if (path === STDOUT) return StreamWriter.toStream(plan, fps, pipe(stdout));
  if (format.ending === '.png') return ImageSequence.open({ pattern: numbered(path), fps, overwrite });
  const claimed = { ...(file ? { output: file } : {}), ...(identity ? { identity } : {}) };
  const { attach, ...told } = beside ?? {};
  const writer = await FileWriter.open({ path, codec, ...quality, fps, ...claimed, ...told });
  await attach?.(writer);
  return writer;
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
