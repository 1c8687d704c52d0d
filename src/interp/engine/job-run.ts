/** A job of the engine, from its submission to its end: as it waits, and while a worker has it. */

import type { FrameliftError } from '../../errors.ts';
import type { Arena } from '../../media/arena.ts';
import { type SampleForm, sameForm } from '../../media/deep-layout.ts';
import { Frame, type FrameInfo } from '../../media/frame.ts';
import { nearestEighth, type Times } from '../../pairing/timesteps.ts';
import type { Micros } from '../../time.ts';
import { between } from '../models/reference.ts';
import { grainSeed } from '../worker/grain-seed.ts';
import type { FlowMode, WireJob, WireResult } from '../worker/protocol.ts';
import type { BatchJob } from './batcher.ts';
import type { InterpResult } from './job.ts';
import type { PyramidCache, PyramidLoan } from './pyramid-cache.ts';

/** A job that waits. It has handles of its own on its frames. */
export interface PendingJob extends BatchJob {
  /** Id of the model, as it goes into provenance. */
  readonly model: string;
  /** Of the model's file, as it goes into provenance. Undefined: it has none. */
  readonly hash: string | undefined;
  readonly mode: FlowMode;
  readonly a: Frame;
  readonly b: Frame;
  readonly timesteps: readonly number[];
  readonly enqueued: Micros;
  resolve(result: InterpResult): void;
  reject(error: FrameliftError): void;
}

/** What {@link JobRun} works with. */
export interface JobRunDeps {
  readonly arena: Arena;
  readonly pyramids: PyramidCache;
  /** Bytes of the pyramid of a frame; undefined: the model does not search. */
  readonly pyramidBytes: number | undefined;
  readonly times: Times;
  /** As {@link InterpEngine.scale}. */
  readonly scale: number;
  /** As {@link InterpEngine.deepens}. */
  readonly deepens: boolean;
  /** Strength, for provenance. */
  readonly grain: number;
}

/**
 * A job while a worker has it: its output frames and the pyramids that it is lent. Ends with {@link
 * JobRun.done} or {@link JobRun.failed}.
 */
export class JobRun {
  readonly job: PendingJob;
  /** What the worker is told. */
  readonly wire: Omit<WireJob, 'scratch'>;
  readonly #deps: JobRunDeps;
  /** The times of its frames: the job's own, or the nearest that the model knows. */
  readonly #times: readonly number[];
  readonly #outs: Frame[] = [];
  readonly #loans: PyramidLoan[] = [];

  /**
   * Takes memory for its frames. @throws FrameliftError `arena.full`; then the job is still the
   * caller's to end.
   */
  constructor(job: PendingJob, deps: JobRunDeps) {
    this.job = job;
    this.#deps = deps;
    const eighths = deps.times === 'half' && deps.scale === 1;
    this.#times = eighths ? job.timesteps.map(nearestEighth) : job.timesteps;
    try {
      this.#allocate();
    } catch (error) {
      this.#giveBack(false);
      throw error;
    }
    const { a, b, timesteps, mode } = job;
    this.wire = {
      width: a.width,
      height: a.height,
      a: a.offset,
      b: b.offset,
      timesteps: this.#times,
      outs: this.#outs.map((frame) => frame.offset),
      ...this.#wireDeep(),
      pyramidA: wirePyramid(this.#loans[0]),
      pyramidB: wirePyramid(this.#loans[1]),
      grainSeeds: timesteps.map((t) => grainSeed(a.pts, b.pts, t)),
      mode,
    };
  }

  /** Ends the job with its frames. */
  done({ confidence, spans }: WireResult): void {
    const frames = this.#outs.map((frame, i) => frame.share(this.#info(i, confidence)));
    this.#giveBack(true);
    this.#releaseParents();
    this.job.resolve({ status: 'done', frames, confidence, spanMicros: spans });
  }

  /** Ends the job without. */
  failed(error: FrameliftError): void {
    this.#giveBack(false);
    this.#releaseParents();
    this.job.reject(error);
  }

  #allocate(): void {
    const { arena, pyramids, pyramidBytes, scale } = this.#deps;
    const { a, b, timesteps, mode } = this.job;
    const form = this.#deps.deepens ? formOf(a, b) : undefined;
    for (const i of timesteps.keys()) {
      this.#outs.push(Frame.allocate(arena, scale * a.width, scale * a.height, this.#info(i, undefined), form));
    }
    if (pyramidBytes === undefined) return;
    for (const frame of [a, b]) this.#loans.push(pyramids.lend(frame, pyramidBytes, mode === 'half'));
  }

  #wireDeep(): Pick<WireJob, 'deep'> {
    if (!this.#outs[0]?.deep) return {};
    const [a, b] = [this.job.a.deep, this.job.b.deep];
    const outs = this.#outs.flatMap(({ deep }) => deep?.offset ?? []);
    return a && b ? { deep: { form: a.layout.form, a: a.offset, b: b.offset, outs } } : {};
  }

  #giveBack(filled: boolean): void {
    for (const loan of this.#loans) loan.done(filled);
    for (const frame of this.#outs) frame.release();
  }

  #releaseParents(): void {
    this.job.a.release();
    this.job.b.release();
  }

  /** Of the frame at a timestep: it stands where it was asked for, and says which time it shows. */
  #info(timestep: number, confidence: number | undefined): FrameInfo {
    const { a, b, model, hash, timesteps } = this.job;
    const { grain } = this.#deps;
    const t = timesteps[timestep] ?? 0.5;
    return {
      pts: between(a.pts, b.pts, t),
      capture: between(a.capture, b.capture, t),
      arrival: b.arrival,
      discontinuity: false,
      provenance:
        t === 0 || t === 1
          ? { kind: 'enlarged', model, ...(hash === undefined ? {} : { hash }) }
          : {
              kind: 'synthetic',
              t: this.#times[timestep] ?? 0.5,
              model,
              confidence,
              ...(hash === undefined ? {} : { hash }),
              ...(grain > 0 ? { grain } : {}),
            },
    };
  }
}

/** The form beside I420 that both frames have; undefined where they differ or have none. */
function formOf({ deep: a }: Frame, { deep: b }: Frame): SampleForm | undefined {
  return sameForm(a?.layout.form, b?.layout.form) ? a?.layout.form : undefined;
}

function wirePyramid(loan: PyramidLoan | undefined): WireJob['pyramidA'] {
  return { offset: loan?.offset ?? 0, ready: loan?.ready ?? false };
}
