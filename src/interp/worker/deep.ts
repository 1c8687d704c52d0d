/**
 * Interpolated frames in the form that their parents came in, beside I420: by the same motion and the
 * same weights, all planes at their full depth.
 */
import { type DeepPlane, deepLayout, type SampleForm } from '../../media/deep-layout.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { LUMA_ROWS } from '../kernel/tasks.ts';
import type { WireJob } from './protocol.ts';
import type { RowThreads } from './row-threads.ts';

/** What the I420 form of a frame was made by; offsets in the arena. */
export interface AppliedField {
  /** float32 [6·motions][gridHeight][gridWidth] of the frame's own time. */
  readonly field: number;
  readonly gridWidth: number;
  readonly gridHeight: number;
  readonly motions: 1 | 2;
  readonly rowScratch: number;
  readonly rowScratchBytes: number;
}

/**
 * I420 has red, green and blue in the limited range (`RGB_COLOUR`), where a grey level is so much
 * more of their own.
 */
const RGB_LEVELS = 255 / 219;

/** Planes of a job's form beside I420, and by how much they are smaller than luma; none without such. */
export function planesOf({ width, height, deep }: WireJob): { plane: DeepPlane; shiftX: number; shiftY: number }[] {
  if (!deep) return [];
  const { form } = deep;
  return deepLayout(form, width, height).planes.map((plane, i) => {
    const chroma = form.model === 'yuv' && (i === 1 || i === 2);
    return { plane, shiftX: chroma ? form.shiftX : 0, shiftY: chroma ? form.shiftY : 0 };
  });
}

/** Warps every plane of the frame at a timestep as its luma or chroma of 8 bits was. */
export function warpDeep(rowThreads: RowThreads, job: WireJob, timestep: number, by: AppliedField): void {
  const out = job.deep?.outs[timestep];
  if (!job.deep || out === undefined) return;
  const { a, b } = job.deep;
  for (const { plane, shiftX, shiftY } of planesOf(job)) {
    const { offset, width, height, stride } = plane;
    const { field, gridWidth, gridHeight, motions, rowScratch, rowScratchBytes } = by;
    const places = [a + offset, b + offset, out + offset] as const;
    const shape = [width, height, stride, shiftX, shiftY] as const;
    const motion = [field, gridWidth, gridHeight, motions, rowScratch, rowScratchBytes] as const;
    rowThreads.run(['render-deep', ...places, ...shape, ...motion], height, LUMA_ROWS);
  }
}

/**
 * Gives a frame the grain that its 8-bit luma is about to get: to luma, or to all three of red, green
 * and blue. @param grain scratch that has seen the pair.
 */
export function grainDeep(
  kernel: Kernel,
  job: WireJob,
  timestep: number,
  by: AppliedField,
  strength: number,
  grain: number,
): void {
  const out = job.deep?.outs[timestep];
  if (!job.deep || out === undefined) return;
  const { width, height, outs, grainSeeds } = job;
  const { form } = job.deep;
  const planes = planesOf(job).slice(0, form.model === 'rgb' ? 3 : 1);
  for (const { plane } of planes) {
    const { field, gridWidth, gridHeight, motions } = by;
    const place = [outs[timestep] ?? 0, out + plane.offset, width, height, plane.stride] as const;
    const levels = [grainGain(form), 2 ** form.bits - 1] as const;
    const motion = [field, gridWidth, gridHeight, motions] as const;
    kernel.grainAddDeep(...place, ...levels, ...motion, strength, grainSeeds[timestep] ?? 0, grain);
  }
}

/** Levels of a form for a grey level of its I420. */
function grainGain({ model, bits }: SampleForm): number {
  return 2 ** (bits - 8) * (model === 'rgb' ? RGB_LEVELS : 1);
}

/** Cross-fades all planes of the frame at a timestep. */
export function blendDeep(kernel: Kernel, job: WireJob, timestep: number): void {
  const out = job.deep?.outs[timestep];
  if (!job.deep || out === undefined) return;
  const { bytes } = deepLayout(job.deep.form, job.width, job.height);
  kernel.blendDeep(job.deep.a, job.deep.b, out, bytes, job.timesteps[timestep] ?? 0.5);
}
