/** Interpolation that is left out where a run before has done it. */
import type { FrameOutput } from '../../egress/file/writer.ts';
import type { Tier } from '../../interp/engine/job.ts';

const NO_WORK = { search: 0, network: 0, kernel: 0 };

/**
 * A tier in front of `output`: frames that it keeps from a run before are not computed, since nobody looks at their pixels. All
 * else of a conversion runs as ever, which brings its state back.
 */
export function keptTier(
  tier: Pick<Tier, 'interpolate'>,
  output: Pick<FrameOutput, 'frames' | 'kept'>,
): Pick<Tier, 'interpolate'> {
  return {
    interpolate: (job) => {
      const { a, timesteps } = job;
      if (output.frames + timesteps.length > output.kept) return tier.interpolate(job);
      const frames = timesteps.map(() => a.share());
      return Promise.resolve({ status: 'done', frames, confidence: undefined, spanMicros: NO_WORK });
    },
  };
}

/** What `--resume` found. */
export function keptNote(frames: number): string {
  if (frames === 0) return 'there was nothing to go on from: the conversion started at the beginning';
  return `the first ${frames} frames are those of the run before`;
}
