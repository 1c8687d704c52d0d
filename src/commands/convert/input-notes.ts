/** What is worth knowing about a file that was converted: damage, and times that were mended. Pure. */
import type { VideoFile } from '../../ingest/file/video-file.ts';
import { toSeconds } from '../../time.ts';

/** What was wrong with an input. */
export interface InputFaults {
  /** Frames that the decoder concealed: they are in the output, and may show what was not there. */
  readonly damagedFrames: number;
  /** Coded frames that gave none; the output is interpolated across. */
  readonly lostFrames: number;
  /** Something of the input is missing or not as it was made. */
  readonly damaged: boolean;
  /** A sentence each. */
  readonly notes: readonly string[];
}

/** Joins that a note names at most. */
const MAX_NAMED = 5;

/** What was wrong with a file that was read to its end, or as far as it was read. */
export function inputFaults({ damage, joins, mended }: Pick<VideoFile, 'damage' | 'joins' | 'mended'>): InputFaults {
  const { damagedFrames, lostFrames } = damage;
  const notes = [...damage.notes];
  for (const { at, from, to } of joins.slice(0, MAX_NAMED)) {
    const [before, behind] = [seconds(from), seconds(to)];
    const way = to < from ? `go back from ${before} to ${behind}` : `jump from ${before} to ${behind}`;
    notes.push(
      `the input's timestamps ${way}: the output goes on without a gap at ${seconds(at)}, which counts as a cut`,
    );
  }
  if (joins.length > MAX_NAMED) notes.push(`… and at ${joins.length - MAX_NAMED} other places`);
  if (mended > 0) {
    const frames = mended === 1 ? '1 frame of the input has' : `${mended} frames of the input have`;
    notes.push(`${frames} no usable timestamp, and stand${mended === 1 ? 's' : ''} evenly between the others`);
  }
  return { damagedFrames, lostFrames, damaged: damage.notes.length > 0, notes };
}

function seconds(at: Parameters<typeof toSeconds>[0]): string {
  return `${toSeconds(at).toFixed(2)} s`;
}
