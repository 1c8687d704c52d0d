/** What a conversion writes to. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { FrameliftError } from '../../errors.ts';
import { ImagePattern } from '../../media/image-pattern.ts';
import { type OutputPlan, STDOUT } from './formats.ts';
import { EvenRate } from './straight/even-rate.ts';
import { ImageSequence } from './straight/image-sequence.ts';
import { StreamWriter } from './straight/stream-writer.ts';
import type { VideoOutput } from './video-output.ts';
import { FileWriter } from './writer.ts';

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

/** @throws FrameliftError `config.invalid` for a file in a folder that does not exist. */
function requireFolder(path: string): void {
  if (existsSync(dirname(path))) return;
  throw new FrameliftError('config.invalid', `"${path}": the folder ${dirname(path)} does not exist`, {
    remedy: `Make it first: mkdir -p ${dirname(path)}`,
  });
}

async function open({ plan, fps, overwrite, stdout }: OpenOutputOptions): Promise<VideoOutput> {
  const { path, codec, quality, format } = plan;
  if (path === STDOUT) return StreamWriter.toStream(plan, fps, pipe(stdout));
  if (format.ending === '.png') return ImageSequence.open({ pattern: numbered(path), fps, overwrite });
  requireFolder(path);
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
