/** The reference interpolators: what every model has to beat. */
import type { Frame, RepeatReason } from '../../media/frame.ts';
import { type Clock, type Micros, micros, minus } from '../../time.ts';
import type { Interpolator, WireJob, WireResult } from '../engine/protocol.ts';
import type { Kernel } from '../kernel/kernel.ts';

/** Ids of the interpolators that need no network: cross-fade, nearer parent, block search with motion compensation. */
export const REFERENCE_MODELS = ['search', 'blend', 'repeat'] as const;

/** One of {@link REFERENCE_MODELS}. */
export type ReferenceModel = (typeof REFERENCE_MODELS)[number];

/** Presentation or capture time at `t` between two instants, rounded to a microsecond. */
export function between(a: Micros, b: Micros, t: number): Micros {
  return micros(a + (b - a) * t);
}

/** The parent nearer to `t`, shown again: a new handle on its pixels, at its own PTS, with the other times of `t`. The caller owns it. */
export function repeatNearer(a: Frame, b: Frame, t: number, reason: RepeatReason): Frame {
  return (t < 0.5 ? a : b).share({
    capture: between(a.capture, b.capture, t),
    arrival: b.arrival,
    discontinuity: false,
    provenance: { kind: 'repeated', t, reason },
  });
}

/** Cross-fade without motion, in the worker. */
export class BlendInterpolator implements Interpolator {
  readonly network = undefined;
  readonly #kernel: Kernel;
  readonly #clock: Clock;

  constructor(kernel: Kernel, clock: Clock) {
    this.#kernel = kernel;
    this.#clock = clock;
  }

  async prepare(): Promise<void> {}

  async run(jobs: readonly WireJob[]): Promise<readonly WireResult[]> {
    return jobs.map((job) => this.#blend(job));
  }

  #blend(job: WireJob): WireResult {
    const begin = this.#clock.now();
    job.timesteps.forEach((t, i) => {
      const weight = Math.min(32767, Math.round(t * 32768));
      this.#kernel.blendFrames(job.a, job.b, job.outs[i] ?? 0, job.width, job.height, weight, 0, job.height);
    });
    const kernel = minus(this.#clock.now(), begin);
    return { confidence: undefined, spans: { search: 0, network: 0, kernel } };
  }

  async forget(): Promise<void> {}

  async close(): Promise<void> {}
}
