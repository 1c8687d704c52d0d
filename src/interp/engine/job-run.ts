/** A job of the engine, from its submission to its end: as it waits, and while a worker has it. */

import { FrameliftError } from '../../errors.ts';
import type { Arena } from '../../media/arena.ts';
import { type SampleForm, sameForm } from '../../media/deep-layout.ts';
import { type Acceleration, Frame, type FrameInfo, type Provenance } from '../../media/frame.ts';
import { isBeyond, nearestEighth, type Times } from '../../pairing/timesteps.ts';
import type { Micros } from '../../time.ts';
import { between } from '../models/reference.ts';
import { grainSeed } from '../worker/grain-seed.ts';
import type { FlowMode, NetworkFacts, WireJob, WireResult } from '../worker/protocol.ts';
import type { BatchJob } from './batcher.ts';
import type { InterpJob, InterpResult } from './job.ts';
import type { SearchCaches, SearchLoans } from './search-loans.ts';

/** A job that waits. It has handles of its own on its frames, and on those of the pairs beside. */
export interface PendingJob extends BatchJob, Pick<InterpJob, 'a' | 'b' | 'before' | 'after' | 'timesteps'> {
  /** Id of the model, as it goes into provenance. */
  readonly model: string;
  /** Of the model's file, as it goes into provenance. Undefined: it has none. */
  readonly hash: string | undefined;
  readonly mode: FlowMode;
  readonly minConfidence: number;
  readonly enqueued: Micros;
  resolve(result: InterpResult): void;
  reject(error: FrameliftError): void;
}

type JobFrames = Pick<InterpJob, 'a' | 'b' | 'before' | 'after'>;

/**
 * Checks what is asked. @param extrapolates whether frames beyond the pair can be made.
 * @param scale how many times as large as the pair's frames those made are.
 * @throws FrameliftError `engine.failed` for frames of several sizes, or a t that cannot be made.
 */
export function checkJob(
  { a, b, before, after, timesteps }: InterpJob,
  { extrapolates, scale }: { readonly extrapolates: boolean; readonly scale: number },
): void {
  const others = [b, before?.frame, after?.frame];
  const isOfOneSize = others.every((f) => f === undefined || (f.width === a.width && f.height === a.height));
  const isWithin = timesteps.every((t) => (scale > 1 ? isEnlargedTime(t) : t > 0 && t < 1));
  if (isOfOneSize && (isWithin || (extrapolates && timesteps.every(isBeyond)))) return;
  throw new FrameliftError(
    'engine.failed',
    scale > 1
      ? 'a pair needs frames of one size and times 0, ½ and 1'
      : 'a pair needs frames of one size and timesteps between 0 and 1, or beyond for models that extrapolate',
  );
}

/**
 * Jobs that can share a run have the same: they are of one size, and with an `i420` network of equally many runs, or halvings
 * of the same times.
 */
export function groupOf({ a, timesteps }: InterpJob, network: NetworkFacts | undefined): string {
  const size = `${a.width}x${a.height}`;
  if (network?.kind !== 'i420') return size;
  return `${size} ${network.times === 'half' ? timesteps.map(nearestEighth).join() : timesteps.length}`;
}

/** The times at which a network that enlarges makes frames. */
function isEnlargedTime(t: number): boolean {
  return t === 0 || t === 0.5 || t === 1;
}

/** Handles of its own for a job that waits. */
export function sharedFrames({ a, b, before, after }: JobFrames): JobFrames {
  return {
    a: a.share(),
    b: b.share(),
    ...(before ? { before: { ...before, frame: before.frame.share() } } : {}),
    ...(after ? { after: { ...after, frame: after.frame.share() } } : {}),
  };
}

/** Releases the handles of a job that waits no longer. */
export function releaseFrames({ a, b, before, after }: JobFrames): void {
  for (const frame of [a, b, before?.frame, after?.frame]) frame?.release();
}

const NOT_SEARCHED: Pick<WireJob, 'pyramidA' | 'pyramidB'> = {
  pyramidA: { offset: 0, ready: false },
  pyramidB: { offset: 0, ready: false },
};

/** What {@link JobRun} works with. */
export interface JobRunDeps {
  readonly arena: Arena;
  /** Undefined: the model does not search. */
  readonly search: SearchCaches | undefined;
  /** As {@link InterpEngine.accelerates}. */
  readonly accelerates: boolean;
  readonly times: Times;
  /** As {@link InterpEngine.scale}. */
  readonly scale: number;
  /** As {@link InterpEngine.deepens}. */
  readonly deepens: boolean;
  /** Strength, for provenance. */
  readonly grain: number;
}

/**
 * A job while a worker has it: its output frames and what it is lent for the search. Ends with {@link
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
  #loans: SearchLoans | undefined;

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
    const { a, b, before, after, timesteps, mode } = job;
    this.wire = {
      width: a.width,
      height: a.height,
      a: a.offset,
      b: b.offset,
      timesteps: this.#times,
      outs: this.#outs.map((frame) => frame.offset),
      ...this.#wireDeep(),
      ...(this.#loans?.wire ?? NOT_SEARCHED),
      ...(before ? { frameBefore: before.frame.offset } : {}),
      ...(after ? { frameAfter: after.frame.offset } : {}),
      grainSeeds: timesteps.map((t) => grainSeed(a.pts, b.pts, t)),
      minConfidence: job.minConfidence,
      mode,
    };
  }

  /** Ends the job with its frames. */
  done({ confidence, cells, spans }: WireResult): void {
    const frames = this.#outs.map((frame, i) => frame.share(this.#info(i, confidence, cells?.parental)));
    this.#giveBack(true);
    releaseFrames(this.job);
    this.job.resolve({ status: 'done', frames, confidence, cells, spanMicros: spans });
  }

  /** Ends the job without. */
  failed(error: FrameliftError): void {
    this.#giveBack(false);
    releaseFrames(this.job);
    this.job.reject(error);
  }

  #allocate(): void {
    const { arena, search, accelerates, scale } = this.#deps;
    const { a, b, timesteps } = this.job;
    const form = this.#deps.deepens ? formOf(a, b) : undefined;
    for (const i of timesteps.keys()) {
      this.#outs.push(Frame.allocate(arena, scale * a.width, scale * a.height, this.#info(i, undefined), form));
    }
    this.#loans = search?.lend(this.job, accelerates);
  }

  #wireDeep(): Pick<WireJob, 'deep'> {
    if (!this.#outs[0]?.deep) return {};
    const [a, b] = [this.job.a.deep, this.job.b.deep];
    const outs = this.#outs.flatMap(({ deep }) => deep?.offset ?? []);
    return a && b ? { deep: { form: a.layout.form, a: a.offset, b: b.offset, outs } } : {};
  }

  #giveBack(filled: boolean): void {
    this.#loans?.done(filled);
    for (const frame of this.#outs) frame.release();
  }

  /** Which pairs beside the worker was told of, once it was. */
  #acceleration(): { readonly acceleration?: Acceleration } {
    const { before, after } = this.#loans?.wire ?? {};
    if (before && after) return { acceleration: 'both' };
    return before ? { acceleration: 'before' } : after ? { acceleration: 'after' } : {};
  }

  /** Of the frame at a timestep: it stands where it was asked for, and says which time it shows. */
  #info(timestep: number, confidence: number | undefined, parental = 0): FrameInfo {
    const { a, b, timesteps } = this.job;
    const t = timesteps[timestep] ?? 0.5;
    return {
      pts: between(a.pts, b.pts, t),
      capture: between(a.capture, b.capture, t),
      arrival: b.arrival,
      discontinuity: false,
      provenance: this.#provenance(t, timestep, confidence, parental),
    };
  }

  #provenance(t: number, timestep: number, confidence: number | undefined, parental: number): Provenance {
    const { model, hash } = this.job;
    const { grain, scale } = this.#deps;
    if (scale > 1 && (t === 0 || t === 1)) return { kind: 'enlarged', model, ...(hash === undefined ? {} : { hash }) };
    return {
      kind: isBeyond(t) ? 'extrapolated' : 'synthetic',
      t: this.#times[timestep] ?? 0.5,
      model,
      confidence,
      ...(parental > 0 ? { parental } : {}),
      ...(hash === undefined ? {} : { hash }),
      ...(grain > 0 ? { grain } : {}),
      ...this.#acceleration(),
    };
  }
}

/** The form beside I420 that both frames have; undefined where they differ or have none. */
function formOf({ deep: a }: Frame, { deep: b }: Frame): SampleForm | undefined {
  return sameForm(a?.layout.form, b?.layout.form) ? a?.layout.form : undefined;
}
