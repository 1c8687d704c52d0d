/** The `blend` reference interpolator in the worker: a cross-fade without motion. */
import { type Clock, minus } from '../../time.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { blendDeep } from './deep.ts';
import type { Interpolator, WireJob, WireResult } from './protocol.ts';

/** Cross-fades the frames of a pair. */
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
      blendDeep(this.#kernel, job, i);
    });
    const kernel = minus(this.#clock.now(), begin);
    return { confidence: undefined, spans: { search: 0, network: 0, kernel } };
  }

  async forget(): Promise<void> {}

  async close(): Promise<void> {}
}
