/** What of the input goes into the output beside its pictures. */
import { Carried } from '../../egress/file/carried/carried.ts';
import { type OutputPlan, STDOUT } from '../../egress/file/formats.ts';
import type { Besides } from '../../egress/file/output.ts';
import { FrameliftError } from '../../errors.ts';
import type { TimeRange } from '../../ingest/file/range.ts';
import type { VideoFile } from '../../ingest/file/video-file.ts';
import { type Micros, plus, toSeconds, ZERO } from '../../time.ts';

/** What is wanted of the input, and where it goes. */
export interface CarryOptions {
  /** The file to write; its ending chooses the container. */
  readonly output: string;
  /** False leaves the sound out. Default true. */
  readonly audio?: boolean | undefined;
  /** Where to begin, from the file's beginning. Default: there. */
  readonly start?: Micros | undefined;
  /** How much to convert. Default: to the end. */
  readonly duration?: Micros | undefined;
}

/**
 * Plans what goes with the pictures, and has the input give it, and only the part of it that is wanted. Before its first frame.
 * The output's rate is told it later. @throws FrameliftError `config.invalid` for a part that the input does not have.
 */
export async function carry(video: VideoFile, options: CarryOptions, { path, format }: OutputPlan): Promise<Carried> {
  const accompaniment = await video.accompaniment();
  const range = rangeOf(options, accompaniment.start);
  if (range) requireWithin(range, accompaniment.start, video.info.duration);
  // A pipe takes the pictures alone.
  const ending = path === STDOUT ? 'piped' : format.ending;
  const carried = new Carried({ accompaniment, ending, sound: options.audio ?? true, range, rate: video.info.fps });
  await video.carry(carried.streams, (packet) => carried.take(packet), range);
  return carried;
}

/** The same as a file takes it. */
export function besides(carried: Carried, output: string): Besides {
  return {
    attach: (writer) => carried.attach(writer),
    metadata: carried.tags,
    describe: (video) => carried.describe(video),
    complete: (path, first) => carried.complete(path, output, first),
    ...(carried.start === undefined ? {} : { start: carried.start }),
  };
}

/** The wanted part on the file's own timeline, which begins at `zero`; undefined for all. Pure. */
export function rangeOf(
  { start, duration }: Pick<CarryOptions, 'start' | 'duration'>,
  zero: Micros,
): TimeRange | undefined {
  if (start === undefined && duration === undefined) return undefined;
  if (duration !== undefined && duration <= 0) {
    throw new FrameliftError('config.invalid', 'duration is 0', { remedy: 'Give --duration a time above 0.' });
  }
  const from = plus(zero, start ?? ZERO);
  return { start: from, ...(duration === undefined ? {} : { end: plus(from, duration) }) };
}

function requireWithin(range: TimeRange, zero: Micros, length: Micros | undefined): void {
  const start = range.start - zero;
  if (length === undefined || start < length) return;
  const [asked, there] = [start / 1e6, toSeconds(length).toFixed(2)];
  throw new FrameliftError('config.invalid', `start is ${asked} s, but the video lasts for ${there} s`, {
    remedy: 'Give --start a time within the video.',
  });
}
