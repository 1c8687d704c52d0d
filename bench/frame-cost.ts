/** What one interpolated frame costs at several sizes, and what minterpolate takes for it in the same run. */
import type { ModelSpec } from '../src/interp/models/manifest.ts';
import type { ReferenceModel } from '../src/interp/models/reference.ts';
import { movingClip } from './clip.ts';
import { type InterpolationTimes, timeInterpolation } from './interpolation.ts';
import { timeMinterpolate } from './minterpolate.ts';
import { powerLaw, rounded } from './statistics.ts';

/** What is measured. */
export interface FrameCostOptions {
  readonly model: ModelSpec | ReferenceModel;
  /** Threads of one inference. */
  readonly threads: number;
  readonly runs: number;
  /** New frames in each run. */
  readonly frames: number;
  readonly sizes: readonly (readonly [width: number, height: number])[];
  /** Also time minterpolate. */
  readonly ffmpeg: boolean;
  readonly onProgress: (text: string) => void;
}

/** One size. */
interface FrameCostRow extends InterpolationTimes {
  readonly width: number;
  readonly height: number;
  /** Nanoseconds of the whole for each pixel of an interpolated frame. */
  readonly nsPerPixel: number;
  readonly minterpolateMs: number | null;
  /** minterpolateMs / totalMs. */
  readonly timesFaster: number | null;
}

/** All sizes. */
export interface FrameCost {
  readonly rows: readonly FrameCostRow[];
  /** k of cost ∝ pixels^k, best fit over the sizes: 1 is linear; null with fewer than two sizes. */
  readonly pixelExponent: number | null;
}

/** More runs of minterpolate would take minutes and change little. */
const MAX_FFMPEG_RUNS = 3;

/** Times one interpolated frame (t = 1/2) at each size. @throws FrameliftError `ffmpeg.missing`, `ffmpeg.failed`, `engine.failed`. */
export async function measureFrameCost(options: FrameCostOptions): Promise<FrameCost> {
  const { model, threads, runs, onProgress } = options;
  const id = typeof model === 'string' ? model : model.id;
  const rows: FrameCostRow[] = [];
  for (const [width, height] of options.sizes) {
    onProgress(`${width}x${height}: drawing ${options.frames + 1} frames`);
    const clip = movingClip(width, height, options.frames + 1);
    onProgress(`${width}x${height}: ${id}, ${runs} runs`);
    const times = await timeInterpolation(model, threads, clip, width, height, runs);
    let minterpolateMs: number | null = null;
    if (options.ffmpeg) {
      onProgress(`${width}x${height}: minterpolate, ${Math.min(runs, MAX_FFMPEG_RUNS)} runs`);
      minterpolateMs = await timeMinterpolate(clip, width, height, Math.min(runs, MAX_FFMPEG_RUNS));
    }
    const timesFaster = minterpolateMs === null ? null : minterpolateMs / times.totalMs;
    rows.push({
      width,
      height,
      ...times,
      nsPerPixel: (1e6 * times.totalMs) / (width * height),
      minterpolateMs,
      timesFaster,
    });
  }
  return { rows, pixelExponent: rounded(powerLaw(rows.map((row) => [row.width * row.height, row.totalMs]))) };
}
