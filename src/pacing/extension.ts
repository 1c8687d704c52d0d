/** Has the motion of a pair carried on beyond its later frame, where the stream's ladder leaves room for it. */

import { asFrameliftError } from '../errors.ts';
import { type InterpResult, isUnsure } from '../interp/engine/job.ts';
import type { LadderLimits, PairOutcome } from '../interp/ladder.ts';
import type { Frame } from '../media/frame.ts';
import { minus, plus } from '../time.ts';
import type { Continuation } from './concealment.ts';
import { type Lineup, outcomeOf, type SubmissionOptions } from './submission.ts';

/** Options of {@link Extension}. */
export type ExtensionOptions = Pick<
  SubmissionOptions,
  'stream' | 'lineup' | 'watched' | 'clock' | 'minConfidence' | 'onEngineError' | 'onLadder' | 'onDecision' | 'onWork'
>;

/** Collaborators of {@link Extension}. */
export interface ExtensionDeps {
  /** What bounds the work on a pair. */
  readonly limits: (lineup: Lineup) => LadderLimits;
}

/** Makes frames beyond the newest one. */
export class Extension {
  readonly #options: ExtensionOptions;
  readonly #deps: ExtensionDeps;
  #closed = false;

  constructor(options: ExtensionOptions, deps: ExtensionDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Whether a model is ready that can. */
  get able(): boolean {
    const { lineup, watched } = this.#options;
    if (watched?.() === false) return false;
    return lineup()?.tiers.some(({ extrapolates }) => extrapolates) ?? false;
  }

  /** From now on nothing is made, and nobody is told of anything. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Carries a pair on by the ladder's rung, or the first one below it that can; the work counts as
   * that of a pair. Owns the pair; the receiver owns the frames. None where no model can, where they
   * would be late, or are unsure. Never rejects.
   */
  make(pair: Continuation): Promise<readonly Frame[]> {
    const made = this.#make(pair).finally(() => {
      for (const held of [pair.a, pair.b, pair.pairBefore?.frame]) held?.release();
    });
    this.#options.onWork(made.then(() => {}));
    return made;
  }

  async #make(pair: Continuation): Promise<readonly Frame[]> {
    const { clock, lineup, minConfidence, onEngineError, onLadder, onDecision } = this.#options;
    const now = lineup();
    if (!now || this.#closed) return [];
    const limits = this.#deps.limits(now);
    const attempt = now.ladder.choose(clock.now(), limits, onDecision);
    const { tier: index } = attempt.rung;
    if (index === undefined) return [];
    const submitted = clock.now();
    let outcome: PairOutcome = { kind: 'misplaced' };
    let result: InterpResult | undefined;
    try {
      const tier = now.tiers.slice(index).find(({ extrapolates }) => extrapolates);
      result = await tier?.interpolate(this.#job(pair, limits));
      // Another model's work says nothing of this rung, and neither does what came too late to be begun.
      if (result?.status === 'done' && tier === now.tiers[index]) {
        outcome = outcomeOf(result, minus(clock.now(), submitted), false);
      }
    } catch (thrown) {
      outcome = { kind: 'failed' };
      if (!this.#closed) onEngineError(asFrameliftError(thrown, 'engine.failed'));
    }
    const current = !this.#closed && lineup() === now;
    const change = now.ladder.settle(attempt, outcome, clock.now(), limits, current ? onDecision : undefined);
    if (change && current) onLadder(change);
    if (result?.status !== 'done') return [];
    const unsure = isUnsure(result, minConfidence);
    if (!unsure && !this.#closed) return result.frames;
    for (const frame of result.frames) frame.release();
    return [];
  }

  #job({ a, b, area, pairBefore, timesteps }: Continuation, { headroom }: LadderLimits) {
    const { stream, clock, minConfidence } = this.#options;
    const deadline = plus(clock.now(), headroom);
    const beside = { ...(area ? { area } : {}), ...(pairBefore ? { before: pairBefore } : {}) };
    return { stream, a, b, timesteps: timesteps.map(({ t }) => t), minConfidence, deadline, ...beside };
  }
}
