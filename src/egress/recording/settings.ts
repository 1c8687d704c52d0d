/** What is asked of a stream's recordings. */
import type { Variant } from '../../metrics/events.ts';
import { fromMs, type Micros } from '../../time.ts';

/** Which variants are recorded. */
export const RECORDED_VARIANTS = ['source', 'upconverted', 'both'] as const;
/** How segments are stored. */
export const RECORDING_FORMATS = ['mp4', 'mkv'] as const;

/** How segments are stored: fragmented MP4, or Matroska. */
export type RecordingFormat = (typeof RECORDING_FORMATS)[number];

/** How a stream is recorded. */
export interface RecordingSettings {
  /** False: nothing is recorded; what is there can be listed, fetched and deleted. */
  readonly enabled: boolean;
  readonly variants: readonly Variant[];
  /** The folder that holds a folder for each stream. */
  readonly directory: string;
  /** A segment ends with the first keyframe that is so much later than its first. */
  readonly segment: Micros;
  readonly format: RecordingFormat;
  /** Segments that ended longer ago are deleted. */
  readonly keep: Micros;
  /** Bytes of all segments of the stream; beyond, the oldest are deleted. Absent: until the disk is full. */
  readonly maxBytes?: number;
}

/** Where recordings go unless something else is said. */
export const DEFAULT_DIRECTORY = 'recordings';
/** What a recording is where nothing is said. */
export const RECORDING_DEFAULTS = { variant: 'upconverted', segmentSeconds: 60, format: 'mp4', keepHours: 24 } as const;

/** A stream's `record` as the configuration has it, defaults filled in. */
export interface RecordChoice {
  readonly enabled: boolean;
  readonly variant: (typeof RECORDED_VARIANTS)[number];
  readonly directory?: string | undefined;
  readonly segmentSeconds: number;
  readonly format: RecordingFormat;
  readonly keepHours: number;
  readonly maxGb?: number | undefined;
}

/** What a choice asks for. @param directory where it names none. */
export function recordingSettings(choice: boolean | RecordChoice, directory: string): RecordingSettings {
  const {
    enabled,
    variant,
    segmentSeconds,
    format,
    keepHours,
    maxGb,
    directory: own = directory,
  }: RecordChoice = typeof choice === 'object' ? choice : { ...RECORDING_DEFAULTS, enabled: choice };
  return {
    enabled,
    variants: variant === 'both' ? ['source', 'upconverted'] : [variant],
    directory: own,
    segment: fromMs(segmentSeconds * 1000),
    format,
    keep: fromMs(keepHours * 3_600_000),
    ...(maxGb === undefined ? {} : { maxBytes: maxGb * 1e9 }),
  };
}

/** A choice with some of it changed: `true` and `false` start and stop what was chosen before. */
export function changedChoice(before: boolean | RecordChoice, now: boolean | RecordChoice): boolean | RecordChoice {
  if (typeof before === 'boolean') return now;
  if (typeof now === 'boolean') return { ...before, enabled: now };
  return { ...now, directory: now.directory ?? before.directory };
}

/** For streams that nobody records. */
export const NOT_RECORDED: RecordingSettings = recordingSettings(false, DEFAULT_DIRECTORY);
