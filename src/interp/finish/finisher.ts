/**
 * The last stage of every model: text and overlays that both parents hold still are kept as they
 * have them, whatever the model made of them.
 */

import type { Kernel } from '../kernel/kernel.ts';
import { CELL_ROWS } from '../kernel/tasks.ts';
import { planesOf } from '../worker/deep.ts';
import type { WireJob } from '../worker/protocol.ts';
import type { RowThreads } from '../worker/row-threads.ts';
import { type FinishLayout, finishLayout } from './layout.ts';

/** Keeps what stands still in the frames of jobs. */
export class Finisher {
  readonly #kernel: Kernel;
  readonly #rowThreads: RowThreads;

  constructor(kernel: Kernel, rowThreads: RowThreads) {
    this.#kernel = kernel;
    this.#rowThreads = rowThreads;
  }

  /** @param scratch where {@link finishLayout} begins, in the arena. */
  finish(job: WireJob, scratch: number): void {
    const layout = finishLayout(job.width, job.height);
    for (const [i, t] of job.timesteps.entries()) this.#finish(job, i, Math.min(Math.max(t, 0), 1), scratch, layout);
  }

  #finish(job: WireJob, index: number, t: number, scratch: number, { work, masks, columns, rows }: FinishLayout): void {
    const { a, b, frameBefore: before = 0, frameAfter: after = 0, width, height } = job;
    const out = job.outs[index] ?? 0;
    const scene = [a, b, before, after, out, width, height, scratch + work] as const;
    this.#rowThreads.run(['still-damage', ...scene], rows, CELL_ROWS);
    const found = [...scene, scratch + masks] as const;
    this.#rowThreads.run(['still-labels', ...found], rows, CELL_ROWS);
    if (!this.#kernel.stillText(...found)) return;
    this.#kernel.stillKeep(a, b, out, width, height, Math.round(t * 256), scratch + masks);
    this.#keepDeep(job, index, t, scratch + masks, columns, rows);
  }

  #keepDeep(job: WireJob, index: number, t: number, masks: number, columns: number, rows: number): void {
    const out = job.deep?.outs[index];
    if (!job.deep || out === undefined) return;
    const { a, b } = job.deep;
    for (const { plane, shiftX, shiftY } of planesOf(job)) {
      const { offset, width, height, stride } = plane;
      const places = [a + offset, b + offset, out + offset] as const;
      this.#kernel.stillKeepDeep(...places, width, height, stride, shiftX, shiftY, t, masks, columns, rows);
    }
  }
}
