/**
 * The ladder of a stream: how much is interpolated of each pair, from all that was asked for down
 * to repeats of source frames. Pure.
 */
import { type Micros, micros, toMs } from '../time.ts';
import { TrialSchedule } from './trial-schedule.ts';

/** One rung: which model interpolates which timesteps of a pair. */
export interface Rung {
  /** For people and labels: `flow-s`, `search`, `search-middle`, `hold`. */
  readonly name: string;
  /**
   * Place of the model among the stream's tiers; undefined: nothing is interpolated, source frames
   * are repeated.
   */
  readonly tier: number | undefined;
  /** `middle`: only the timestep nearest to ½, source frames are repeated at the others. */
  readonly timesteps: 'all' | 'middle';
}

/**
 * Why the rung is another one: pairs were not ready within the budget, the engine failed, or the
 * better rung fits again.
 */
export type LadderReason = 'late' | 'failed' | 'recovered';

/** A change of the rung. */
export interface LadderChange {
  readonly from: string;
  readonly to: string;
  readonly reason: LadderReason;
  /** The measured numbers behind it, for people. */
  readonly detail: string;
}

/**
 * What the ladder found out, with the figures behind it: for a debug log. Ordinary pairs cause
 * none.
 */
export interface LadderDecision {
  readonly kind: 'trial-started' | 'trial-failed' | 'trial-passed' | 'fell';
  /** The rung that was judged: the better one of a trial, the one that was left by a fall. */
  readonly rung: string;
  /** The rung in force before the decision. */
  readonly current: string;
  /**
   * `due`: a trial starts because its time has come. `in-time`: it passed. `late`: a pair took
   * longer than the headroom; `refused`: it could not have been ready in time; `failed`: the engine
   * failed; `too-much-work`: in time, but a climb would not last.
   */
  readonly why: 'due' | 'in-time' | 'late' | 'refused' | 'failed' | 'too-much-work';
  /**
   * Work of a pair: the mean of a trial, that of the last pair for a fall; undefined where nothing
   * was interpolated.
   */
  readonly cost: Micros | undefined;
  /**
   * From submission to frames of the pair that decided; undefined where it was not interpolated.
   */
  readonly elapsed: Micros | undefined;
  readonly headroom: Micros;
  readonly period: Micros;
}

/** Takes decisions as they are made. */
export type LadderReport = (decision: LadderDecision) => void;

/** What bounds the work on one pair. */
export interface LadderLimits {
  /**
   * Latency budget less the arithmetic floor: the longest from a pair's submission to its frames.
   */
  readonly headroom: Micros;
  /** Time for which a pair may keep a worker busy: the source's interval times the workers. */
  readonly period: Micros;
}

/**
 * The decision for one pair. Give it back to {@link Ladder.settle} with what became of the pair.
 */
export interface Attempt {
  readonly rung: Rung;
  /**
   * Least work that this rung has lately been; 0 while that is not known, or is being found out.
   */
  readonly quickest: Micros;
  /** Whether it finds out if a better rung is in time. */
  readonly isTrial: boolean;
}

/** What became of a pair. */
export type PairOutcome =
  | JudgedOutcome
  /** Its frames came so late themselves that it says nothing of the rung. */
  | { readonly kind: 'misplaced' };

type JudgedOutcome =
  /** `elapsed`: from submission to frames, waiting included; `cost`: the work alone. */
  | { readonly kind: 'done'; readonly elapsed: Micros; readonly cost: Micros }
  /** Refused: it could not have been ready in time, or the queue was full. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'failed' };

/**
 * A pair that was late fills the bucket by one, one in time drains it by this: more than one late
 * in 17 falls in the long run.
 */
const DRAIN = 1 / 16;
/**
 * A bucket this full makes the ladder fall: five late pairs in a row. One stalled pair makes those
 * behind it late as well.
 */
const FULL = 4.5;
/** Pairs that a better rung must make in time before the ladder climbs. */
const TRIAL = 8;
/**
 * The work of a trial's pairs must stay below these shares of the limits: what just fits now would
 * fall again at once, and pairs wait for a worker that is always busy.
 */
const CLIMB_SHARE = { headroom: 0.9, period: 0.8 } as const;
/** Costs remembered of each rung. */
const COSTS = 8;

/**
 * Rungs of a stream: every model in its order, the last one with fewer timesteps if pairs have
 * several, then hold.
 */
export function rungsOf(models: readonly string[], several: boolean): readonly Rung[] {
  const rungs: Rung[] = models.map((name, tier) => ({ name, tier, timesteps: 'all' }));
  const last = models.at(-1);
  if (several && last !== undefined) {
    rungs.push({ name: `${last}-middle`, tier: models.length - 1, timesteps: 'middle' });
  }
  return [...rungs, { name: 'hold', tier: undefined, timesteps: 'all' }];
}

/** What was measured of a rung. */
class Costs {
  readonly #recent: number[] = [];

  add(cost: Micros): void {
    this.#recent.push(cost);
    if (this.#recent.length > COSTS) this.#recent.shift();
  }

  get quickest(): Micros {
    return micros(this.#recent.length === 0 ? 0 : Math.min(...this.#recent));
  }

  /** Undefined while nothing was measured. */
  get mean(): number | undefined {
    return this.#recent.length === 0 ? undefined : this.#recent.reduce((a, b) => a + b) / this.#recent.length;
  }
}

/** A better rung being tried. */
interface Trial {
  readonly index: number;
  /** One pair is sent ahead: the others follow when it was in time. */
  scouted: boolean;
  passed: number;
  work: number;
}

interface Open extends Attempt {
  readonly index: number;
  readonly trial: Trial | undefined;
  /** No pair of another rung was under way, which it might have had to wait for. */
  readonly clean: boolean;
}

/**
 * Chooses a rung for each pair from what pairs have cost. Falls within a few pairs when they are
 * late; climbs by trials: after a wait one pair is interpolated on the better rung, then some more,
 * and each trial that fails makes the next wait longer. A rung whose work, in proportion to that of
 * the present one, would be far beyond the limits is not tried.
 */
export class Ladder {
  readonly rungs: readonly Rung[];
  readonly #costs: readonly Costs[];
  readonly #trials: TrialSchedule;
  /** Pairs under way on each rung. */
  readonly #open: number[];
  #index = 0;
  #since: Micros;
  #last: LadderChange | undefined;
  #bucket = 0;
  #trial: Trial | undefined;

  /** @param rungs best first, at least one, as {@link rungsOf} gives them. */
  constructor(rungs: readonly Rung[], now: Micros) {
    this.rungs = rungs;
    this.#costs = rungs.map(() => new Costs());
    this.#trials = new TrialSchedule(now);
    this.#open = rungs.map(() => 0);
    this.#since = now;
  }

  /** The rung in force. Pairs of a trial are interpolated on a better one. */
  get rung(): Rung {
    return this.#rung(this.#index);
  }

  /** Rungs below the best one: 0 is all that was asked for. */
  get depth(): number {
    return this.#index;
  }

  /** A better rung is being tried, and its first pair was in time. */
  get trying(): boolean {
    return this.#trial !== undefined && this.#trial.passed > 0;
  }

  /** Since when the rung is in force, monotonic. */
  get since(): Micros {
    return this.#since;
  }

  /** The change that led to the rung in force; undefined while there was none. */
  get last(): LadderChange | undefined {
    return this.#last;
  }

  /**
   * Decides for a pair that would be submitted now. Every attempt whose rung has a tier must be
   * settled.
   * @param report told when a trial starts.
   */
  choose(now: Micros, limits: LadderLimits, report?: LadderReport): Attempt {
    this.#trial ??= this.#dueTrial(now, limits);
    const trial = this.#trial;
    if (trial && !trial.scouted) {
      trial.scouted = true;
      report?.(this.#decision('trial-started', trial.index, 'due', limits, {}));
      return this.#attempt(trial.index, trial);
    }
    return trial && trial.passed > 0 ? this.#attempt(trial.index, trial) : this.#attempt(this.#index, undefined);
  }

  /**
   * Takes what became of a pair; gives the change that follows, if one does.
   * @param report told when a trial ends and when the ladder falls.
   */
  settle(
    attempt: Attempt,
    outcome: PairOutcome,
    now: Micros,
    limits: LadderLimits,
    report?: LadderReport,
  ): LadderChange | undefined {
    // Only choose() makes attempts, and it makes them with what the ladder needs.
    const { index, trial, clean } = attempt as Open;
    this.#open[index] = (this.#open[index] ?? 1) - 1;
    if (outcome.kind === 'done') this.#costs[index]?.add(outcome.cost);
    if (outcome.kind === 'misplaced') {
      // A trial that says nothing is made again.
      if (trial === this.#trial) this.#trial = undefined;
      return undefined;
    }
    const late = lateness(outcome, limits);
    if (trial) return trial === this.#trial ? this.#judgeTrial(trial, outcome, now, limits, report) : undefined;
    if (index !== this.#index || !clean) return undefined;
    this.#bucket = late ? this.#bucket + 1 : Math.max(0, this.#bucket - DRAIN);
    if (this.#bucket < FULL || index === this.rungs.length - 1) return undefined;
    report?.(this.#decision('fell', index, late ?? 'late', limits, outcome.kind === 'done' ? outcome : {}));
    return this.#fall(outcome, now, limits);
  }

  #rung(index: number): Rung {
    const rung = this.rungs[index];
    if (!rung) throw new RangeError(`the ladder has no rung ${index}`);
    return rung;
  }

  #attempt(index: number, trial: Trial | undefined): Open {
    const rung = this.#rung(index);
    const others = this.#open.some((count, i) => i !== index && count > 0);
    if (rung.tier !== undefined) this.#open[index] = (this.#open[index] ?? 0) + 1;
    const quickest = trial ? micros(0) : (this.#costs[index]?.quickest ?? micros(0));
    return { rung, quickest, isTrial: trial !== undefined, index, trial, clean: !others };
  }

  #dueTrial(now: Micros, limits: LadderLimits): Trial | undefined {
    const index = this.#index - 1;
    if (index < 0 || !this.#trials.isDue(index, now, this.#costs[this.#index]?.mean, maxWork(limits))) return undefined;
    return { index, scouted: false, passed: 0, work: 0 };
  }

  #judgeTrial(
    trial: Trial,
    outcome: JudgedOutcome,
    now: Micros,
    limits: LadderLimits,
    report: LadderReport | undefined,
  ): LadderChange | undefined {
    const done = outcome.kind === 'done' ? outcome : undefined;
    const late = lateness(outcome, limits);
    if (late || !done) {
      report?.(this.#decision('trial-failed', trial.index, late ?? 'failed', limits, done ?? {}));
      this.#trialFailed(trial, done?.cost, now);
      return undefined;
    }
    trial.passed += 1;
    trial.work += done.cost;
    const mean = trial.work / trial.passed;
    const figures = { cost: micros(mean), elapsed: done.elapsed };
    if (mean > maxWork(limits)) {
      report?.(this.#decision('trial-failed', trial.index, 'too-much-work', limits, figures));
      this.#trialFailed(trial, mean, now);
      return undefined;
    }
    if (trial.passed < TRIAL) return undefined;
    report?.(this.#decision('trial-passed', trial.index, 'in-time', limits, figures));
    this.#trials.passed(trial.index, now);
    return this.#move(
      trial.index,
      'recovered',
      `its pairs take ${ms(mean)}, the budget leaves ${ms(limits.headroom)}`,
      now,
    );
  }

  #decision(
    kind: LadderDecision['kind'],
    index: number,
    why: LadderDecision['why'],
    { headroom, period }: LadderLimits,
    { cost, elapsed }: { readonly cost?: Micros; readonly elapsed?: Micros },
  ): LadderDecision {
    const current = this.rung.name;
    return { kind, rung: this.#rung(index).name, current, why, cost, elapsed, headroom, period };
  }

  #trialFailed(trial: Trial, cost: number | undefined, now: Micros): void {
    const current = this.#costs[this.#index]?.mean;
    const known = cost !== undefined && current !== undefined;
    this.#trials.failed(trial.index, known ? cost / current : undefined, now);
    this.#trial = undefined;
  }

  #fall(outcome: JudgedOutcome, now: Micros, limits: LadderLimits): LadderChange {
    this.#trials.fell(now);
    if (outcome.kind === 'failed') return this.#move(this.#index + 1, 'failed', 'the engine failed', now);
    const took = outcome.kind === 'done' ? `took ${ms(outcome.elapsed)}` : 'could not be ready in time';
    return this.#move(this.#index + 1, 'late', `its pairs ${took}, the budget leaves ${ms(limits.headroom)}`, now);
  }

  #move(to: number, reason: LadderReason, numbers: string, now: Micros): LadderChange {
    const from = this.rung.name;
    const judged = reason === 'recovered' ? this.#rung(to).name : from;
    this.#index = to;
    this.#since = now;
    this.#bucket = 0;
    this.#trial = undefined;
    this.#last = { from, to: this.rung.name, reason, detail: `${judged}: ${numbers}` };
    return this.#last;
  }
}

/** Why a pair was not in time; undefined where it was. */
function lateness(outcome: JudgedOutcome, { headroom }: LadderLimits): 'late' | 'refused' | 'failed' | undefined {
  if (outcome.kind !== 'done') return outcome.kind;
  return outcome.elapsed > headroom ? 'late' : undefined;
}

/** Above this a rung's work is too much to climb to it. */
function maxWork({ headroom, period }: LadderLimits): number {
  return Math.min(CLIMB_SHARE.headroom * headroom, CLIMB_SHARE.period * period);
}

function ms(span: number): string {
  return `${toMs(micros(span)).toFixed(0)} ms`;
}
