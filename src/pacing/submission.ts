/**
 * What is interpolated of a pair: the ladder chooses, the engine works until the deadline, and what
 * becomes of it is settled.
 */

import { asFrameliftError, type FrameliftError } from '../errors.ts';
import { type InterpJob, type InterpResult, isUnsure, type Tier } from '../interp/engine/job.ts';
import type { Attempt, Ladder, LadderChange, LadderDecision, LadderLimits, PairOutcome } from '../interp/ladder.ts';
import type { Frame } from '../media/frame.ts';
import type { EventSink } from '../metrics/events.ts';
import type { Scheduled } from '../pairing/operators.ts';
import type { Scheduler, Timestep } from '../pairing/scheduler.ts';
import { type Clock, type Micros, micros, minus, plus, ZERO } from '../time.ts';
import type { DelayControl } from './delay-control.ts';
import type { Fallbacks } from './fallbacks.ts';
import type { Pacer } from './pacer.ts';

/**
 * What interpolates a stream's frames: the models of the ladder's rungs. Exchanged as a whole,
 * between two pairs.
 */
export interface Lineup {
  readonly tiers: readonly Pick<Tier, 'interpolate' | 'workers' | 'extrapolates'>[];
  readonly ladder: Ladder;
}

/** Options of {@link Submission}. */
export interface SubmissionOptions {
  readonly stream: string;
  /**
   * What interpolates now; asked for each pair. Undefined: nothing is ready, source frames are
   * repeated.
   */
  readonly lineup: () => Lineup | undefined;
  /** Whether anybody is shown what is made; while nobody is, source frames are repeated. Default: yes. */
  readonly watched?: () => boolean;
  readonly scheduler: Scheduler;
  readonly delay: DelayControl;
  readonly clock: Clock;
  readonly events: EventSink;
  /**
   * Cells below this confidence show the nearer source frame where that is the lesser evil; where
   * too many are, all of it is repeated ({@link isUnsure}). 0 = never.
   */
  readonly minConfidence: number;
  readonly onEngineError: (error: FrameliftError) => void;
  readonly onLadder: (change: LadderChange) => void;
  /**
   * For a debug log: trials of a better rung, and falls, with their figures. Not called for
   * ordinary pairs.
   */
  readonly onDecision?: (decision: LadderDecision) => void;
  /**
   * A pair is worked on until this resolves, which it does, be it after the end: until then the
   * engine reports on the stream.
   */
  readonly onWork: (done: Promise<void>) => void;
}

/** Collaborators of {@link Submission}. */
export interface SubmissionDeps {
  /** Takes the interpolated frames. */
  readonly pacer: Pacer;
  /** Told why a slot will be repeated. */
  readonly fallbacks: Fallbacks;
  /** A pair has been settled: frames may be due. */
  readonly onSettled: () => void;
}

/** How fast the span of the work on a pair is learned. */
const LEARN = 1 / 8;

/** What is known of a pair: what is picture in both frames, and the pair before. */
type PairTraits = Partial<Pick<Scheduled, 'area' | 'pairBefore'>>;

/** The slots of a pair that are being filled. */
interface Slots {
  readonly timesteps: readonly Timestep[];
  /** When each is due, by the delay at the time of submission … */
  readonly dues: readonly (Micros | undefined)[];
  /** … which is so much more than the floor. */
  readonly slack: Micros;
  /** Whether the delay learns from it: no trial of a better rung. */
  readonly countsForDelay: boolean;
  /** The later frame came so late against its own time that half of the time for the work was gone. */
  readonly misplaced: boolean;
}

/** Has pairs interpolated, and gives the frames to the pacer. */
export class Submission {
  readonly #options: SubmissionOptions;
  readonly #deps: SubmissionDeps;
  #workSpan: number = ZERO;
  #closed = false;

  constructor(options: SubmissionOptions, deps: SubmissionDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** From now on frames that come from the engine are released, and nobody is told of a pair. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Lets the ladder decide for a pair, and has interpolated what it decides. Owns `before` and the frame of `pairBefore`;
   * `frame` stays the caller's.
   */
  submit(before: Frame, frame: Frame, timesteps: readonly Timestep[], { area, pairBefore }: PairTraits = {}): void {
    const { lineup, watched, clock, onDecision, onWork } = this.#options;
    const now = lineup();
    const unwatched = watched?.() === false;
    if (!now || unwatched) {
      this.#deps.fallbacks.explain(timesteps, unwatched ? 'unwatched' : 'no-model');
      before.release();
      pairBefore?.frame.release();
      return;
    }
    const attempt = now.ladder.choose(clock.now(), this.limits(now), onDecision);
    const { tier: index, timesteps: which } = attempt.rung;
    const tier = index === undefined ? undefined : now.tiers[index];
    const chosen = !tier ? [] : which === 'middle' ? middle(timesteps) : timesteps;
    this.#deps.fallbacks.explain(
      timesteps.filter((step) => !chosen.includes(step)),
      'overload',
    );
    if (tier) {
      const beside = { ...(area ? { area } : {}), ...(pairBefore ? { before: pairBefore } : {}) };
      const pair = { a: before, b: frame.share(), ...beside };
      onWork(this.#interpolate(now, tier, attempt, pair, this.#slots(chosen, frame, attempt)));
    } else for (const unused of [before, pairBefore?.frame]) unused?.release();
  }

  /** From submission to frames, as it has lately been; 0 while that is not known. */
  get workSpan(): Micros {
    return micros(this.#workSpan);
  }

  #slots(timesteps: readonly Timestep[], { pts, arrival }: Frame, { isTrial }: Attempt): Slots {
    const { pacer } = this.#deps;
    const misplaced = pacer.lateness(pts, arrival) > this.#headroom() / 2;
    return {
      timesteps,
      dues: timesteps.map((step) => pacer.dueOf(step.pts)),
      slack: minus(pacer.delay, this.#options.scheduler.floor),
      countsForDelay: !isTrial && !misplaced,
      misplaced,
    };
  }

  /** What bounds the work on a pair. */
  limits({ tiers }: Lineup): LadderLimits {
    const { scheduler } = this.#options;
    return { headroom: this.#headroom(), period: micros(scheduler.sourceInterval * (tiers[0]?.workers ?? 1)) };
  }

  #headroom(): Micros {
    const { delay, scheduler } = this.#options;
    return delay.headroom(scheduler.floor, this.#deps.pacer.jitter);
  }

  /** Owns the frames of `pair`. Never rejects. */
  async #interpolate(
    lineup: Lineup,
    tier: Lineup['tiers'][number],
    attempt: Attempt,
    pair: Pick<InterpJob, 'a' | 'b' | 'area' | 'before'>,
    slots: Slots,
  ): Promise<void> {
    const { stream, clock, minConfidence, onEngineError, onLadder, onDecision } = this.#options;
    const submitted = clock.now();
    const deadline = this.#deadline(slots, attempt);
    const timesteps = slots.timesteps.map((step) => step.t);
    let outcome: PairOutcome = { kind: 'failed' };
    try {
      const result = await tier.interpolate({ stream, ...pair, timesteps, minConfidence, ...deadline });
      outcome = outcomeOf(result, minus(clock.now(), submitted), slots.misplaced);
      if (outcome.kind === 'done') this.#workSpan += (outcome.elapsed - this.#workSpan) * (this.#workSpan ? LEARN : 1);
      this.#take(result, slots);
    } catch (thrown) {
      this.#deps.fallbacks.explain(slots.timesteps, 'engine-error');
      if (!this.#closed) onEngineError(asFrameliftError(thrown, 'engine.failed'));
    } finally {
      pair.a.release();
      pair.b.release();
      pair.before?.frame.release();
    }
    const current = !this.#closed && this.#options.lineup() === lineup;
    const report = current ? onDecision : undefined;
    const change = lineup.ladder.settle(attempt, outcome, clock.now(), this.limits(lineup), report);
    if (this.#closed) return;
    if (change && current) onLadder(change);
    this.#deps.onSettled();
  }

  /**
   * When a pair is not worth starting any more: not even the least work that it has lately been
   * would be done in time. The delay may still grow to the budget, so a pair counts as late only
   * beyond that.
   */
  #deadline({ dues }: Slots, { quickest }: Attempt): { deadline?: Micros } {
    const due = dues.findLast((known) => known !== undefined);
    if (due === undefined) return {};
    const longest = plus(this.#options.scheduler.floor, this.#headroom());
    return { deadline: minus(plus(due, minus(longest, this.#deps.pacer.delay)), quickest) };
  }

  /** Owns the frames of `result`. */
  #take(result: InterpResult, { timesteps, dues, slack, countsForDelay }: Slots): void {
    const { stream, clock, events, minConfidence, delay } = this.#options;
    const { pacer, fallbacks } = this.#deps;
    if (result.status !== 'done') {
      if (countsForDelay) delay.missed();
      fallbacks.explain(timesteps, result.reason === 'late' ? 'deadline' : 'overload');
      return;
    }
    const now = clock.now();
    const unsure = isUnsure(result, minConfidence);
    result.frames.forEach((frame, i) => {
      const step = timesteps[i];
      const due = dues[i];
      if (due !== undefined && countsForDelay) delay.observe(minus(plus(slack, now), due));
      if (!step || unsure || this.#closed) frame.release();
      else if (!pacer.offer(step.pts, frame)) {
        events.emit({ type: 'drop', stream, stage: 'interpolate', reason: 'late' });
      }
    });
    if (unsure) fallbacks.explain(timesteps, 'unsure');
  }
}

/** What a result says of its rung. */
export function outcomeOf(result: InterpResult, elapsed: Micros, misplaced: boolean): PairOutcome {
  if (result.status !== 'done') return { kind: misplaced ? 'misplaced' : 'refused' };
  const { search, network, kernel } = result.spanMicros;
  return { kind: 'done', elapsed, cost: micros(search + network + kernel) };
}

/** The one timestep that is nearest to ½. */
function middle(timesteps: readonly Timestep[]): readonly Timestep[] {
  return timesteps.toSorted((a, b) => Math.abs(a.t - 0.5) - Math.abs(b.t - 0.5)).slice(0, 1);
}
