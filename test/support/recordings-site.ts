/** Recordings of a stream called cam, as the API is given them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Segment } from '../../src/egress/recording/archive.ts';
import { nameOfSegment, sidecarOf } from '../../src/egress/recording/segment-name.ts';
import type { RecordingControl } from '../../src/server/contract.ts';
import { fromMs, micros, plus } from '../../src/time.ts';

const START = micros(Date.parse('2026-12-01T03:44:12.345Z') * 1000);

/** A file of a recording, and its records. */
export interface RecordedFile {
  readonly bytes: Uint8Array;
  readonly records: string;
}

/** Puts the files into a folder; those that are deleted are told by name. */
export function recordingsIn(
  folder: string,
  files: readonly RecordedFile[],
): { control: RecordingControl; names: readonly string[]; removed: readonly string[] } {
  const segments = files.map(({ bytes, records }, index): Segment => {
    const start = plus(START, fromMs(60_000 * index));
    const name = nameOfSegment({ variant: 'upconverted', start, format: 'mp4' });
    writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, sidecarOf(name)), records);
    const frames = { source: 60, interpolated: 59, extrapolated: 0, repeated: 1 };
    const open = index > 0;
    return { name, variant: 'upconverted', start, end: plus(start, fromMs(2000)), bytes: bytes.length, frames, open };
  });
  const names = segments.map(({ name }) => name);
  const removed: string[] = [];
  const known = [...names, ...names.map(sidecarOf)];
  const recordings: ReturnType<RecordingControl> = {
    segments,
    pathOf: (name) => (known.includes(name) ? join(folder, name) : undefined),
    remove: async (name) => {
      const found = segments.find((segment) => segment.name === name);
      if (found && !found.open) removed.push(name);
      return found && (found.open ? 'open' : 'removed');
    },
  };
  return { control: (stream) => (stream === 'cam' ? recordings : undefined), names, removed };
}
