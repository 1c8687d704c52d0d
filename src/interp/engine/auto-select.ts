/**
 * Which model is the best that is in time on this machine at a stream's size: measured by running
 * them.
 */

import { asFrameliftError, FrameliftError } from '../../errors.ts';
import type { Arena } from '../../media/arena.ts';
import type { Frame } from '../../media/frame.ts';
import { type Micros, micros, toMs } from '../../time.ts';
import type { LadderLimits } from '../ladder.ts';
import { testPair } from '../providers/test-pair.ts';
import type { Tier } from './job.ts';
import type { EnginePool, ModelLease } from './pool.ts';

/** The model name that asks for {@link chooseModel}. */
export const AUTO = 'auto';

/** Candidates on the CPU, best quality first (docs/models.md). The last one needs no network. */
const ON_CPU = ['flow-s', 'flow-s@0.5', 'search'] as const;
/** flow-s without int8: tried first where it runs on a graphics processor. */
const ON_GPU = 'flow-s-fp32';
/** Runs that are timed; their median counts. */
const RUNS = 5;
/**
 * A model fits when its work takes no more than this share of the limits: decoding and encoding
 * want some, too.
 */
const FIT = 0.8;

/** Where models come from. */
export type ModelSource = Pick<EnginePool, 'acquire' | 'providerOf'>;

/** What {@link chooseModel} works with. */
export interface ChooseModelOptions {
  readonly pool: ModelSource;
  readonly arena: Arena;
  readonly stream: string;
  /** Luma samples. */
  readonly width: number;
  readonly height: number;
  /** Timesteps of a pair. */
  readonly timesteps: number;
  readonly limits: LadderLimits;
}

/** A candidate and what came of it. */
interface Measured {
  readonly model: string;
  /** `34 ms`, or why it could not be run. */
  readonly result: string;
  readonly fits: boolean;
}

/** What was chosen, and what was measured on the way. */
export interface Choice {
  readonly lease: ModelLease;
  readonly measured: readonly Measured[];
}

/**
 * Holds the first candidate that fits, or the last one if none does. Candidates behind the one that
 * fits are not run.
 * @throws FrameliftError as {@link EnginePool.acquire} when not even the last one can be had.
 */
export async function chooseModel(parts: ChooseModelOptions): Promise<Choice> {
  const { pool, limits } = parts;
  const measured: Measured[] = [];
  const candidates = await candidatesOn(pool);
  for (const model of candidates) {
    let lease: ModelLease | undefined;
    try {
      lease = await pool.acquire(model);
      const cost = await measure(lease, parts);
      const fits = cost <= FIT * Math.min(limits.headroom, limits.period);
      measured.push({ model, result: `${toMs(cost).toFixed(0)} ms`, fits });
      if (fits || model === candidates.at(-1)) return { lease, measured };
      lease.release();
    } catch (thrown) {
      lease?.release();
      if (model === candidates.at(-1)) throw thrown;
      measured.push({ model, result: asFrameliftError(thrown, 'engine.failed').message, fits: false });
    }
  }
  throw new FrameliftError('engine.failed', 'there is no model to choose from');
}

async function candidatesOn(pool: ModelSource): Promise<readonly string[]> {
  return (await pool.providerOf(ON_GPU)) === 'cpu' ? ON_CPU : [ON_GPU, ...ON_CPU];
}

/** Makes a lease's models ready, and gives the median work of a pair by the first one. */
async function measure({ tiers }: ModelLease, parts: ChooseModelOptions): Promise<Micros> {
  const { arena, width, height, timesteps } = parts;
  for (const tier of tiers) await tier.warmUp(width, height);
  const [top] = tiers;
  if (!top) throw new FrameliftError('engine.failed', 'a model without an engine');
  const pair = testPair(arena, width, height);
  try {
    const costs: number[] = [];
    for (let run = 0; run < RUNS; run++) costs.push(await timed(top, parts.stream, pair, timesteps));
    return micros(costs.toSorted((a, b) => a - b)[RUNS >> 1] ?? 0);
  } finally {
    for (const frame of pair) frame.release();
  }
}

async function timed(tier: Tier, stream: string, [a, b]: readonly [Frame, Frame], timesteps: number): Promise<Micros> {
  const times = Array.from({ length: timesteps }, (_, i) => (i + 1) / (timesteps + 1));
  const result = await tier.interpolate({ stream, a, b, timesteps: times });
  if (result.status !== 'done') throw new FrameliftError('engine.failed', `a trial run was refused (${result.reason})`);
  for (const frame of result.frames) frame.release();
  const { search, network, kernel } = result.spanMicros;
  return micros(search + network + kernel);
}
